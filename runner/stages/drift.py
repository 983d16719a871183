"""drift: this sprint's data beside what the champion was made and judged with. It comes after training, and stops nothing before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UnsetType

from runner.checks.champion_rules import USUAL_SHIFT, champion_rules
from runner.checks.expectations import DataExpectation, parse_check
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.champion import ResolvedChampion
from runner.domain.drift import Drift
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import CheckResult, Record, Severity
from runner.record.catalogue import DRIFT, INDEX_FOLDER, SELECTION_FOLDER
from runner.stages.champion_data import champion_data
from runner.stages.stage import Stage, StageContext

if TYPE_CHECKING:
    from runner.checks.champion_tables import Drifted


class DriftParams(Record, frozen=True, kw_only=True):
    """What the comparison depends on, besides the sprint's own index and selection.

    Attributes:
        preset: whose name begins the ids of the checks.
    """

    champion: ResolvedChampion
    class_names: list[str]
    group_by: str | None
    preset: str
    max_shift: float
    severity: Severity


def resolve(project: Project, sprint: Sprint, champion: ResolvedChampion | None) -> DriftParams | None:
    """None before the first promotion, and where no preset asks what may bias the data.

    Raises:
        FlywheelError: a check is neither a preset nor a known expectation.
    """
    checks = [parse_check(block) for block in sprint.checks]
    preset = next((check for check in checks if not isinstance(check, DataExpectation)), None)
    if champion is None or preset is None:
        return None
    bias = None if isinstance(preset.bias, UnsetType) else preset.bias
    limit = bias.max_champion_shift if bias else USUAL_SHIFT
    severity = bias.champion_severity if bias else "warning"
    return DriftParams(
        champion=champion,
        class_names=list(project.classes),
        group_by=project.dataset.group_by,
        preset=str(preset.__struct_config__.tag),
        max_shift=USUAL_SHIFT if isinstance(limit, UnsetType) else limit,
        severity=Severity.WARNING if isinstance(severity, UnsetType) else Severity(severity),
    )


def run(context: StageContext, params: DriftParams) -> None:
    """Writes drift.json, then fails where a check of severity `error` is not met.

    Where the champion's data is not here, the record says so: that is no failure, and no sign that nothing differs.

    Raises:
        FlywheelError: a table of the sprint's own is not readable, or a check of severity `error` is not met (exit code 3).
    """
    theirs = champion_data(context.root, params.champion)
    drift = Drift(champion=params.champion.sprint, not_measured=theirs.reason, max_shift=params.max_shift)
    if theirs.tables is not None:
        from runner.checks.champion_tables import measured_drift
        from runner.checks.described_images import described_images, sprint_tables

        try:
            then = described_images(theirs.tables, theirs.classes, theirs.group_by, ids=True)
        except FlywheelError as error:  # an index of a version that kept other columns
            drift = Drift(
                champion=params.champion.sprint, not_measured=error.message, max_shift=params.max_shift
            )
        else:
            now = described_images(
                sprint_tables(context.folder), params.class_names, params.group_by, ids=True
            )
            drift = _told(params, measured_drift(now, then, params.class_names))
    DRIFT.write(context.folder, drift)
    failed = [each for each in drift.results if not each.success and each.severity is Severity.ERROR]
    if failed:
        raise _failure(context, failed)


def _told(params: DriftParams, found: Drifted) -> Drift:
    return Drift(
        champion=params.champion.sprint,
        images=found.images,
        shifts=found.shifts,
        new_values=found.new_values,
        max_shift=params.max_shift,
        results=_checked(params, found),
    )


def _checked(params: DriftParams, found: Drifted) -> list[CheckResult]:
    from runner.adapters.system.extras import expectations_are_installed

    rules = champion_rules(params.preset, params.max_shift, params.severity)
    if not expectations_are_installed():
        from runner.checks.without_library import run_limits

        return run_limits(found.tables, rules)
    from runner.adapters.tables.frames import frame_of
    from runner.checks.rule import run_rules

    return run_rules({name: frame_of(columns) for name, columns in found.tables.items()}, rules)


def _failure(context: StageContext, failed: list[CheckResult]) -> FlywheelError:
    lines = [f"  {each.id}: {row}" for each in failed for row in each.rows[:5]]
    return FlywheelError(
        "\n".join(["the data differs from the champion's more than the checks allow", *lines]),
        where=Where((context.folder / DRIFT.name).relative_to(context.root).as_posix()),
        hint="if it is meant to differ: bias: {champion_severity: warning} in the preset, under `checks` of the spec",
        exit_code=ExitCode.STAGE_FAILED,
    )


STAGE = Stage(
    name="drift",
    version=1,
    params_type=DriftParams,
    run=run,
    reads=(INDEX_FOLDER, SELECTION_FOLDER),
    writes=(DRIFT,),
)
