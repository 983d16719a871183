"""What is wrong with each detection, each object and each image, and what every kind of error costs.

Error types are TIDE's: a detection that is no true positive is, by the most similar object that counts,

- localisation: of its class, at a similarity of at least 0.1 but below 0.5;
- classification: else of another class, at 0.5 or more;
- duplicate: else of its class at 0.5 or more, but a better detection has taken that object;
- background: else similar to nothing at more than 0.1;
- both: all others (another class's object, badly placed).

Missed are the objects that no detection found, nor nearly found (by a localisation or classification error).

Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.calibration import ReliabilityBins, reliability
from runner.evaluation.curves import ConfidencePoints, ErrorCurves, RankedPredictions, curves_and_points
from runner.evaluation.error_costs import RankedOutcomes, ap_costs
from runner.evaluation.error_types import (
    BEYOND_LIMIT,
    CLASSIFICATION,
    FOUND,
    IGNORED,
    MISSED,
    TRUE_POSITIVE,
    assign,
)
from runner.evaluation.outcomes import (
    DETECTION_OUTCOMES,
    ERROR_NAMES,
    TRUTH_OUTCOMES,
    DetectionOutcomes,
    ErrorName,
    ImageOutcomes,
    TruthOutcomes,
    image_outcomes_of,
    labelled_outcomes_of,
    truth_outcomes_of,
)
from runner.evaluation.problem import Detections, GroundTruths, Problem

__all__ = [
    "DETECTION_OUTCOMES",
    "ERROR_NAMES",
    "TRUTH_OUTCOMES",
    "DetectionOutcomes",
    "ErrorAnalysis",
    "ErrorCost",
    "ImageOutcomes",
    "TruthOutcomes",
    "classification_errors",
    "ranked_errors",
]


@dataclass(frozen=True, kw_only=True)
class ErrorCost:
    """One kind of error.

    Attributes:
        count: at the operating confidence.
        ap_cost: by how much map50 (over all detections, whatever their score) would rise if this kind alone were
            mended; never negative; NaN without objects, and for classify.
    """

    name: ErrorName
    count: int
    ap_cost: float


@dataclass(frozen=True, kw_only=True)
class ErrorAnalysis:
    """What one artefact gets wrong.

    Attributes:
        confidence: the operating confidence, in [0, 1].
        class_names: K names.
        confusion: `(K + 1, K + 1)` int64 with rows of truths and columns of predictions at the operating confidence,
            background last; `(K, K)` for classify.
        curves: per class and together; see there.
        points: the confidences with the highest F1, `(K + 1,)`, all classes together last; see there.
        calibration: is a detection right as often as its score says? Of those at the operating confidence that are not
            ignored; right is a true positive at similarity 0.5. classify: the first class's probability.
    """

    confidence: float
    class_names: tuple[str, ...]
    detections: DetectionOutcomes
    truths: TruthOutcomes
    images: ImageOutcomes
    types: tuple[ErrorCost, ...]
    confusion: NDArray[np.int64]
    curves: ErrorCurves
    points: ConfidencePoints
    calibration: ReliabilityBins


def ranked_errors(problem: Problem, *, confidence: float, class_names: Sequence[str]) -> ErrorAnalysis:
    """Analyses detections of objects (detect, segment, pose, obb).

    Args:
        problem: its `similarity` is asked for all pairs of an image, whatever their classes.
        confidence: the operating confidence, compared in the scores' own precision.
        class_names: K names.
    """
    assignment = assign(problem)
    found = problem.detections
    detections = DetectionOutcomes(
        outcome=assignment.outcome,
        truth=assignment.truth,
        similarity=assignment.similarity,
        counts=(found.score >= found.score.dtype.type(confidence)) & (assignment.outcome != BEYOND_LIMIT),
    )
    truths = truth_outcomes_of(detections, found.score, assignment.counted)
    images = image_outcomes_of(problem, detections, truths)
    ranked = RankedOutcomes.of(problem, assignment)
    curves, points = curves_and_points(ranked.predictions)
    judged = detections.counts & (detections.outcome != IGNORED)
    return ErrorAnalysis(
        confidence=confidence,
        class_names=tuple(class_names),
        detections=detections,
        truths=truths,
        images=images,
        types=_types(images, ap_costs(ranked)),
        confusion=_confusion(problem, detections, truths),
        curves=curves,
        points=points,
        calibration=reliability(found.score[judged], detections.outcome[judged] == TRUE_POSITIVE),
    )


def classification_errors(
    truths: GroundTruths,
    detections: Detections,
    *,
    n_images: int,
    confidence: float,
    class_names: Sequence[str],
) -> ErrorAnalysis:
    """Analyses classes of whole images. Of equally probable classes the first in the order of classes is the first.

    Args:
        truths: one row per labelled image (of several, the first counts).
        detections: one row per image and class, the score being its probability; left-out ones count as 0.
        n_images: I, unlabelled ones included.
        confidence: only passed on: the first class counts whatever its probability.
        class_names: K names.
    """
    n_classes = len(class_names)
    counted = ~(truths.crowd | truths.ignored)
    counted &= np.isin(np.arange(len(counted)), np.unique(truths.image, return_index=True)[1])
    labelled = np.flatnonzero(counted)
    truth_of = np.full(n_images, -1)  # the row of each image's label
    truth_of[truths.image[labelled]] = labelled
    outcomes = _first_class_outcomes(truths, detections, truth_of)
    truth_outcomes = truth_outcomes_of(outcomes, detections.score, counted)
    images = labelled_outcomes_of(truths, detections, outcomes, truth_outcomes, n_images)
    first = np.flatnonzero(outcomes.counts & (outcomes.outcome != IGNORED))
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (truths.label[outcomes.truth[first]], detections.label[first]), 1)
    curves, points = curves_and_points(_one_against_rest(truths, detections, truth_of, n_classes))
    return ErrorAnalysis(
        confidence=confidence,
        class_names=tuple(class_names),
        detections=outcomes,
        truths=truth_outcomes,
        images=images,
        types=_types(images, np.full(len(ERROR_NAMES), np.nan)),
        confusion=confusion,
        curves=curves,
        points=points,
        calibration=reliability(detections.score[first], outcomes.outcome[first] == TRUE_POSITIVE),
    )


def _types(images: ImageOutcomes, costs: NDArray[np.float64]) -> tuple[ErrorCost, ...]:
    counts = images.errors.sum(axis=0).tolist()
    return tuple(
        ErrorCost(name=name, count=count, ap_cost=cost)
        for name, count, cost in zip(ERROR_NAMES, counts, costs.tolist(), strict=True)
    )


def _confusion(problem: Problem, detections: DetectionOutcomes, truths: TruthOutcomes) -> NDArray[np.int64]:
    """Every object that counts is in one cell, and every detection: a wrong class is paired with an object once."""
    background = problem.n_classes
    counts = np.zeros((background + 1, background + 1), dtype=np.int64)
    of_truth, of_detection = problem.truths.label, problem.detections.label
    found = of_truth[truths.outcome == FOUND]
    np.add.at(counts, (found, found), 1)
    confused = np.flatnonzero(detections.counts & (detections.outcome == CLASSIFICATION))
    confused = confused[truths.outcome[detections.truth[confused]] == MISSED]
    best_first = confused[np.argsort(-problem.detections.score[confused], kind="stable")]
    paired = best_first[np.unique(detections.truth[best_first], return_index=True)[1]]
    np.add.at(counts, (of_truth[detections.truth[paired]], of_detection[paired]), 1)
    missed, false = truths.outcome == MISSED, detections.counts & (detections.outcome < TRUE_POSITIVE)
    missed[detections.truth[paired]] = False
    false[paired] = False
    counts[:, background] += np.bincount(of_truth[missed], minlength=background + 1)
    counts[background] += np.bincount(of_detection[false], minlength=background + 1)
    return counts


def _first_class_outcomes(
    truths: GroundTruths, detections: Detections, truth_of: NDArray[np.int64]
) -> DetectionOutcomes:
    """Of each image's detections only the one with the highest score counts."""
    n = len(detections.label)
    order = np.lexsort((detections.label, -detections.score, detections.image))
    first = order[np.unique(detections.image[order], return_index=True)[1]]
    truth = truth_of[detections.image[first]]
    labelled = truth >= 0
    right = labelled & (truths.label[truth] == detections.label[first]) if len(truths.label) else labelled
    result = DetectionOutcomes(
        outcome=np.full(n, BEYOND_LIMIT, dtype=np.int8),
        truth=np.full(n, -1, dtype=np.int64),
        similarity=np.full(n, np.nan),
        counts=np.zeros(n, dtype=bool),
    )
    result.outcome[first] = np.where(right, TRUE_POSITIVE, np.where(labelled, CLASSIFICATION, IGNORED))
    result.truth[first] = truth
    result.similarity[first[labelled]] = 1.0
    result.counts[first] = True
    return result


def _one_against_rest(
    truths: GroundTruths, detections: Detections, truth_of: NDArray[np.int64], n_classes: int
) -> RankedPredictions:
    """Every class by itself, over the labelled images."""
    truth = truth_of[detections.image]
    rows = np.flatnonzero(truth >= 0)
    order = rows[np.lexsort((detections.image[rows], -detections.score[rows], detections.label[rows]))]
    labelled = truth_of[truth_of >= 0]
    return RankedPredictions(
        label=detections.label[order],
        score=detections.score[order],
        right=truths.label[truth[order]] == detections.label[order],
        objects=np.bincount(truths.label[labelled], minlength=n_classes),
    )
