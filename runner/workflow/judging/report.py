"""`report`: judge what the stages wrote, and render it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from runner.config.variants import made_beside
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_bytes, write_text
from runner.domain.records import Selection, StageFailure
from runner.domain.verdict import SplitUse
from runner.planning import holdout
from runner.planning.records import Action, StagePlan
from runner.planning.situation import Situation
from runner.planning.stages import UNCHANGED
from runner.planning.variants import Variant
from runner.record.catalogue import (
    EVALUATION,
    FAILURE,
    LABEL_NEXT,
    PIPELINE,
    PLOTS,
    RECOMMENDATION,
    REPORT,
    REPORT_PAGE,
    REPORTED,
    SELECTION,
    USES,
    VERDICT,
    sprint_path,
)
from runner.record.digests import renderings_are_recorded, write_digests
from runner.report import markdown, plots
from runner.report.build import build
from runner.report.inputs import ReportInputs
from runner.stages import champion, check, drift, evaluate, inspect
from runner.workflow.drawing.label_next import write_label_next
from runner.workflow.judged_sprint import JudgedSprint
from runner.workflow.judging.collect import Sources, collect
from runner.workflow.judging.derived import with_derived, write_derived
from runner.workflow.judging.label_issues import FILES, write_folds_records
from runner.workflow.load import load
from runner.workflow.recommending.recommend import write_recommendation

# What a new champion, or other slices, run again.
JUDGING = (champion.STAGE.name, drift.STAGE.name, evaluate.STAGE.name)
DRAWN = inspect.STAGE.name  # reads of the outcomes those of the judged artefact alone


def report(root: Path, name: str | None) -> JudgedSprint:
    """Judges and renders again, without running anything.

    Raises:
        FlywheelError: the sprint has not run, or not as its spec now says.
    """
    situation = load(root, name)
    folder = situation.folder
    failure = FAILURE.read(folder) if (folder / FAILURE.name).is_file() else None
    if failure is None:
        _require_complete(situation)
    return write_report(situation, failure, redraw=True)


def _require_complete(situation: Situation) -> None:
    name = situation.name
    pending = [plan for plan in situation.plans if not _is_here(plan)]
    absent = [path for plan in pending for path in plan.stored]
    if absent and all(plan.absent_only for plan in pending):
        raise FlywheelError(
            f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not here, only in DVC",
            where=Where(sprint_path(name)),
            hint=f"dvc pull {PIPELINE.of(name)}; or only compare what is recorded: flywheel verify {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    compared = [plan for plan in pending if plan.stage in JUDGING and not plan.absent_only]
    if compared and all(plan.absent_only or plan.stage in (*JUDGING, DRAWN) for plan in pending):
        raise FlywheelError(
            f"not judged as it would be today: {compared[0].stage}: {'; '.join(compared[0].reasons)}",
            where=Where(sprint_path(name)),
            hint=f"flywheel judge {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    if pending:
        raise FlywheelError(
            f"not run as the spec now says: {pending[0].stage}: {'; '.join(pending[0].reasons)}",
            where=Where(f"specs/{name}.yaml"),
            hint=f"flywheel run {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )


def _is_here(plan: StagePlan) -> bool:
    """Whether what lies in the sprint's folder is the stage's: what the run cache would bring is not there yet."""
    return plan.action is Action.CACHED and plan.reasons == [UNCHANGED]


def write_report(
    situation: Situation, failure: StageFailure | None, *, redraw: bool = False, nothing_ran: bool = False
) -> JudgedSprint:
    """Judges what the stages wrote and writes verdict.json, uses.json, worth.json, report.json, report.md, the plots and digests.json.

    The renderings are left alone where they and the report are the same as before, unless `redraw`.

    Args:
        situation: as the stages left it.
        nothing_ran: what DVC keeps is as the last report found it.
    """
    root, folder = situation.root, situation.folder
    sources = _sources(situation, failure)
    inputs, derived = with_derived(sources, collect(sources))
    if inputs.verdict is not None:
        VERDICT.write(folder, inputs.verdict)
    else:
        (folder / VERDICT.name).unlink(missing_ok=True)
    write_derived(folder, derived)
    rendered = build(_with_what_is_next(situation, inputs))
    previous = folder / REPORT.name
    before = previous.read_bytes() if previous.is_file() else None
    REPORT.write(folder, rendered)
    if redraw or before != previous.read_bytes() or not renderings_are_recorded(root, situation.name):
        _write_plots(folder / PLOTS.name, plots.render(rendered))
        write_text(folder / REPORT_PAGE.name, markdown.render(rendered, plots="plots"))
    write_digests(root, situation.project, situation.loaded, stored_unchanged=nothing_ran)
    return JudgedSprint(report=rendered, folder=folder.relative_to(root))


def _with_what_is_next(situation: Situation, inputs: ReportInputs) -> ReportInputs:
    """The inputs with recommendation.json, label_next.json and the folds' records as they are written now: of a sprint that was judged."""
    root, project, loaded = situation.root, situation.project, situation.loaded
    of_folds = write_folds_records(root, situation.folder, project, loaded, inputs.verdict)  # recommended by
    found = write_recommendation(root, situation.folder, project, loaded)
    images = write_label_next(root, project, loaded, inputs.verdict, found)
    written = {RECOMMENDATION.name: found, LABEL_NEXT.name: images}
    made = {*written, *(file.name for file in FILES)}
    others = {name: record for name, record in inputs.records.items() if name not in made}
    others |= of_folds
    others |= {name: msgspec.to_builtins(record) for name, record in written.items() if record is not None}
    in_order = {file.name: others[file.name] for file in REPORTED if file.name in others}
    return msgspec.structs.replace(inputs, records=in_order)


def _sources(situation: Situation, failure: StageFailure | None) -> Sources:
    """The stages that are up to date: what a failed run left of an older one is not shown.

    What is only not here, weights in a clone say, is as true as it was.
    """
    fresh = {plan.stage for plan in situation.plans if _is_here(plan) or plan.absent_only}
    if failure is not None and failure.stage in (check.STAGE.name, drift.STAGE.name):  # what it found is why
        fresh.add(failure.stage)
    sources = Sources(
        root=situation.root,
        folder=situation.folder,
        project=situation.project,
        loaded=situation.loaded,
        fresh=frozenset(fresh),
        failure=failure,
        champion=situation.incumbent.sprint,
        champion_unknown=situation.incumbent.unknown,
    )
    return replace(sources, uses=_counted(situation, sources))


def _counted(situation: Situation, sources: Sources) -> list[SplitUse]:
    """The sprint's uses of the test split: judging an evaluation is one, and is recorded in git."""
    evaluation = sources.evaluation
    if evaluation is None or sources.failure is not None:
        return []
    selection = sources.record(SELECTION)
    level = situation.loaded.sprint.evaluate.confidence.level
    elsewhere, trouble = situation.uses_elsewhere
    for line in trouble:
        print(f"not counted as a use of the test split: {line}", file=sys.stderr)
    counted = holdout.recorded_uses(situation.root)
    for one, chosen in ((situation, selection), *_measured_variants(situation, selection)):
        found = EVALUATION.read(one.folder)
        uses = holdout.with_use(
            counted,
            situation.name,
            found.split_digest,
            holdout.evaluation_digest(one.folder),
            found.resampling.level if found.resampling else level,
            _asked(one, chosen),
            elsewhere,
        )
        counted[situation.name] = uses
    USES.amend(situation.folder, uses)
    return uses


def _asked(one: Situation, selection: Selection | None) -> holdout.HoldoutQuestion:
    try:
        stages = one.stages
    except FlywheelError:  # whose model a variant starts from is not known by now
        return holdout.HoldoutQuestion()
    if selection is None:
        return holdout.HoldoutQuestion()
    return holdout.asked(selection, stages, one.champion, one.gates)


def _measured_variants(
    situation: Situation, selection: Selection | None
) -> list[tuple[Situation, Selection | None]]:
    """The variants that were measured on the sprint's test images: whoever sees their numbers has looked at these as often."""
    made = [Variant(situation, name) for name in made_beside(situation.loaded.sprint)]
    found = [
        (one, SELECTION.read_if_there(one.folder)) for one in made if (one.folder / EVALUATION.name).is_file()
    ]
    return [
        (one, its)
        for one, its in found
        if its is not None and selection is not None and its.test_images == selection.test_images
    ]


def _write_plots(folder: Path, pictures: Sequence[tuple[str, bytes]]) -> None:
    """Writes the pictures, and removes those that an earlier report had and this one has not."""
    names = {name for name, _ in pictures}
    for name, content in pictures:
        write_bytes(folder / name, content)
    for old in [*folder.glob("*.svg"), *folder.glob("*.png")]:
        if old.name not in names:
            old.unlink()
