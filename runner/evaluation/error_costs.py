"""How much AP each kind of error costs: the AP that there would be if that kind alone were mended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.curves import RankedPredictions, interpolated_precision
from runner.evaluation.error_types import (
    BOTH,
    CLASSIFICATION,
    DUPLICATE,
    IGNORED,
    IS_BACKGROUND,
    LOCALISATION,
    TRUE_POSITIVE,
    Assignment,
)
from runner.evaluation.problem import Problem


@dataclass(frozen=True, kw_only=True)
class RankedOutcomes:
    """The detections that are right or wrong, by class and score, with what they are.

    Attributes:
        row: `(D,)`, of the input. `image`, `label`, `score`, `outcome`, `truth`: `(D,)`.
        truth_label: `(N,)`. `counted`: `(N,)`, the objects that count.
        n_classes: K.
    """

    row: NDArray[np.int64]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.floating]
    outcome: NDArray[np.int8]
    truth: NDArray[np.int64]
    truth_label: NDArray[np.int64]
    counted: NDArray[np.bool_]
    n_classes: int

    @classmethod
    def of(cls, problem: Problem, assignment: Assignment) -> RankedOutcomes:
        rows = assignment.order[assignment.outcome[assignment.order] != IGNORED]
        return cls(
            row=rows,
            image=problem.detections.image[rows],
            label=problem.detections.label[rows],
            score=problem.detections.score[rows],
            outcome=assignment.outcome[rows],
            truth=assignment.truth[rows],
            truth_label=problem.truths.label,
            counted=assignment.counted,
            n_classes=problem.n_classes,
        )

    @property
    def predictions(self) -> RankedPredictions:
        """What is right and what is wrong."""
        return RankedPredictions(
            label=self.label,
            score=self.score,
            right=self.outcome == TRUE_POSITIVE,
            objects=np.bincount(self.truth_label[self.counted], minlength=self.n_classes),
        )


def ap_costs(outcomes: RankedOutcomes) -> NDArray[np.float64]:
    """`(6,)` AP at 0.5 lost to each kind of error, in the order of `errors.ERROR_NAMES`; NaN without objects.

    Classification and localisation errors become true positives (only the best one on each object, and none where
    the object is found anyway; the others go), duplicates, background and both go, and missed objects no longer
    count. A class that keeps no object lacks nothing any more: its AP is then 1.

    Source: section 2.3 of the TIDE paper.
    """
    base = outcomes.predictions
    before = _mean_ap(base, base.objects)
    mended = [_mended(outcomes, CLASSIFICATION), _mended(outcomes, LOCALISATION)]
    mended += [_without(outcomes, kind) for kind in (BOTH, DUPLICATE, IS_BACKGROUND)]
    after = [_mean_ap(ranked, base.objects) for ranked in (*mended, _without_missed(outcomes, base))]
    return np.maximum(np.array(after) - before, 0)


def _mean_ap(predictions: RankedPredictions, present: NDArray[np.int64]) -> float:
    """Mean over the classes that have objects, before anything is mended."""
    values = [
        interpolated_precision(predictions.right[predictions.of_class(label)], objects).mean()
        if objects
        else 1.0
        for label, objects in enumerate(predictions.objects.tolist())
        if present[label]
    ]
    return float(np.mean(values)) if values else float("nan")


def _without(outcomes: RankedOutcomes, kind: int) -> RankedPredictions:
    rows = np.flatnonzero(outcomes.outcome != kind)
    base = outcomes.predictions
    return RankedPredictions(
        label=base.label[rows], score=base.score[rows], right=base.right[rows], objects=base.objects
    )


def _mended(outcomes: RankedOutcomes, kind: int) -> RankedPredictions:
    """Each object that is not found gets the best of the detections that are this error on it."""
    errors = np.flatnonzero(outcomes.outcome == kind)
    found = np.zeros(len(outcomes.truth_label), dtype=bool)
    found[outcomes.truth[outcomes.outcome == TRUE_POSITIVE]] = True
    errors = errors[~found[outcomes.truth[errors]]]
    best_first = errors[np.lexsort((outcomes.row[errors], -outcomes.score[errors]))]
    chosen = best_first[np.unique(outcomes.truth[best_first], return_index=True)[1]]
    label = outcomes.label.copy()
    label[chosen] = outcomes.truth_label[outcomes.truth[chosen]]
    right = outcomes.outcome == TRUE_POSITIVE
    right[chosen] = True
    kept = np.flatnonzero(right | (outcomes.outcome != kind))
    ties = outcomes.row[kept], outcomes.image[kept]  # in the order that the metrics have
    order = kept[np.lexsort((*ties, -outcomes.score[kept], label[kept]))]
    return RankedPredictions(
        label=label[order],
        score=outcomes.score[order],
        right=right[order],
        objects=outcomes.predictions.objects,
    )


def _without_missed(outcomes: RankedOutcomes, base: RankedPredictions) -> RankedPredictions:
    """Only the objects count that are found, or nearly."""
    near = np.isin(outcomes.outcome, (TRUE_POSITIVE, CLASSIFICATION, LOCALISATION))
    reached = np.zeros(len(outcomes.truth_label), dtype=bool)
    reached[outcomes.truth[near]] = True
    objects = np.bincount(outcomes.truth_label[outcomes.counted & reached], minlength=outcomes.n_classes)
    return RankedPredictions(label=base.label, score=base.score, right=base.right, objects=objects)
