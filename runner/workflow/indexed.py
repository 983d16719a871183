"""The index that a question about the data is answered from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.config.load import list_sprints
from runner.config.project import Project
from runner.planning.recorded_index import THUMBNAILS, IndexFiles, recorded_index
from runner.record.catalogue import sprint_folder
from runner.stages import index

NEW_PROJECT = "0000-none"  # a folder that no sprint has: only DVC's cache is looked into


@dataclass(frozen=True, kw_only=True)
class FoundIndex:
    """`said`: which index that is, in words."""

    files: IndexFiles
    said: str


@contextmanager
def found_index(
    root: Path, project: Project, sprint: str | None, say: Callable[[str], None]
) -> Iterator[FoundIndex]:
    """The index of the data as it is: the one that a run recorded; else one that is built now, and gone afterwards.

    Args:
        sprint: whose folder is looked into first; the newest sprint's where None.
        say: is told what is wrong with the data.

    Raises:
        FlywheelError: there is no index and the data is not here, or cannot be read; a lock file or a pointer is none.
    """
    names = list_sprints(root)
    name = sprint or (names[-1] if names else NEW_PROJECT)
    files = recorded_index(root, sprint_folder(root, name), project)
    if files is not None:
        yield FoundIndex(files=files, said="the recorded index")
        return
    built = index.build(root, index.resolve(project))
    for note in built.notes:
        say(f"note: {note}")
    with tempfile.TemporaryDirectory(prefix="flywheel-") as temporary:
        folder = Path(temporary)
        index.write(folder, built)
        made = IndexFiles(
            images=folder / "images.parquet",
            objects=folder / "objects.parquet",
            thumbnails=folder / THUMBNAILS,
        )
        yield FoundIndex(files=made, said=f"{project.dataset.path}/ as it is now")
