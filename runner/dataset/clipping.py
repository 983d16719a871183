"""What of a labelled object lies in its image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from runner.dataset.entries import LabelledObject
from runner.dataset.shapes import SizeHW

Point: TypeAlias = tuple[float, float]
_LEAST_POINTS = 3


def clipped(item: LabelledObject, size: SizeHW) -> LabelledObject | None:
    """The part of an object that lies in its image; None where none does.

    A box is cut at the image's borders, and so is an outline, whose box is then that of what is left. Key points out of the
    image count as not labelled. An area that the label states is kept where the box that is left can hold it. Masks have
    their image's size, and rotated boxes would be none once cut: both stay as they are.
    """
    width, height = (1.0, 1.0) if item.normalised else (float(size[1]), float(size[0]))
    if item.mask is not None or item.corners:
        return item
    if item.polygons:
        cut = [clip_polygon(polygon, width, height) for polygon in item.polygons]
        polygons = tuple(tuple(polygon) for polygon in cut if polygon)
        if not polygons:
            return None
        x = [value for polygon in polygons for value in polygon[::2]]
        y = [value for polygon in polygons for value in polygon[1::2]]
        return item._replace(polygons=polygons, box_xyxy=(min(x), min(y), max(x), max(y)))
    x_min, y_min, x_max, y_max = item.box_xyxy
    box = (max(x_min, 0.0), max(y_min, 0.0), min(x_max, width), min(y_max, height))
    sides_px = [
        (end - start) * (pixels if item.normalised else 1)
        for start, end, pixels in ((box[0], box[2], size[1]), (box[1], box[3], size[0]))
    ]
    if min(sides_px) <= 0:
        return None
    area = item.area_px if item.area_px is not None and item.area_px <= sides_px[0] * sides_px[1] else None
    points = _points_inside(item.keypoints, width, height)
    return item._replace(box_xyxy=box, keypoints=points, area_px=area)


def clip_polygon(polygon: Sequence[float], width: float, height: float) -> list[float]:
    """The part of an outline `x, y, x, y, …` between 0 and `width`, 0 and `height`; empty where there is none.

    Parts that the border separates stay joined along it, which covers no pixel.

    Source: Sutherland and Hodgman, Reentrant Polygon Clipping, CACM 17 (1974).

    >>> clip_polygon([-2, 1, 2, 1, 2, 3, -2, 3], 10, 10)
    [0.0, 1.0, 2, 1, 2, 3, 0.0, 3.0]
    """
    points: list[Point] = list(zip(polygon[::2], polygon[1::2], strict=True))
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        points = _clip_at(points, axis, limit, sign)
    return [value for point in points for value in point] if len(points) >= _LEAST_POINTS else []


def _clip_at(points: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    """The outline on one side of a line that is parallel to an axis: above `limit` where `sign` is 1, below where it is -1."""
    kept: list[Point] = []
    for at, end in enumerate(points):
        start = points[at - 1]
        starts_inside, ends_inside = (sign * (point[axis] - limit) >= 0 for point in (start, end))
        if starts_inside != ends_inside:
            share = (limit - start[axis]) / (end[axis] - start[axis])
            other = start[1 - axis] + share * (end[1 - axis] - start[1 - axis])
            kept.append((limit, other) if axis == 0 else (other, limit))
        if ends_inside:
            kept.append(end)
    return kept


def _points_inside(keypoints: Sequence[float], width: float, height: float) -> tuple[float, ...]:
    triples = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
    return tuple(
        value
        for x, y, visible in triples
        for value in ((x, y, visible) if 0 <= x <= width and 0 <= y <= height else (0.0, 0.0, 0.0))
    )
