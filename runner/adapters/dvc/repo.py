"""DVC in process: reproduce a sprint's pipeline and tell, stage by stage, what happened."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from runner.adapters.dvc import metafiles
from runner.adapters.dvc.errors import explained, pin_state
from runner.adapters.dvc.stand_ins import standing_in
from runner.adapters.dvc.yaml_reading import read_once
from runner.domain.errors import ExitCode, FlywheelError, Where

StageEvent = Literal["unchanged", "restored", "running"]
Listener = Callable[[str, StageEvent], None]

_MESSAGES: tuple[tuple[re.Pattern[str], StageEvent], ...] = (
    (re.compile(r"^Stage '(?:.*:)?(\w+)' didn't change, skipping$"), "unchanged"),
    (re.compile(r"^Stage '(?:.*:)?(\w+)' is cached - skipping run, checking out outputs$"), "restored"),
    (re.compile(r"^Running stage '(?:.*:)?(\w+)':$"), "running"),
)


class StageCommandFailed(Exception):  # noqa: N818 - an event, turned into a FlywheelError by the caller
    """A stage's command ended with `status` (negative: killed by that signal)."""

    def __init__(self, stage: str, status: int) -> None:
        super().__init__(f"{stage}: {status}")
        self.stage = stage
        self.status = status


class _StageLog(logging.Handler):
    """Turns DVC's log lines into stage events, and remembers the stage under way."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(logging.INFO)
        self.listener = listener
        self.current = ""
        self.started: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        for pattern, event in _MESSAGES:
            if match := pattern.match(message):
                self.current = match[1]
                if event == "running":
                    self.started.append(match[1])
                self.listener(match[1], event)
                return
        # Not a warning: the locks of a run that was killed are taken over.
        if record.levelno >= logging.WARNING and "had been killed. Auto removed" not in message:
            print(f"  dvc: {message}", file=sys.stderr)


@contextmanager
def quiet_dvc(handler: logging.Handler) -> Iterator[None]:
    """DVC's logger goes to `handler` only; its commands find this interpreter first and no login shell."""
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    import dvc.logger  # noqa: F401 - it installs its own handlers when it is imported, so it must be first

    pin_state()

    logger = logging.getLogger("dvc")
    previous = (logger.level, logger.propagate, list(logger.handlers))
    ours = {
        "SHELL": "/bin/sh",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        # A commit may have put modules into the folder that a stage works in: Python must not import them.
        "PYTHONSAFEPATH": "1",
    }
    before = {name: os.environ.get(name) for name in ours}
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    os.environ.update(ours)
    try:
        yield
    finally:
        logger.level, logger.propagate, logger.handlers = previous
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def reproduce(
    root: Path,
    pipeline: Path,
    listener: Listener,
    stages: Sequence[str] = (),
    absent: Mapping[str, metafiles.Pointer] | None = None,
) -> None:
    """Runs the stages of `pipeline` (a dvc.yaml) that changed, in the order they are written.

    Only the stages of that file run: nothing upstream of it, and no other sprint.

    Args:
        stages: these alone, in this order; all when empty.
        absent: inputs that are not here and are taken for what their pointers record, by path from `root`.

    Raises:
        StageCommandFailed: a stage's command failed.
        FlywheelError: DVC itself could not work (no repository, a lock held, a broken file).
    """
    handler = _StageLog(listener)
    with quiet_dvc(handler):
        from dvc.exceptions import DvcException
        from dvc.stage.exceptions import StageCmdFailedError

        try:
            with opened(root) as repo, standing_in(root, absent or {}):
                try:
                    repo.reproduce(
                        [f"{pipeline}:{name}" for name in stages] or str(pipeline), single_item=True
                    )
                except DvcException:
                    _save_runs(
                        repo, pipeline, [stage for stage in handler.started if stage != handler.current]
                    )
                    raise
                _save_runs(repo, pipeline, handler.started)
        except DvcException as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, StageCmdFailedError):
                cause = cause.__cause__
            if cause is not None:
                raise StageCommandFailed(handler.current, _exit_status(cause)) from error
            raise _dvc_error(pipeline, error) from error


def accept_input(root: Path, pipeline: Path, stage: str, dep: str) -> None:
    """Records in dvc.lock that a stage is up to date with what another stage of its pipeline wrote to `dep`.

    As `dvc commit` does, but the stage's other inputs and its outputs need not be here. Whether it is true is the
    caller's to know. A stage that never ran stays as it is.
    """
    with _questioned(root, pipeline) as repo, repo.lock:
        stages = {found.name: found for found in repo.stage.collect(str(pipeline))}
        written = next(out for each in stages.values() for out in each.outs if out.def_path == dep)
        changed = [read for read in stages[stage].deps if read.def_path == dep and read.hash_info]
        for read in changed:
            read.hash_info, read.meta = written.hash_info, written.meta
        if changed:
            stages[stage].dump(update_pipeline=False)


def _save_runs(repo: Any, pipeline: Path, stages: Collection[str]) -> None:
    """Files the stages' runs in DVC's run cache, so that going back to earlier parameters restores them.

    DVC leaves out stages that write small files to git; its run cache can hold them all the same.
    """
    for stage in repo.stage.collect(str(pipeline)):
        if stage.name in stages:
            repo.stage_cache.save(stage)


def _exit_status(error: BaseException) -> int:
    match = re.search(r"exited with (-?\d+)", str(error))
    return int(match[1]) if match else 1


def _dvc_error(pipeline: Path, error: Exception) -> FlywheelError:
    reasons = []
    cause: BaseException | None = error
    while cause is not None:
        reasons.append(str(cause))
        cause = cause.__cause__
    return FlywheelError(
        "DVC could not run the pipeline: " + "; ".join(dict.fromkeys(reasons)),
        where=Where(str(pipeline)),
        hint="look at it with: dvc status " + str(pipeline),
        exit_code=ExitCode.STAGE_FAILED,
    )


@contextmanager
def opened(root: Path) -> Iterator[Any]:
    """The DVC repository at `root`.

    Raises:
        FlywheelError: there is none, or it is not inside a git repository.
    """
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo
    from dvc.scm import SCMError

    read_once()
    with explained(root):
        try:
            repo = Repo(str(root))
        except NotDvcRepoError:
            raise FlywheelError(
                "DVC is not set up in this project",
                where=Where(".dvc/"),
                hint="git checkout -- .dvc, when it was committed; else: dvc init",
                exit_code=ExitCode.STAGE_FAILED,
            ) from None
        except SCMError:
            raise FlywheelError(
                "the project is not in a git repository, which DVC asks for",
                where=Where(str(root)),
                hint="git init",
                exit_code=ExitCode.STAGE_FAILED,
            ) from None
        # DVC reads paths from the working directory, and refuses one that lies outside its repository.
        with chdir(root), repo:
            yield repo


@contextmanager
def _questioned(root: Path, asked: Path) -> Iterator[Any]:
    """The repository, quiet, for a question: whatever DVC says of `asked` ends it."""
    with quiet_dvc(logging.NullHandler()):
        from dvc.exceptions import DvcException

        try:
            with opened(root) as repo:
                yield repo
        except DvcException as error:
            raise _dvc_error(
                asked.relative_to(root) if asked.is_relative_to(root) else asked, error
            ) from error


def is_unchanged(root: Path, pointer: Path) -> bool:
    """Whether the files in the workspace are those that a `.dvc` file records, whatever the cache holds."""
    with _questioned(root, pointer) as repo:
        # Not `repo.status`: it calls files that the cache lacks changed.
        outputs = [out for stage in repo.stage.collect(str(pointer)) for out in stage.outs]
        return not any(out.changed_checksum() for out in outputs)


def check_out(root: Path, outputs: Sequence[Path]) -> None:
    """Brings stages' outputs from DVC's cache into the workspace; those that it does not hold stay away.

    Raises:
        FlywheelError: a folder's listing names files outside it, where DVC would write them (exit code 2).
    """
    for output in outputs:
        _require_inside(root, output)
    with quiet_dvc(logging.NullHandler()):
        from dvc.exceptions import DvcException

        with opened(root) as repo, suppress(DvcException):
            repo.checkout(targets=[str(path) for path in outputs])


def _require_inside(root: Path, output: Path) -> None:
    lock = output.parent / "dvc.lock"
    written = {out: md5 for stage in metafiles.read_lock(lock).values() for out, md5 in stage.outs.items()}
    outside = metafiles.leads_outside(root, written.get(output.name, ""))
    if outside is not None:
        raise FlywheelError(
            f"the listing of {output.name}/ names a file outside the folder: {outside!a}",
            where=Where(str(lock.relative_to(root) if lock.is_relative_to(root) else lock)),
            hint="no run writes such a listing: find out who made it, and run the sprint again",
        )
