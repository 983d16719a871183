"""How much axis-aligned boxes overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit


@dataclass(frozen=True, kw_only=True)
class BoxSimilarity:
    """IoU of labelled and detected boxes; a `Similarity`.

    Attributes:
        truths_xyxy: `(N, 4)` float64, pixels, `(x_min, y_min, x_max, y_max)`.
        detections_xyxy: `(M, 4)` float64, pixels.
        crowd: `(N,)` bool, where True, the intersection is divided by the detection's area alone.

    Source: `bbIou` of cocoapi's maskApi.c, with the same order of operations on `(x, y, width, height)`.

    Example:
        >>> boxes = np.array([[0.0, 0, 2, 2], [0, 0, 2, 1]])
        >>> similarity = BoxSimilarity(truths_xyxy=boxes, detections_xyxy=boxes, crowd=np.array([False, False]))
        >>> similarity(np.array([0, 0]), np.array([0, 1])).tolist()
        [1.0, 0.5]
    """

    truths_xyxy: NDArray[np.float64]
    detections_xyxy: NDArray[np.float64]
    crowd: NDArray[np.bool_]

    def __call__(self, truths: NDArray[np.int64], detections: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(P,)` rows of both -> `(P,)` in [0, 1]; 0 for boxes that do not overlap or have no area."""
        iou = np.empty(len(truths))
        _paired_iou(
            np.ascontiguousarray(self.truths_xyxy, dtype=np.float64),
            np.ascontiguousarray(self.detections_xyxy, dtype=np.float64),
            np.ascontiguousarray(self.crowd, dtype=np.bool_),
            np.ascontiguousarray(truths, dtype=np.int64),
            np.ascontiguousarray(detections, dtype=np.int64),
            iou,
        )
        return iou


@njit(cache=True, nogil=True, error_model="numpy")
def _paired_iou(
    truths_xyxy: NDArray[np.float64],
    detections_xyxy: NDArray[np.float64],
    crowd: NDArray[np.bool_],
    truths: NDArray[np.int64],
    detections: NDArray[np.int64],
    iou: NDArray[np.float64],
) -> None:
    for pair in range(len(truths)):
        truth, detection = truths_xyxy[truths[pair]], detections_xyxy[detections[pair]]
        truth_width, truth_height = truth[2] - truth[0], truth[3] - truth[1]
        width, height = detection[2] - detection[0], detection[3] - detection[1]
        # the far edge again from the size, as COCO's boxes have it
        across = min(truth[0] + truth_width, detection[0] + width) - max(truth[0], detection[0])
        down = min(truth[1] + truth_height, detection[1] + height) - max(truth[1], detection[1])
        iou[pair] = 0.0
        if across > 0 and down > 0:
            intersection = across * down
            union = width * height
            if not crowd[truths[pair]]:
                union += truth_width * truth_height - intersection
            if union > 0:
                iou[pair] = intersection / union
