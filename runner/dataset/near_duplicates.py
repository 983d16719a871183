"""Images that show nearly the same: perceptual hashes find the candidates, thumbnails confirm them.

A hash of 64 bits tells copies that were saved, scaled or brightened anew; it also collides, for pictures of one scene or
with little in them. So a pair counts when its hashes differ in few bits and its thumbnails agree as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import write_table

# Measured by benchmarks/near_duplicates.py: copies saved anew, scaled, brightened, blurred or with noise are within 4 bits
# and above this correlation in 99 to 100 of 100; of 212,203 pairs of different photographs 6 are within 4 bits,
# and none of those is above it.
DEFAULT_DISTANCE = 4
MAX_DISTANCE = 7
MIN_CORRELATION = 0.98
# Where an image has no structure (night, a covered lens) there is nothing that two of them could have in common.
MIN_CONTRAST = 2.0  # standard deviation of the thumbnail's grey values, 0 to 255
_BITS = 16
# Per image: of a still camera's thousands of alike images, some are enough to tell.
_MOST_CANDIDATES, _MOST_IN_A_WORD = 64, 128
_CHUNK = 1 << 20


THUMBNAILS = "thumbnails.parquet"


def write_thumbnails(index: Path, paths: Sequence[str], thumbnails: Sequence[bytes]) -> None:
    """Writes the thumbnails beside the index's tables."""
    write_table(index / THUMBNAILS, {"path": list(paths), "grey": list(thumbnails)})


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What images look like.

    Attributes:
        hashes: `(N,)` uint64, perceptual.
        thumbnails: `(N, P)` uint8, grey values.
    """

    hashes: NDArray[np.uint64]
    thumbnails: NDArray[np.uint8]

    def rows(self, rows: NDArray[np.intp]) -> Looks:
        """Some of them."""
        return Looks(hashes=self.hashes[rows], thumbnails=self.thumbnails[rows])


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """Of each of N images the nearest of the others.

    Attributes:
        position: `(N,)` int, -1 where none is near.
        distance: `(N,)` int, bits in which the hashes differ; -1 where none is near.
    """

    position: NDArray[np.intp]
    distance: NDArray[np.intp]


def nearest(images: Looks, others: Looks, *, distance: int) -> Nearest:
    """Of each image the near-duplicate among the others with the fewest differing bits, the first of equals.

    Args:
        images: `(N,)` and `others`: `(M,)` of them.
        distance: largest number of differing bits, 0 to 7.

    Time grows with N + M and with the candidates, not with N × M: hashes within 3 bits share one of four 16-bit words, those
    within 7 bits have one word that differs in one bit at most (the pigeonhole principle).
    """
    position, bits = np.full(len(images.hashes), -1), np.full(len(images.hashes), -1)
    ours, theirs = np.flatnonzero(_has_contrast(images)), np.flatnonzero(_has_contrast(others))
    first, second = _candidates(images.hashes[ours], others.hashes[theirs], distance)
    first, second = ours[first], theirs[second]
    differing = np.bitwise_count(images.hashes[first] ^ others.hashes[second]).astype(np.intp)
    order = np.lexsort((second, differing, first))
    first, second, differing = first[order], second[order], differing[order]
    rank = np.arange(len(first)) - np.searchsorted(first, first, side="left")
    few = rank < _MOST_CANDIDATES
    first, second, differing = first[few], second[few], differing[few]
    agreed = np.concatenate(
        [
            _agree(images.thumbnails[first[at : at + _CHUNK]], others.thumbnails[second[at : at + _CHUNK]])
            for at in range(0, len(first), _CHUNK)
        ]
        or [np.zeros(0, np.bool_)]
    )
    first, second, differing = first[agreed], second[agreed], differing[agreed]
    found, start = np.unique(first, return_index=True)
    position[found], bits[found] = second[start], differing[start]
    return Nearest(position=position, distance=bits)


def pairs_within(images: Looks, *, distance: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Every pair of near-duplicates among the images: `(P,)` positions each, the first before the second.

    Args:
        images: `(N,)` of them.
        distance: largest number of differing bits, 0 to 7.
    """
    rows = np.flatnonzero(_has_contrast(images))
    first, second = _candidates(images.hashes[rows], images.hashes[rows], distance)
    later = first < second
    first, second = rows[first[later]], rows[second[later]]
    agreed = [
        _agree(images.thumbnails[first[at : at + _CHUNK]], images.thumbnails[second[at : at + _CHUNK]])
        for at in range(0, len(first), _CHUNK)
    ]
    kept = np.concatenate([np.zeros(0, np.bool_), *agreed])
    return first[kept], second[kept]


def _candidates(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of positions whose hashes differ in at most `distance` bits."""
    flips = [0] if distance < 4 else [0, *(1 << bit for bit in range(_BITS))]
    pairs: list[NDArray[np.int64]] = []
    for word in range(64 // _BITS):
        shift = np.uint64(_BITS * word)
        ours, theirs = ((each >> shift).astype(np.uint16) for each in (hashes, others))
        order = np.argsort(theirs, kind="stable")
        for flip in flips:
            pairs += _equal(ours ^ np.uint16(flip), theirs[order], order, hashes, others, distance)
    found = np.sort(np.concatenate(pairs)) if pairs else np.zeros(0, np.int64)
    found = found[np.diff(found, prepend=-1) > 0]  # np.unique hashes, which is 20 times slower here
    first, second = np.divmod(found, max(len(others), 1))
    return first, second


def _equal(
    ours: NDArray[np.uint16],
    theirs: NDArray[np.uint16],
    order: NDArray[np.intp],
    hashes: NDArray[np.uint64],
    others: NDArray[np.uint64],
    distance: int,
) -> list[NDArray[np.int64]]:
    """Pairs with an equal word, as `first * M + second`, that are near enough; a million at a time."""
    low = np.searchsorted(theirs, ours, side="left")
    counts = np.minimum(np.searchsorted(theirs, ours, side="right") - low, _MOST_IN_A_WORD)
    found = []
    for at in range(0, len(ours), _CHUNK // _MOST_IN_A_WORD):
        some = slice(at, at + _CHUNK // _MOST_IN_A_WORD)
        first = np.repeat(np.arange(len(ours))[some], counts[some])
        starts = np.cumsum(counts[some]) - counts[some]
        within = np.arange(len(first)) - np.repeat(starts, counts[some])
        second = order[np.repeat(low[some], counts[some]) + within]
        near = np.bitwise_count(hashes[first] ^ others[second]) <= distance
        found.append(first[near].astype(np.int64) * len(others) + second[near])
    return found


def _has_contrast(images: Looks) -> NDArray[np.bool_]:
    return np.asarray(images.thumbnails.std(axis=1, dtype=np.float32) >= MIN_CONTRAST, np.bool_)


def _agree(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """`(K,)`: which pairs of thumbnails `(K, P)` have a correlation of at least `MIN_CORRELATION`."""
    product, length = _products(one, other)
    agreed: Any = product >= MIN_CORRELATION * length
    return np.asarray(agreed, np.bool_)


def correlations(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`(K,)`: of thumbnails `(K, P)` with `(K, P)`, or `(1, P)` with `(K, P)`; 0 where one of them has no contrast."""
    product, length = _products(one, other)
    return np.divide(product, length, out=np.zeros_like(product), where=length > 0)


def _products(
    one: NDArray[np.uint8], other: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of the centred values: their products summed, and what those would be of equals."""
    first, second = (each.astype(np.float32) - each.mean(axis=1, keepdims=True) for each in (one, other))
    product, squares = (first * second).sum(axis=1), (first**2).sum(axis=1) * (second**2).sum(axis=1)
    return product.astype(np.float32), np.sqrt(squares).astype(np.float32)
