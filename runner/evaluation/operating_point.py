"""Right, wrong and missed detections at one confidence, IoU 0.5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.average_precision import count_by_class, threshold_index
from runner.evaluation.matching import Matches


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Counts per class, `(K,)` each, weighted by image."""

    true_positives: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    objects: NDArray[np.float64]


def operating_point(
    matches: Matches, *, n_classes: int, weights: NDArray[np.uint8], confidence: float, iou: float = 0.5
) -> OperatingPoint:
    """Counts what is right and wrong among detections scored at least `confidence`.

    A match depends only on detections with higher scores, so that dropping the lower ones changes none: the
    counts are those of matching the confident detections alone.

    Args:
        matches: what was matched.
        n_classes: K.
        weights: `(images,)` how many times each image counts.
        confidence: score threshold in [0, 1], compared in single precision, as scores are stored.
        iou: one of the matched thresholds.
    """
    at = threshold_index(iou)
    confident = matches.score >= np.float32(confidence)
    weight = weights[matches.image] * confident
    right = matches.true_positive[at]
    wrong = ~right & ~matches.ignored[at]
    return OperatingPoint(
        true_positives=count_by_class(matches.label, weight * right, n_classes),
        false_positives=count_by_class(matches.label, weight * wrong, n_classes),
        objects=count_by_class(matches.truth_label, weights[matches.truth_image], n_classes),
    )


def precision(true_positives: float, false_positives: float) -> float | None:
    """Share of detections that are right; None without detections.

    Example:
        >>> precision(3, 1), precision(0, 0)
        (0.75, None)
    """
    detections = true_positives + false_positives
    return float(true_positives / detections) if detections else None


def recall(true_positives: float, objects: float) -> float | None:
    """Share of objects that are found; None without objects.

    Example:
        >>> recall(3, 4), recall(0, 0)
        (0.75, None)
    """
    return float(true_positives / objects) if objects else None


def f1(true_positives: float, false_positives: float, objects: float) -> float | None:
    """Harmonic mean of precision and recall, `2 TP / (2 TP + FP + FN)`; None without objects.

    Example:
        >>> f1(3, 1, 4), f1(0, 0, 4), f1(0, 2, 0)
        (0.75, 0.0, None)
    """
    return float(2 * true_positives / (true_positives + false_positives + objects)) if objects else None
