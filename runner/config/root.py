"""Where the project is: the folder of its flywheel.yaml, and of no other one inside it."""

from __future__ import annotations

from pathlib import Path

from runner.domain.errors import FlywheelError, Where

PROJECT_FILE = "flywheel.yaml"


def find_root(start: Path) -> Path:
    """The folder with flywheel.yaml: `start` or the nearest above it.

    Raises:
        FlywheelError: there is none; or there are two, one inside the other, in one repository.
    """
    start = start.resolve()
    found = [folder for folder in _inside_repository(start) if (folder / PROJECT_FILE).is_file()]
    if len(found) > 1:
        nested, outer = found[0] / PROJECT_FILE, found[-1]
        raise FlywheelError(
            f"{outer} has one too, and a project inside another is none: what lies here would be judged by this file",
            where=Where(str(nested)),
            hint=f"git rm {nested.relative_to(outer).as_posix()} (in {outer}); projects lie side by side",
        )
    for folder in found or start.parents:
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise FlywheelError(
        f"no {PROJECT_FILE} in {start} or above it",
        hint="go into a flywheel project, or start one: flywheel init --data PATH",
    )


def _inside_repository(start: Path) -> list[Path]:
    """The folder and those above it, up to the top of its repository of git; all where there is none."""
    above = [start, *start.parents]
    top = next((number for number, folder in enumerate(above) if (folder / ".git").exists()), len(above))
    return above[: top + 1]
