"""Where images go in the new dataset: below the folder of their split, each at a place of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from runner.dataset.entries import ImageEntry
from runner.writers.losses import Losses
from runner.writers.writer import Scheme, Writer

CONTAINERS = frozenset(("images", "JPEGImages"))
_OUTSIDE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|^/+")


def inner_path(path: str, split: str | None) -> PurePosixPath:
    """An image's path without the outer folders that say where images lie, and its split.

    >>> str(inner_path("images/train/a/x.jpg", "train")), str(inner_path("train/images/x.jpg", "train"))
    ('a/x.jpg', 'x.jpg')
    >>> str(inner_path("train/x.jpg", None)), str(inner_path("s3://bucket/a/x.jpg", None))
    ('train/x.jpg', 'bucket/a/x.jpg')
    """
    plain = PurePosixPath(_OUTSIDE.sub("", path))
    parts = [part for part in plain.parts if part != ".."]
    names = set(CONTAINERS) | ({split} if split else set())
    while len(parts) > 1 and parts[0] in names:
        names -= CONTAINERS if parts[0] in CONTAINERS else {parts[0]}
        parts.pop(0)
    return PurePosixPath(*parts)


def below_split(folder: str, entry: ImageEntry, inner: PurePosixPath) -> PurePosixPath:
    """`<folder>/<split>/<inner>`; an image of no split loses its folders, which would be taken for one."""
    if entry.split is None:
        return PurePosixPath(folder, inner.name)
    return PurePosixPath(folder, entry.split, inner)


def unique_places(
    entries: Sequence[ImageEntry], writer: Writer, scheme: Scheme, losses: Losses
) -> dict[str, str]:
    """A place for each image: of two that would share one, or a label file, the second gets a number.

    Places that differ in case only count as shared: not every file system tells them apart.

    Args:
        entries: sorted by path; the result is by path too.
        losses: takes the images that get another name or lose a folder.
    """
    taken: set[str] = set()
    places: dict[str, str] = {}
    for entry in entries:
        inner = inner_path(entry.path, entry.split)
        wanted = writer.place(entry, inner, scheme)
        place, number = wanted, 1
        while (key := _key(place, writer.one_label_per_stem)) in taken:
            number += 1
            place = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        taken.add(key)
        places[entry.path] = place.as_posix()
        if place.parts[-len(inner.parts) :] != inner.parts:
            losses.add("renamed", f"{entry.path} is {place.as_posix()}")
    return places


def _key(place: PurePosixPath, by_stem: bool) -> str:
    plain = unicodedata.normalize("NFC", (place.with_suffix("") if by_stem else place).as_posix())
    return plain.casefold()
