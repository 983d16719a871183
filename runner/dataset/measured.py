"""The measurements of a dataset's images: of new and changed files only, since all else is kept.

Two kept tables are looked into. `files` knows an unchanged file by its path, size, times and inode, so that it is not even
read; `measurements` knows a content by its hash, so that a file that was moved, copied or touched is read and not decoded.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from runner.adapters.pictures.measured_images import (
    THUMBNAIL_SIDE,
    ImageMeasurement,
    SeenFile,
    see_images,
)
from runner.adapters.pictures.measuring import measuring_version
from runner.dataset.kept import KeptTable, kept_folder

FILES_VERSION = "1"
# Git's rule for timestamps: what was written just before it was read can be written again without another time.
# The coarsest clocks of file systems tick every two seconds.
RACY_NS = 2_000_000_000
KEEP_EVERY_S = 30.0  # how much work a killed process loses
_COLUMNS = tuple(item.name for item in fields(ImageMeasurement) if item.name != "image_id")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measurements of a dataset's images.

    Attributes:
        images: one per path.
        read: how many files were read; `decoded`: of how many of them the content was new.
        notes: what was wrong with what is kept.
    """

    images: list[ImageMeasurement]
    read: int
    decoded: int
    notes: list[str]


def measure_dataset(root: Path, folder: Path, paths: Sequence[str]) -> Measured:
    """Measures the images of a dataset, with a progress bar over those that have to be read.

    Args:
        root: the project's, in whose `.flywheel/` measurements are kept.
        folder: the dataset's.
        paths: of images, relative to `folder`.
    """
    store = _Store(root)
    states = [_identity(path, _status(f"{folder}/{path}")) for path in paths]
    ids = store.ids(states)
    kept = store.measured(list(ids.values()))
    images = [kept.get(ids.get(state, "")) for state in states]
    unread = [place for place, measured in enumerate(images) if measured is None]
    decoded = _measure_unread(store, root, folder, paths, images)
    store.forget_other_files(states)
    whole = [measured for measured in images if measured is not None]
    return Measured(images=whole, read=len(unread), decoded=decoded, notes=store.notes)


def _measure_unread(
    store: _Store, root: Path, folder: Path, paths: Sequence[str], images: list[ImageMeasurement | None]
) -> int:
    """Reads the files without a measurement in `images`, puts one there, and counts those that were decoded."""
    decoded = 0
    # The second time for those whose measurements were removed between the look at their keys and at their values.
    for known in (store.known(), frozenset[str]()):
        left = [place for place, measured in enumerate(images) if measured is None]
        ids: dict[int, str] = {}
        files = see_images([folder / paths[place] for place in left], known, root)
        for place, seen in zip(left, files, strict=True):
            store.note(paths[place], seen)
            images[place] = seen.measured
            if seen.measured is None:
                ids[place] = seen.image_id
        decoded += len(left) - len(ids)
        store.keep()
        kept = store.measured(list(ids.values()))
        for place, image_id in ids.items():
            images[place] = kept.get(image_id)
    return decoded


class _Store:
    """What is kept of files and of their contents, and what is new of both."""

    def __init__(self, root: Path) -> None:
        folder = kept_folder(root)
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        self._files = KeptTable(folder, "files", FILES_VERSION)
        self._measurements = KeptTable(folder, "measurements", measuring_version())
        self._new_files: dict[str, str] = {}
        self._new: dict[str, ImageMeasurement] = {}
        self._settled_ns = _clock_ns(folder) - RACY_NS
        self._kept_at = time.monotonic()

    @property
    def notes(self) -> list[str]:
        """What was wrong with what is kept."""
        return [*self._files.notes, *self._measurements.notes]

    def ids(self, states: Sequence[str]) -> dict[str, str]:
        """The contents of files that are as they were, by their state."""
        places, columns = self._files.find(states)
        return dict(zip([states[place] for place in places], columns.get("image_id", ()), strict=True))

    def known(self) -> set[str]:
        """All contents that are measured."""
        return self._measurements.keys()

    def measured(self, ids: Sequence[str]) -> dict[str, ImageMeasurement]:
        """The kept measurements among `ids`."""
        once = list(dict.fromkeys(ids))
        places, columns = self._measurements.find(once)
        if not places:
            return {}
        rows = zip(*(_plain(columns[name]) for name in _COLUMNS), strict=True)
        return {
            once[place]: ImageMeasurement(image_id=once[place], **dict(zip(_COLUMNS, row, strict=True)))
            for place, row in zip(places, rows, strict=True)
        }

    def note(self, path: str, seen: SeenFile) -> None:
        """Takes up what was seen of a file; from time to time it is written."""
        if seen.state is None:
            return
        if seen.measured is not None:
            self._new[seen.image_id] = seen.measured
        if max(seen.state.st_mtime_ns, seen.state.st_ctime_ns) < self._settled_ns:
            self._new_files[_identity(path, seen.state)] = seen.image_id
        if time.monotonic() - self._kept_at > KEEP_EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Writes what is new."""
        new = list(self._new.values())
        self._measurements.put(list(self._new), {name: _column(new, name) for name in _COLUMNS})
        self._files.put(list(self._new_files), {"image_id": list(self._new_files.values())})
        self._new, self._new_files, self._kept_at = {}, {}, time.monotonic()

    def forget_other_files(self, states: Sequence[str]) -> None:
        """Forgets files that were changed or removed, once there are many of them."""
        self._files.keep_only(states)


def _status(path: str) -> os.stat_result | None:
    with suppress(OSError):
        return os.stat(path)  # noqa: PTH116  twice as fast, for every image of the dataset
    return None


def _identity(path: str, status: os.stat_result | None) -> str:
    """What is another text when a file's content is another; of a file that is not there, a text that no file has."""
    if status is None:
        return ""
    return f"{path}|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}|{status.st_ino}"


def _clock_ns(folder: Path) -> int:
    """The time by the file system's clock, which may be another machine's."""
    with suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime_ns
    return time.time_ns()


def _column(measured: Sequence[ImageMeasurement], name: str) -> Any:
    import numpy as np

    values = [getattr(item, name) for item in measured]
    if name == "phash":
        return np.array(values, np.uint64)
    if name == "thumbnail":
        return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), THUMBNAIL_SIDE**2)
    return values


def _plain(values: Any) -> Any:
    import numpy as np

    if not isinstance(values, np.ndarray):
        return values
    return [row.tobytes() for row in values] if values.ndim == 2 else values.tolist()
