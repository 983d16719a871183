"""`run`: plan, compile, let DVC run what changed, judge, report."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from runner.adapters.dvc import edits, metafiles, repo
from runner.adapters.dvc.cache_objects import require_sound
from runner.adapters.dvc.metafiles import pointer_md5
from runner.adapters.dvc.repo import StageCommandFailed, StageEvent
from runner.adapters.git import repository
from runner.adapters.system.extras import require_run_extra
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_json
from runner.domain.records import StageFailure
from runner.pipeline.compile import compile_pipeline
from runner.planning.ancestor import resolve_ancestor
from runner.planning.edits import inputs_of
from runner.planning.incumbent import find_incumbent
from runner.planning.plan import make_plan
from runner.planning.records import Action, Plan
from runner.planning.resolve import ResolvedStage, stages_of
from runner.planning.stages import UNCHANGED
from runner.record.catalogue import CHAMPION_FOLDER, FAILURE, LOCK, PIPELINE, sprint_folder, sprint_path
from runner.record.strangers import refuse_strangers
from runner.stages.champion import not_here, stored_files
from runner.stages.run import RUN_PID_VARIABLE
from runner.workflow import terms
from runner.workflow.judged_sprint import JudgedSprint
from runner.workflow.judging.report import write_report
from runner.workflow.last_run import LastRun
from runner.workflow.load import load_written
from runner.workflow.locking import sprint_lock
from runner.workflow.running.ancestors import require_ancestor
from runner.workflow.running.limits import Watch, limit_of, watched

Say = Callable[[str], None]
NOT_KNOWN = "it is not known who holds the stage, so gates against the champion are not measured"
MINIMUM_FREE_BYTES = 64 * 2**20


def run(root: Path, name: str | None, *, pull: bool, say: Say, base: str | None = None) -> JudgedSprint:
    """Runs what changed of a sprint and reports; a failed stage is reported too.

    Args:
        base: judge under the terms of this branch or commit; under the working tree's own policy when None.

    Raises:
        ConfigurationErrors: the specs are not valid.
        FlywheelError: the data is missing or changed, the sprint is already running, or DVC cannot work.
    """
    own, written = load_written(root, name)
    folder = sprint_folder(root, written.name)
    refuse_strangers(root, written.name)
    with sprint_lock(root, written.name):
        judging = terms.settle(root, own, written, base, say)
        project, loaded = judging.project, judging.loaded
        with watched(limit_of(project.compute, project.costs), RUN_PID_VARIABLE) as watch:
            against = find_incumbent(root, project, loaded)
            champion = against.model
            if against.unknown:
                say(f"warning: {NOT_KNOWN}: {against.unknown}")
            ancestor = resolve_ancestor(root, project, loaded)
            stages = stages_of(project, loaded, champion, ancestor)
            _require_data(root, project, inputs_of(stages), pull=pull, say=say)
            plan = make_plan(root, project, loaded)
            if pull:
                plan = _fetch_outputs(root, project, loaded, plan, say=say)
            if champion is None:
                shutil.rmtree(folder / CHAMPION_FOLDER.name, ignore_errors=True)  # of a registry that had one
            elif "champion" in plan.runs:
                _require_champion(root, champion, pull=pull, say=say)
            if ancestor is not None and "train" in plan.runs:
                require_ancestor(root, ancestor, pull=pull, say=say)
            compile_pipeline(folder, stages, loaded.path)
            last = LastRun(root, project, loaded, stages)
            unchanged = not plan.runs and last.same_stages()
            lines = _StageLines(plan, say)
            failure = None if unchanged else _run_stages(root, folder, stages, lines, watch)
        judging.keep()
        if unchanged:
            say(f"{plan.sprint}: nothing to run, every stage is unchanged")
            reported = last.same_report()
            if reported is not None:
                return reported
        if failure is None:
            terms.add_evidence(root, folder)
        outcome = write_report(root, project, loaded, failure, nothing_ran=unchanged)
        if failure is None:
            last.remember()
    return outcome


def report_failure(root: Path, name: str, error: FlywheelError, *, base: str) -> JudgedSprint:
    """Reports a run under a base's terms that failed before its first stage, so that whoever proposed it learns why."""
    judging = terms.settle(root, *load_written(root, name), base, lambda line: None)  # said when it was run
    project, loaded, folder = judging.project, judging.loaded, judging.folder

    def shown(text: object) -> str:
        return str(text).replace(f"{root}{os.sep}", "")

    failure = StageFailure(
        stage="prepare",
        message=shown(error.message),
        hint=shown(error.hint) if error.hint else None,
        where=shown(error.where) if error.where else None,
        exit_code=int(error.exit_code),
    )
    with sprint_lock(root, loaded.name):
        FAILURE.write(folder, failure)
        judging.keep()
        return write_report(root, project, loaded, failure)


def _run_stages(
    root: Path, folder: Path, stages: Sequence[ResolvedStage], progress: _StageLines, watch: Watch
) -> StageFailure | None:
    if progress.plan.runs:
        require_run_extra()
    _require_free_space(folder)
    _refuse_symlinks(root)
    _refuse_changed_data(root, inputs_of(stages))
    (folder / FAILURE.name).unlink(missing_ok=True)
    _require_sound(root, folder, progress.plan)
    _check_out(root, folder, progress.plan)
    os.environ[RUN_PID_VARIABLE] = str(os.getpid())
    try:
        repo.reproduce(root, folder / PIPELINE.name, progress.event)
    except StageCommandFailed as failed:
        if failed.status in (ExitCode.INTERRUPTED, -signal.SIGINT):
            progress.failed(failed.stage, "interrupted")
            raise KeyboardInterrupt from failed
        progress.failed(failed.stage, f"stopped: {watch.reached.name}" if watch.reached else "FAILED")
        if watch.reached is None:
            return _failure(folder, failed)
        failure = watch.reached.failure(failed.stage, progress.finished, progress.plan.sprint)
        FAILURE.write(folder, failure)
        return failure
    finally:
        del os.environ[RUN_PID_VARIABLE]
    progress.finish()
    return None


def _require_sound(root: Path, folder: Path, plan: Plan) -> None:
    """What comes out of DVC's cache is what its hashes name: a stage that is served from there is not run."""
    for stage in plan.stages:
        here = stage.reasons == [UNCHANGED] and all((folder / path).exists() for path in stage.outs)
        if stage.action is Action.CACHED and not here:
            for path, md5 in stage.outs.items():
                require_sound(root, md5, f"{sprint_path(plan.sprint)}/{path}")


def _check_out(root: Path, folder: Path, plan: Plan) -> None:
    """Where an output is in the cache and not in the folder, DVC would run its stage again."""
    unchanged = [
        stage for stage in plan.stages if stage.action is Action.CACHED and stage.reasons == [UNCHANGED]
    ]
    outputs = [folder / path for stage in unchanged for path in stage.outs]
    absent = [path for path in outputs if not path.exists()]
    if absent:
        repo.check_out(root, absent)


def _failure(folder: Path, failed: StageCommandFailed) -> StageFailure:
    path = folder / FAILURE.name
    if path.is_file():
        return read_json(path, StageFailure)
    killed = -failed.status if failed.status < 0 else failed.status - 128 if failed.status > 128 else None
    if killed is not None:
        message = f"the stage's process was killed by signal {killed}"
        hint = "when the system ran out of memory: a smaller train.batch or train.imgsz; then run again"
    else:
        message = f"the stage's process ended with status {failed.status}"
        hint = "its messages are above; run again with what they say mended"
    return StageFailure(stage=failed.stage, message=message, hint=hint, exit_code=int(ExitCode.STAGE_FAILED))


def _require_data(root: Path, project: Project, inputs: Sequence[str], *, pull: bool, say: Say) -> None:
    dataset = project.dataset.path
    if pointer_md5(root / f"{dataset}.dvc") is None:
        raise FlywheelError(
            f"{dataset}.dvc is missing: the dataset is not tracked by DVC",
            where=Where("flywheel.yaml"),
            hint=f"dvc add {dataset}, then commit {dataset}.dvc",
        )
    for path in inputs:
        pointer = f"{path}.dvc"
        if (root / path).exists() or not (root / pointer).is_file():
            continue
        shown = f"{path}/" if path == dataset else path
        if not pull:
            raise FlywheelError(
                "the dataset is not here" if path == dataset else "the file is not here, only its pointer is",
                where=Where(shown),
                hint=f"dvc pull {pointer}, or run again with --pull",
                exit_code=ExitCode.STAGE_FAILED,
            )
        say(f"fetching {shown} through DVC")
        repo.pull(root, pointer)


def _require_champion(root: Path, champion: ResolvedChampion, *, pull: bool, say: Say) -> None:
    """The champion's model is fetched as data is: only when asked for.

    Raises:
        FlywheelError: it is not in DVC's cache, and was not to be fetched or could not be.
    """
    if stored_files(root, champion) is not None:
        return
    if not pull:
        raise not_here(champion)
    say(f"fetching the champion's model ({champion.tag}, {champion.target}) through DVC")
    shown = f"{sprint_path(champion.sprint)}/{champion.path}"
    repo.fetch_objects(root, [champion.digest], shown)
    members = metafiles.cached_members(root, champion.digest) or {}
    repo.fetch_objects(root, [md5 for member, md5 in members.items() if champion.holds(member)], shown)
    if stored_files(root, champion) is None:
        raise FlywheelError(
            f"the champion's model ({champion.tag}, {champion.target}) is not in DVC's remote",
            where=Where(shown),
            hint="where it was made: dvc push",
            exit_code=ExitCode.STAGE_FAILED,
        )


def _fetch_outputs(root: Path, project: Project, loaded: LoadedSprint, plan: Plan, *, say: Say) -> Plan:
    """Brings what an earlier run wrote and pushed, so that its stages need not run again; returns the plan with it.

    It may be another sprint's run, which git tells of. What the remote lacks, or where there is none, runs as planned.
    """
    stored = {path: md5 for stage in plan.stages for path, md5 in stage.stored.items()}
    recorded = [stage.recorded for stage in plan.stages if stage.recorded is not None]
    if not stored and not recorded:
        return plan
    if stored:
        say(f"fetching {', '.join(stored)} of an earlier run through DVC")
    try:
        repo.fetch_objects(root, list(stored.values()), sprint_path(loaded.name))
        folders = [md5 for md5 in stored.values() if md5.endswith(".dir")]
        _refuse_outside(root, loaded.name, folders)
        members = {
            member for md5 in folders for member in (metafiles.cached_members(root, md5) or {}).values()
        }
        repo.fetch_objects(root, sorted(members), sprint_path(loaded.name))
    except FlywheelError as error:
        say(f"not fetched: {error.message}")
    known = metafiles.recorded_runs(root) if recorded else {}
    for key in recorded:
        metafiles.file_run(root, key, known[key])
    return make_plan(root, project, loaded)


def _refuse_outside(root: Path, sprint: str, folders: Sequence[str]) -> None:
    for md5 in folders:
        outside = metafiles.leads_outside(root, md5)
        if outside is not None:
            raise FlywheelError(
                f"a stored folder's listing names a file outside it: {outside!a}",
                where=Where(LOCK.of(sprint)),
                hint="no run writes such a listing: find out who made it, and run the sprint again without --pull",
            )


def _refuse_changed_data(root: Path, inputs: Sequence[str]) -> None:
    """A run of files that no pointer records could not be repeated, and would not be the run that was planned."""
    for path in inputs:
        pointer = root / f"{path}.dvc"
        if pointer.is_file() and not repo.is_unchanged(root, pointer):
            raise FlywheelError(
                f"its files are not those that {path}.dvc records",
                where=Where(f"{path}/" if (root / path).is_dir() else path),
                hint=f"dvc add {path} (keeps the changes), or dvc checkout {path}.dvc (drops them)",
                exit_code=ExitCode.STAGE_FAILED,
            )
        edits.remember(root, path)


def _require_free_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < MINIMUM_FREE_BYTES:
        raise FlywheelError(
            f"only {free // 2**20} MiB are free on the disk",
            where=Where(str(folder)),
            hint="free some space and run again; dvc gc --workspace removes cached files that nothing refers to",
            exit_code=ExitCode.STAGE_FAILED,
        )


def _refuse_symlinks(root: Path) -> None:
    """DVC writes through a symbolic link that a commit brought (iterative/dvc#11101)."""
    links = repository.tracked_symlinks(root)
    if links:
        raise FlywheelError(
            "a symbolic link is committed: DVC could be led to write outside the repository",
            where=Where(links[0]),
            hint=f"git rm {links[0]}, and commit the file itself",
        )


class _StageLines:
    """One line per stage on stderr: what it does and why, then how long it took."""

    def __init__(self, plan: Plan, say: Say) -> None:
        self.plan = plan
        self.finished: list[str] = []
        self.reasons = {stage.stage: "; ".join(stage.reasons) for stage in plan.stages}
        self.names = [stage.stage for stage in plan.stages]
        self.say = say
        self.running: tuple[str, float] | None = None

    def event(self, stage: str, event: StageEvent) -> None:
        self.finish()
        match event:
            case "unchanged":
                self.finished.append(stage)
                self.say(f"{self._place(stage)}  cached (unchanged)")
            case "restored":
                self.finished.append(stage)
                self.say(f"{self._place(stage)}  cached (an earlier run's result, from DVC's cache)")
            case "running":
                self.say(f"{self._place(stage)}  running: {self.reasons.get(stage, '')}")
                self.running = (stage, time.monotonic())

    def finish(self) -> None:
        """Says how long the stage under way took."""
        if self.running is not None:
            stage, started = self.running
            self.finished.append(stage)
            self.say(f"{self._place(stage)}  done in {time.monotonic() - started:.1f} s")
            self.running = None

    def failed(self, stage: str, how: str) -> None:
        """Says that the stage under way did not end well."""
        self.running = None
        self.say(f"{self._place(stage)}  {how}")

    def _place(self, stage: str) -> str:
        number = self.names.index(stage) + 1 if stage in self.names else 0
        total = str(len(self.names))
        return f"{f'[{number}/{total}]':<{2 * len(total) + 3}} {stage:<9}"
