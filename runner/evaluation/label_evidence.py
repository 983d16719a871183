"""What predictions say of each label and each place without one: which belong together, and how sure they are by their own class and fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.error_types import BACKGROUND, FOREGROUND
from runner.evaluation.problem import Problem
from runner.evaluation.two_groups import isotonic, ranks_among

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PAIRS_AT_ONCE = 2_000_000
_OWN = 20.0  # observations of a class and fold that weigh as much as all others' together


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """P pairs of a label and a prediction of one image that overlap by at least `BACKGROUND`.

    Attributes:
        truth, detection: `(P,)` rows. `similarity`: `(P,)`.
        own: `(P,)` in [0, 1]: 1 where no other label is more like the prediction than this one.
    """

    truth: Ints
    detection: Ints
    similarity: Floats
    own: Floats


def overlapping(problem: Problem, counted: NDArray[np.bool_]) -> Pairs:
    """Every such pair, whatever the classes.

    Args:
        counted: `(N,)` the labels that are looked at.
    """
    parts = list(_similar(problem, counted))
    truth, detection, similarity = (
        np.concatenate([part[at] for part in parts] or [np.zeros(0, kind)])
        for at, kind in enumerate((np.int64, np.int64, np.float64))
    )
    best = np.zeros(len(problem.detections.label))
    np.maximum.at(best, detection, similarity)
    own = np.square(similarity / np.maximum(best[detection], 1e-9))
    return Pairs(truth=truth, detection=detection, similarity=similarity, own=own)


def _similar(problem: Problem, counted: NDArray[np.bool_]) -> Iterator[tuple[Ints, Ints, Floats]]:
    rows = np.flatnonzero(counted)
    by_image = rows[np.argsort(problem.truths.image[rows], kind="stable")]
    bounds = np.searchsorted(problem.truths.image[by_image], np.arange(problem.n_images + 1))
    image = problem.detections.image
    each = bounds[image + 1] - bounds[image]
    portion = each.cumsum() // _PAIRS_AT_ONCE
    for number in np.unique(portion).tolist():
        found = np.flatnonzero((portion == number) & (each > 0))
        n = each[found]
        start = np.append(0, n.cumsum())
        offset = np.arange(start[-1]) - np.repeat(start[:-1], n)
        truth = by_image[np.repeat(bounds[image[found]], n) + offset]
        detection = np.repeat(found, n)
        similarity = problem.similarity(truth, detection)
        near = similarity >= BACKGROUND
        yield truth[near], detection[near], similarity[near]


def overlap_weight(similarity: Floats) -> Floats:
    """How much of a prediction's score counts for a label that it overlaps so: none at `BACKGROUND`, all from `FOREGROUND` on."""
    return np.asarray(np.clip((similarity - BACKGROUND) / (FOREGROUND - BACKGROUND), 0.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class Sureness:
    """How high a score is for its class and its fold's model: by the scores of predictions there that match a label.

    Attributes:
        score, label, fold: `(T,)` of the matched predictions.
    """

    score: Floats
    label: Ints
    fold: Ints

    def of(self, score: Floats, label: Ints, fold: Ints) -> Floats:
        """`(N,)` in [0, 1]: the share of matched predictions of this class and fold that are no surer.

        Of few matched predictions, what those of the class in all folds say counts beside them, and what all do.
        """
        result = ranks_among(score, self.score)
        for name in np.unique(label).tolist():
            mine, theirs = label == name, self.label == name
            if not theirs.any():
                continue
            result[mine] = _shrunk(score[mine], self.score[theirs], result[mine])
            for number in np.unique(fold[mine]).tolist():
                at, known = mine & (fold == number), theirs & (self.fold == number)
                if known.any() and known.sum() < theirs.sum():
                    result[at] = _shrunk(score[at], self.score[known], result[at])
        return np.where(score > 0, result, 0.0)

    def strength(self, score: Floats, label: Ints, fold: Ints) -> Floats:
        """`(N,)` in [0, 1]: a score beside the mean of those matched predictions; 1 from that on."""
        usual = np.full(len(score), self.score.mean() if len(self.score) else 1.0)
        for name in np.unique(label).tolist():
            mine, theirs = label == name, self.label == name
            for number in np.unique(fold[mine]).tolist():
                at = mine & (fold == number)
                own = theirs & (self.fold == number)
                for known in (theirs, own):
                    count = int(known.sum())
                    if count:
                        weight = count / (count + _OWN)
                        usual[at] = weight * self.score[known].mean() + (1 - weight) * usual[at]
        return np.asarray(np.clip(score / np.maximum(usual, 1e-9), 0.0, 1.0))


def _shrunk(values: Floats, sample: Floats, broader: Floats) -> Floats:
    weight = len(sample) / (len(sample) + _OWN)
    return weight * ranks_among(values, sample) + (1 - weight) * broader


def precision_at(score: Floats, right: NDArray[np.bool_], asked: Floats) -> Floats:
    """`(N,)` how often predictions of such scores are right: a rising function of the score, from all predictions.

    Args:
        score, right: `(M,)` of predictions. `asked`: `(N,)` scores.
    """
    if not len(score):
        return np.zeros(len(asked))
    order = np.argsort(score, kind="stable")
    rate = isotonic(right[order].astype(np.float64), np.ones(len(order)))
    return np.asarray(np.interp(asked, score[order].astype(np.float64), rate))
