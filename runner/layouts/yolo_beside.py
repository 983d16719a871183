"""YOLO's labels beside their images, as Darknet, LabelImg and CVAT's export YOLO 1.1 have them, and the lists that go with them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

LOOKED_AT = 20  # label files with something in them
LISTS = ("train.txt", "val.txt", "valid.txt", "test.txt")
_LEAST_NUMBERS = 5  # of a line


def labels_beside(folder: Path, images: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The text files beside images that are called as these are, if they hold lines of labels; else none.

    Args:
        folder: the dataset.
        images: relative to it.
        texts: its text files, relative to it.
    """
    stems = {os.path.splitext(path)[0] for path in images}  # noqa: PTH122 - for every image, a path takes too long
    named = [path for path in texts if os.path.splitext(path)[0] in stems]  # noqa: PTH122
    lines = list(_sampled(folder, named))
    return named if sum(map(_are_numbers, lines)) * 2 > len(lines) else []


def darknet_splits(folder: Path) -> tuple[dict[str, Any], str] | None:
    """What `obj.data` says of splits, as data.yaml would, and its name; else the lists at the top; None without either."""
    found = [*folder.glob("*.data"), *folder.glob("data/*.data")]
    if len(found) == 1:
        text = found[0].read_bytes().decode("utf-8-sig", errors="replace")
        pairs = (line.partition("=") for line in text.splitlines())
        return {key.strip().lower(): value.strip() for key, sign, value in pairs if sign}, found[0].name
    lists = {name.removesuffix(".txt"): name for name in LISTS if (folder / name).is_file()}
    return (lists, "the folder") if lists else None


def _sampled(folder: Path, files: Sequence[str]) -> Iterator[list[str]]:
    """The words of each line of the first files that have any."""
    seen = 0
    for path in files:
        text = (folder / path).read_bytes().decode("utf-8-sig", errors="replace")
        lines = [line.split() for line in text.splitlines() if line.strip()]
        yield from lines
        seen += bool(lines)
        if seen == LOOKED_AT:
            return


def _are_numbers(words: Sequence[str]) -> bool:
    try:
        return len([float(word) for word in words]) >= _LEAST_NUMBERS
    except ValueError:
        return False
