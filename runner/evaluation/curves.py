"""Precision over recall, F1 over confidence, and the confidence where F1 is highest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.average_precision import RECALL_THRESHOLDS

_STEPS = 1000  # a recommended confidence has three decimals, so that it can be pasted into a spec


@dataclass(frozen=True, kw_only=True)
class RankedPredictions:
    """Predictions that are right or wrong, ordered by class, then score (highest first).

    Attributes:
        label: `(D,)` int.
        score: `(D,)` float in [0, 1].
        right: `(D,)` bool.
        objects: `(K,)` int64, objects that count, of each class.
    """

    label: NDArray[np.int64]
    score: NDArray[np.floating]
    right: NDArray[np.bool_]
    objects: NDArray[np.int64]

    def of_class(self, label: int) -> slice:
        """Where a class's predictions lie."""
        first, last = np.searchsorted(self.label, (label, label + 1)).tolist()
        return slice(first, last)


@dataclass(frozen=True, kw_only=True)
class ErrorCurves:
    """Curves of K classes at similarity 0.5; NaN for a class without objects.

    Attributes:
        recall: `(101,)` recall points.
        precision: `(K + 1, 101)` the highest precision at a recall of at least each point, 0 beyond reach; the last row
            is the mean over classes that have objects.
        confidence: `(101,)` thresholds.
        f1: `(K + 1, 101)` F1 of what scores at least each threshold; the last row counts all classes together.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    confidence: NDArray[np.float64]
    f1: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ConfidencePoints:
    """The confidence with the highest F1 of each class, and of all counted together (the last row).

    Attributes:
        confidence: `(K + 1,)`, to three decimals; where several give the highest F1, the middle of the longest run of
            them. NaN without objects, or where no confidence gives a true positive.
        precision, recall, f1: `(K + 1,)` there.
    """

    confidence: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]


def curves_and_points(predictions: RankedPredictions) -> tuple[ErrorCurves, ConfidencePoints]:
    """Both curves of every class, and the recommended confidences."""
    objects = np.append(predictions.objects, predictions.objects.sum()).astype(np.float64)  # (K + 1,)
    thresholds = np.arange(_STEPS + 1) / _STEPS
    right, claimed = _counts(predictions, thresholds)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(objects[:, None] > 0, 2 * right / (claimed + objects[:, None]), np.nan)
    curves = ErrorCurves(
        recall=RECALL_THRESHOLDS,
        precision=_precision_curves(predictions),
        confidence=thresholds[:: _STEPS // 100],
        f1=f1[:, :: _STEPS // 100],
    )
    best = np.array([_best(row) for row in f1])
    rows = np.arange(len(best))
    measured = np.where(np.isnan(f1[rows, best]), 0, f1[rows, best]) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        points = ConfidencePoints(
            confidence=np.where(measured, thresholds[best], np.nan),
            precision=np.where(measured, right[rows, best] / claimed[rows, best], np.nan),
            recall=np.where(measured, right[rows, best] / objects, np.nan),
            f1=np.where(measured, f1[rows, best], np.nan),
        )
    return curves, points


def interpolated_precision(right: NDArray[np.bool_], objects: int) -> NDArray[np.float64]:
    """`(D,)` of one class, best first -> `(101,)` precision at COCO's recall points; their mean is the AP.

    NaN without objects. Source: `COCOeval.accumulate` of pycocotools.

    Example:
        >>> round(float(interpolated_precision(np.array([True, False, True]), 2).mean()), 4)
        0.835
    """
    if not objects:
        return np.full(len(RECALL_THRESHOLDS), np.nan)
    if not len(right):
        return np.zeros(len(RECALL_THRESHOLDS))
    hits = right.cumsum().astype(np.float64)
    # the tiny term is COCO's own
    precision = hits / (np.arange(1, len(right) + 1) + np.spacing(1))
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return np.asarray(envelope[np.searchsorted(hits / objects, RECALL_THRESHOLDS, side="left")])


def _precision_curves(predictions: RankedPredictions) -> NDArray[np.float64]:
    """`(K + 1, 101)`."""
    rows = [
        interpolated_precision(predictions.right[predictions.of_class(label)], objects)
        for label, objects in enumerate(predictions.objects.tolist())
    ]
    present = predictions.objects > 0
    curves = np.array(rows).reshape(-1, len(RECALL_THRESHOLDS))
    mean = curves[present].mean(axis=0) if present.any() else np.full(len(RECALL_THRESHOLDS), np.nan)
    return np.vstack([curves, mean])


def _counts(
    predictions: RankedPredictions, thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(K + 1, S)` right ones, and all, that score at least each threshold; the last row is of all classes."""
    n_classes = len(predictions.objects)
    # how many thresholds a score reaches, compared in the scores' own precision
    reached = np.searchsorted(thresholds.astype(predictions.score.dtype), predictions.score, side="right")
    place = predictions.label * (len(thresholds) + 1) + reached
    counts = []
    for rows in (place[predictions.right], place):
        histogram = np.bincount(rows, minlength=n_classes * (len(thresholds) + 1))
        by_class = histogram.reshape(n_classes, -1)[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
        counts.append(np.vstack([by_class, by_class.sum(axis=0)]))
    return counts[0], counts[1]


def _best(f1: NDArray[np.float64]) -> int:
    """The middle of the longest run of the highest values; 0 for NaN.

    >>> _best(np.array([0.1, 0.7, 0.2, 0.7, 0.7, 0.7]))
    4
    """
    if np.isnan(f1[0]):
        return 0
    steps = np.diff(np.concatenate([[0], f1 == f1.max(), [0]]).astype(np.int8))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    longest = int(np.argmax(ends - starts))
    return int((starts[longest] + ends[longest] - 1) // 2)
