"""Sets of vectors that cover others: k-center greedy, and clusters. Exact, and the same on every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.dataset.neighbours import Vectors

_DIGITS = 6  # of a cosine; what lies behind them depends on how a machine adds
_BLOCK = 1 << 24  # cosines at a time: 64 MB
_LOOKED_AT = 512  # vectors at a time
_MOST_LEARNT = 20_000  # vectors that centres of clusters are found by; the others are assigned to them
_ROUNDS = 12  # of Lloyd's algorithm; assignments have settled long before


def farthest(vectors: Vectors, centres: Vectors) -> NDArray[np.float64]:
    """The cosine distance of each vector `(N,)` to its nearest centre, 0 to 2; 2 where there is no centre.

    Args:
        vectors: `(N, D)`, `centres`: `(M, D)`, of length 1.
    """
    distance = np.full(len(vectors), 2.0)
    rows = max(1, _BLOCK // max(1, len(centres)))
    for start in range(0, len(vectors) if len(centres) else 0, rows):
        some = slice(start, start + rows)
        distance[some] = 1 - np.round((vectors[some] @ centres.T).max(axis=1).astype(np.float64), _DIGITS)
    return distance


def k_center(vectors: Vectors, centres: Vectors) -> Iterator[tuple[int, float]]:
    """All vectors in greedy order: each is the farthest from the centres and from those before it.

    Args:
        vectors: `(N, D)`, `centres`: `(M, D)`, of length 1; without centres the first is the one farthest from their mean.

    Yields:
        A position, and its cosine distance to what was nearest when it was chosen (2 for a first one without centres).

    Source: Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018.

    >>> [at for at, _ in k_center(np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32), np.array([[1, 0]], np.float32))]
    [2, 1, 0]
    """
    if not len(vectors):
        return
    if len(centres):
        bound, order = farthest(vectors, centres), list[int]()
    else:
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        first = int(np.round(vectors @ mean, _DIGITS).argmin())
        yield first, 2.0
        bound, order = _distance(vectors, vectors[[first]])[:, 0], [first]
        bound[first] = -1.0
    seen = np.full(len(vectors), len(order), np.intp)  # how many of those chosen each bound knows of
    while len(order) < len(vectors):
        at = _farthest_left(vectors, order, bound, seen)
        yield at, float(bound[at])
        order.append(at)
        bound[at] = -1.0


def _farthest_left(
    vectors: Vectors, order: list[int], bound: NDArray[np.float64], seen: NDArray[np.intp]
) -> int:
    """The vector that is farthest from all chosen ones; of equals, the first.

    A distance can only shrink as more are chosen, so what was known of it is a bound: only those with the highest are looked at
    again, some at a time, until the highest of them is above all other bounds. Most vectors are never looked at again.
    """
    some = min(_LOOKED_AT, len(bound))
    while True:
        rows = np.argpartition(-bound, some - 1)[:some]
        stale = rows[(seen[rows] < len(order)) & (bound[rows] >= 0)]
        if not len(stale):
            highest = bound.max()
            return int(np.flatnonzero(bound == highest)[0])
        since = int(seen[stale].min())
        chosen = vectors[np.array(order[since:], np.intp)]
        bound[stale] = np.minimum(bound[stale], _distance(vectors[stale], chosen).min(axis=1))
        seen[stale] = len(order)
        top = rows[bound[rows] == bound[rows].max()]
        others = np.ones(len(bound), bool)
        others[rows] = False
        rest = float(bound[others].max()) if some < len(bound) else -1.0
        if float(bound[top[0]]) > rest:
            return int(top.min())


def _distance(vectors: Vectors, others: Vectors) -> NDArray[np.float64]:
    """`(N, M)` cosine distances."""
    return np.asarray(1 - np.round((vectors @ others.T).astype(np.float64), _DIGITS))


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """K clusters of N vectors.

    Attributes:
        of: `(N,)` int, the cluster of each vector.
        cosine: `(N,)` of each to its cluster's centre.
        sizes: `(K,)` int.
    """

    of: NDArray[np.intp]
    cosine: NDArray[np.float64]
    sizes: NDArray[np.intp]


def clusters(vectors: Vectors, k: int, seed: int) -> Clusters:
    """Spherical k-means: the centres start as vectors that are drawn at random, and move to the mean of what is nearest to them.

    Of more than 20,000 vectors the centres are found by so many of them, drawn at random.

    Args:
        vectors: `(N, D)`, of length 1; at least one.
        k: how many; at most N.
        seed: of the draw.

    Source: Dhillon and Modha, "Concept decompositions for large sparse text data using clustering", 2001.
    """
    k = min(k, len(vectors))
    drawn = np.random.default_rng(seed).permutation(len(vectors))
    learnt = vectors[np.sort(drawn[: max(k, _MOST_LEARNT)])]
    centres = vectors[np.sort(drawn[:k])]
    of, _ = _assigned(learnt, centres)
    for _ in range(_ROUNDS):
        centres = _means(learnt, of, centres)
        before = of
        of, _ = _assigned(learnt, centres)
        if np.array_equal(of, before):
            break
    of, cosine = _assigned(vectors, centres)
    return Clusters(of=of, cosine=cosine, sizes=np.bincount(of, minlength=k))


def _assigned(vectors: Vectors, centres: Vectors) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    of, cosine = np.zeros(len(vectors), np.intp), np.zeros(len(vectors))
    rows = max(1, _BLOCK // len(centres))
    for start in range(0, len(vectors), rows):
        some = slice(start, start + rows)
        block = np.round(vectors[some] @ centres.T, _DIGITS)
        of[some] = block.argmax(axis=1)
        cosine[some] = block.max(axis=1)
    return of, cosine


def _means(vectors: Vectors, of: NDArray[np.intp], centres: Vectors) -> Vectors:
    """A cluster's mean, of length 1; of one that is empty the centre as it was."""
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], np.arange(len(centres)))
    sizes = np.bincount(of, minlength=len(centres))
    moved = centres.copy()
    for at in np.flatnonzero(sizes).tolist():
        total = vectors[order[starts[at] : starts[at] + sizes[at]]].sum(axis=0, dtype=np.float64)
        length = np.linalg.norm(total)
        if length > 0:
            moved[at] = np.round(total / length, _DIGITS)
    return moved
