"""The stages of a run: what DVC has is taken from its cache, what changed is run, and what went wrong is kept."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from runner.adapters.dvc import edits, repo
from runner.adapters.dvc.cache_objects import require_sound
from runner.adapters.dvc.metafiles import Pointer, parse_pointer
from runner.adapters.dvc.repo import StageCommandFailed
from runner.adapters.git import repository
from runner.adapters.system.extras import require_run_extra
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import StageFailure
from runner.planning.edits import inputs_of
from runner.planning.records import Action
from runner.planning.stages import UNCHANGED, Work
from runner.record.catalogue import FAILURE, PIPELINE
from runner.stages.run import RUN_PID_VARIABLE
from runner.workflow.executing.limits import Watch
from runner.workflow.executing.progress import StageLines
from runner.workflow.fetching import require_unchanged

MINIMUM_FREE_BYTES = 64 * 2**20


def run_stages(work: Work, watch: Watch, say: Callable[[str], None]) -> StageFailure | None:
    """Brings every stage up to date, with what is in DVC's cache or by running it; why one failed, else None.

    Raises:
        FlywheelError: nothing can be run here: no space, edited data, a spoiled cache, or DVC itself refuses.
        KeyboardInterrupt: a stage was interrupted.
    """
    root, folder, progress = work.root, work.folder, StageLines(work.plans, say)
    if work.runs:
        require_run_extra()
    _require_free_space(folder)
    _refuse_symlinks(root)
    _refuse_changed_data(root, inputs_of(work.stages))
    (folder / FAILURE.name).unlink(missing_ok=True)
    _require_sound(work)
    _check_out(work)
    os.environ[RUN_PID_VARIABLE] = str(os.getpid())
    try:
        absent = _absent(root, inputs_of(work.stages))
        repo.reproduce(root, folder / PIPELINE.name, progress.event, absent=absent)
    except StageCommandFailed as failed:
        if failed.status in (ExitCode.INTERRUPTED, -signal.SIGINT):
            progress.failed(failed.stage, "interrupted")
            raise KeyboardInterrupt from failed
        progress.failed(failed.stage, f"stopped: {watch.reached.name}" if watch.reached else "FAILED")
        if watch.reached is None:
            return _failure(folder, failed)
        failure = watch.reached.failure(failed.stage, progress.finished, work.command)
        FAILURE.write(folder, failure)
        return failure
    finally:
        del os.environ[RUN_PID_VARIABLE]
    progress.finish()
    return None


def _require_sound(work: Work) -> None:
    """What comes out of DVC's cache is what its hashes name: a stage that is served from there is not run."""
    for stage in work.plans:
        here = stage.reasons == [UNCHANGED] and all((work.folder / path).exists() for path in stage.outs)
        if stage.action is Action.CACHED and not here:
            for path, md5 in stage.outs.items():
                require_sound(work.root, md5, f"{work.shown}/{path}")


def _check_out(work: Work) -> None:
    """Where an output is in the cache and not in the folder, DVC would run its stage again."""
    unchanged = [
        stage for stage in work.plans if stage.action is Action.CACHED and stage.reasons == [UNCHANGED]
    ]
    outputs = [work.folder / path for stage in unchanged for path in stage.outs]
    absent = [path for path in outputs if not path.exists()]
    if absent:
        repo.check_out(work.root, absent)


def _failure(folder: Path, failed: StageCommandFailed) -> StageFailure:
    if (folder / FAILURE.name).is_file():
        return FAILURE.read(folder)
    killed = -failed.status if failed.status < 0 else failed.status - 128 if failed.status > 128 else None
    if killed is not None:
        message = f"the stage's process was killed by signal {killed}"
        hint = "when the system ran out of memory: a smaller train.batch or train.imgsz; then run again"
    else:
        message = f"the stage's process ended with status {failed.status}"
        hint = "its messages are above; run again with what they say mended"
    return StageFailure(stage=failed.stage, message=message, hint=hint, exit_code=int(ExitCode.STAGE_FAILED))


def _refuse_changed_data(root: Path, inputs: Sequence[str]) -> None:
    """A run of files that no pointer records could not be repeated, and would not be the run that was planned."""
    for path in inputs:
        if (root / path).exists():
            require_unchanged(root, path)
            edits.remember(root, path)


def _absent(root: Path, inputs: Sequence[str]) -> dict[str, Pointer]:
    """What is not here as a whole: the stages look at parts of it, or at nothing."""
    pointers = {path: root / f"{path}.dvc" for path in inputs if not (root / path).exists()}
    found = {path: parse_pointer(file.read_bytes()) for path, file in pointers.items() if file.is_file()}
    return {path: pointer for path, pointer in found.items() if pointer is not None}


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
