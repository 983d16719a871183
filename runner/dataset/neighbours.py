"""Nearest neighbours among vectors of length 1: exact, by their cosine.

No cosine tells a copy from another picture of the same scene: what is found here is proposed, and pixels confirm it
(`adapters/pictures/registration.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.domain.progress import progress_bar

Vectors: TypeAlias = NDArray[np.float32]
_BLOCK = 1 << 24  # cosines that are looked at at a time: 64 MB
_GROUP = 64
_DIGITS = 6  # what lies behind them depends on how a machine adds


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Of each of N vectors the K nearest, the nearest first; of equals, the first.

    Attributes:
        position: `(N, K)` int, in the vectors that were searched.
        cosine: `(N, K)` float32 in [-1, 1].
    """

    position: NDArray[np.intp]
    cosine: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """P pairs of vectors, each once, the nearest first.

    Attributes:
        first, second: `(P,)` int, positions; the first is the smaller.
        cosine: `(P,)` float32 in [-1, 1].
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    cosine: NDArray[np.float32]


def nearest(queries: Vectors, vectors: Vectors, k: int) -> Neighbours:
    """The `k` nearest of some vectors to each of others.

    Args:
        queries: `(N, D)`, of length 1.
        vectors: `(M, D)`, of length 1. K is `min(k, M)`.

    Example:
        >>> found = nearest(np.array([[1, 0]], np.float32), np.array([[0, 1], [1, 0]], np.float32), 5)
        >>> found.position.tolist(), found.cosine.tolist()
        ([[1, 0]], [[1.0, 0.0]])
    """
    width = min(k, len(vectors))
    positions = np.zeros((len(queries), width), np.intp)
    cosines = np.zeros((len(queries), width), np.float32)
    rows = max(1, _BLOCK // max(1, len(vectors)))
    with progress_bar("compare vectors", len(queries), "image") as bar:
        for start in range(0, len(queries) if width else 0, rows):
            some = slice(start, start + rows)
            block = np.asarray(queries[some] @ vectors.T, np.float32)
            found = _highest(block, width)
            _settle_equals(block, found)
            values = np.clip(np.round(np.take_along_axis(block, found, axis=1), _DIGITS), -1, 1)
            order = np.lexsort((found, -values), axis=1)
            positions[some] = np.take_along_axis(found, order, axis=1)
            cosines[some] = np.take_along_axis(values, order, axis=1)
            bar.update(len(block))
    return Neighbours(position=positions, cosine=cosines)


def propose_pairs(vectors: Vectors, k: int, *, min_cosine: float = -1.0) -> Pairs:
    """The pairs of which one is among the `k` nearest of the other.

    Args:
        vectors: `(N, D)`, of length 1.
        k: how many neighbours of each are looked at, itself aside.
        min_cosine: pairs below it are left out.

    Example:
        >>> pairs = propose_pairs(np.array([[1, 0], [0, 1], [0.8, 0.6]], np.float32), 1)
        >>> list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        [(0, 2), (1, 2)]
    """
    near = nearest(vectors, vectors, k + 1)
    first = np.repeat(np.arange(len(vectors)), near.position.shape[1] if len(vectors) else 0)
    second, cosine = near.position.ravel(), near.cosine.ravel()
    kept = (first != second) & (cosine >= min_cosine)
    low, high = np.minimum(first, second)[kept], np.maximum(first, second)[kept]
    _, once = np.unique(low * len(vectors) + high, return_index=True)
    low, high, cosine = low[once], high[once], cosine[kept][once]
    order = np.lexsort((high, low, -cosine))
    return Pairs(first=low[order], second=high[order], cosine=cosine[order])


def _highest(block: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """`(N, k)`: the positions of the highest of each row `(N, M)`, in no order.

    They are in the k groups of columns with the highest maxima, which are found several times as fast.
    """
    rows, columns = block.shape
    groups = columns // _GROUP
    if groups <= 2 * k:
        return np.asarray(np.argpartition(-block, k - 1, axis=1)[:, :k])
    maxima = block[:, : groups * _GROUP].reshape(rows, groups, _GROUP).max(axis=2)
    chosen = np.argpartition(-maxima, k - 1, axis=1)[:, :k]
    inside = (chosen[:, :, None] * _GROUP + np.arange(_GROUP)).reshape(rows, -1)  # (N, k, G) -> (N, kG)
    rest = np.broadcast_to(np.arange(groups * _GROUP, columns), (rows, columns - groups * _GROUP))
    candidates = np.concatenate([inside, rest], axis=1)
    best = np.argpartition(-np.take_along_axis(block, candidates, axis=1), k - 1, axis=1)[:, :k]
    return np.asarray(np.take_along_axis(candidates, best, axis=1))


def _settle_equals(block: NDArray[np.float32], found: NDArray[np.intp]) -> None:
    """Where the last of those found has equals that were not, the first of them are taken; `found` is changed."""
    k = found.shape[1]
    least = np.take_along_axis(block, found, axis=1).min(axis=1, keepdims=True) - 10.0**-_DIGITS
    for row in np.flatnonzero((block >= least).sum(axis=1) > k).tolist():
        equal = np.flatnonzero(block[row] >= least[row])
        order = np.lexsort((equal, -np.round(block[row, equal], _DIGITS)))
        found[row] = equal[order[:k]]
