"""Builds the index of a sprint's data before its run, so that a plan can count what it will use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from runner.adapters.dvc import metafiles, objects, repo
from runner.adapters.dvc.repo import StageCommandFailed, StageEvent
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.pipeline.compile import compile_pipeline
from runner.planning.edits import inputs_of
from runner.planning.resolve import stages_of
from runner.planning.situation import Situation
from runner.record.catalogue import FAILURE, PIPELINE
from runner.stages.run import RUN_PID_VARIABLE
from runner.workflow.fetching import require_unchanged
from runner.workflow.locking import sprint_lock

Say = Callable[[str], None]
STAGE = "index"


def index_data(situation: Situation, *, say: Say, max_bytes: int | None = None) -> None:
    """Fetches what the index reads and builds it, as the first step of a run, which then finds it done.

    Args:
        situation: of the sprint as it is judged.
        max_bytes: data that its pointer calls larger is not fetched.

    Raises:
        FlywheelError: the data is too large, cannot be fetched or is not as its pointer says, or the stage failed.
    """
    root, loaded, folder = situation.root, situation.loaded, situation.folder
    stages = stages_of(situation.project, loaded, situation.champion)
    read = inputs_of([stage for stage in stages if stage.name == STAGE])
    if situation.project.dataset.remote is not None:
        raise FlywheelError(
            "its images stay in an object store, and only a run fetches them",
            where=Where("flywheel.yaml"),
            exit_code=ExitCode.STAGE_FAILED,
        )
    with sprint_lock(root, loaded.name):
        _fetch(root, read, say, max_bytes)
        compile_pipeline(folder, stages, loaded.path)
        os.environ[RUN_PID_VARIABLE] = str(os.getpid())
        try:
            say(f"indexing {', '.join(read)}")
            repo.reproduce(root, folder / PIPELINE.name, _ignored, [STAGE])
        except StageCommandFailed as failed:
            raise FlywheelError(
                f"the stage {STAGE} failed with status {failed.status}",
                where=Where(FAILURE.of(loaded.name)),
                hint="its messages are above",
                exit_code=ExitCode.STAGE_FAILED,
            ) from failed
        finally:
            del os.environ[RUN_PID_VARIABLE]


def _ignored(stage: str, event: StageEvent) -> None:
    """One stage's beginning is said before."""


def _fetch(root: Path, inputs: Sequence[str], say: Say, max_bytes: int | None) -> None:
    for path in inputs:
        pointer = root / f"{path}.dvc"
        if not pointer.is_file():
            continue
        if not (root / path).exists():
            state = metafiles.parse_pointer(pointer.read_bytes())
            size = state.bytes if state is not None else None
            if max_bytes is not None and (size is None or size > max_bytes):
                raise FlywheelError(
                    f"{path} is larger than {max_bytes // 10**6:,} MB"
                    if size is not None
                    else f"the size of {path} is not known",
                    where=Where(f"{path}.dvc"),
                    exit_code=ExitCode.STAGE_FAILED,
                )
            say(f"fetching {path} through DVC")
            _pull(root, f"{path}.dvc")
        else:
            require_unchanged(root, path)


def _pull(root: Path, pointer: str) -> None:
    try:
        objects.pull(root, pointer)
    except FlywheelError:
        raise
    except Exception as error:  # every storage has exceptions of its own, for instance without credentials
        raise FlywheelError(
            f"the data could not be fetched: {type(error).__name__}",
            where=Where(pointer),
            hint="look at the remote with: dvc remote list, and dvc status --cloud " + pointer,
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
