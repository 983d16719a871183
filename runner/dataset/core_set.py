"""Sets of vectors that cover others: k-center greedy, and clusters. Exact, and the same on every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.dataset.neighbours import Vectors

_DIGITS = 6  # of a cosine; what lies behind them depends on how a machine adds
_BLOCK = 1 << 24  # cosines at a time: 64 MB
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


def k_center(
    vectors: Vectors, centres: Vectors, distance: NDArray[np.float64] | None = None
) -> Iterator[tuple[int, float]]:
    """All vectors in greedy order: each is the farthest from the centres and from those before it.

    Args:
        vectors: `(N, D)`, `centres`: `(M, D)`, of length 1; without centres the first is the one farthest from their mean.
        distance: of each to its nearest centre, where that is known.

    Yields:
        A position, and its cosine distance to what was nearest when it was chosen (2 for a first one without centres).

    Source: Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018.

    >>> [at for at, _ in k_center(np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32), np.array([[1, 0]], np.float32))]
    [2, 1, 0]
    """
    if not len(vectors):
        return
    nearest = farthest(vectors, centres) if distance is None else distance.copy()
    if not len(centres) and distance is None:
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        at, reach = int(np.round(vectors @ mean, _DIGITS).argmin()), 2.0
    else:
        at = int(nearest.argmax())
        reach = float(nearest[at])
    for _ in range(len(vectors)):
        yield at, reach
        np.minimum(nearest, 1 - np.round((vectors @ vectors[at]).astype(np.float64), _DIGITS), out=nearest)
        nearest[at] = -1.0
        at = int(nearest.argmax())
        reach = float(nearest[at])


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

    Args:
        vectors: `(N, D)`, of length 1; at least one.
        k: how many; at most N.
        seed: of the draw.

    Source: Dhillon and Modha, "Concept decompositions for large sparse text data using clustering", 2001.
    """
    k = min(k, len(vectors))
    start = np.random.default_rng(seed).choice(len(vectors), size=k, replace=False)
    centres = vectors[np.sort(start)]
    of, cosine = _assigned(vectors, centres)
    for _ in range(_ROUNDS):
        centres = _means(vectors, of, centres)
        before = of
        of, cosine = _assigned(vectors, centres)
        if np.array_equal(of, before):
            break
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
