"""Which pictures share corners with one: each corner votes for the pictures that have it too.

Descriptors of 256 bits are compared where one of their sixteen words is the same (locality-sensitive hashing by sampled bits).
A corner that many pictures have says little of each: its vote is divided among them, as words are weighed in a search for text.

Sources: Indyk and Motwani, "Approximate nearest neighbors", 1998; Sivic and Zisserman, "Video Google", 2003.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit, prange

MAX_BITS = 36  # two descriptors of one corner differ in so many of 256 at most; chosen by benchmarks/copies.py --choose
FEWEST_CORNERS = 6
_WORDS, _BUCKETS = 16, 1 << 16
_MOST_IN_A_BUCKET = 1024  # what more descriptors have in common tells no picture from another
_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class Corners:
    """The descriptors of N pictures, one after the other.

    Attributes:
        words: `(M, 4)` uint64. `picture`: `(M,)` int64, whose each is, ascending. `starts`: `(N + 1,)`.
    """

    words: NDArray[np.uint64]
    picture: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, descriptors: NDArray[np.uint8], counts: NDArray[np.int64]) -> Corners:
        """From `(N, F, 32)` bytes, of which the first `counts` `(N,)` of each picture are filled."""
        filled = np.arange(descriptors.shape[1])[None] < counts[:, None]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(
            words=np.ascontiguousarray(descriptors[filled]).view(np.uint64).reshape(-1, 4),
            picture=np.repeat(np.arange(len(counts)), counts),
            starts=starts,
        )


def proposals(
    ours: Corners, mirrored: Corners, theirs: Corners, most: int, skip: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Of each of our pictures those of theirs that share most corners with it or its mirror image.

    Args:
        ours: of N pictures. `mirrored`: of their mirror images.
        most: how many.
        skip: `(N,)`: one of theirs that is not asked of each of ours; -1 for none.

    Returns:
        `(N, most)` int64, the best first; -1 where there are no more that share `FEWEST_CORNERS`.
    """
    count = len(ours.starts) - 1
    best, votes = np.full((count, 2 * most), -1, np.int64), np.zeros((count, 2 * most))
    if not len(theirs.words):
        return best[:, :most]
    if skip is None:
        skip = np.full(count, -1, np.int64)
    orders, firsts = _buckets(theirs.words)
    known, others = (theirs.words, theirs.picture), len(theirs.starts) - 1
    for side, asked in enumerate((ours, mirrored)):
        places = slice(side * most, (side + 1) * most)
        for at in range(0, count, _AT_ONCE):
            some = np.arange(at, min(at + _AT_ONCE, count))
            _vote(
                *(asked.words, asked.starts, some, *known, others, orders, firsts, skip),
                *(best[:, places], votes[:, places]),
            )
    first, second = best[:, :most, None], best[:, None, most:]
    again = (first == second) & (first >= 0)  # (N, most, most): a picture that both say is named once
    votes[:, :most] = np.maximum(votes[:, :most], np.where(again, votes[:, None, most:], 0).max(axis=2))
    best[:, most:][again.any(axis=1)] = -1
    votes[:, most:][again.any(axis=1)] = 0
    order = np.argsort(-votes, axis=1, kind="stable")[:, :most]
    return np.take_along_axis(best, order, axis=1)


@njit(cache=True, nogil=True, inline="always")
def _word(words, row, word):  # type: ignore[no-untyped-def]
    return np.int64((words[row, word // 4] >> np.uint64(16 * (word % 4))) & np.uint64(_BUCKETS - 1))


@njit(cache=True, nogil=True)
def _buckets(words):  # type: ignore[no-untyped-def]
    """For each word the rows sorted by it `(16, M)`, and where each value begins `(16, 65537)`."""
    count = len(words)
    orders = np.empty((_WORDS, count), np.int32)
    firsts = np.zeros((_WORDS, _BUCKETS + 1), np.int32)
    for word in range(_WORDS):
        for row in range(count):
            firsts[word, _word(words, row, word) + 1] += 1
        for value in range(_BUCKETS):
            firsts[word, value + 1] += firsts[word, value]
        free = firsts[word, :-1].copy()
        for row in range(count):
            value = _word(words, row, word)
            orders[word, free[value]] = row
            free[value] += 1
    return orders, firsts


@njit(cache=True, nogil=True, inline="always")
def _count_bits(x):  # type: ignore[no-untyped-def]
    """LLVM makes one instruction of this."""
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, nogil=True, parallel=True)
def _vote(ours, our_starts, some, theirs, picture, others, orders, firsts, skip, found, told):  # type: ignore[no-untyped-def]
    most = found.shape[1]
    for number in prange(len(some)):
        at = some[number]
        votes = np.zeros(others, np.float64)
        corners = np.zeros(others, np.int32)
        asked = np.full(others, -1, np.int32)  # the corner that last met the picture
        met = np.empty(others, np.int32)
        for corner in range(our_starts[at], our_starts[at + 1]):
            pictures = 0
            for word in range(_WORDS):
                value = _word(ours, corner, word)
                first, last = firsts[word, value], firsts[word, value + 1]
                if last - first > _MOST_IN_A_BUCKET:
                    continue
                for place in range(first, last):
                    row = orders[word, place]
                    other = picture[row]
                    if asked[other] == corner - our_starts[at] or other == skip[at]:
                        continue
                    bits = 0
                    for part in range(4):
                        bits += _count_bits(ours[corner, part] ^ theirs[row, part])
                    if bits <= MAX_BITS:
                        asked[other] = corner - our_starts[at]
                        met[pictures] = other
                        pictures += 1
            for place in range(pictures):
                votes[met[place]] += 1.0 / pictures
                corners[met[place]] += 1
        for rank in range(most):
            best = -1
            for other in range(others):
                if (
                    corners[other] >= FEWEST_CORNERS
                    and votes[other] > 0
                    and (best < 0 or votes[other] > votes[best])
                ):
                    best = other
            if best < 0:
                break
            found[at, rank] = best
            told[at, rank] = votes[best]
            votes[best] = 0.0
