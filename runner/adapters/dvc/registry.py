"""The model registry as GTO keeps it: `model@v1.0.0` registers a version, `model#stage#N` assigns it; annotated git tags.

Reading asks git alone (`gto_tags`), so that it costs a few milliseconds; writing goes through GTO's own API.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.adapters.dvc import artifacts
from runner.adapters.git.registry_tags import (
    ModelTags,
    RegistryTag,
    full_name,
    number_of,
    read_tags,
    tag_name,
)
from runner.adapters.git.repository import newest_change, read_file, read_file_of_repository, run_git
from runner.domain.errors import ExitCode, FlywheelError, Where

__all__ = ["RegistryTag", "assign", "number_of", "register", "tags_of"]

_CLOCK_SKEW_S = 5


def tags_of(root: Path, model: str) -> ModelTags:
    """Every tag of the project's model, of versions and of all stages.

    A project in a folder of a larger repository has tags that name the folder (`ml/v1=model#prod#1`), as GTO asks for.
    Those that an older flywheel made without it count as long as there are no others.

    Raises:
        FlywheelError: they cannot be read (exit code 3), or GTO has no name for the folder (exit code 2).
    """
    name = tag_name(root, model)
    tags = read_tags(root, name)
    if name == model or tags.tags:
        return tags
    plain = read_tags(root, model)
    return plain if plain.tags and _is_ours(root, model, plain.tags[-1].commit) else tags


def _is_ours(root: Path, model: str, commit: str) -> bool:
    """Whether a tag without a folder is this project's: two projects of a repository may call their models alike."""
    content = read_file(root, commit, artifacts.FILE)
    if content is not None and artifacts.artifact_path(content, model) is not None:
        return True
    if read_file_of_repository(root, commit, "flywheel.yaml") is not None:
        return False
    return newest_change(root, commit, "reports/*/metrics.json") is not None


def register(root: Path, model: str, version: str, commit: str, message: str) -> str:
    """Registers a commit's artifact as a version, and returns the tag.

    Raises:
        FlywheelError: GTO refuses (exit code 3).
    """
    name = full_name(tags_of(root, model).name)
    return _tagged(
        root, lambda registry: registry.register(name, commit, version=version, message=message, simple=True)
    )


def assign(root: Path, model: str, stage: str, version: str, message: str) -> str:
    """Assigns a registered version to the stage, also one that held it before, and returns the tag.

    Raises:
        FlywheelError: GTO refuses, or the newest assignment was made in what is the future here (exit code 3).
    """
    tags = tags_of(root, model)
    _wait_past(tags)
    return _tagged(
        root,
        lambda registry: registry.assign(
            full_name(tags.name), stage, version=version, message=message, force=True
        ),
    )


def _top(root: Path) -> str:
    """The repository's top, where GTO looks for what it knows."""
    found = run_git(root, "rev-parse", "--show-toplevel").stdout.decode("utf-8", "surrogateescape")
    return found.removesuffix("\n") or str(root)


def _wait_past(tags: ModelTags) -> None:
    """GTO and DVC order tags by whole seconds: two in one second would leave it to chance which one holds the stage."""
    newest = max((tag.time for tag in tags.tags), default=0)
    ahead = newest + 1 - time.time()
    if ahead > _CLOCK_SKEW_S:
        raise FlywheelError(
            "the registry's newest tag was made in the future, by this machine's clock: GTO would take it for the newest still",
            where=Where("refs/tags"),
            hint="set this machine's clock, then run the same command again",
            exit_code=ExitCode.STAGE_FAILED,
        )
    if ahead > 0:
        time.sleep(ahead)


def _tagged(root: Path, write: Callable[[Any], Any]) -> str:
    from gto.config import RegistryConfig
    from gto.registry import GitRegistry

    try:
        # The names are flywheel.yaml's: what lies in a file `.gto` neither loads anything nor keeps a model from its stage.
        with GitRegistry.from_url(_top(root), config=RegistryConfig()) as registry:
            return str(write(registry).ref)
    except Exception as error:  # GTO's own, and those of three libraries for git below it
        reason = str(error).strip() or type(error).__name__
        raise FlywheelError(
            f"the registry could not be written: {reason}",
            where=Where("refs/tags"),
            hint="look at it with: gto show, gto history",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
