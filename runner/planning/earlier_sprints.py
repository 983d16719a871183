"""The sprints before one, from their records in the working tree: what a learning curve, a diagnosis and a recommendation look at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from runner.adapters.system import yaml_text
from runner.assessment.past_sprints import PastSprint
from runner.domain.errors import FlywheelError
from runner.domain.files import read_text
from runner.record.catalogue import (
    CHECKS,
    CLEANING,
    EVALUATION,
    PARAMS,
    REPORTS,
    SELECTION,
    VERDICT,
    RecordFile,
)
from runner.record.digests import digest_of
from runner.record.label_issues import read_cleaning

NEEDED: tuple[RecordFile, ...] = (EVALUATION, SELECTION, VERDICT, PARAMS)  # type: ignore[type-arg]
READ = (*NEEDED, CHECKS, CLEANING)
T = TypeVar("T")


def earlier_sprints(
    root: Path,
    sprint: str,
    read: Callable[[Path], T | None],
    *,
    champion: str | None = None,
    only: Collection[str] | None = None,
) -> tuple[list[T], list[str]]:
    """Those that were judged and whose names come before the sprint's, in that order; and what could not be read, a line each.

    Args:
        read: what is wanted of a sprint, of its folder; None where it was not judged, FlywheelError where it cannot be read.
        champion: whom the sprint is compared with: taken too, whatever its name.
        only: no others than these, as far as they are here.
    """
    found, unread = [], []
    for folder in sorted((root / REPORTS).glob("*/")):
        name = folder.name
        wanted = name < sprint or name == champion
        if name == sprint or not wanted or (only is not None and name not in only):
            continue
        try:
            one = read(folder)
        except FlywheelError as error:
            unread.append(f"{name}: {error.message}")
            continue
        if one is not None:
            found.append(one)
    return found, unread


def past_sprint(folder: Path) -> PastSprint | None:
    """One sprint that was judged; None where it was not.

    Raises:
        FlywheelError: a file of its record cannot be read (exit code 3).
    """
    if not all((folder / file.name).is_file() for file in NEEDED):
        return None
    return PastSprint(
        name=folder.name,
        evaluation=EVALUATION.read(folder),
        selection=SELECTION.read(folder),
        verdict=VERDICT.read(folder),
        params=params_in(folder),
        checks=CHECKS.read_if_there(folder),
        cleaned=read_cleaning(folder),
        files={file.name: digest_of(folder / file.name) for file in READ if (folder / file.name).is_file()},
    )


def params_in(folder: Path) -> dict[str, Any]:
    """The sections of a sprint's params.yaml; none where it holds something else.

    Raises:
        FlywheelError: it is no YAML.
    """
    loaded = yaml_text.load(read_text(folder / PARAMS.name))
    return loaded if isinstance(loaded, dict) else {}


def recipe_in(params: Mapping[str, Any]) -> str:
    """The digest of what training was told, by the sections of params.yaml; empty where they do not say."""
    section = params.get("train")
    return str(section.get("digest", "")) if isinstance(section, Mapping) else ""
