"""Which images are neighbouring frames of one video or burst: by numbers in their names, or by when they were taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.dataset.split_names import split_role

# In the order of a series; further away a frame shows something else, or the hash tells.
MOST_PLACES = 8
_EXPORTED = re.compile(r"(_(?:jpe?g|png|bmp|webp))?\.rf\.[0-9a-f]+$", re.IGNORECASE)  # as Roboflow renames
_NUMBERED = re.compile(r"^(.*?)(\d{1,18})(\D*)$")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an image stands: in which series, and at which number."""

    series: tuple[str, ...]
    number: float


def numbered(path: str) -> Place | None:
    """By the last number of a file's name; splits may lie in folders of their own. None where there is no number.

    >>> numbered("images/train/cam1_00012.jpg") == numbered("images/test/cam1_12_jpg.rf.0a1b.jpg")
    True
    >>> numbered("images/train/cat.jpg")
    """
    parts = PurePosixPath(path)
    found = _NUMBERED.match(_EXPORTED.sub("", parts.stem))
    if found is None:
        return None
    before, number, after = found.groups()
    folders = [part for part in parts.parent.parts if split_role(part) is None]
    return Place(series=(*folders, before, after), number=float(number))


def places(paths: Sequence[str], taken: Sequence[Any] | None, groups: Sequence[str]) -> list[Place | None]:
    """Of each image, by when it was taken within its group (else its folder) where that is known, else by its name.

    Args:
        paths: of the images.
        taken: the metadata column `captured_at`; None where there is none.
        groups: of each image; that of an image without a group is its own path.
    """
    times = _seconds(taken) if taken is not None else np.full(len(paths), np.nan)
    found = []
    for path, time, group in zip(paths, times.tolist(), groups, strict=True):
        if np.isnan(time):
            found.append(numbered(path))
        else:
            folders = [part for part in PurePosixPath(path).parent.parts if split_role(part) is None]
            found.append(Place(series=("", group) if group != path else tuple(folders), number=time))
    return found


def _seconds(taken: Sequence[Any]) -> NDArray[np.float64]:
    """Seconds since 1970, or whatever numbers are written; NaN where it is neither."""
    return np.array([_second(value) for value in taken], np.float64)


def _second(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        moment = np.datetime64(str(value).strip().removesuffix("Z"), "ms")
    except ValueError:
        return float("nan")
    return float("nan") if np.isnat(moment) else float(moment.astype(np.int64)) / 1000


def neighbours(
    standing: Sequence[Place | None], asked: NDArray[np.bool_], known: NDArray[np.bool_]
) -> Iterator[tuple[int, int]]:
    """Pairs of an asked image and the nearest known one before and after it in its series, at most `MOST_PLACES` away.

    Args:
        standing: `(N,)` of each image. `asked`, `known`: `(N,)` which images are compared, and with which.
    """
    series: dict[tuple[str, ...], list[int]] = {}
    for at, place in enumerate(standing):
        if place is not None and (asked[at] or known[at]):
            series.setdefault(place.series, []).append(at)
    for members in series.values():
        members.sort(key=lambda at: (standing[at].number, at))  # type: ignore[union-attr]
        for order in (members, members[::-1]):
            last = -MOST_PLACES - 1
            for step, at in enumerate(order):
                if asked[at] and step - last <= MOST_PLACES:
                    yield at, order[last]
                if known[at]:
                    last = step
