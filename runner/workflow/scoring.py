"""`score`: the champion predicts on the pool, and how unsure it is of each image is kept. Nothing is trained or judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from runner.config.load import load_project
from runner.config.project import Project
from runner.config.sprint import Evaluate
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Record
from runner.pipeline.compile import compile_pipeline
from runner.planning.champion import Champion, shipped
from runner.planning.edits import input_edits
from runner.planning.resolve import ResolvedStage, resolve_stages
from runner.planning.stages import Work, plan_stages
from runner.planning.workspace import Repository
from runner.record import catalogue
from runner.record.scoring import SCORES, Scores
from runner.record.strangers import is_left
from runner.stages import champion as champion_stage
from runner.stages.kinds import SCORING, ScoringInputs
from runner.stages.run import RUN_PID_VARIABLE
from runner.workflow import fetching
from runner.workflow.holder import holder
from runner.workflow.locking import work_lock
from runner.workflow.running.limits import limit_of, watched
from runner.workflow.running.stages import run_stages

Say = Callable[[str], None]
CONFIGURATION = "flywheel.yaml"
COMMAND = "flywheel score"


class ScoredPool(Record, frozen=True, kw_only=True):
    """What a scoring ends with. `folder` is relative to the repository's top."""

    folder: str
    scores: Scores


class _Operating(msgspec.Struct, frozen=True):
    """The one thing that is read of an evaluation, by whatever version it was written."""

    operating_confidence: float


def score(root: Path, *, pull: bool, say: Say) -> ScoredPool:
    """Runs what changed of the scoring of the pool by the champion.

    Raises:
        ConfigurationErrors: flywheel.yaml is not valid.
        FlywheelError: there is no pool or no champion, or it cannot be told who that is; the data or the model is not here;
            it is being scored already; or a stage failed.
    """
    project = load_project(root)
    if project.splits.pool is None:
        raise FlywheelError(
            "there is no pool to score: `splits.pool` is not set",
            where=Where(CONFIGURATION),
            hint="say which images are not labelled yet, as in: splits: {pool: \"split = 'pool'\"}",
        )
    champion = holder(root, project, "score with")
    inputs = _inputs(root, project, champion)
    name = f"{champion.sprint}-pool"
    shown = f"{SCORING.folder}/{name}"
    folder = root / shown
    _refuse_strangers(folder, shown)
    stages = resolve_stages(SCORING, inputs)
    with (
        work_lock(root, shown),
        watched(limit_of(project.compute, project.costs), RUN_PID_VARIABLE) as watch,
    ):
        fetching.require_data(root, project.dataset.path, stages, pull=pull, say=say)
        work = _planned(root, folder, stages)
        if pull and fetching.fetch_outputs(work, say=say):
            work = _planned(root, folder, stages)
        if champion_stage.STAGE.name in work.runs:
            fetching.require_champion(root, inputs.champion, pull=pull, say=say)
        compile_pipeline(folder, stages, CONFIGURATION)
        failure = run_stages(work, watch, say)
    if failure is not None:
        raise FlywheelError(
            failure.message,
            where=Where(failure.where or f"{shown} ({failure.stage})"),
            hint=failure.hint,
            exit_code=ExitCode(failure.exit_code),
        )
    return ScoredPool(folder=shown, scores=SCORES.read(folder))


def _planned(root: Path, folder: Path, stages: Sequence[ResolvedStage]) -> Work:
    edited, _ = input_edits(root, stages)
    plans = plan_stages(stages, Repository(root, folder), edited)
    return Work(root=root, folder=folder, stages=stages, plans=plans, command=COMMAND)


def _inputs(root: Path, project: Project, champion: Champion) -> ScoringInputs:
    """The champion's artefact, and the confidence that its predictions were counted from when it was promoted."""
    model = shipped(root, champion)
    recorded = catalogue.EVALUATION.read_at(root, champion.commit, champion.sprint, _Operating)
    confidence = recorded.operating_confidence if recorded else Evaluate().operating_confidence
    return ScoringInputs(project=project, champion=model, confidence=confidence)


def _refuse_strangers(folder: Path, shown: str) -> None:
    """The stages work there: libraries would take what else lies there for their configuration or code.

    Raises:
        FlywheelError: with a name.
    """
    written = {file.name for stage in SCORING.stages for file in stage.writes}
    written |= {
        file.name for file in (catalogue.PARAMS, catalogue.PIPELINE, catalogue.LOCK, catalogue.IGNORED)
    }
    written |= {catalogue.TIMINGS.name, catalogue.FAILURE.name}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_symlink() or (path.name not in written and not is_left(path.name, written)):
            raise FlywheelError(
                f"{path.name!a} is of no scoring; libraries would take such files for their configuration or code",
                where=Where(f"{shown}/"),
                hint=f"move it elsewhere than below {SCORING.folder}/",
            )
