"""One run of a sprint at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.record.catalogue import sprint_path


def _lock_path(root: Path, sprint: str) -> Path:
    return root / ".flywheel" / "locks" / f"{sprint}.lock"


@contextmanager
def sprint_lock(root: Path, sprint: str) -> Iterator[None]:
    """Holds the sprint for this process; the system releases it however the process ends.

    Raises:
        FlywheelError: another run of the same sprint is under way (exit code 3).
    """
    with _held(
        _lock_path(root, sprint),
        sprint_path(sprint),
        "this sprint",
        "; flywheel status shows what is running",
    ):
        yield


@contextmanager
def work_lock(root: Path, folder: str) -> Iterator[None]:
    """Holds a piece of work of another kind, by its folder from the repository's top.

    Raises:
        FlywheelError: it is under way (exit code 3).
    """
    with _held(_lock_path(root, folder.replace("/", "-")), folder, "this", ""):
        yield


@contextmanager
def _held(path: Path, folder: str, what: str, further: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".pid")
    try:
        with FileLock(path, timeout=0):
            holder.write_text(str(os.getpid()), encoding="utf-8")
            yield
    except Timeout:
        pid = holder.read_text(encoding="utf-8") if holder.is_file() else "unknown"
        raise FlywheelError(
            f"another run of {what} is under way (process {pid})",
            where=Where(folder),
            hint=f"wait until it ends, or stop it, and run again{further}",
            exit_code=ExitCode.STAGE_FAILED,
        ) from None


def is_running(root: Path, sprint: str) -> bool:
    """Whether a run of the sprint is under way on this machine."""
    path = _lock_path(root, sprint)
    if not path.is_file():
        return False
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a project that is only read cannot be told apart, and nobody runs it from here
        return False
