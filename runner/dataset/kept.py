"""What was computed once and is costly to compute again, kept by key: measurements, embeddings, scores.

A kept table is a cache below the project's `.flywheel/`, which git ignores: without it everything is computed again, and is
the same. Its keys are what the values depend on: the content of an image (`image_id`), or an object (`object_id`); so tables
are joined by these. Whatever else they depend on (the code, a model's weights) is the table's version.

    table = KeptTable(kept_folder(root), "embeddings", version=digest_of_the_model)
    new = table.missing(image_ids)
    table.put(new, {"vector": embed(new)})               # (N, D) float32; in several calls where it takes long
    vectors = table.get(image_ids)["vector"]             # (M, D), one row per id, in their order
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from runner.domain.errors import FlywheelError

if TYPE_CHECKING:
    from runner.adapters.tables.kept_parts import Part, Values

MOST_PARTS = 16  # more small ones are written as one
SMALL_BYTES = 32 * 2**20
ABANDONED_S = 3_600  # a file that a killed process left half written
OLD_S = 30 * 86_400  # another version's rows that nobody added to for so long are removed
_LOOKS = 20  # while other processes write parts together


def kept_folder(root: Path) -> Path:
    """Where a project's kept tables are. It may be removed at any time: everything is computed again."""
    return root / ".flywheel" / "index"


class KeptTable:
    """Columns by key, on disk, shared by all processes that work on a project.

    Rows are never changed: a key stands for all that its values depend on. `put` writes them as one file (a part), atomically;
    a killed process loses what it had not put. A part that is damaged is removed, and its keys are missing again.

    Args:
        folder: `kept_folder` of the project.
        name: of the table; a folder's name.
        version: what values depend on besides the key; a folder's name. Those of other versions are not seen.

    Attributes:
        notes: what was wrong with the files, for the user: nothing that changes any value.
    """

    def __init__(self, folder: Path, name: str, version: str) -> None:
        self.folder = folder / name / version
        self.name = name
        self.notes: list[str] = []
        self._rows: dict[str, dict[str, int]] = {}  # of each part, by its file's name: rows by key

    def keys(self) -> set[str]:
        """All that are kept."""
        self._look()
        return set().union(*self._rows.values())

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of `keys` that are not kept, each once, in their order."""
        self._look()
        return [key for key in dict.fromkeys(keys) if not any(key in rows for rows in self._rows.values())]

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """The columns of `keys`, one row each in their order: numbers without None as arrays, all else as lists.

        No keys give no columns.

        Raises:
            KeyError: one of them is not kept.
        """
        found, columns = self.find(keys)
        if len(found) < len(keys):
            missing = min(set(range(len(keys))) - set(found))
            raise KeyError(f"{self.name} of {keys[missing]}")
        return columns

    def find(self, keys: Sequence[str]) -> tuple[list[int], dict[str, Any]]:
        """What is kept of `keys`: which of them, by their places, ascending, and the columns of those, as `get` gives them."""
        for _ in range(_LOOKS):
            self._look()
            with suppress(FileNotFoundError):  # another process has just written several parts as one
                return self._find(keys)
        return [], {}

    def put(self, keys: Sequence[str], columns: Mapping[str, Values]) -> None:
        """Keeps one row per key. Where it cannot be written, that is noted: the work goes on without.

        Args:
            keys: `(N,)`, each once.
            columns: the same ones each time. Of N values each: an array `(N,)` or `(N, D)` of numbers, or N texts,
                bytes, numbers or None.

        Raises:
            ValueError: a column has another length.
        """
        from runner.adapters.tables.kept_parts import make_part

        if not keys:
            return
        part = make_part(keys, columns)
        with self._noting_failure():
            self._write(part)
            self._tidy()

    def keep_only(self, keys: Iterable[str]) -> None:
        """Forgets all but `keys`, where what it forgets is most of the table."""
        live = set(keys)
        if len(self.keys()) > 2 * len(live) + 1000:
            with self._noting_failure():
                self._rewrite(list(self._rows), live)

    def _look(self) -> None:
        """Reads the keys of parts that were not there before, and forgets those of parts that are gone.

        While another process writes several parts as one, a listing can lack both them and the new one: it counts once it is
        the same again.
        """
        from runner.adapters.tables.kept_parts import part_paths

        paths = part_paths(self.folder)
        for _ in range(_LOOKS):
            self._take_in(paths)
            before, paths = paths, part_paths(self.folder)
            if paths == before:
                break

    def _take_in(self, paths: Sequence[Path]) -> None:
        from runner.adapters.tables.kept_parts import DamagedPartError, part_keys, read_part

        names = {path.name for path in paths}
        self._rows = {name: rows for name, rows in self._rows.items() if name in names}
        for path in paths:
            if path.name in self._rows:
                continue
            try:
                keys = part_keys(read_part(path))
            except FileNotFoundError:
                continue
            except DamagedPartError as error:
                self._discard(path, str(error))
                continue
            self._rows[path.name] = {key: row for row, key in enumerate(keys)}

    def _find(self, keys: Sequence[str]) -> tuple[list[int], dict[str, Any]]:
        import numpy as np

        from runner.adapters.tables.kept_parts import DamagedPartError, in_order, read_part, taken, values_of

        left: dict[int, None] = dict.fromkeys(range(len(keys)))
        parts, places = [], list[int]()
        for name, rows in list(self._rows.items()):
            found = [place for place in left if keys[place] in rows]
            if not found:
                continue
            try:
                part = read_part(self.folder / name)
            except DamagedPartError as error:
                self._discard(self.folder / name, str(error))
                continue
            parts.append(taken(part, np.array([rows[keys[place]] for place in found], np.intp)))
            places += found
            for place in found:
                del left[place]
        if not parts:
            return [], {}
        return sorted(places), values_of(in_order(parts, np.array(places, np.intp)))

    def _write(self, part: Part) -> Path:
        from runner.adapters.tables.kept_parts import part_keys, write_part

        path = write_part(self.folder, part)
        self._rows[path.name] = {key: row for row, key in enumerate(part_keys(part))}
        return path

    def _tidy(self) -> None:
        """Writes many small parts as one, and removes what killed processes and earlier versions left."""
        from runner.adapters.tables.kept_parts import part_paths

        small = [path.name for path in part_paths(self.folder) if _size(path) < SMALL_BYTES]
        if len(small) > MOST_PARTS:
            self._rewrite(small, None)
            _remove_abandoned(self.folder)

    def _rewrite(self, names: Sequence[str], live: set[str] | None) -> None:
        """Writes parts as one; of `live` only, where it is given. Of two processes that come at once, one does it."""
        from runner.adapters.tables.kept_parts import DamagedPartError, chosen, joined, read_part

        with suppress(Timeout), FileLock(self.folder / ".lock", timeout=0):
            parts, paths = [], list[Path]()
            for path in (self.folder / name for name in names):
                with suppress(FileNotFoundError, DamagedPartError):  # named by whoever reads it next
                    parts.append(read_part(path))
                    paths.append(path)
            if parts:
                whole = joined(parts)
                written = self._write(whole if live is None else chosen(whole, live))
                for path in paths:
                    if path != written:
                        path.unlink(missing_ok=True)

    def _discard(self, path: Path, why: str) -> None:
        self._rows.pop(path.name, None)
        with suppress(OSError):
            path.unlink()
        self._note(
            f"{self.name}: a damaged file in .flywheel/index/ was removed; what it held is computed again: {why}"
        )

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except FlywheelError as error:
            self._note(f"{self.name} could not be kept, and will be computed again: {error.message}")
        except OSError as error:
            self._note(f"{self.name} could not be kept, and will be computed again: {error.strerror}")

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _remove_abandoned(folder: Path) -> None:
    """Half written files of a while ago, and the folders of versions that nobody has added to for long."""
    now = time.time()
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == ".parquet" and path.name.startswith(".") and _age_s(path, now) > ABANDONED_S:
                path.unlink(missing_ok=True)
        for other in folder.parent.iterdir():
            if other != folder and other.is_dir() and _age_s(other, now) > OLD_S:
                shutil.rmtree(other, ignore_errors=True)


def _age_s(path: Path, now: float) -> float:
    return now - path.stat().st_mtime
