"""The index that a question about the data is answered from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.config.load import list_sprints
from runner.config.project import Project
from runner.planning.project_index import project_index
from runner.planning.recorded_index import IndexFiles, recorded_index
from runner.record.catalogue import sprint_folder

NEW_PROJECT = "0000-none"  # a folder that no sprint has: only DVC's cache is looked into


@dataclass(frozen=True, kw_only=True)
class FoundIndex:
    """`said`: which index that is, in words."""

    files: IndexFiles
    said: str


def find_index(root: Path, project: Project, sprint: str | None, say: Callable[[str], None]) -> FoundIndex:
    """The index of the data as it is: the one that a run recorded; else one that is built now, outside any sprint.

    Args:
        sprint: whose folder is looked into first; the newest sprint's where None.
        say: is told what is remarkable about the data.

    Raises:
        FlywheelError: there is no index and the data is not here, or cannot be read; a lock file or a pointer is none.
    """
    names = list_sprints(root)
    name = sprint or (names[-1] if names else NEW_PROJECT)
    files = recorded_index(root, sprint_folder(root, name), project)
    if files is not None:
        return FoundIndex(files=files, said="the recorded index")
    built = project_index(root, project)
    for note in built.notes:
        say(f"note: {note}")
    return FoundIndex(
        files=IndexFiles(images=built.images, objects=built.objects, thumbnails=built.thumbnails),
        said=f"{project.dataset.path}/ as it is now",
    )
