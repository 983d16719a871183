"""Which detections count, and which of them are alike enough to an object to match it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit
from runner.evaluation.ordering import by_class_and_image, by_class_and_score
from runner.evaluation.problem import GroundTruths, Problem

LOWEST_SIMILARITY = 0.5

_PAIRS_AT_ONCE = 2_000_000


@dataclass(frozen=True, kw_only=True)
class MatchCandidates:
    """The pairs that could match: same image, same class, similarity of at least 0.5. Computed once per artefact.

    Attributes:
        truths: the ground truths.
        row: `(D,)` int64, the detections that count (the best `max_detections` per image and class), as rows of
            the input, ordered by class, score (highest first), image, and then the input's own order. **This is
            the order of ties**: it is pycocotools' order when images are numbered in the order of their ids.
        image, label, score: `(D,)` of those detections.
        class_start: `(K + 1,)` where each class begins among them.
        pair_start: `(D + 1,)` where each detection's pairs begin.
        pair_truth: `(P,)` row of the ground truth; ascending within a detection.
        pair_similarity: `(P,)` float64 in [0.5, 1].
    """

    truths: GroundTruths
    row: NDArray[np.int64]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.floating]
    class_start: NDArray[np.int64]
    pair_start: NDArray[np.int64]
    pair_truth: NDArray[np.int64]
    pair_similarity: NDArray[np.float64]


def candidate_pairs(problem: Problem) -> MatchCandidates:
    """Finds every pair that could match at any threshold. No objects, or no detections, give no pairs.

    Raises:
        ValueError: an image or a class is outside the problem, or a score is not a number.
    """
    _validate(problem)
    truths, detections = problem.truths, problem.detections
    label, image = _whole(detections.label), _whole(detections.image)
    order = by_class_and_score(
        label, detections.score, image, n_classes=problem.n_classes, n_images=problem.n_images
    )
    row = order[_counting(order, label, image, problem.n_images, problem.max_detections)]
    label, image = label[row], image[row]
    in_groups = by_class_and_image(
        _whole(truths.label),
        _whole(truths.image),
        n_classes=problem.n_classes,
        n_images=problem.n_images,
    )
    first, count = _groups(
        label, image, _whole(truths.label)[in_groups], _whole(truths.image)[in_groups], problem.n_images
    )
    pair_start, pair_truth, pair_similarity = _alike(problem, row, in_groups, first, count)
    return MatchCandidates(
        truths=truths,
        row=row,
        image=image,
        label=label,
        score=detections.score[row],
        class_start=np.searchsorted(label, np.arange(problem.n_classes + 1)),
        pair_start=pair_start,
        pair_truth=pair_truth,
        pair_similarity=pair_similarity,
    )


def _validate(problem: Problem) -> None:
    """Compiled code does not check what it indexes."""
    for part in (problem.truths, problem.detections):
        for indices, limit in ((part.image, problem.n_images), (part.label, problem.n_classes)):
            if len(indices) and not 0 <= indices.min() <= indices.max() < limit:
                raise ValueError(f"indices {indices.min()} to {indices.max()} are not all below {limit}")
    if np.isnan(problem.detections.score).any():
        raise ValueError("the score of a detection is not a number")


def _whole(values: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)


def _alike(
    problem: Problem,
    row: NDArray[np.int64],
    in_groups: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The pairs of every detection with the objects of its image and class, in portions that fit in memory."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.searchsorted(ends, np.arange(0, total, _PAIRS_AT_ONCE), side="right")
    portions: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    found = np.zeros(len(row) + 1, dtype=np.int64)
    for start, stop in zip(cuts, np.append(cuts[1:], len(row)), strict=True) if total else ():
        pairs = int(count[start:stop].sum())
        detection, truth = _pairs(start, stop, first, count, in_groups, pairs)
        similarity = problem.similarity(truth, row[detection])
        enough = np.flatnonzero(similarity >= LOWEST_SIMILARITY)
        found[1:] += np.bincount(detection[enough], minlength=len(row))
        portions.append((truth[enough], similarity[enough]))
    return (
        found.cumsum(),
        np.concatenate([np.empty(0, dtype=np.int64), *(truth for truth, _ in portions)]),
        np.concatenate([np.empty(0), *(similarity for _, similarity in portions)]),
    )


@njit(cache=True, nogil=True)
def _counting(
    order: NDArray[np.int64], label: NDArray[np.int64], image: NDArray[np.int64], n_images: int, maximum: int
) -> NDArray[np.bool_]:
    """Which of `order` are among the best of their image and class."""
    counts = np.empty(len(order), dtype=np.bool_)
    seen, of_class = np.zeros(n_images, dtype=np.int64), np.full(n_images, -1, dtype=np.int64)
    for position, row in enumerate(order):
        where = image[row]
        if of_class[where] != label[row]:
            of_class[where], seen[where] = label[row], 0
        counts[position] = seen[where] < maximum
        seen[where] += 1
    return counts


@njit(cache=True, nogil=True)
def _groups(
    label: NDArray[np.int64],
    image: NDArray[np.int64],
    truth_label: NDArray[np.int64],
    truth_image: NDArray[np.int64],
    n_images: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the objects of each detection's image and class begin, and how many there are; all sorted by class."""
    first, count = np.zeros(len(label), dtype=np.int64), np.zeros(len(label), dtype=np.int64)
    start, size = np.zeros(n_images, dtype=np.int64), np.zeros(n_images, dtype=np.int64)
    of_class = np.full(n_images, -1, dtype=np.int64)
    truth = 0
    for detection in range(len(label)):
        while truth < len(truth_label) and truth_label[truth] <= label[detection]:
            where = truth_image[truth]
            if of_class[where] != truth_label[truth]:
                of_class[where], start[where], size[where] = truth_label[truth], truth, 0
            size[where] += 1
            truth += 1
        where = image[detection]
        if of_class[where] == label[detection]:
            first[detection], count[detection] = start[where], size[where]
    return first, count


@njit(cache=True, nogil=True)
def _pairs(
    start: int,
    stop: int,
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    in_groups: NDArray[np.int64],
    total: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    detection, truth = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    pair = 0
    for number in range(start, stop):
        for offset in range(count[number]):
            detection[pair], truth[pair] = number, in_groups[first[number] + offset]
            pair += 1
    return detection, truth
