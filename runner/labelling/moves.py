"""Images that move within the dataset: each by one rename, then the metadata at once; killed in between, it is done again.

What is moved is in a journal until the metadata has followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.config.project import Project
from runner.domain.files import read_json, write_error, write_json, write_text
from runner.labelling.insertion.inserter import Inserter

Journal = dict[str, str]  # where an image was → where it goes


class Moves:
    """Moves images of one dataset.

    Args:
        journal: a file of this machine's, where what is being moved is noted.
    """

    def __init__(self, root: Path, project: Project, inserter: Inserter, journal: Path) -> None:
        self.root = root
        self.project = project
        self.folder = root / project.dataset.path
        self.inserter = inserter
        self.journal = journal

    def move(self, moves: Mapping[str, str], cells: Mapping[str, Mapping[str, str]]) -> None:
        """Renames images, and lets the metadata follow.

        Args:
            moves: paths relative to the dataset, from where to where.
            cells: of their rows in the metadata, by the path that an image goes to and the column.

        Raises:
            FlywheelError: the disk is full, or a file cannot be moved.
        """
        if moves:
            write_json(self.journal, moves)
        for path, target in moves.items():
            self._rename(path, target)
        self._follow(moves, cells)

    def finish_earlier(self) -> None:
        """The metadata follows what was moved before a kill."""
        if self.journal.is_file():
            moves = read_json(self.journal, Journal)
            done = {
                path: target
                for path, target in moves.items()
                if (self.folder / target).is_file() and not (self.folder / path).exists()
            }
            self._follow(done, {})

    def _rename(self, path: str, target: str) -> None:
        source, place = self.folder / path, self.folder / target
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_file() and not place.exists():
                behind = self.inserter.left_behind(self.folder, path)
                source.rename(place)
                if behind is not None:
                    (self.folder / behind).unlink(missing_ok=True)
        except OSError as error:
            raise write_error(place, error) from error

    def _follow(self, moves: Mapping[str, str], cells: Mapping[str, Mapping[str, str]]) -> None:
        """Writes the metadata's paths and cells, and ends the journal."""
        if self.project.dataset.metadata is not None:
            from runner.dataset.csv_edits import edited_text

            file = self.root / self.project.dataset.metadata
            changes: dict[str, dict[str, str]] = {path: {"path": target} for path, target in moves.items()}
            before = {target: path for path, target in moves.items()}
            for target, own in cells.items():
                if own:
                    changes.setdefault(before.get(target, target), {}).update(own)
            text = edited_text(file, changes) if changes else None
            if text is not None:
                write_text(file, text)
        self.journal.unlink(missing_ok=True)
