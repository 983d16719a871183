"""Who holds the stage, for a command that cannot go on while that is not known."""

from __future__ import annotations

from pathlib import Path

from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.planning.champion import Champion
from runner.planning.registry import ChampionUnknownError, Registry

CONFIGURATION = "flywheel.yaml"


def holder(root: Path, project: Project, to: str) -> Champion:
    """The champion.

    Args:
        to: what it is wanted for, as in "there is no champion to score with".

    Raises:
        FlywheelError: nobody holds the stage, or it could not be looked up who does (exit code 3).
    """
    if project.model is None:
        raise FlywheelError(
            f"there is no champion to {to}: the project's model has no name",
            where=Where(CONFIGURATION),
            hint="name it, as in: model: {name: parcel-digits}; then promote a sprint",
        )
    champion = known_champion(root, project)
    if champion is None:
        raise FlywheelError(
            f"there is no champion to {to}: nothing was promoted to {project.model.name}#{project.model.stage}",
            hint="flywheel promote SPRINT",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return champion


def known_champion(root: Path, project: Project) -> Champion | None:
    """Who holds the stage; None before the first promotion.

    Raises:
        FlywheelError: it could not be looked up (exit code 3): that is not the same as nobody.
    """
    if project.model is None:
        return None
    try:
        return Registry(root, project).champion()
    except ChampionUnknownError as error:
        raise FlywheelError(
            f"it is not known which model is the champion: {error.message}",
            where=error.where,
            hint=error.hint,
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
