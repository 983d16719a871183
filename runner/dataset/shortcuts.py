"""Shortcuts: single columns that by themselves tell which images hold a class.

Of each column and class, a predictor of one column is made: a bin says "there" where the class is commoner in it than the rest is.
It is judged on groups that it was not made from (five folds), by Youden's J: sensitivity + specificity − 1, 0 by chance and 1
where the column tells all. What is reported is the lower end of its interval over groups, corrected for the number of columns and
classes that were tried (Bonferroni), so that many columns find no more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.dataset.binned import Binned, coarser, ranges
from runner.domain.bias import Shortcut

FOLDS = 5
# Folds share what they learnt from, so that their errors go together (Nadeau and Bengio, 2003: 1/k + 1/(k-1) instead of 1/k).
_DEPENDENCE = 1 + FOLDS / (FOLDS - 1)
ALPHA = 0.05  # of all columns and classes together, one-sided
MIN_GROUPS = 10  # with the class, and without it: fewer tell nothing
_GROUPS_PER_BIN, _LEAST_BINS = 4, 4  # of numbers
_KEPT = 60  # of the most telling, those whose interval is computed
_SHOWN_VALUES = 3


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """N images and which of C classes they hold.

    Attributes:
        groups: `(N,)` int; images of one group are not independent.
        image, label: `(P,)` int each: an image, and a class that it holds; no pair twice.
        classes: the names, `(C,)`.
    """

    groups: NDArray[np.intp]
    image: NDArray[np.intp]
    label: NDArray[np.intp]
    classes: Sequence[str]


def shortcuts(columns: Sequence[Binned], images: Labelled, seed: int = 0) -> list[Shortcut]:
    """Every column's most telling classes, those that tell most first; at most 60. Empty where nothing can be told.

    A column that is another word for the group, and one that names single images, tell nothing of groups that they have not seen.
    """
    known, codes = np.unique(images.groups, return_inverse=True)
    images = replace(images, groups=codes)
    fold = _folds(codes, seed)
    held = np.bincount(images.label, minlength=len(images.classes))
    tested = np.flatnonzero((held > 0) & (held < len(images.groups)))
    tested = tested[_in_enough_groups(images, tested)]
    usable = [column for column in columns if not column.identifies and len(column.labels) > 1]
    if not len(tested) or not usable:
        return []
    most = max(_LEAST_BINS, len(known) // _GROUPS_PER_BIN)
    tables = [coarser(column, most) for column in usable]
    counted = [_Counts.of(column, images, fold) for column in tables]
    scores = np.array([counts.held_out_scores()[tested] for counts in counted])  # (columns, tested)
    order = np.argsort(-scores, axis=None, kind="stable")[:_KEPT]
    level = ALPHA / scores.size
    found = []
    for at in order:
        row, place = np.unravel_index(at, scores.shape)
        if scores[row, place] > 0:
            found.append(counted[row].shortcut(int(tested[place]), images, fold, level))
    return sorted(found, key=lambda each: (-each.excess, -each.score, each.column, each.class_name))


def _folds(groups: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """`(N,)`: each image's fold; a group is in one. Large groups are dealt first, so that folds are alike in size."""
    sizes = np.bincount(groups)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold = np.empty(len(sizes), np.intp)
    snake = np.concatenate([np.arange(FOLDS), np.arange(FOLDS)[::-1]])
    fold[order] = snake[np.arange(len(sizes)) % len(snake)]
    return fold[groups]


def _in_enough_groups(images: Labelled, tested: NDArray[np.intp]) -> NDArray[np.bool_]:
    """`(T,)`: whether the class is in enough groups, and enough groups have an image without it."""
    sizes = np.bincount(images.groups)
    pairs, counts = np.unique(
        images.label.astype(np.int64) * len(sizes) + images.groups[images.image], return_counts=True
    )
    label, of = np.divmod(pairs, len(sizes))
    number = max(len(images.classes), 1)
    holding = np.bincount(label, minlength=number)
    full = np.bincount(label[counts == sizes[of]], minlength=number)
    enough = (holding >= MIN_GROUPS) & (len(sizes) - full >= MIN_GROUPS)
    return np.asarray(enough[tested], np.bool_)


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Images by fold and bin `(F, B)`, and those that hold each class `(F, B, C)`."""

    column: Binned
    images: NDArray[np.float64]
    holding: NDArray[np.float64]

    @staticmethod
    def of(column: Binned, images: Labelled, fold: NDArray[np.intp]) -> _Counts:
        bins, classes = len(column.labels), len(images.classes)
        cell = fold * bins + column.codes
        pair = cell[images.image] * classes + images.label
        shape = (FOLDS, bins, classes)
        return _Counts(
            column=column,
            images=np.bincount(cell, minlength=FOLDS * bins).reshape(FOLDS, bins).astype(np.float64),
            holding=np.bincount(pair, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64),
        )

    def said(self) -> NDArray[np.bool_]:
        """`(F, B, C)`: whether a bin says "there", by the other folds."""
        images = self.images.sum(axis=0) - self.images  # (F, B)
        holding = self.holding.sum(axis=0) - self.holding
        return _says(images, holding)

    def held_out_scores(self) -> NDArray[np.float64]:
        """`(C,)`: Youden's J of each class."""
        said = self.said()
        lacking = self.images[..., None] - self.holding
        right = (self.holding * said).sum(axis=(0, 1)), (lacking * ~said).sum(axis=(0, 1))
        of = self.holding.sum(axis=(0, 1)), lacking.sum(axis=(0, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.nan_to_num(right[0] / of[0] + right[1] / of[1] - 1, nan=0.0))

    def shortcut(self, label: int, images: Labelled, fold: NDArray[np.intp], level: float) -> Shortcut:
        there = np.zeros(len(images.groups), np.bool_)
        there[images.image[images.label == label]] = True
        right = self.said()[fold, self.column.codes, label] == there
        score, excess = _interval(there, right, images.groups, level)
        bins = _says(self.images.sum(axis=0)[None], self.holding.sum(axis=0)[None])[0, :, label]
        inside = bins[self.column.codes]
        return Shortcut(
            column=self.column.name,
            class_name=images.classes[label],
            score=round(score, 6),
            excess=round(excess, 6),
            values=self._words(bins, label),
            inside=int(inside.sum()),
            holding=int((inside & there).sum()),
            outside=int((~inside).sum()),
            missed=int((~inside & there).sum()),
        )

    def _words(self, bins: NDArray[np.bool_], label: int) -> str:
        if self.column.ordered:
            words = ranges(self.column, bins)
        else:
            counts = self.holding.sum(axis=0)[:, label]
            words = [
                self.column.labels[at] for at in np.argsort(-counts, kind="stable") if bins[at] and counts[at]
            ]
        more = len(words) - _SHOWN_VALUES
        return ", ".join(words[:_SHOWN_VALUES]) + (f" and {more} more" if more > 0 else "")


def _says(images: NDArray[np.float64], holding: NDArray[np.float64]) -> NDArray[np.bool_]:
    """`(F, B, C)`: whether a larger share of what holds the class is in the bin than of what does not."""
    lacking = images[..., None] - holding
    of = holding.sum(axis=1, keepdims=True), lacking.sum(axis=1, keepdims=True)
    return np.asarray(holding * of[1] > lacking * of[0], np.bool_)


def _interval(
    there: NDArray[np.bool_], right: NDArray[np.bool_], groups: NDArray[np.intp], level: float
) -> tuple[float, float]:
    """Youden's J, and the lower end of its one-sided interval at `1 - level`, over groups; at least 0.

    The variance is that of the ratio estimator over groups, and never less than that of shares which are never quite 0 or 1
    (Agresti and Coull, 1998): ten groups that are all told rightly are no proof.
    """
    from scipy.special import stdtrit

    count = int(groups.max()) + 1
    deviation = np.zeros(count)
    score, floor, fewest = -1.0, 0.0, count
    for members in (there, ~there):
        number = np.bincount(groups[members], minlength=count).astype(np.float64)
        hits = np.bincount(groups[members & right], minlength=count)
        total = number.sum()
        share = hits.sum() / total
        deviation += (hits - share * number) / total
        effective = total**2 / (number**2).sum()  # Kish's number of groups
        smooth = (share * effective + 2) / (effective + 4)
        floor += smooth * (1 - smooth) / (effective + 4)
        score += share
        fewest = min(fewest, int((number > 0).sum()))
    between = float((deviation**2).sum() * count / max(count - 1, 1))
    variance = max(_DEPENDENCE * between, floor)
    reach: Any = stdtrit(max(fewest - 1, 1), 1 - level)
    return float(score), max(0.0, float(score - reach * np.sqrt(variance)))
