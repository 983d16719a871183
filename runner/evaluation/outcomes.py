"""What became of each detection, each object and each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.error_types import (
    CLASSIFICATION,
    FOUND,
    IGNORED,
    LOCALISATION,
    MISSED,
    TRUE_POSITIVE,
    TRUTH_IGNORED,
)
from runner.evaluation.problem import Detections, GroundTruths, Problem

ErrorName: TypeAlias = Literal["classification", "localisation", "both", "duplicate", "background", "missed"]

ERROR_NAMES: tuple[ErrorName, ...] = (
    "classification",
    "localisation",
    "both",
    "duplicate",
    "background",
    "missed",
)
DETECTION_OUTCOMES = (*ERROR_NAMES[:5], "true_positive", "ignored", "beyond_limit")
"""What `DetectionOutcomes.outcome` numbers. `ignored`: on a crowd or an ignored object, neither right nor wrong.
`beyond_limit`: not among the best `max_detections` of its image and class (classify: not the first class)."""

TRUTH_OUTCOMES = ("found", "missed", "ignored")
"""What `TruthOutcomes.outcome` numbers."""


@dataclass(frozen=True, kw_only=True)
class DetectionOutcomes:
    """What became of every detection, whatever its score, in the order of the input.

    Attributes:
        outcome: `(M,)` int8, index into `DETECTION_OUTCOMES`.
        truth: `(M,)` int64, the row of the object that it matched, or that makes it this kind of error (the most
            similar one); -1 for background and beyond_limit.
        similarity: `(M,)` float64 to that object; for background the highest there is; NaN where there is none.
        counts: `(M,)` bool, its score reaches the operating confidence and it is not beyond the limit.
    """

    outcome: NDArray[np.int8]
    truth: NDArray[np.int64]
    similarity: NDArray[np.float64]
    counts: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TruthOutcomes:
    """What became of every object at the operating confidence, in the order of the input.

    Attributes:
        outcome: `(N,)` int8, index into `TRUTH_OUTCOMES`.
        near: `(N,)` bool, missed, but a counting localisation or classification error is about it.
        detection: `(N,)` int64, the row of the detection that found it; -1 where none did.
        similarity, score: `(N,)` float64 of that detection, NaN where none did.
    """

    outcome: NDArray[np.int8]
    near: NDArray[np.bool_]
    detection: NDArray[np.int64]
    similarity: NDArray[np.float64]
    score: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ImageOutcomes:
    """What became of every image at the operating confidence.

    Attributes:
        loss: `(I,)` float64 in [0, 1]: 1 - F1 of this image, which is wrong / weight. NaN where there is nothing to
            be right or wrong about: no object that counts, and no detection. classify: 1 where the first class
            is wrong, else 0.
        wrong: `(I,)` float64, false positives + misses.
        weight: `(I,)` float64, 2 × true positives + `wrong`, so that the sum of `wrong` over the sum of `weight` of any
            images is their 1 - F1. classify: 1 where labelled.
        errors: `(I, 6)` int64, how many of each of `ERROR_NAMES`; `missed` without those nearly found.
        objects, detections: `(I,)` int64, those that count.
    """

    loss: NDArray[np.float64]
    wrong: NDArray[np.float64]
    weight: NDArray[np.float64]
    errors: NDArray[np.int64]
    objects: NDArray[np.int64]
    detections: NDArray[np.int64]


def truth_outcomes_of(
    detections: DetectionOutcomes, score: NDArray[np.floating], counted: NDArray[np.bool_]
) -> TruthOutcomes:
    """`score` is `(M,)`, `counted` `(N,)`."""
    n = len(counted)
    found_by = np.full(n, -1, dtype=np.int64)
    finding = np.flatnonzero(detections.counts & (detections.outcome == TRUE_POSITIVE))
    found_by[detections.truth[finding]] = finding
    near = np.zeros(n, dtype=bool)
    nearly = detections.counts & np.isin(detections.outcome, (CLASSIFICATION, LOCALISATION))
    near[detections.truth[nearly]] = True
    found = found_by >= 0
    similarity, scores = np.full(n, np.nan), np.full(n, np.nan)
    similarity[found] = detections.similarity[found_by[found]]
    scores[found] = score[found_by[found]]
    return TruthOutcomes(
        outcome=np.where(counted, np.where(found, FOUND, MISSED), TRUTH_IGNORED).astype(np.int8),
        near=near & ~found & counted,
        detection=found_by,
        similarity=similarity,
        score=scores,
    )


def image_outcomes_of(
    problem: Problem, detections: DetectionOutcomes, truths: TruthOutcomes
) -> ImageOutcomes:
    image, truth_image, n = problem.detections.image, problem.truths.image, problem.n_images
    errors = np.zeros((n, len(ERROR_NAMES)), dtype=np.int64)
    wrong_kind = detections.counts & (detections.outcome < TRUE_POSITIVE)
    np.add.at(errors, (image[wrong_kind], detections.outcome[wrong_kind].astype(np.int64)), 1)
    missed = truths.outcome == MISSED
    errors[:, -1] = np.bincount(truth_image[missed & ~truths.near], minlength=n)
    hits = np.bincount(truth_image[truths.outcome == FOUND], minlength=n)
    objects = hits + np.bincount(truth_image[missed], minlength=n)
    claims = hits + errors[:, :-1].sum(axis=1)
    wrong = (objects - hits + claims - hits).astype(np.float64)
    weight = 2 * hits + wrong
    return ImageOutcomes(
        loss=np.divide(wrong, weight, out=np.full(n, np.nan), where=weight > 0),
        wrong=wrong,
        weight=weight,
        errors=errors,
        objects=objects,
        detections=claims,
    )


def labelled_outcomes_of(
    truths: GroundTruths,
    detections: Detections,
    outcomes: DetectionOutcomes,
    truth_outcomes: TruthOutcomes,
    n_images: int,
) -> ImageOutcomes:
    labelled = np.zeros(n_images, dtype=bool)
    labelled[truths.image[truth_outcomes.outcome != TRUTH_IGNORED]] = True
    missed = truth_outcomes.outcome == MISSED
    wrong = np.bincount(truths.image[missed], minlength=n_images).astype(np.float64)
    errors = np.zeros((n_images, len(ERROR_NAMES)), dtype=np.int64)
    confused = outcomes.outcome == CLASSIFICATION
    errors[:, CLASSIFICATION] = np.bincount(detections.image[confused], minlength=n_images)
    errors[:, -1] = np.bincount(truths.image[missed & ~truth_outcomes.near], minlength=n_images)
    claims = outcomes.counts & (outcomes.outcome != IGNORED)
    return ImageOutcomes(
        loss=np.where(labelled, wrong, np.nan),
        wrong=wrong,
        weight=labelled.astype(np.float64),
        errors=errors,
        objects=labelled.astype(np.int64),
        detections=np.bincount(detections.image[claims], minlength=n_images),
    )
