"""Which kind of error each detection is: the objects of its image that it is most alike, of any class."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit
from runner.evaluation.candidates import candidate_pairs
from runner.evaluation.matching import at_threshold, match, threshold_index
from runner.evaluation.problem import Problem

FOREGROUND, BACKGROUND = 0.5, 0.1
"""Similarities. Source: `pos_thresh` and `bg_thresh` of TIDE."""

CLASSIFICATION, LOCALISATION, BOTH, DUPLICATE, IS_BACKGROUND, TRUE_POSITIVE, IGNORED, BEYOND_LIMIT = range(8)
FOUND, MISSED, TRUTH_IGNORED = range(3)

_PAIRS_AT_ONCE = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What became of each of M detections at similarity 0.5, whatever its score.

    Attributes:
        order: `(D,)` rows of the detections within the limit, by class, score (highest first), image, row.
        outcome: `(M,)` int8: `CLASSIFICATION`, …
        truth: `(M,)` int64, row of the object in question, or -1.
        similarity: `(M,)` float64 to it; for background the highest there is; NaN where there is none.
        counted: `(N,)` bool, the objects that count.
    """

    order: NDArray[np.int64]
    outcome: NDArray[np.int8]
    truth: NDArray[np.int64]
    similarity: NDArray[np.float64]
    counted: NDArray[np.bool_]


def assign(problem: Problem) -> Assignment:
    """Matches as COCO does, and types what is not matched."""
    matches = match(candidate_pairs(problem))
    rows, at = matches.candidates.row, threshold_index(FOREGROUND)
    n = len(problem.detections.label)
    result = Assignment(
        order=rows,
        outcome=np.full(n, BEYOND_LIMIT, dtype=np.int8),
        truth=np.full(n, -1, dtype=np.int64),
        similarity=np.full(n, np.nan),
        counted=matches.counted,
    )
    truth = matches.truth[:, at].astype(np.int64)
    found = truth >= 0
    right = at_threshold(matches.true_positive, at)
    result.outcome[rows[found]] = np.where(right[found], TRUE_POSITIVE, IGNORED)
    result.truth[rows[found]] = truth[found]
    result.similarity[rows[found]] = problem.similarity(truth[found], rows[found])
    for chosen, start, pair_truth in _pairs(problem, rows[~found], matches.counted):
        similarity = problem.similarity(pair_truth, np.repeat(chosen, np.diff(start)))
        _type(
            *(chosen, start, pair_truth, similarity),
            *(problem.detections.label, problem.truths.label),
            *(result.outcome, result.truth, result.similarity),
        )
    return result


def _pairs(
    problem: Problem, rows: NDArray[np.int64], counted: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Portions of `rows` with the counting objects of their images: rows `(C,)`, starts `(C + 1,)`, truth rows `(P,)`."""
    objects = np.flatnonzero(counted)
    by_image = objects[np.argsort(problem.truths.image[objects], kind="stable")]
    bounds = np.searchsorted(problem.truths.image[by_image], np.arange(problem.n_images + 1))
    image = problem.detections.image[rows]
    count = bounds[image + 1] - bounds[image]
    for first, last in _runs(count.cumsum() // _PAIRS_AT_ONCE):
        n = count[first:last]
        start = np.append(0, n.cumsum())
        offset = np.arange(start[-1]) - np.repeat(start[:-1], n)
        yield rows[first:last], start, by_image[np.repeat(bounds[image[first:last]], n) + offset]


def _runs(values: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Bounds of the runs of equal values.

    >>> list(_runs(np.array([4, 4, 7])))
    [(0, 2), (2, 3)]
    """
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)] if len(values) else []
    yield from itertools.pairwise(bounds)


@njit(cache=True, nogil=True)
def _type(  # type: ignore[no-untyped-def]
    rows, start, pair_truth, similarity, label, truth_label, outcome, truth_of, similarity_of
):
    """Fills the last three for `rows`, in TIDE's order of tests; of equally similar objects the first counts."""
    for at, row in enumerate(rows):
        same, other = -1, -1
        same_most, other_most = -1.0, -1.0
        for pair in range(start[at], start[at + 1]):
            truth, value = pair_truth[pair], similarity[pair]
            if truth_label[truth] == label[row]:
                if value > same_most:
                    same, same_most = truth, value
            elif value > other_most:
                other, other_most = truth, value
        if BACKGROUND <= same_most < FOREGROUND:
            outcome[row], truth_of[row], similarity_of[row] = LOCALISATION, same, same_most
        elif other_most >= FOREGROUND:
            outcome[row], truth_of[row], similarity_of[row] = CLASSIFICATION, other, other_most
        elif same_most >= FOREGROUND:  # else it would have matched: another detection did
            outcome[row], truth_of[row], similarity_of[row] = DUPLICATE, same, same_most
        elif other_most > BACKGROUND:
            outcome[row], truth_of[row], similarity_of[row] = BOTH, other, other_most
        else:
            outcome[row] = IS_BACKGROUND
            if same >= 0 or other >= 0:
                similarity_of[row] = max(same_most, other_most)
