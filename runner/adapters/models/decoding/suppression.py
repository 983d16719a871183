"""Non-maximum suppression of overlapping candidates, upright and rotated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.models.inference import Floats

MAX_IOU = 0.7
MAX_DETECTIONS = 300
_CHUNK = 512
_EPSILON = 1e-7


def suppress(boxes_xyxy: Floats, class_ids: NDArray[np.int32]) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each class, on boxes `(K, 4)` by descending score.

    A box goes when its IoU with a kept box of its class exceeds `MAX_IOU`. Stops at `MAX_DETECTIONS`.

    Returns:
        Indices of the kept boxes, ascending.
    """
    from runner.adapters.models.decoding.greedy import kept_boxes

    found = np.empty(MAX_DETECTIONS, np.intp)
    boxes = np.ascontiguousarray(boxes_xyxy)
    return found[: kept_boxes(boxes, class_ids, boxes.dtype.type(MAX_IOU), found)]


def suppress_rotated(boxes_cxcywhr: Floats, class_ids: NDArray[np.int32]) -> NDArray[np.intp]:
    """Suppression within each class of rotated boxes `(K, 5)` by descending score, angles in radians.

    As Ultralytics does it: a box goes when its overlap (ProbIoU) with any box of its class and a higher score
    exceeds `MAX_IOU`, whether or not that one is kept itself.

    Returns:
        Indices of the kept boxes, ascending; at most `MAX_DETECTIONS`.
    """
    alive = np.ones(len(boxes_cxcywhr), bool)
    for label in np.unique(class_ids):
        rows = np.flatnonzero(class_ids == label)
        shapes = _gaussians(boxes_cxcywhr[rows])
        for start in range(0, len(rows), _CHUNK):
            stop = min(start + _CHUNK, len(rows))
            above = (
                np.arange(stop)[:, None] < np.arange(start, stop)[None]
            )  # (stop, chunk): has a higher score
            clashes = _prob_iou(shapes[:, :stop, None], shapes[:, None, start:stop]) > MAX_IOU
            alive[rows[start:stop]] = ~(clashes & above).any(axis=0)
    return np.flatnonzero(alive)[:MAX_DETECTIONS]


def _gaussians(boxes: Floats) -> Floats:
    """`(5, K)`: centre x, centre y and covariance (xx, yy, xy) of the Gaussian with each box's moments."""
    x, y, width, height, angle = boxes.T
    a, b = width**2 / 12, height**2 / 12
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack((x, y, a * cos**2 + b * sin**2, a * sin**2 + b * cos**2, (a - b) * cos * sin))


def _prob_iou(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """ProbIoU in [0, 1] of Gaussians, broadcast over the axes behind the first.

    Source: Llerena et al. 2021, "Gaussian Bounding Boxes and Probabilistic Intersection-over-Union for Object
    Detection", equations 8 and 10, with Ultralytics' guards against division by zero.
    """
    x1, y1, a1, b1, c1 = first
    x2, y2, a2, b2, c2 = second
    a, b, c, dx, dy = a1 + a2, b1 + b2, c1 + c2, x1 - x2, y1 - y2
    determinant = a * b - c**2
    mahalanobis = (a * dy**2 + b * dx**2 - 2 * c * dx * dy) / (determinant + _EPSILON) / 4
    own = np.maximum(a1 * b1 - c1**2, 0) * np.maximum(a2 * b2 - c2**2, 0)
    volumes = np.log(determinant / (4 * np.sqrt(own) + _EPSILON) + _EPSILON) / 2
    bhattacharyya = np.clip(mahalanobis + volumes, _EPSILON, 100)
    return np.asarray(1 - np.sqrt(1 - np.exp(-bhattacharyya) + _EPSILON))
