"""`score`: the champion predicts on the pool, and how unsure it is of each image is kept. Nothing is trained or judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec

from runner.adapters.system import executors
from runner.config.load import load_project
from runner.config.project import Project
from runner.config.sprint import Evaluate
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Record
from runner.pipeline.compile import compile_pipeline
from runner.planning.champion import Champion, artefacts, scorer, seed_models
from runner.planning.edits import input_edits
from runner.planning.records import Action
from runner.planning.resolve import ResolvedStage, resolve_stages
from runner.planning.stages import Work, plan_stages
from runner.planning.workspace import Repository
from runner.record import catalogue
from runner.record.scoring import SCORES, Scores
from runner.record.strangers import refuse_others
from runner.stages import champion as champion_stage
from runner.stages import committee
from runner.stages.kinds import SCORING, ScoringInputs
from runner.stages.run import RUN_PID_VARIABLE
from runner.strategies.pool import Member
from runner.workflow import fetching, fetching_data
from runner.workflow.executing.limits import limit_of, watched
from runner.workflow.executing.stages import run_stages
from runner.workflow.holder import holder
from runner.workflow.locking import work_lock

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
    require_pool(project)
    shown = run_scoring(root, project, holder(root, project, "score with"), pull=pull, say=say)
    return ScoredPool(folder=shown, scores=SCORES.read(root / shown))


def require_pool(project: Project) -> None:
    """
    Raises:
        FlywheelError: flywheel.yaml names no pool.
    """
    if project.splits.pool is None:
        raise FlywheelError(
            "there is no pool to score: `splits.pool` is not set",
            where=Where(CONFIGURATION),
            hint="say which images are not labelled yet, as in: splits: {pool: \"split = 'pool'\"}",
        )


def scoring_folder(champion: str | None) -> str:
    """Where the scoring by a champion's sprint lies, or the pool as it is before there is a champion.

    >>> scoring_folder("0001-first-model"), scoring_folder(None)
    ('scores/0001-first-model-pool', 'scores/pool')
    """
    return f"{SCORING.folder}/{champion}-pool" if champion else f"{SCORING.folder}/pool"


def outdated(root: Path, project: Project, champion: Champion) -> list[str]:
    """Why the champion would score the pool anew; nothing where data and model are those that it was scored with.

    What is kept in DVC alone is as true as it was.

    Raises:
        FlywheelError: a lock file is none, or the champion's record names no stored model.
    """
    stages = resolve_stages(SCORING, _inputs(root, project, champion, ()))
    work = _planned(root, root / scoring_folder(champion.sprint), stages)
    changed = [plan for plan in work.plans if plan.action is Action.RUN and not plan.absent_only]
    return list(dict.fromkeys(reason for plan in changed for reason in plan.reasons))


def run_scoring(
    root: Path,
    project: Project,
    champion: Champion | None,
    *,
    others: Collection[Member] = (),
    pull: bool,
    say: Say,
) -> str:
    """Runs what changed, and gives the folder of the scoring, from the repository's top.

    Args:
        champion: None before the first promotion: the pool is then only indexed and selected.
        others: what else is to predict on the pool.

    Raises:
        FlywheelError: the data or a model is not here; it is under way already; or a stage failed.
    """
    inputs = _inputs(root, project, champion, others)
    shown = scoring_folder(champion.sprint if champion else None)
    folder = root / shown
    refuse_others(folder, shown, SCORING.files, SCORING.name)
    stages = resolve_stages(SCORING, inputs)
    with (
        work_lock(root, shown),
        watched(limit_of(project.compute, project.costs), RUN_PID_VARIABLE) as watch,
        executors.chosen(project.compute.executor_name),
    ):
        fetching_data.require_inputs(root, project.dataset.path, stages, pull=pull, say=say)
        work = _planned(root, folder, stages)
        if pull and fetching.fetch_outputs(work, say=say):
            work = _planned(root, folder, stages)
        fetching_data.require_data(work, project.dataset, pull=pull, say=say)
        for stage, models in _models(inputs).items():
            for model in models if stage in work.runs else ():
                fetching.require_champion(root, model, pull=pull, say=say)
        compile_pipeline(folder, stages, CONFIGURATION)
        failure = run_stages(work, watch, say)
    if failure is not None:
        raise FlywheelError(
            failure.message,
            where=Where(failure.where or f"{shown} ({failure.stage})"),
            hint=failure.hint,
            exit_code=ExitCode(failure.exit_code),
        )
    return shown


def _models(inputs: ScoringInputs) -> dict[str, list[ResolvedChampion]]:
    """By stage, the models that it runs."""
    shipped_one = [inputs.champion] if inputs.champion else []
    return {
        champion_stage.STAGE.name: shipped_one,
        committee.STAGE.name: [*inputs.members.values(), *(shipped_one if inputs.mirrored else [])],
    }


def _planned(root: Path, folder: Path, stages: Sequence[ResolvedStage]) -> Work:
    edited, _ = input_edits(root, stages)
    plans = plan_stages(stages, Repository(root, folder), edited)
    return Work(root=root, folder=folder, stages=stages, plans=plans, command=COMMAND)


def _inputs(
    root: Path, project: Project, champion: Champion | None, others: Collection[Member]
) -> ScoringInputs:
    """The champion's artefact, and the confidence that its predictions were counted from when it was promoted."""
    if champion is None:
        return ScoringInputs(project=project, champion=None, confidence=Evaluate().operating_confidence)
    members = {
        **(seed_models(root, champion) if "seeds" in others else {}),
        **(artefacts(root, champion) if "artefacts" in others else {}),
    }
    return ScoringInputs(
        project=project,
        champion=scorer(root, champion),
        confidence=operating_confidence(root, champion),
        members=dict(sorted(members.items())) if len(members) > 1 else {},
        mirrored="flips" in others,
    )


def operating_confidence(root: Path, champion: Champion) -> float:
    """From which on the champion's predictions were counted when it was promoted."""
    recorded = catalogue.EVALUATION.read_at(root, champion.commit, champion.sprint, _Operating)
    return recorded.operating_confidence if recorded else Evaluate().operating_confidence
