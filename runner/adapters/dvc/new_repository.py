"""Sets up a repository: git, DVC without analytics, and files that DVC tracks."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.adapters.dvc.errors import explained, pin_state
from runner.adapters.git.repository import run_git
from runner.domain.errors import ExitCode, FlywheelError, Where


def create_repository(root: Path) -> bool:
    """Makes `root` a git and DVC repository; what is there already is kept.

    Returns:
        Whether `root` is the top of its git repository (and not a folder inside a larger one).

    Raises:
        FlywheelError: git is not installed (exit code 4), or git or DVC refuse (exit code 3).
    """
    top = _git_top(root)
    if top is None:
        _git(root, "init", "--quiet", "--initial-branch=main")
    is_top = top is None or top == root.resolve()
    # Without its config a folder .dvc is what a killed set-up left.
    if not (root / ".dvc" / "config").is_file():
        with _dvc(root):
            from dvc.repo import Repo

            repository = Repo.init(str(root), force=(root / ".dvc").is_dir(), subdir=not is_top)
            with repository, repository.config.edit("repo") as config:
                config["core"]["analytics"] = False
                config["core"]["check_update"] = False
    return is_top


def track(root: Path, path: str) -> None:
    """Puts a file or folder, relative to `root`, into DVC's cache and writes its `.dvc` file beside it.

    Raises:
        FlywheelError: DVC refuses, for example since git tracks the path already (exit code 3).
    """
    with _dvc(root):
        from dvc.repo import Repo

        with Repo(str(root)) as repo:
            repo.add([str(root / path)])


@contextmanager
def _dvc(root: Path) -> Iterator[None]:
    """DVC without analytics, log lines and deprecations of its libraries; its errors as ours."""
    os.environ["DVC_NO_ANALYTICS"] = "1"
    pin_state()
    # Importing DVC sets its loggers up; only then they can be silenced.
    from dvc.exceptions import DvcException

    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with explained(root):
                yield
    except DvcException as error:
        raise FlywheelError(
            f"DVC could not set up the repository: {str(error).strip()}",
            where=Where(str(root)),
            hint="correct that, then run the same command again: what was done already is kept",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    finally:
        logger.setLevel(level)


def _git_top(root: Path) -> Path | None:
    result = run_git(root, "rev-parse", "--show-toplevel")
    return (
        Path(result.stdout.decode(errors="surrogateescape").strip()).resolve()
        if result.returncode == 0
        else None
    )


def _git(root: Path, *arguments: str) -> None:
    result = run_git(root, *arguments)
    if result.returncode != 0:
        message = f"git {arguments[0]} failed: {result.stderr.decode(errors='replace').strip()}"
        raise FlywheelError(message, where=Where(str(root)), exit_code=ExitCode.STAGE_FAILED)
