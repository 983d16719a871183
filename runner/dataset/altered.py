"""Altered copies: cropped, turned or brightened pictures of one photograph. Corners propose them, registration of pixels confirms.

Here pixels are read, once for each content: the descriptors of corners are kept for the project (`kept.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.feature_votes import Corners, proposals
from runner.adapters.pictures.local_features import (
    BYTES,
    FEATURES,
    features_version,
    local_features,
    one_thread_per_image,
)
from runner.adapters.pictures.registration import Registration, read_grey, register
from runner.adapters.system.machine import cpu_count
from runner.dataset.kept import KeptTable, kept_folder
from runner.dataset.leaks import COMPARED, SelectedImages
from runner.domain.leaking import AlteredPair
from runner.domain.progress import progress_bar

PROPOSED = 2  # images for each one; chosen by benchmarks/copies.py --choose
_TABLE, _MIRRORED = "corners", "-mirrored"
_CHUNK = 512  # images between two writes: what a killed process loses at most


@dataclass(frozen=True, kw_only=True)
class AlteredCopy:
    """Two positions among the images, and how the second lies upon the first."""

    at: int
    near: int
    registration: Registration

    @property
    def words(self) -> str:
        """What was done to the one to get the other, as in `cropped, flipped`; empty for another brightness alone."""
        return ", ".join(self.registration.changes)


class Pictures:
    """N images whose corners are compared.

    Args:
        root: the project's, where descriptors are kept.
        files: `(N,)` where each lies.
        ids: `(N,)` of their contents.
    """

    def __init__(self, root: Path, files: Sequence[Path], ids: Sequence[str]) -> None:
        self.files, self.ids = files, ids
        self._table = KeptTable(kept_folder(root), _TABLE, features_version())
        self._unkept: dict[
            str, NDArray[np.uint8]
        ] = {}  # what the table could not keep: it is looked at all the same

    def describe(self, rows: Iterable[int], mirrored: Iterable[int]) -> None:
        """Computes the descriptors that are not kept yet, with progress: of `rows`, and of the mirror images of some of them."""
        wanted = {self.ids[row]: row for row in rows}
        turned = {self.ids[row] + _MIRRORED: row for row in mirrored}
        missing = [key for key in self._table.missing([*wanted, *turned]) if key not in self._unkept]
        files = dict.fromkeys(wanted.get(key, turned.get(key, -1)) for key in missing)
        both = {turned[key] for key in missing if key in turned}
        chunk: dict[str, NDArray[np.uint8]] = {}

        def described(row: int) -> tuple[int, Any]:
            return row, local_features(self.files[row], mirrored=row in both)

        with one_thread_per_image(), progress_bar("corners", len(files), "image") as bar:
            for row, (straight, mirror) in _in_parallel(described, list(files)):
                chunk[self.ids[row]] = straight
                if row in both:
                    chunk[self.ids[row] + _MIRRORED] = mirror
                if len(chunk) >= _CHUNK:
                    self._put(chunk)
                bar.update()
        self._put(chunk)

    def _put(self, chunk: dict[str, NDArray[np.uint8]]) -> None:
        new = self._table.missing(list(chunk))
        filled = np.zeros((len(new), FEATURES * BYTES), np.uint8)
        for at, key in enumerate(new):
            filled[at, : chunk[key].size] = chunk[key].ravel()
        counts = np.array([len(chunk[key]) for key in new], np.int64)
        self._table.put(new, {"corners": filled, "count": counts})
        self._unkept |= {key: chunk[key] for key in self._table.missing(new)}
        chunk.clear()

    def corners(self, rows: Sequence[int], *, mirrored: bool = False) -> Corners:
        """The corners of some images, in their order."""
        keys = [self.ids[row] + (_MIRRORED if mirrored else "") for row in rows]
        places, columns = self._table.find(keys)
        descriptors = np.zeros((len(keys), FEATURES, BYTES), np.uint8)
        counts = np.zeros(len(keys), np.int64)
        if places:
            descriptors[places] = columns["corners"].reshape(-1, FEATURES, BYTES)
            counts[places] = columns["count"]
        for at in sorted(set(range(len(keys))) - set(places)):
            found = self._not_kept(rows[at], keys[at], mirrored=mirrored)
            descriptors[at, : len(found)], counts[at] = found, len(found)
        return Corners.of(descriptors, counts)

    def _not_kept(self, row: int, key: str, *, mirrored: bool) -> NDArray[np.uint8]:
        """What the table does not hold, as where it cannot be written, or a part of it was damaged since."""
        if key not in self._unkept:
            self._unkept[key] = local_features(self.files[row], mirrored=mirrored)[mirrored]
        return self._unkept[key]


def altered_copies(
    pictures: Pictures, sides: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[AlteredCopy]:
    """Images that show the same pixels as another, each with the one that its corners say most of.

    Args:
        sides: images, and those that each of them is compared with; an image is not compared with itself.

    Copies that hashes tell too are found as well; the same file is not.
    """
    asked = [row for ours, _ in sides for row in ours]
    pictures.describe(
        dict.fromkeys([*asked, *(row for _, theirs in sides for row in theirs)]), dict.fromkeys(asked)
    )
    tried = dict[int, list[int]]()
    for ours, theirs in sides:
        for row, near in _proposed(pictures, ours, theirs):
            tried.setdefault(row, []).append(near)
    found: list[AlteredCopy] = []

    def confirmed(row: int) -> AlteredCopy | None:
        return _confirmed(pictures, row, dict.fromkeys(tried[row]))

    with one_thread_per_image(), progress_bar("copies", len(tried), "image") as bar:
        for copy in _in_parallel(confirmed, sorted(tried)):
            found += [copy] if copy is not None else []
            bar.update()
    return found


def altered_of(images: SelectedImages, root: Path, dataset: Path) -> list[AlteredPair]:
    """The images of val and test that are altered copies of one of an earlier split, sorted by path.

    Args:
        images: of the sprint.
        root: the project's. `dataset`: the folder that paths are relative to.
    """
    pictures = Pictures(root, [dataset / path for path in images.paths], images.image_ids)
    sides = [
        (np.flatnonzero(images.of(split)).tolist(), np.flatnonzero(images.of(*earlier)).tolist())
        for split, earlier in COMPARED.items()
    ]
    return [
        AlteredPair(path=images.paths[copy.at], near_path=images.paths[copy.near], how=copy.words)
        for copy in altered_copies(pictures, sides)
    ]


def _proposed(pictures: Pictures, ours: Sequence[int], theirs: Sequence[int]) -> Iterator[tuple[int, int]]:
    known = pictures.corners(theirs)
    place = {row: at for at, row in enumerate(theirs)}
    skip = np.array([place.get(row, -1) for row in ours], np.int64)
    asked = (pictures.corners(ours), pictures.corners(ours, mirrored=True))
    for row, nearest in zip(ours, proposals(*asked, known, PROPOSED, skip).tolist(), strict=True):
        for at in nearest:
            if at >= 0 and pictures.ids[theirs[at]] != pictures.ids[row]:
                yield row, theirs[at]


def _confirmed(pictures: Pictures, row: int, others: Iterable[int]) -> AlteredCopy | None:
    """The first that pixels confirm."""
    grey = read_grey(pictures.files[row])
    for near in others:
        other = read_grey(pictures.files[near])
        found = register(other, grey) if grey is not None and other is not None else None
        if found is not None:
            return AlteredCopy(at=row, near=near, registration=found)
    return None


def _in_parallel(function: Callable[[int], Any], rows: Sequence[int]) -> Iterator[Any]:
    with ThreadPoolExecutor(cpu_count()) as pool:
        yield from pool.map(function, rows)
