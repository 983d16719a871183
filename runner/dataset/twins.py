"""Boxes that are one and the same: found without comparing every pair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.domain.label_faults import TWIN_IOU


def near_pairs(
    path: NDArray[Any], boxes_xyxy: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Pairs of rows of one image whose boxes have an IoU of `TWIN_IOU` or more, some at a time.

    Args:
        path: `(N,)`, of each box's image.
        boxes_xyxy: `(N, 4)`, pixels, finite. Boxes without area have no twin.

    Yields:
        `(P,)` each: the earlier row, the later row, their IoU.

    >>> boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    >>> [[part.tolist() for part in pairs] for pairs in near_pairs(np.array(["a", "a", "b"]), boxes)]
    [[[0], [1], [1.0]]]
    """
    codes: dict[str, int] = {}
    image = np.array([codes.setdefault(name, len(codes)) for name in path.tolist()], dtype=np.int64)
    order = np.lexsort((boxes_xyxy[:, 0], image))
    image, boxes = image[order], boxes_xyxy[order]
    sides = boxes[:, 2:] - boxes[:, :2]
    area = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0)
    # Boxes with such an IoU begin within a hundredth of their common width of each other.
    reach = boxes[:, 0] + np.maximum(sides[:, 0], 0) * (1 / TWIN_IOU - TWIN_IOU)
    for step in range(1, len(order)):
        near = np.flatnonzero((image[:-step] == image[step:]) & (boxes[step:, 0] <= reach[:-step]))
        if not len(near):
            return
        a, b = boxes[near], boxes[near + step]
        common = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
        both = np.where((common > 0).all(axis=1), common.prod(axis=1), 0.0)
        union = area[near] + area[near + step] - both
        overlap = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
        found = np.flatnonzero(overlap >= TWIN_IOU)
        if len(found):
            rows = np.stack([order[near[found]], order[near[found] + step]])
            yield rows.min(axis=0), rows.max(axis=0), overlap[found]


def same_shape(a: NDArray[np.float64] | float, b: NDArray[np.float64] | float) -> bool:
    """Whether two shapes are one that fill the same box: by the corners `(4, 2)` of rotated boxes, else by their areas."""
    if isinstance(a, float) or isinstance(b, float):
        return bool(min(a, b) >= TWIN_IOU**2 * max(a, b))
    nearest = np.abs(a[:, None] - b[None]).max(axis=2).min(axis=1)  # (4,)
    return bool(nearest.max() <= (1 - TWIN_IOU) * np.ptp(a, axis=0).max())
