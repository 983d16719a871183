"""Masks and objects of several parts as one outline: a line of YOLO and a polygon of CVAT hold no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from runner.dataset.entries import EncodedMask, LabelledObject
from runner.writers.losses import Losses
from runner.writers.numbers import pixels
from runner.writers.writer import SizedImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]
_LEAST_NUMBERS = 6  # three points
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up


def mask_outline(mask: EncodedMask) -> list[float]:
    """One outline `x, y, …` in pixels around the very pixels of a mask, holes left out; nothing of an empty mask."""
    parts = pixel_outlines(mask_pixels(mask))
    return _flat(joined(parts)) if parts else []


def single_outline(item: LabelledObject, image: SizedImage, losses: Losses) -> list[float]:
    """An object's outlines as one, `x, y, …` in pixels, which covers the same pixels; several are noted.

    Where parts overlap, the outline follows all their pixels: joined as they are, overlaps would become holes.
    """
    from runner.adapters.pictures.coco_masks import decode_mask, polygons_to_rle

    whole = [pixels(item, part, image) for part in item.polygons if len(part) >= _LEAST_NUMBERS]
    if len(whole) < 2:
        return whole[0] if whole else []
    size_hw = (image.height, image.width)
    one = _flat(joined([_points(polygon) for polygon in whole]))
    covered = polygons_to_rle(whole, size_hw)
    if polygons_to_rle([one], size_hw) == covered:
        losses.add("parts_joined", item.place)
        return one
    losses.add("parts_merged", item.place)
    outlines = pixel_outlines(decode_mask(covered, size_hw))
    return _flat(joined(outlines)) if outlines else one


def mask_pixels(mask: EncodedMask) -> NDArray[np.bool_]:
    """The pixels `(height, width)` of run lengths."""
    import numpy as np

    values = np.arange(len(mask.counts)) % 2 == 1
    return np.repeat(values, mask.counts).reshape(mask.width, mask.height).T


def pixel_outlines(mask: NDArray[np.bool_]) -> list[list[Point]]:
    """The closed outlines of a mask along the edges of its pixels, around its parts and around its holes.

    Points `(x, y)` are pixels' corners, where an outline turns. Pixels that touch at a corner only are two parts.

    Args:
        mask: `(height, width)`.
    """
    import numpy as np

    framed = np.pad(mask, 1)
    inside = framed[1:-1, 1:-1]
    neighbours = (framed[:-2, 1:-1], framed[1:-1, 2:], framed[2:, 1:-1], framed[1:-1, :-2])
    starts = ((0, 0), (1, 0), (1, 1), (0, 1))  # of a pixel's upper, right, lower and left edge, clockwise
    leaving: dict[Point, set[int]] = {}
    for way, (other, (right, down)) in enumerate(zip(neighbours, starts, strict=True)):
        for y, x in np.argwhere(inside & ~other).tolist():
            leaving.setdefault((x + right, y + down), set()).add(way)
    outlines = []
    while leaving:
        outlines.append(_walked(leaving))
    return outlines


def _walked(leaving: dict[Point, set[int]]) -> list[Point]:
    """One outline, taken out of the edges; at a corner where two meet it stays with its pixel."""
    start = at = next(iter(leaving))
    way = min(leaving[at])
    points = []
    while True:
        points.append(at)
        leaving[at].discard(way)
        if not leaving[at]:
            del leaving[at]
        at = (at[0] + _STEPS[way][0], at[1] + _STEPS[way][1])
        if at == start:
            return _turning(points)
        way = next(turn for turn in ((way + 1) % 4, way, (way + 3) % 4) if turn in leaving[at])


def _turning(points: Sequence[Point]) -> list[Point]:
    """The points of a closed line at which it changes its way."""
    return [
        point
        for at, point in enumerate(points)
        if (point[0] - points[at - 1][0], point[1] - points[at - 1][1])
        != (points[(at + 1) % len(points)][0] - point[0], points[(at + 1) % len(points)][1] - point[1])
    ]


def joined(parts: Sequence[Sequence[Point]]) -> list[Point]:
    """Closed outlines as one: each is reached from what is there, and left again, where they are nearest.

    A line there and back encloses nothing: by the even-odd rule, parts stay parts and holes stay holes.
    """
    import numpy as np

    whole = list(parts[0])
    for part in parts[1:]:
        first, second = np.asarray(whole, np.float64), np.asarray(part, np.float64)
        nearest = [((first - point) ** 2).sum(axis=1) for point in second]
        there = int(np.argmin([distances.min() for distances in nearest]))
        here = int(nearest[there].argmin())
        around = [*part[there:], *part[: there + 1]]
        whole = [*whole[: here + 1], *around, *whole[here:]]
    return whole


def _points(polygon: Sequence[float]) -> list[Point]:
    return list(zip(polygon[::2], polygon[1::2], strict=True))


def _flat(points: Sequence[Point]) -> list[float]:
    return [value for point in points for value in point]
