"""Object key point similarity (OKS)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_DETECTIONS = 20
"""Detections per image and class that count. Source: `Params.setKpParams` of COCOeval."""

# Nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles.
# Source: `Params.setKpParams` of COCOeval.
COCO_SIGMAS = np.array(
    (0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89)
) / 10.0  # fmt: skip

_PAIRS_AT_ONCE = 65_536


def default_sigmas(points: int) -> NDArray[np.float64]:
    """`(K,)` COCO's for its 17 points, else 1 / K each, as Ultralytics does."""
    return COCO_SIGMAS if points == len(COCO_SIGMAS) else np.full(points, 1 / points)


@dataclass(frozen=True, kw_only=True)
class KeypointSimilarity:
    """OKS of a problem's rows (see `problem.Similarity`).

    A point's distance counts relative to the object's scale (the root of its area) and to how far annotators
    differ on that point; only labelled points count. For an object without any, it is the distance to the
    surroundings of its box (twice its sides), so that detections near it can be ignored with it.

    Attributes:
        truths: `(N, K, 3)` float64: x and y in pixels, visibility (0 is not labelled).
        boxes_xyxy: `(N, 4)` float64, the truths' boxes.
        area_px: `(N,)` float64, the truths' areas.
        detections: `(M, K, 2)` float64, pixels.
        sigmas: `(K,)` float64.

    Source: `COCOeval.computeOks` of pycocotools.
    """

    truths: NDArray[np.float64]
    boxes_xyxy: NDArray[np.float64]
    area_px: NDArray[np.float64]
    detections: NDArray[np.float64]
    sigmas: NDArray[np.float64]

    def __call__(self, truth: NDArray[np.int64], detection: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(P,)` in [0, 1]."""
        result = np.zeros(len(truth))
        for start in range(0, len(truth), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            result[part] = self._similarity(truth[part], detection[part])
        return result

    def _similarity(self, truth: NDArray[np.int64], detection: NDArray[np.int64]) -> NDArray[np.float64]:
        points = self.truths[truth]  # (P, K, 3)
        labelled = points[:, :, 2] > 0
        bare = ~labelled.any(axis=1)
        apart = self.detections[detection] - points[:, :, :2]
        if bare.any():
            apart[bare] = self._from_surroundings(truth[bare], detection[bare])
            labelled[bare] = True
        squared = apart[:, :, 0] ** 2 + apart[:, :, 1] ** 2
        scale = self.area_px[truth, None] + np.spacing(1)
        closeness = np.exp(-(squared / (self.sigmas * 2) ** 2 / scale / 2))
        result: NDArray[np.float64] = np.where(labelled, closeness, 0.0).sum(axis=1) / labelled.sum(axis=1)
        return result

    def _from_surroundings(
        self, truth: NDArray[np.int64], detection: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """`(P, K, 2)` how far each point lies outside the box of three times the object's sides."""
        low, size = (
            self.boxes_xyxy[truth, None, :2],
            np.diff(self.boxes_xyxy[truth].reshape(-1, 2, 2), axis=1),
        )
        points = self.detections[detection]
        outside: NDArray[np.float64] = np.maximum(0, low - size - points) + np.maximum(
            0, points - (low + size * 2)
        )
        return outside


def keypoint_arrays(points: NDArray[Any], count: int, width: int) -> NDArray[np.float64]:
    """`(N, count, width)` from a column of flat lists; None is zeros, that is nothing labelled.

    Raises:
        ValueError: a list has another length.

    Example:
        >>> keypoint_arrays(np.array([[1.0, 2, 2], None], dtype=object), 1, 3).tolist()
        [[[1.0, 2.0, 2.0]], [[0.0, 0.0, 0.0]]]
    """
    result = np.zeros((len(points), count * width))
    for row, values in enumerate(points.tolist()):
        if values is not None:
            if len(values) != count * width:
                raise ValueError(f"{len(values)} numbers instead of {count * width}")
            result[row] = values
    return result.reshape(-1, count, width)
