"""Which images of val and test a model may know from an earlier split: every kind of leak, the surest of each image.

Everything here is read from the sprint's index and selection; no image is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import column_names, read_table
from runner.dataset.frames import neighbours, places
from runner.dataset.near_duplicates import MIN_CONTRAST, MIN_CORRELATION, THUMBNAILS, Looks, correlations
from runner.domain.files import read_json
from runner.domain.leaking import Copies, LeakKind

Found: TypeAlias = tuple[LeakKind, int, int, float]
"""Kind, the image's row, the row of what gives it away, and the differing bits or the correlation."""

ALTERED = "copies.json"  # in a sprint's folder: what the check stage found
# A split's images are compared with those of the splits that come before it here: those that a model learnt from first.
COMPARED = {"val": ("train",), "test": ("train", "val")}
# Measured by benchmarks/near_duplicates.py: a camera that moved by 2 % of the picture is above, in 98 of 100.
FRAME_CORRELATION = 0.9
_SIDE, _LOW = 16, 8
# Per image: of a still camera's thousands of alike images, some are enough to tell.
_MOST_CANDIDATES = 64
_CHUNK = 1 << 18


@dataclass(frozen=True, kw_only=True)
class LeakedImage:
    """An image of val or test, and one of an earlier split that gives it away.

    Attributes:
        distance: in how many bits the hashes differ (mirrored first, where it is that); None where no hash was asked.
    """

    path: str
    split: str
    kind: LeakKind
    near_path: str
    near_split: str
    distance: int | None = None


@dataclass(frozen=True, kw_only=True)
class SelectedImages:
    """The selected images of train, val and test, sorted by path, and what the index knows of them.

    Attributes:
        taken: the metadata column `captured_at`, where there is one.
        looks: None where an earlier version made the index: it kept no thumbnails.
        altered: an image's row, that of the image that it is an altered copy of, and how it was altered; what the check stage
            found, by row.
    """

    paths: list[str]
    splits: NDArray[Any]
    image_ids: list[str]
    groups: list[str]
    taken: list[Any] | None
    looks: Looks | None
    altered: Sequence[tuple[int, int, str]] = ()

    def of(self, *names: str) -> NDArray[np.bool_]:
        """`(N,)`: which are of these splits."""
        return np.isin(self.splits.astype(str), names)

    @classmethod
    def read(cls, sprint: Path) -> SelectedImages:
        """From a sprint's folder, with `index` and `selection`.

        Raises:
            FlywheelError: a table is missing or not readable.
        """
        manifest = read_table(sprint / "selection" / "manifest.parquet", ["path", "assigned", "selected"])
        chosen = manifest["selected"].astype(bool) & np.isin(
            manifest["assigned"].astype(str), ("train", *COMPARED)
        )
        split_of = dict(
            zip(manifest["path"][chosen].tolist(), manifest["assigned"][chosen].tolist(), strict=True)
        )
        file = sprint / "index" / "images.parquet"
        optional = [name for name in ("group", "captured_at") if name in column_names(file)]
        hashed = (sprint / "index" / THUMBNAILS).is_file()
        images = read_table(file, ["path", "image_id", *(["phash"] if hashed else []), *optional])
        paths = images["path"].tolist()
        rows = np.array(
            sorted((at for at, path in enumerate(paths) if path in split_of), key=paths.__getitem__), np.intp
        )
        named = [paths[at] for at in rows.tolist()]
        return cls(
            paths=named,
            splits=np.array([split_of[path] for path in named], object),
            image_ids=images["image_id"][rows].tolist(),
            groups=images["group"][rows].tolist() if "group" in images else named,
            taken=images["captured_at"][rows].tolist() if "captured_at" in images else None,
            looks=_looks(sprint, images["phash"][rows], named) if hashed else None,
            altered=_altered(sprint, named),
        )


def _looks(sprint: Path, hashes: NDArray[Any], paths: list[str]) -> Looks:
    seen = read_table(sprint / "index" / THUMBNAILS, ["path", "grey"])
    grey_of = dict(zip(seen["path"].tolist(), seen["grey"].tolist(), strict=True))
    grey = [np.frombuffer(grey_of[path], np.uint8) for path in paths]
    return Looks(hashes=hashes.astype(np.uint64), thumbnails=np.array(grey, np.uint8).reshape(-1, _SIDE**2))


def _altered(sprint: Path, paths: Sequence[str]) -> list[tuple[int, int, str]]:
    file = sprint / ALTERED
    if not file.is_file():  # an earlier version checked the data
        return []
    row = {path: at for at, path in enumerate(paths)}
    found = [pair for pair in read_json(file, Copies).altered if pair.path in row and pair.near_path in row]
    return sorted((row[pair.path], row[pair.near_path], pair.how) for pair in found)


def find_leaks(
    images: SelectedImages, *, distance: int, frame_correlation: float = FRAME_CORRELATION
) -> list[LeakedImage]:
    """The images of val and test that an earlier split gives away, sorted by split and path, each by the surest kind.

    Args:
        images: of the sprint.
        distance: largest number of differing bits of the hashes of copies, mirrored ones among them.
        frame_correlation: least correlation of the thumbnails of neighbouring frames.
    """
    found: dict[int, LeakedImage] = {}
    ways = (
        _alike(images, "same file", images.image_ids),
        copies(images, distance),
        _altered_copies(images),
        frames(images, frame_correlation),
        _alike(images, "same group", _named_groups(images)),
    )
    for kind, at, near, value in chain.from_iterable(ways):
        if at not in found:
            found[at] = LeakedImage(
                path=images.paths[at],
                split=images.splits[at],
                kind=kind,
                near_path=images.paths[near],
                near_split=images.splits[near],
                distance=int(value) if kind in ("near-duplicate", "mirrored copy") else None,
            )
    return sorted(found.values(), key=lambda leak: (list(COMPARED).index(leak.split), leak.path))


def _altered_copies(images: SelectedImages) -> Iterator[Found]:
    for at, near, _ in images.altered:
        yield "altered copy", at, near, 0.0


def _named_groups(images: SelectedImages) -> list[str | None]:
    return [group if group != path else None for group, path in zip(images.groups, images.paths, strict=True)]


def _alike(images: SelectedImages, kind: LeakKind, values: Sequence[str | None]) -> Iterator[Found]:
    """Images of val and test with the first image of an earlier split that has the same value."""
    for split, earlier in COMPARED.items():
        first: dict[str, int] = {}
        for at in np.flatnonzero(images.of(*earlier)).tolist():
            if (value := values[at]) is not None:
                first.setdefault(value, at)
        for at in np.flatnonzero(images.of(split)).tolist():
            if (value := values[at]) is not None and value in first:
                yield kind, at, first[value], 0.0


def copies(images: SelectedImages, distance: int) -> Iterator[Found]:
    """Near-duplicates, then mirrored ones: of each image the one with the fewest differing bits, the first of equals.

    None where an earlier version made the index. Images without contrast (night, a covered lens) are compared with none.

    Args:
        images: of the sprint.
        distance: largest number of differing bits of the hashes.
    """
    looks = images.looks
    if looks is None:
        return
    contrast = looks.thumbnails.std(axis=1, dtype=np.float32) >= MIN_CONTRAST
    for split, earlier in COMPARED.items():
        ours, theirs = (
            np.flatnonzero(images.of(split) & contrast),
            np.flatnonzero(images.of(*earlier) & contrast),
        )
        if not len(ours) or not len(theirs):
            continue
        straight, others = looks.rows(ours), looks.rows(theirs)
        for at, near, bits in nearest_copies(straight, others, distance):
            yield "near-duplicate", int(ours[at]), int(theirs[near]), bits
        for at, near, bits in mirrored_copies(straight.thumbnails, others.thumbnails, distance):
            yield "mirrored copy", int(ours[at]), int(theirs[near]), bits


def mirrored_copies(
    thumbnails: NDArray[np.uint8], others: NDArray[np.uint8], distance: int
) -> list[tuple[int, int, int]]:
    """As `nearest_copies`, of the thumbnails mirrored either way or both: hashes of mirrored pictures follow from them."""
    known = Looks(hashes=thumbnail_hashes(others), thumbnails=others)
    square = thumbnails.reshape(-1, _SIDE, _SIDE)
    best: dict[int, tuple[int, int]] = {}
    for mirrored in (square[:, :, ::-1], square[:, ::-1], square[:, ::-1, ::-1]):
        turned = np.ascontiguousarray(mirrored).reshape(len(square), -1)
        looks = Looks(hashes=thumbnail_hashes(turned), thumbnails=turned)
        for at, near, bits in nearest_copies(looks, known, distance):
            best[at] = min(best.get(at, (bits, near)), (bits, near))
    return [(at, near, bits) for at, (bits, near) in sorted(best.items())]


def thumbnail_hashes(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """`(N,)` perceptual hashes of 16 × 16 thumbnails: within a few bits of those of the pictures, and comparable with each other.

    Args:
        thumbnails: `(N, 256)`.
    """
    order = np.arange(_LOW)[:, None] * (2 * np.arange(_SIDE)[None] + 1)
    basis = np.cos(np.pi * order / (2 * _SIDE)).astype(np.float32)  # (8, 16), the DCT's lowest frequencies
    basis[0] *= np.sqrt(0.5, dtype=np.float32)
    found = np.empty(len(thumbnails), np.uint64)
    for at in range(0, len(thumbnails), _CHUNK):
        square = thumbnails[at : at + _CHUNK].reshape(-1, _SIDE, _SIDE).astype(np.float32)
        low = (basis @ square @ basis.T).reshape(len(square), -1)  # (N, 64)
        bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)
        found[at : at + _CHUNK] = np.ascontiguousarray(bits).view(">u8").ravel()
    return found


def nearest_copies(images: Looks, others: Looks, distance: int) -> list[tuple[int, int, int]]:
    """Of each image that has one: the other whose thumbnail agrees with the fewest differing bits; `(at, other, bits)` by `at`."""
    from runner.adapters.pictures.hash_pairs import pairs_between

    ours, of_ours = np.unique(images.hashes, return_inverse=True)
    theirs, of_theirs = np.unique(others.hashes, return_inverse=True)
    pairs = pairs_between(ours, theirs, distance)
    members = np.argsort(of_theirs, kind="stable")
    starts = np.searchsorted(of_theirs[members], np.arange(len(theirs) + 1))
    found = []
    begin, end = np.searchsorted(pairs.first, of_ours), np.searchsorted(pairs.first, of_ours, side="right")
    for at in np.flatnonzero(end > begin).tolist():
        near = slice(begin[at], end[at])
        best = _agreeing(
            images.thumbnails[at], others.thumbnails, members, starts, pairs.second[near], pairs.bits[near]
        )
        if best is not None:
            found.append((at, *best))
    return found


def _agreeing(
    thumbnail: NDArray[np.uint8],
    others: NDArray[np.uint8],
    members: NDArray[np.intp],
    starts: NDArray[np.intp],
    hashes: NDArray[np.int64],
    bits: NDArray[np.int64],
) -> tuple[int, int] | None:
    """The first of the candidates, from the fewest differing bits on, whose thumbnail agrees; and how many bits those are."""
    left = _MOST_CANDIDATES
    for each in np.argsort(bits, kind="stable").tolist():
        rows = members[starts[hashes[each]] : starts[hashes[each] + 1]][:left]
        agreed = np.flatnonzero(correlations(thumbnail[None], others[rows]) >= MIN_CORRELATION)
        if len(agreed):
            return int(rows[agreed[0]]), int(bits[each])
        left -= len(rows)
        if left <= 0:
            return None
    return None


def frames(images: SelectedImages, least: float) -> Iterator[Found]:
    """Neighbouring frames whose thumbnails have at least that correlation, the more alike of two first.

    None where an earlier version made the index: there is nothing that could confirm what names say.
    """
    if images.looks is None:
        return
    standing = places(images.paths, images.taken, images.groups)
    listed = [
        pair
        for split, earlier in COMPARED.items()
        for pair in neighbours(standing, images.of(split), images.of(*earlier))
    ]
    both = np.array(listed, np.intp).reshape(-1, 2)
    thumbnails = images.looks.thumbnails
    alike = np.concatenate(
        [
            np.zeros(0, np.float32),
            *(
                correlations(thumbnails[some[:, 0]], thumbnails[some[:, 1]])
                for some in (both[at : at + _CHUNK] for at in range(0, len(both), _CHUNK))
            ),
        ]
    )
    contrast = thumbnails.std(axis=1, dtype=np.float32) >= MIN_CONTRAST
    for row in np.lexsort((both[:, 1], -alike, both[:, 0])).tolist():
        at, near = both[row].tolist()
        if contrast[at] and contrast[near] and alike[row] >= least:
            yield "neighbouring frame", at, near, float(alike[row])
