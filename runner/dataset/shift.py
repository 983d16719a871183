"""Whether two sets of images differ: by the distance of each column's distributions, beyond what drawing groups brings about.

Numbers are compared by the Kolmogorov-Smirnov distance of their bins, anything else by the total variation distance: both from
0, alike, to 1, nothing in common. What chance brings about is what remains when the groups are dealt anew between the two
sets (a permutation test); of all columns together it is exceeded in 5 of 100 sets in which nothing is wrong (the largest
standardised distance of each deal, Westfall and Young).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.dataset.binned import Binned, written
from runner.domain.bias import Shift

ALPHA = 0.05
DEALS = 499
_MOST_GROUPS = 10_000  # of each set, that are dealt: of more the distances by chance are smaller still
_SHOWN_VALUES = 2
_ALIKE = 0.2  # standard deviations: what differs is not the mean


def shifts(
    columns: Sequence[Binned],
    other: NDArray[np.bool_],
    groups: NDArray[np.intp],
    *,
    of: str,
    comparisons: int = 1,
    weight: float = 1.0,
    seed: int = 0,
) -> list[Shift]:
    """Of each column, how the images of the other set differ from the rest; in the order of the columns.

    Columns that name single images, and moments (what was taken later is later), are not compared.

    Args:
        columns: of N images.
        other: `(N,)`: which images are of the other set.
        groups: `(N,)` int; a group that is in both sets counts as two.
        of: what the other set is called.
        comparisons: how many such calls there are together: each has its share of the 5 in 100.
        weight: what a distance counts for: the share that the other set has of what is asked about.
    """
    usable = [column for column in columns if not column.identifies and not column.moments]
    if not usable or not other.any() or other.all():
        return []
    table = _table(usable, other, groups)
    starts = np.cumsum([0, *(len(column.labels) for column in usable)])
    ordered = [column.ordered for column in usable]
    whole = np.stack([table.counts[~table.other].sum(axis=0), table.counts[table.other].sum(axis=0)])
    distance = _distances(np.asarray(whole).reshape(2, 1, -1), starts, ordered)[0]
    dealt = _distances(_deals(table, seed), starts, ordered)  # (deals, columns)
    chance = _limits(dealt, ALPHA / comparisons)
    return [
        Shift(
            of=of,
            column=column.name,
            distance=round(weight * float(distance[at]), 6),
            chance=round(weight * float(min(chance[at], 1.0)), 6),
            shift=round(weight * float(distance[at]), 6) if distance[at] > chance[at] else 0.0,
            words=_words(column, other),
        )
        for at, column in enumerate(usable)
    ]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Images by group and bin.

    Attributes:
        counts: sparse `(G, B)`, the bins of all columns one after the other.
        other: `(G,)`: which groups are of the other set.
    """

    counts: Any
    other: NDArray[np.bool_]


def _table(columns: Sequence[Binned], other: NDArray[np.bool_], groups: NDArray[np.intp]) -> _Table:
    from scipy.sparse import csr_matrix

    known, unit = np.unique(groups.astype(np.int64) * 2 + other, return_inverse=True)
    starts = np.cumsum([0, *(len(column.labels) for column in columns)])
    bins = np.concatenate([column.codes + start for column, start in zip(columns, starts, strict=False)])
    rows = np.tile(unit, len(columns))
    ones = np.ones(len(bins), np.float64)
    return _Table(
        counts=csr_matrix((ones, (rows, bins)), shape=(len(known), int(starts[-1]))), other=known % 2 == 1
    )


def _deals(table: _Table, seed: int) -> NDArray[np.float64]:
    """`(2, deals, B)`: the counts of the two sets, with the groups dealt anew."""
    generator = np.random.default_rng(seed)
    sides = [_some(np.flatnonzero(table.other == side), generator) for side in (False, True)]
    counts = table.counts[np.concatenate(sides)]
    groups, of_other = counts.shape[0], len(sides[1])
    dealt = np.zeros((groups, DEALS), np.float64)
    for deal in range(DEALS):
        dealt[generator.permutation(groups)[:of_other], deal] = 1
    theirs = np.asarray((counts.T @ dealt).T)  # (deals, B)
    total = np.asarray(counts.sum(axis=0)).reshape(1, -1)
    return np.stack([total - theirs, theirs])


def _some(groups: NDArray[np.intp], generator: np.random.Generator) -> NDArray[np.intp]:
    if len(groups) <= _MOST_GROUPS:
        return groups
    return np.sort(generator.choice(groups, _MOST_GROUPS, replace=False))


def _distances(
    counts: NDArray[np.float64], starts: NDArray[np.intp], ordered: Sequence[bool]
) -> NDArray[np.float64]:
    """`(D, columns)` of D pairs of counts `(2, D, B)`."""
    found = []
    for first, last, is_ordered in zip(starts, starts[1:], ordered, strict=False):
        part = counts[..., first:last]
        shares = part / np.maximum(part.sum(axis=-1, keepdims=True), 1)
        apart = shares[1] - shares[0]  # (D, b)
        if is_ordered:
            found.append(np.abs(np.cumsum(apart, axis=1)).max(axis=1))
        else:
            found.append(np.abs(apart).sum(axis=1) / 2)
    return np.stack(found, axis=1)


def _limits(dealt: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """`(columns,)`: the distance that chance exceeds in any column of a share `alpha` of deals `(D, columns)`."""
    mean, spread = dealt.mean(axis=0), dealt.std(axis=0)
    standard = np.divide(dealt - mean, spread, out=np.zeros_like(dealt), where=spread > 0)
    largest = np.sort(standard.max(axis=1))
    rank = int(np.ceil((len(largest) + 1) * (1 - alpha)))
    reach = largest[min(rank, len(largest)) - 1]
    return np.asarray(mean + reach * spread)


def _words(column: Binned, other: NDArray[np.bool_]) -> str:
    """What differs most, in words: the means of numbers, else the values whose shares differ most."""
    if column.ordered and column.values is not None:
        here, there = column.values[other], column.values[~other]
        ours, theirs = here[np.isfinite(here)], there[np.isfinite(there)]
        words = [_means(ours, theirs)] if len(ours) and len(theirs) else []
        if len(ours) / len(here) != len(theirs) / len(there):
            words.append(f"no value in {np.isnan(here).mean():.0%} instead of {np.isnan(there).mean():.0%}")
        return ", ".join(words)
    number = len(column.labels)
    here, there = (
        np.bincount(column.codes[side], minlength=number) / max(int(side.sum()), 1)
        for side in (other, ~other)
    )
    order = np.argsort(-np.abs(here - there), kind="stable")[:_SHOWN_VALUES]
    return ", ".join(
        f"{column.labels[at]} {here[at]:.0%} instead of {there[at]:.0%}"
        for at in order
        if here[at] != there[at]
    )


def _means(here: NDArray[np.float64], there: NDArray[np.float64]) -> str:
    mean, before = float(here.mean()), float(there.mean())
    spread = float(np.sqrt((here.var() + there.var()) / 2))
    if not spread:
        return f"{written(mean)} instead of {written(before)}"
    apart = (mean - before) / spread
    if abs(apart) < _ALIKE:
        return f"standard deviation {written(float(here.std()))} instead of {written(float(there.std()))}"
    side = "higher" if apart > 0 else "lower"
    return f"mean {written(mean)} instead of {written(before)}, {abs(apart):.1f} standard deviations {side}"
