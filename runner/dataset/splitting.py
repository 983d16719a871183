"""Proposes which images train, validate and test: whole clusters at a time, so that classes and slices are spread as asked.

Iterative stratification (Sechidis and others, 2011) over clusters: those that hold most of something rare are dealt first, each to
the split that lacks most of what it holds; then single clusters are moved while that brings the shares nearer to what
was asked. The measure is Pearson's: the squared gap of each split and stratum, divided by what was asked of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

IMAGES = "images"
_PASSES = 4
_MOST_MOVED = 200_000  # clusters: of more, the first deal is as even as it gets
_IMAGES_COUNT = 4.0  # as much as so many other strata: the sizes of splits were asked for in numbers


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Something that is to be spread evenly: all images, the objects of a class, the images of a slice.

    Attributes:
        amount: `(N,)` how much of it each image holds.
    """

    name: str
    amount: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a stratum came to lie.

    Attributes:
        shares: of each split, in the order of the splits; NaN where there is nothing of it.
        clusters: in how many clusters some of it is: fewer than splits cannot be spread.
    """

    name: str
    total: float
    shares: NDArray[np.float64]
    clusters: int


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An assignment of N images.

    Attributes:
        split: `(N,)` int, the split's position; -1 for images that are left out.
    """

    split: NDArray[np.intp]
    spreads: list[Spread]


def propose(
    clusters: NDArray[np.intp],
    strata: Sequence[Stratum],
    shares: Sequence[float],
    *,
    fixed: NDArray[np.intp],
    closed: Sequence[bool],
    seed: int = 0,
) -> Proposal:
    """Deals clusters to splits.

    Args:
        clusters: `(N,)` int; images of one cluster go together.
        strata: the first is all images.
        shares: of each split, above 0, together 1; of splits that are closed, what they have counts.
        fixed: `(N,)`: the split that an image is in whatever is proposed; -1 where it is free. A cluster with fixed images
            goes where most of them are, unless that split is closed: then its free images are left out.
        closed: of each split: whether it takes no further images.
    """
    known, member = np.unique(clusters, return_inverse=True)
    amounts = _of_clusters(member, len(known), strata)
    table = _Deal(amounts=amounts, shares=_asked(amounts, member, shares, fixed, closed, strata))
    bound = _bound(member, len(known), fixed, len(shares))
    where = np.full(len(known), -1, np.intp)
    for cluster in np.flatnonzero(bound >= 0):
        table.put(int(cluster), int(bound[cluster]))
        where[cluster] = bound[cluster]
    open_ = [at for at, is_closed in enumerate(closed) if not is_closed]
    generator = np.random.default_rng(seed)
    free = generator.permutation(np.flatnonzero(bound < 0))
    if open_:
        for cluster in free[np.argsort(-table.rarity()[free], kind="stable")]:
            where[cluster] = table.best(int(cluster), open_)
            table.put(int(cluster), int(where[cluster]))
        if len(free) <= _MOST_MOVED:
            _move(table, where, free, open_)
    split = where[member]
    shut = np.array([*closed, False], np.bool_)  # the last is that of -1
    split = np.where(shut[split] & (fixed < 0), -1, split)
    split = np.where(fixed >= 0, fixed, split)
    return Proposal(split=split, spreads=_spreads(strata, member, split, len(shares)))


def _of_clusters(member: NDArray[np.intp], number: int, strata: Sequence[Stratum]) -> Any:
    """Sparse `(clusters, S)`: how much of each stratum every cluster holds."""
    from scipy.sparse import csr_matrix

    rows, columns, values = [], [], []
    for at, stratum in enumerate(strata):
        summed = np.bincount(member, weights=stratum.amount, minlength=number)
        some = np.flatnonzero(summed)
        rows.append(some)
        columns.append(np.full(len(some), at))
        values.append(summed[some])
    shape = (number, len(strata))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csr_matrix(entries, shape=shape)


def _asked(
    amounts: Any,
    member: NDArray[np.intp],
    shares: Sequence[float],
    fixed: NDArray[np.intp],
    closed: Sequence[bool],
    strata: Sequence[Stratum],
) -> NDArray[np.float64]:
    """`(splits, S)`: how much of each stratum a split is to have; a closed one what it has, the others share the rest."""
    total = np.asarray(amounts.sum(axis=0)).reshape(-1)
    taken = np.zeros((len(shares), len(strata)))
    for at, is_closed in enumerate(closed):
        if is_closed:
            taken[at] = [stratum.amount[fixed == at].sum() for stratum in strata]
    rest = total - taken.sum(axis=0)
    left = sum(share for share, is_closed in zip(shares, closed, strict=True) if not is_closed) or 1.0
    for at, (share, is_closed) in enumerate(zip(shares, closed, strict=True)):
        if not is_closed:
            taken[at] = share / left * rest
    return taken


def _bound(member: NDArray[np.intp], number: int, fixed: NDArray[np.intp], splits: int) -> NDArray[np.intp]:
    """`(clusters,)`: the split of most of a cluster's fixed images, -1 without any; of equals the last: test before train."""
    counts = np.stack([np.bincount(member[fixed == at], minlength=number) for at in range(splits)])
    best = splits - 1 - np.argmax(counts[::-1], axis=0)
    return np.where(counts.max(axis=0) > 0, best, -1)


class _Deal:
    """What each split has so far, beside what it is to have."""

    def __init__(self, *, amounts: Any, shares: NDArray[np.float64]) -> None:
        self.asked = np.maximum(shares, 1e-9)  # (splits, S)
        self.amounts = amounts
        self.gap = -shares.copy()  # (splits, S): has - asked
        self.total = np.maximum(np.asarray(amounts.sum(axis=0)).reshape(-1), 1e-9)
        weight = np.ones(len(self.total))
        weight[0] = _IMAGES_COUNT
        self.weight = weight / (self.asked * self.total)

    def row(self, cluster: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The strata that a cluster holds, and how much of each."""
        span = slice(self.amounts.indptr[cluster], self.amounts.indptr[cluster + 1])
        return self.amounts.indices[span], self.amounts.data[span]

    def rarity(self) -> NDArray[np.float64]:
        """`(clusters,)`: the largest share of any stratum that a cluster holds."""
        return np.asarray(self.amounts.multiply(1 / self.total).max(axis=1).toarray()).reshape(-1)

    def put(self, cluster: int, split: int, sign: float = 1.0) -> None:
        strata, values = self.row(cluster)
        self.gap[split, strata] += sign * values

    def costs(self, cluster: int) -> NDArray[np.float64]:
        """`(splits,)`: by how much the measure grows where the cluster is put."""
        strata, values = self.row(cluster)
        grown = values * (2 * self.gap[:, strata] + values) * self.weight[:, strata]
        return np.asarray(grown.sum(axis=1))

    def best(self, cluster: int, splits: Sequence[int]) -> int:
        costs = self.costs(cluster)
        return min(splits, key=lambda split: costs[split])


def _move(table: _Deal, where: NDArray[np.intp], free: NDArray[np.intp], splits: Sequence[int]) -> None:
    """Moves single clusters while that helps; never the last of a split."""
    left = np.bincount(where[where >= 0], minlength=len(table.asked))
    for _ in range(_PASSES):
        moved = False
        for cluster in free.tolist():
            before = int(where[cluster])
            if left[before] <= 1:
                continue
            table.put(cluster, before, -1.0)
            costs = table.costs(cluster)
            best = min(splits, key=lambda split: costs[split])
            if costs[best] < costs[before] - 1e-12:
                where[cluster] = best
                left[before] -= 1
                left[best] += 1
                moved = True
            table.put(cluster, int(where[cluster]))
        if not moved:
            return


def _spreads(
    strata: Sequence[Stratum], member: NDArray[np.intp], split: NDArray[np.intp], splits: int
) -> list[Spread]:
    used = split >= 0
    found = []
    for stratum in strata:
        amounts = np.array([stratum.amount[split == at].sum() for at in range(splits)])
        total = amounts.sum()
        shares = amounts / total if total else np.full(splits, np.nan)
        holding = np.unique(member[used & (stratum.amount > 0)])
        found.append(Spread(name=stratum.name, total=float(total), shares=shares, clusters=len(holding)))
    return found


def joined(count: int, pairs: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> NDArray[np.intp]:
    """`(N,)`: the connected component of each of N images, by pairs of positions that belong together.

    >>> joined(4, [(np.array([0]), np.array([2])), (np.array([2]), np.array([3]))]).tolist()
    [0, 1, 0, 0]
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    first = np.concatenate([np.zeros(0, np.intp), *(pair[0] for pair in pairs)])
    second = np.concatenate([np.zeros(0, np.intp), *(pair[1] for pair in pairs)])
    graph = coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.intp)


def chains(values: Sequence[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs that join all positions with the same value; None joins nothing.

    >>> [part.tolist() for part in chains(["a", None, "a", "b", "a", None])]
    [[0, 2], [2, 4]]
    """
    last: dict[Any, int] = {}
    first, second = [], []
    for at, value in enumerate(values):
        if value is None:
            continue
        if value in last:
            first.append(last[value])
            second.append(at)
        last[value] = at
    return np.array(first, np.intp), np.array(second, np.intp)
