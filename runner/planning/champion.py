"""The champion: the sprint whose model the registry's tags name, and what its record in git says."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from runner.adapters import git
from runner.config.project import Project
from runner.domain.records import Record

T = TypeVar("T")


class Champion(Record, frozen=True, kw_only=True):
    """The sprint that holds the project's stage in the registry."""

    sprint: str
    commit: str
    tag: str


def find_champion(root: Path, project: Project) -> Champion | None:
    """The champion, or None when no sprint was promoted yet.

    The newest assignment of the stage names a commit; the sprint whose metrics changed last there is the one promoted.
    """
    if project.model is None:
        return None
    tags = git.stage_tags(root, project.model.name, project.model.stage)
    if not tags:
        return None
    number, commit = tags[0]
    path = git.newest_change(root, commit, "reports/*/metrics.json")
    if path is None:
        return None
    tag = f"{project.model.name}#{project.model.stage}#{number}"
    return Champion(sprint=Path(path).parent.name, commit=commit, tag=tag)


def champion_record(root: Path, champion: Champion, file: str, record_type: type[T]) -> T | None:
    """A record of the champion's sprint as it was promoted, or None when git does not hold it."""
    content = git.read_file(root, champion.commit, f"reports/{champion.sprint}/{file}")
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=record_type)
    except msgspec.MsgspecError:
        return None  # written by a version of flywheel with other records: compared as if absent
