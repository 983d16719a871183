"""`run`: plan, compile, let DVC run what changed, judge, report."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from runner.adapters.system import executors
from runner.domain.errors import FlywheelError
from runner.pipeline.compile import compile_pipeline
from runner.planning.plan import make_plan
from runner.planning.records import Plan
from runner.planning.situation import Situation
from runner.planning.stages import Work
from runner.record.catalogue import CHAMPION_FOLDER, DRIFT, FAILURE
from runner.record.strangers import refuse_strangers
from runner.stages import champion, champion_data, drift, train
from runner.stages.run import RUN_PID_VARIABLE, failure_of
from runner.workflow import fetching, fetching_data, terms
from runner.workflow.executing.limits import limit_of, watched
from runner.workflow.executing.stages import run_stages
from runner.workflow.judged_sprint import JudgedSprint
from runner.workflow.judging.report import write_report
from runner.workflow.last_run import LastRun
from runner.workflow.load import load_written
from runner.workflow.locking import sprint_lock
from runner.workflow.running.agreed_labels import require_agreed_labels
from runner.workflow.running.label_next import score_for_next
from runner.workflow.running.variants import run_variants

Say = Callable[[str], None]
NOT_KNOWN = "it is not known who holds the stage, so gates against the champion are not measured"


def run(root: Path, name: str | None, *, pull: bool, say: Say, base: str | None = None) -> JudgedSprint:
    """Runs what changed of a sprint and reports; a failed stage is reported too.

    Args:
        base: judge under the terms of this branch or commit; under the working tree's own policy when None.

    Raises:
        ConfigurationErrors: the specs are not valid.
        FlywheelError: the data is missing or changed, the sprint is already running, or DVC cannot work.
    """
    written = load_written(root, name)
    refuse_strangers(root, written.name)
    with sprint_lock(root, written.name):
        judging = terms.settle(written, base, say)
        project, folder = judging.situation.project, judging.situation.folder
        with (
            watched(limit_of(project.compute, project.costs), RUN_PID_VARIABLE) as watch,
            executors.chosen(project.compute.executor_name),
        ):
            situation, plan = _ready(judging.situation, pull=pull, say=say)
            compile_pipeline(folder, situation.stages, situation.loaded.path)
            last = LastRun(situation)
            unchanged = not plan.runs and last.same_stages()
            failure = None if unchanged else run_stages(_work(situation, plan), watch, say)
            judged = situation if unchanged else situation.again()
            beside = failure is None and run_variants(judged, watch, pull=pull, say=say)
        judging.keep()
        if unchanged and not beside:
            say(f"{plan.sprint}: nothing to run, every stage is unchanged")
            reported = last.same_report()
            if reported is not None:
                return reported
        if failure is None:
            terms.add_evidence(root, folder)
            if base is None:
                score_for_next(root, project, pull=pull, say=say)
        finished = situation if unchanged else situation.again()  # the stages wrote their locks
        outcome = write_report(finished, failure, nothing_ran=unchanged)
        if failure is None:
            last.remember()
    return outcome


def _ready(situation: Situation, *, pull: bool, say: Say) -> tuple[Situation, Plan]:
    """The sprint with all that its stages read beside it, and what they will do."""
    if situation.incumbent.unknown:
        say(f"warning: {NOT_KNOWN}: {situation.incumbent.unknown}")
    dataset = situation.project.dataset.path
    fetching_data.require_inputs(situation.root, dataset, situation.stages, pull=pull, say=say)
    plan = make_plan(situation)
    if pull and fetching.fetch_outputs(_work(situation, plan), say=say):
        situation = situation.again()  # what was fetched need not run
        plan = make_plan(situation)
    fetching_data.require_data(_work(situation, plan), situation.project.dataset, pull=pull, say=say)
    if situation.champion is None:
        # What is there is of a registry that had a champion.
        shutil.rmtree(situation.folder / CHAMPION_FOLDER.name, ignore_errors=True)
        (situation.folder / DRIFT.name).unlink(missing_ok=True)
    else:
        if champion.STAGE.name in plan.runs:
            fetching.require_champion(situation.root, situation.champion, pull=pull, say=say)
        if drift.STAGE.name in plan.runs or _missed(situation):
            fetching.fetch_champion_data(situation.root, situation.champion, pull=pull, say=say)
        if _missed(situation) and champion_data.is_here(situation.root, situation.champion):
            (situation.folder / DRIFT.name).unlink()  # it can be measured now
            situation = situation.again()
            plan = make_plan(situation)
    if train.STAGE.name in plan.runs:
        require_agreed_labels(situation)
        if situation.ancestor is not None:
            fetching.require_ancestor(situation.root, situation.ancestor, pull=pull, say=say)
    return situation, plan


def _missed(situation: Situation) -> bool:
    """Whether the champion's data was not here when the sprint's was compared with it."""
    found = DRIFT.read_if_there(situation.folder)
    return found is not None and bool(found.not_measured)


def _work(situation: Situation, plan: Plan) -> Work:
    return Work(
        root=situation.root,
        folder=situation.folder,
        stages=situation.stages,
        plans=plan.stages,
        command=f"flywheel run {situation.name}",
    )


def report_failure(root: Path, name: str, error: FlywheelError, *, base: str) -> JudgedSprint:
    """Reports a run under a base's terms that failed before its first stage, so that whoever proposed it learns why."""
    judging = terms.settle(load_written(root, name), base, lambda line: None)  # said when it was run
    situation, failure = judging.situation, failure_of(root, "prepare", error)
    with sprint_lock(root, situation.name):
        FAILURE.write(situation.folder, failure)
        judging.keep()
        return write_report(situation, failure)
