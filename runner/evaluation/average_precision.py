"""COCO's average precision and recall from what was matched, with a weight per image.

A slice of the images is a weight of 0 or 1, a bootstrap resample the number of times each image was drawn;
both re-use the same matches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.matching import THRESHOLDS, Matches, at_threshold, threshold_index

RECALL_THRESHOLDS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
"""R = 101 points. Source: COCOeval's `Params.setDetParams`."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Precision over recall per class (K) and IoU threshold (T); NaN for a class without ground truth.

    Attributes:
        objects: `(K,)` float, ground truths that count, weighted.
        precision: `(K, T, R)` the highest precision at a recall of at least each of R = 101 points, 0 beyond
            reach.
        recall: `(K, T)` the highest recall reached (with 100 detections per image).
    """

    objects: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def average_precision(self, iou: float | None = None) -> NDArray[np.float64]:
        """`(K,)` AP in [0, 1], over all IoU thresholds or at one; NaN for a class without ground truth."""
        precision = self.precision if iou is None else self.precision[:, threshold_index(iou)]
        axes = tuple(range(1, precision.ndim))
        return np.asarray(precision.mean(axis=axes))


def count_by_class(
    labels: NDArray[np.int64], weights: NDArray[np.integer | np.floating | np.bool_], n_classes: int
) -> NDArray[np.float64]:
    """`(K,)` the sum of weights per class.

    Example:
        >>> count_by_class(np.array([0, 2, 2]), np.array([1, 1, 3]), 3).tolist()
        [1.0, 0.0, 4.0]
    """
    counts = np.bincount(labels, weights=weights.astype(np.float64), minlength=n_classes)
    return counts.astype(np.float64)


def accumulate(matches: Matches, *, n_classes: int, weights: NDArray[np.uint8]) -> Curves:
    """Precision-recall curves of every class.

    Args:
        matches: what was matched.
        n_classes: K.
        weights: `(images,)` how many times each image counts; 0 leaves it out.

    Source: `COCOeval.accumulate` of pycocotools, to which the result is equal.
    """
    candidates = matches.candidates
    counted = np.flatnonzero(matches.counted)
    objects = count_by_class(
        candidates.truths.label[counted], weights[candidates.truths.image[counted]], n_classes
    )
    precision = np.full((n_classes, len(THRESHOLDS), len(RECALL_THRESHOLDS)), np.nan)
    recall = np.full((n_classes, len(THRESHOLDS)), np.nan)
    thresholds = range(len(THRESHOLDS))
    for label in np.flatnonzero(objects):
        rows = np.arange(*candidates.class_start[label : label + 2])
        rows = rows[weights[candidates.image[rows]] > 0]
        weight = weights[candidates.image[rows]].astype(np.float64)
        right = np.stack([at_threshold(matches.true_positive[rows], index) for index in thresholds])
        ignored = np.stack([at_threshold(matches.ignored[rows], index) for index in thresholds])
        wrong = ~right & ~ignored
        precision[label], recall[label] = _class_curve(right * weight, wrong * weight, objects[label])
    return Curves(objects=objects, precision=precision, recall=recall)


def _class_curve(
    right: NDArray[np.float64], wrong: NDArray[np.float64], objects: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(T, D)` weights of right and wrong detections, best first -> precision `(T, R)`, recall `(T,)`."""
    true_sum, false_sum = right.cumsum(axis=1), wrong.cumsum(axis=1)
    precision_at = np.zeros((len(right), len(RECALL_THRESHOLDS)))
    if not right.shape[1]:
        return precision_at, np.zeros(len(right))
    recall = true_sum / objects
    # the tiny term only avoids 0/0; it is COCO's own
    precision = true_sum / (false_sum + true_sum + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for threshold, reached in enumerate(recall):
        at = np.searchsorted(reached, RECALL_THRESHOLDS, side="left")
        within = at < len(reached)
        precision_at[threshold, within] = envelope[threshold, at[within]]
    return precision_at, recall[:, -1]
