"""All pairs of 64-bit perceptual hashes that differ in few bits: exact, without comparing each with each (multi-index hashing).

Of two hashes within d bits one of the four 16-bit words differs in at most d // 4 bits (the pigeonhole principle). So hashes lie
sorted by each word in turn, and only those of words that near are compared; a pair is told by the first word that brings it
together, so none is told twice.

Source: Norouzi, Punjani, Fleet, "Fast search in Hamming space with multi-index hashing", 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit, prange
from runner.adapters.system.executors import current
from runner.domain.errors import FlywheelError

MAX_DISTANCE = 16
_WORDS, _BITS = 4, 16
_BUCKETS = 1 << _BITS
FEW = 100_000  # pairs that are looked at one by one: sooner done than 65,536 buckets are gone through by several threads
LARGE = 1_000_000  # hashes from which on other machines are asked: a million take a quarter of a second
SHARES = 4  # of the values of a word: the tasks that other machines do are four times as many
_MOST_PAIRS = 1 << 27  # some GiB of positions: what is asked for is no list of copies any more


@dataclass(frozen=True, kw_only=True)
class HashPairs:
    """Pairs of positions, sorted by `first`, then `second`.

    Attributes:
        first, second: `(P,)` int64. `bits`: `(P,)` int64, in how many bits their hashes differ.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    bits: NDArray[np.int64]


def pairs_within(hashes: NDArray[np.uint64], distance: int) -> HashPairs:
    """Every pair `first < second` whose hashes differ in at most `distance` bits.

    Args:
        hashes: `(N,)`. Where many are the same, ask of the distinct ones: k equal hashes are k² / 2 pairs.
        distance: 0 to 16.

    Raises:
        ValueError: the distance is larger.
        FlywheelError: there would be more than 2²⁷ pairs.

    >>> found = pairs_within(np.array([0b0000, 0b0011, 0b0111], np.uint64), 1)
    >>> found.first.tolist(), found.second.tolist(), found.bits.tolist()
    ([1], [2], [1])
    """
    return _search(hashes, hashes, distance, same=True)


def pairs_between(hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int) -> HashPairs:
    """Every pair of one of `hashes` and one of `others` that differ in at most `distance` bits; as `pairs_within`."""
    return _search(hashes, others, distance, same=False)


def _search(one: NDArray[np.uint64], other: NDArray[np.uint64], distance: int, *, same: bool) -> HashPairs:
    if not 0 <= distance <= MAX_DISTANCE:
        raise ValueError(f"distances from 0 to {MAX_DISTANCE} are searched, not {distance}")
    executor = current() if len(one) + len(other) > LARGE else None
    if executor is None and len(one) * len(other) <= FEW:
        return _every_pair(one, other, distance, same=same)
    found: Iterator[tuple[int, tuple[NDArray[np.int64], NDArray[np.int64]]]]
    if executor is None:
        tasks = [(word, 0, _BUCKETS) for word in range(_WORDS)]
        found = map(partial(_pairs_of, one=one, other=None if same else other, distance=distance), tasks)
    else:
        shares = np.linspace(0, _BUCKETS, SHARES + 1).astype(int).tolist()
        tasks = [(word, *share) for word in range(_WORDS) for share in pairwise(shares)]
        found = executor.map(_pairs_of, tasks, one, None if same else other, distance)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for total, part in found:
        if total + sum(len(known[0]) for known in parts) > _MOST_PAIRS:
            raise FlywheelError(
                f"more than {_MOST_PAIRS:,} pairs of images have perceptual hashes within {distance} bits",
                hint="ask for a smaller distance: of such hashes nearly all are alike",
            )
        parts.append(part)
    first, second = (
        np.concatenate([part[side] for part in parts] or [np.empty(0, np.int64)]) for side in (0, 1)
    )
    if same:
        first, second = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    return HashPairs(
        first=first, second=second, bits=np.bitwise_count(one[first] ^ other[second]).astype(np.int64)
    )


def _every_pair(
    one: NDArray[np.uint64], other: NDArray[np.uint64], distance: int, *, same: bool
) -> HashPairs:
    bits = np.bitwise_count(one[:, None] ^ other[None, :])
    near = bits <= distance
    first, second = np.nonzero(np.triu(near, 1) if same else near)
    return HashPairs(first=first, second=second, bits=bits[first, second].astype(np.int64))


def _pairs_of(
    task: tuple[int, int, int], one: NDArray[np.uint64], other: NDArray[np.uint64] | None, distance: int
) -> tuple[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """How many pairs one word brings together, of hashes whose word is in a range; and the pairs, unless they are too many."""
    word, low, high = task
    ours, same = _sorted_by(one, word), other is None
    theirs = ours if other is None else _sorted_by(other, word)
    masks, nothing = _masks(distance // _WORDS), np.empty(0, np.int64)
    counts = np.zeros(_BUCKETS, np.int64)
    _visit(*ours, *theirs, masks, word, distance, same, low, high, counts, nothing, nothing, False)
    total = int(counts.sum())
    if total > _MOST_PAIRS or not total:
        return total, (nothing, nothing)
    starts = np.cumsum(counts) - counts
    first, second = np.empty(total, np.int64), np.empty(total, np.int64)
    _visit(*ours, *theirs, masks, word, distance, same, low, high, starts, first, second, True)
    return total, (first, second)


def _masks(radius: int) -> NDArray[np.int64]:
    """Every word with at most so many bits."""
    found = [
        sum(1 << bit for bit in bits)
        for count in range(radius + 1)
        for bits in combinations(range(_BITS), count)
    ]
    return np.array(found, np.int64)


def _sorted_by(
    hashes: NDArray[np.uint64], word: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """The hashes sorted by one of their words, the position of each, and where each value of the word begins."""
    order, starts = _counting_sort(hashes, word)
    return hashes[order], order, starts


@njit(cache=True, nogil=True)
def _counting_sort(hashes, word):  # type: ignore[no-untyped-def]
    shift = np.uint64(_BITS * word)
    starts = np.zeros(_BUCKETS + 1, np.int64)
    for at in range(len(hashes)):
        starts[((hashes[at] >> shift) & np.uint64(_BUCKETS - 1)) + np.uint64(1)] += 1
    for value in range(_BUCKETS):
        starts[value + 1] += starts[value]
    free, order = starts[:-1].copy(), np.empty(len(hashes), np.int64)
    for at in range(len(hashes)):
        value = (hashes[at] >> shift) & np.uint64(_BUCKETS - 1)
        order[free[value]] = at
        free[value] += 1
    return order, starts


@njit(cache=True, nogil=True, inline="always")
def _count_bits(x):  # type: ignore[no-untyped-def]
    """LLVM makes one instruction of this."""
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True, nogil=True, inline="always")
def _told_before(differing, word, radius):  # type: ignore[no-untyped-def]
    """Whether an earlier word brought the two together."""
    for earlier in range(word):
        if _count_bits((differing >> np.uint64(_BITS * earlier)) & np.uint64(_BUCKETS - 1)) <= radius:
            return True
    return False


@njit(cache=True, nogil=True, parallel=True)
def _visit(  # type: ignore[no-untyped-def]
    ours,
    our_rows,
    our_starts,
    theirs,
    their_rows,
    their_starts,
    masks,
    word,
    distance,
    same,
    low,
    high,
    slots,
    first,
    second,
    write,
):
    """Compares what lies in near buckets: counts the pairs of each bucket in `slots`, or writes them from there on."""
    limit, radius = np.uint64(distance), np.uint64(distance // _WORDS)
    for bucket in prange(low, high):
        if our_starts[bucket] == our_starts[bucket + 1]:
            continue
        at = slots[bucket] if write else 0
        for mask in masks:
            near = bucket ^ mask
            if same and near < bucket:
                continue
            for left in range(our_starts[bucket], our_starts[bucket + 1]):
                value = ours[left]
                begin = left + 1 if same and mask == 0 else their_starts[near]
                for right in range(begin, their_starts[near + 1]):
                    differing = value ^ theirs[right]
                    if _count_bits(differing) <= limit and not _told_before(differing, word, radius):
                        if write:
                            first[at] = our_rows[left]
                            second[at] = their_rows[right]
                        at += 1
        if not write:
            slots[bucket] = at
