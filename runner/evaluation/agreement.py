"""How far annotators agree: which of their objects are the same, and shares of what they said, with intervals.

Matching does not look at classes: an object that two annotators call differently is one object, and one disagreement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.krippendorff_alpha import nominal_alpha
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.intervals import Ends, Sample, interval

LEAST_SIMILARITY = 0.5
"""From which on two annotators' shapes are of one object: IoU, mask IoU, rotated IoU or OKS. COCO's lowest threshold."""

LEVEL = 0.95
RESAMPLES = 400
_ALPHA_RESAMPLES = 200  # each is counted anew


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of objects of one image that different annotators drew, as `(P,)` rows and their similarity in [0, 1]."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    similarity: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number, its interval at confidence `LEVEL`, and on how many things it rests.

    `value` is None where there is nothing to measure; `ends` where that is too little for an interval.
    """

    value: float | None
    ends: Ends | None
    of: int


NOTHING = Estimate(value=None, ends=None, of=0)


def pairs_of(
    image: NDArray[np.int64], annotator: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows `(P,)` and `(P,)` of all pairs of one image and different annotators, the smaller first.

    Args:
        image, annotator: `(N,)` of each object.

    Example:
        >>> one, other = pairs_of(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 0]))
        >>> one.tolist(), other.tolist()
        ([0, 0], [1, 2])
    """
    order = np.argsort(image, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(image[order]) != 0]) if len(order) else np.empty(0, np.int64)
    ones, others = [], []
    for rows in np.split(order, starts[1:]):
        first, second = np.triu_indices(len(rows), 1)
        one, other = np.minimum(rows[first], rows[second]), np.maximum(rows[first], rows[second])
        apart = annotator[one] != annotator[other]
        ones.append(one[apart])
        others.append(other[apart])
    if not ones:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(ones).astype(np.int64), np.concatenate(others).astype(np.int64)


def same_objects(
    pairs: Pairs,
    annotator: NDArray[np.int64],
    label: NDArray[np.int64],
    *,
    least: float = LEAST_SIMILARITY,
) -> NDArray[np.int64]:
    """Which objects are one and the same, seen by several annotators.

    The most similar pair first, groups grow together while their members are similar on average by `least` or more, and hold
    at most one object of each annotator. Of equally similar pairs those of one class go first, then the earlier rows.

    Args:
        pairs: see `pairs_of`; what is left out is not similar.
        annotator, label: `(N,)` of each object.

    Returns:
        `(N,)` numbers of groups, in the order of their first objects.

    Source: average linkage (UPGMA), Sokal & Michener (1958), with the constraint of one object per annotator.

    Example:
        >>> three = Pairs(one=np.array([0, 0]), other=np.array([1, 2]), similarity=np.array([0.9, 0.6]))
        >>> same_objects(three, np.array([0, 1, 1]), np.array([4, 4, 4])).tolist()
        [0, 0, 1]
    """
    alike = {
        (int(one), int(other)): float(similarity)
        for one, other, similarity in zip(pairs.one, pairs.other, pairs.similarity, strict=True)
        if similarity > 0
    }
    members: list[list[int]] = [[row] for row in range(len(annotator))]
    group = list(range(len(annotator)))
    order = sorted(alike, key=lambda pair: (-alike[pair], label[pair[0]] != label[pair[1]], pair))
    for one, other in order:
        if alike[one, other] < least:
            break
        mine, theirs = members[group[one]], members[group[other]]
        if group[one] == group[other] or {annotator[row] for row in mine} & {
            annotator[row] for row in theirs
        }:
            continue
        between = [alike.get((min(a, b), max(a, b)), 0.0) for a in mine for b in theirs]
        if sum(between) / len(between) >= least:
            first, second = sorted((group[one], group[other]))
            members[first] += members[second]
            for row in members[second]:
                group[row] = first
    number = {of: rank for rank, of in enumerate(dict.fromkeys(group))}
    return np.array([number[of] for of in group], dtype=np.int64)


def share(
    part: NDArray[np.floating], whole: NDArray[np.floating], image: NDArray[np.int64], *, seed: int = 0
) -> Estimate:
    """Σ part / Σ whole, with the interval that drawing other images would give.

    Args:
        part, whole: `(N,)`, 0 ≤ part ≤ whole, of each of N things; several may be of one image.
        image: `(N,)` the image of each.
        seed: of the resamples.

    Example:
        >>> share(np.ones(30), np.ones(30), np.arange(30)).value
        1.0
    """
    counted = whole > 0
    if not counted.any():
        return NOTHING
    _, rows = np.unique(image[counted], return_inverse=True)
    parts = np.bincount(rows, weights=part[counted])
    wholes = np.bincount(rows, weights=whole[counted])
    drawn = multiplicities(np.arange(len(wholes)), RESAMPLES, seed).astype(np.float64)
    replicates = (drawn @ parts) / (drawn @ wholes)
    value = float(parts.sum() / wholes.sum())
    sample = Sample(estimate=value, replicates=replicates, groups=len(wholes))
    return Estimate(value=value, ends=interval(sample, LEVEL), of=int(counted.sum()))


def alpha(counts: NDArray[np.int64], image: NDArray[np.int64], *, seed: int = 0) -> Estimate:
    """Krippendorff's alpha for nominal categories, with the interval that drawing other images would give.

    Args:
        counts: `(U, V)` annotators per unit and category.
        image: `(U,)` the image of each unit.
        seed: of the resamples.

    See `nominal_alpha` for what is not measured; `of` counts the units that two or more annotators looked at.
    """
    pairable = counts.sum(axis=1) >= 2
    counts, image = counts[pairable], image[pairable]
    value = nominal_alpha(counts)
    if value is None:
        return Estimate(value=None, ends=None, of=len(counts))
    names, rows = np.unique(image, return_inverse=True)
    drawn = multiplicities(np.arange(len(names)), _ALPHA_RESAMPLES, seed)
    again = [nominal_alpha(np.repeat(counts, times[rows], axis=0)) for times in drawn]
    replicates = np.array([np.nan if number is None else number for number in again], dtype=np.float64)
    sample = Sample(estimate=value, replicates=replicates, groups=len(names), bounds=(-1.0, 1.0))
    return Estimate(value=value, ends=interval(sample, LEVEL), of=len(counts))
