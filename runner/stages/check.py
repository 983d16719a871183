"""check: the spec's data checks over the selected rows. A failed one stops the sprint."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from runner.checks.bias_rules import OF_BIAS, SLICE_SHARES, BiasLimits
from runner.checks.data_rules import DEFAULT_DISTANCE
from runner.checks.expectations import DataExpectation, Preset, check_rules, parse_check, rules_of_bias
from runner.checks.rule import Rule
from runner.config.project import Project
from runner.config.sprint import SliceSpec, Sprint
from runner.domain.bias import DataBias
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_text
from runner.domain.leaking import Copies
from runner.domain.records import SPLITS, CheckResult, Checks, Record, Severity
from runner.domain.task import TaskName
from runner.record.catalogue import CHECKS, COPIES, INDEX_FOLDER, SELECTION_FOLDER
from runner.stages.stage import Stage, StageContext, images_of
from runner.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd

    from runner.adapters.tables.data_docs import DataDocs

ROWS_SHOWN = 5
DATA_DOCS = ".flywheel/data-docs"  # git-ignored; CI keeps it with the reports as pages
OF_LABELS = ("label_problems", "degenerate_boxes", "boxes_outside_image", "empty_masks")


class CheckParams(Record, frozen=True, kw_only=True):
    """What the checks depend on.

    Attributes:
        slices: the project's and the sprint's, where a preset is given and there are any.
        dataset: the folder of the images, where altered copies are looked for: unlike all else they take pixels.
    """

    task: TaskName
    class_names: list[str]
    group_by: str | None
    presets: list[Preset]
    expectations: list[DataExpectation]
    slices: list[SliceSpec] | UnsetType = UNSET
    dataset: str | UnsetType = UNSET


def resolve(project: Project, sprint: Sprint) -> CheckParams:
    """The checks of a sprint.

    Raises:
        FlywheelError: a check is neither a preset nor a known expectation.
    """
    checks = [parse_check(block) for block in sprint.checks]
    presets = [check for check in checks if not isinstance(check, DataExpectation)]
    slices = [spec for spec in (*project.slices, *sprint.evaluate.slices) if spec.auto is None]
    return CheckParams(
        task=project.task,
        class_names=list(project.classes),
        group_by=project.dataset.group_by,
        presets=presets,
        expectations=[check for check in checks if isinstance(check, DataExpectation)],
        slices=slices if presets and slices else UNSET,
        dataset=project.dataset.path
        if any(preset.altered_copies is not False for preset in presets)
        else UNSET,
    )


def run(context: StageContext, params: CheckParams) -> None:
    """Writes checks.json, then fails when a check of severity `error` is not met.

    Raises:
        FlywheelError: a check is not met (exit code 3), with the first offending rows; or an expectation's
            arguments are wrong (exit code 2).
    """
    checks_given = [*params.presets, *params.expectations]
    rules = check_rules(checks_given, params.class_names, params.group_by, params.task)
    absent = {SLICE_SHARES} if isinstance(params.slices, UnsetType) else set()
    rules += [rule for rule in rules_of_bias(checks_given) if rule.table not in absent]
    COPIES.write(context.folder, _copies(context, params))
    checks = _checked(context, params, rules) if rules else Checks(results=[])
    # The report reads it, and needs it most when a check failed.
    CHECKS.write(context.folder, checks)
    if not checks.success:
        raise _failure(context, checks)


def _copies(context: StageContext, params: CheckParams) -> Copies:
    """What is found in the pixels of the selected images."""
    if isinstance(params.dataset, UnsetType):
        return Copies(looked=False)
    from runner.dataset.altered import altered_of
    from runner.dataset.leaks import SelectedImages

    images = SelectedImages.read(context.folder)
    return Copies(looked=True, altered=altered_of(images, context.root, context.data(params.dataset)))


def _checked(context: StageContext, params: CheckParams, rules: Sequence[Rule]) -> Checks:
    from runner.adapters.tables.data_docs import DataDocs
    from runner.checks.rule import run_rules
    from runner.checks.tables import check_frames

    wanted = {rule.table for rule in rules}
    distance = max((preset.near_duplicate_distance for preset in params.presets), default=DEFAULT_DISTANCE)
    frames = check_frames(context.folder, params.class_names, wanted - OF_BIAS, distance=distance)
    bias: DataBias | UnsetType = UNSET
    if wanted & OF_BIAS:
        bias, of_bias = _bias(context, params)
        frames |= of_bias
    docs = DataDocs(f"Data checks of {context.folder.name}")
    checks = Checks(results=run_rules(frames, rules, docs), bias=bias)
    _keep(context, docs)
    return checks


def _keep(context: StageContext, docs: DataDocs) -> None:
    """Beside the record, since it is large, and what is written differs with the library's version; for a person to look at."""
    path = context.root / DATA_DOCS / f"{context.folder.name}.html"
    try:
        write_text(path, docs.page())
    except FlywheelError as error:
        print(f"the data docs are not kept: {error}", file=sys.stderr)


def _bias(context: StageContext, params: CheckParams) -> tuple[DataBias, Mapping[str, pd.DataFrame]]:
    from runner.assessment.slice_shares import slice_shares
    from runner.checks.bias_tables import measured_bias
    from runner.checks.described_images import sprint_tables

    slices = [] if isinstance(params.slices, UnsetType) else params.slices
    return measured_bias(
        sprint_tables(context.folder),
        params.class_names,
        params.group_by,
        "objects" if TASKS[params.task].ranked else "images",
        slice_shares(context.folder, slices) if slices else [],
        next(
            (preset.bias for preset in params.presets if not isinstance(preset.bias, UnsetType)), BiasLimits()
        ),
    )


def _failure(context: StageContext, checks: Checks) -> FlywheelError:
    failed = [result for result in checks.results if not result.success and result.severity is Severity.ERROR]
    head = f"{len(failed)} of {len(checks.results)} data checks failed"
    return FlywheelError(
        "\n".join([head, *(_paragraph(result) for result in failed)]),
        where=Where((context.folder / CHECKS.name).relative_to(context.root).as_posix()),
        hint=f"correct the data or the spec as said above{_settable(failed)}, then run the sprint again: flywheel run",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _settable(failed: Sequence[CheckResult]) -> str:
    """What else can be done about wrong labels."""
    settable = any(result.id.partition(".")[2].startswith(OF_LABELS) for result in failed)
    return " (or say in flywheel.yaml what becomes of wrong labels: `dataset.labels`)" if settable else ""


def _paragraph(result: CheckResult) -> str:
    rows = [f"    {row}" for row in result.rows[:ROWS_SHOWN]]
    if result.unexpected > len(rows) and rows:
        rows.append(f"    … and {result.unexpected - len(rows)} more")
    share = f"{result.unexpected} of {result.checked}"
    head = f"  {result.id}: not so for {share}: {result.description}"
    return "\n".join([head, *rows, f"    what to do: {result.fix}"])


STAGE = Stage(
    name="check",
    version=4,  # altered copies: ADR 47
    params_type=CheckParams,
    run=run,
    reads=(INDEX_FOLDER, SELECTION_FOLDER),
    inputs=lambda params: () if isinstance(params.dataset, UnsetType) else (params.dataset,),
    looks_at=lambda params: () if isinstance(params.dataset, UnsetType) else SPLITS,
    writes=(COPIES, CHECKS),
    work=lambda params, selection: float(images_of(selection)),
)
