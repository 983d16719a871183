"""Overlap of rotated boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit

_MOST_CORNERS = 8  # of what two convex quadrilaterals have in common


@dataclass(frozen=True, kw_only=True)
class RotatedBoxes:
    """N convex quadrilaterals.

    Attributes:
        corners: `(N, 4, 2)` float64, `(x, y)` in pixels, in one turning direction; the last is repeated where
            there are fewer.
        area_px: `(N,)` float64; 0 where the corners lie on one line.
    """

    corners: NDArray[np.float64]
    area_px: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RotatedBoxSimilarity:
    """IoU of the rotated boxes of a problem's rows (see `problem.Similarity`).

    For a crowd, the intersection is divided by the detection's area alone.

    Attributes:
        truths, detections: the boxes.
        crowd: `(N,)` bool, of the truths.
    """

    truths: RotatedBoxes
    detections: RotatedBoxes
    crowd: NDArray[np.bool_]

    def __call__(self, truth: NDArray[np.int64], detection: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(P,)` in [0, 1]; 0 for boxes that do not overlap or have no area."""
        a, b = self.truths, self.detections
        common = _intersections(a.corners, b.corners, truth, detection)
        both = a.area_px[truth] + b.area_px[detection] - common
        union = np.where(self.crowd[truth], b.area_px[detection], both)
        solid = (a.area_px[truth] > 0) & (b.area_px[detection] > 0)
        iou = np.divide(common, union, out=np.zeros_like(common), where=solid & (union > 0))
        result: NDArray[np.float64] = np.clip(iou, 0, 1)
        return result


def rotated_boxes(corners: NDArray[np.float64]) -> RotatedBoxes:
    """The convex hulls of N times four corners `(N, 8)`: `x1, y1, …, x4, y4` in pixels, in any order.

    Example:
        >>> rotated_boxes(np.array([[1.0, 0, 2, 1, 1, 2, 0, 1]])).area_px.tolist()
        [2.0]
    """
    hulls, area_px = _hulls(np.ascontiguousarray(corners, dtype=np.float64).reshape(-1, 4, 2))
    return RotatedBoxes(corners=hulls, area_px=area_px)


@njit(cache=True, nogil=True)
def _turn(a: Any, b: Any, c: Any) -> Any:
    """Twice the area of the triangle; positive where c lies to the left of the line from a to b."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@njit(cache=True, nogil=True)
def _area(polygon: Any, n: Any) -> Any:
    """Area of a convex polygon, by triangles from its first corner: small numbers far from the origin too."""
    twice = 0.0
    for k in range(1, n - 1):
        twice += _turn(polygon[0], polygon[k], polygon[k + 1])
    return twice / 2


@njit(cache=True, nogil=True)
def _hulls(corners: Any) -> Any:
    """Convex hulls in positive turning direction, and their areas (Andrew's monotone chain)."""
    hulls = np.empty_like(corners)
    area = np.zeros(len(corners))
    chain = np.empty((9, 2))
    for row in range(len(corners)):
        points = corners[row].copy()
        for i in range(1, 4):  # insertion sort by x, then y
            for j in range(i, 0, -1):
                if (points[j, 0], points[j, 1]) < (points[j - 1, 0], points[j - 1, 1]):
                    x, y = points[j, 0], points[j, 1]
                    points[j] = points[j - 1]
                    points[j - 1, 0], points[j - 1, 1] = x, y
        n, turned = 0, 1
        for step in range(7):  # there and back again
            point = points[step] if step < 4 else points[6 - step]
            least = 2 if step < 4 else turned + 1
            while n >= least and _turn(chain[n - 2], chain[n - 1], point) <= 0:
                n -= 1
            chain[n] = point
            n += 1
            if step == 3:
                turned = n
        n -= 1  # the first corner again
        area[row] = _area(chain, n)
        for k in range(4):
            hulls[row, k] = chain[min(k, max(n - 1, 0))]
    return hulls, area


@njit(cache=True, nogil=True)
def _intersections(truths: Any, detections: Any, row: Any, other: Any) -> Any:
    """`(P,)` areas that both boxes of a pair cover (Sutherland and Hodgman's clipping)."""
    common = np.zeros(len(row))
    polygon = np.empty((_MOST_CORNERS + 4, 2))
    clipped = np.empty((_MOST_CORNERS + 4, 2))
    for pair in range(len(row)):
        a, b = truths[row[pair]], detections[other[pair]]
        if a[:, 0].max() <= b[:, 0].min() or b[:, 0].max() <= a[:, 0].min():
            continue
        if a[:, 1].max() <= b[:, 1].min() or b[:, 1].max() <= a[:, 1].min():
            continue
        polygon[:4] = a
        n = 4
        for edge in range(4):
            start, end = b[edge], b[(edge + 1) % 4]
            if start[0] == end[0] and start[1] == end[1]:
                continue  # a triangle's repeated corner
            n = _clip(polygon, n, start, end, clipped)
            polygon[:n] = clipped[:n]
        common[pair] = max(0.0, _area(polygon, n))
    return common


@njit(cache=True, nogil=True)
def _clip(polygon: Any, n: Any, start: Any, end: Any, clipped: Any) -> Any:
    """The part of a polygon to the left of a line; returns its number of corners."""
    kept = 0
    for k in range(n):
        here, following = polygon[k], polygon[(k + 1) % n]
        side, next_side = _turn(start, end, here), _turn(start, end, following)
        if side >= 0:
            clipped[kept] = here
            kept += 1
        if (side > 0 and next_side < 0) or (side < 0 and next_side > 0):
            part = side / (side - next_side)
            clipped[kept, 0] = here[0] + part * (following[0] - here[0])
            clipped[kept, 1] = here[1] + part * (following[1] - here[1])
            kept += 1
    return kept
