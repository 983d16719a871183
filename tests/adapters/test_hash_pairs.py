"""All pairs of hashes within a distance, beside comparing each with each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runner.adapters.pictures import hash_pairs
from runner.adapters.pictures.hash_pairs import MAX_DISTANCE, HashPairs, pairs_between, pairs_within
from runner.domain.errors import FlywheelError


def told(found: HashPairs) -> list[tuple[int, int, int]]:
    return list(zip(found.first.tolist(), found.second.tolist(), found.bits.tolist(), strict=True))


def each_with_each(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int, *, same: bool
) -> list[tuple[int, int, int]]:
    bits = np.bitwise_count(hashes[:, None] ^ others[None]).astype(int)
    near = bits <= distance
    if same:
        near &= np.triu(np.ones(near.shape, bool), 1)
    return [(one, other, int(bits[one, other])) for one, other in np.argwhere(near).tolist()]


@st.composite
def clustered(draw: st.DrawFn) -> NDArray[np.uint64]:
    """Hashes of which many are near, the same ones among them."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, centres = draw(st.integers(0, 60)), draw(st.integers(1, 4))
    hashes = random.choice(random.integers(0, 2**64, centres, dtype=np.uint64), count)
    for _ in range(draw(st.integers(0, 12))):
        hashes ^= np.uint64(1) << random.integers(0, 64, count, dtype=np.uint64)
    return hashes


@settings(max_examples=40, deadline=None)
@given(
    hashes=clustered(),
    others=clustered(),
    distance=st.integers(0, MAX_DISTANCE),
    few=st.sampled_from([-1, -1, hash_pairs.FEW]),
)
def test_the_pairs_are_those_of_comparing_each_with_each(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int, few: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hash_pairs, "FEW", few)
        within, between = pairs_within(hashes, distance), pairs_between(hashes, others, distance)
    assert told(within) == each_with_each(hashes, hashes, distance, same=True)
    assert told(between) == each_with_each(hashes, others, distance, same=False)
    for found in (within, between):
        assert {each.dtype for each in (found.first, found.second, found.bits)} == {np.dtype(np.int64)}


def test_what_differs_in_every_word_alike_is_found_at_every_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_pairs, "FEW", -1)
    for distance in range(MAX_DISTANCE + 1):
        spread = sum(1 << (16 * (bit % 4) + bit // 4) for bit in range(distance))
        hashes = np.array([0, spread], np.uint64)
        assert told(pairs_within(hashes, distance)) == [(0, 1, distance)]
        assert distance == 0 or told(pairs_within(hashes, distance - 1)) == []


@pytest.mark.parametrize("distance", [-1, MAX_DISTANCE + 1])
def test_other_distances_are_refused(distance: int) -> None:
    with pytest.raises(ValueError, match="distances from 0 to 16"):
        pairs_within(np.zeros(2, np.uint64), distance)


def test_so_many_pairs_that_they_tell_nothing_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_pairs, "FEW", -1)
    monkeypatch.setattr(hash_pairs, "_MOST_PAIRS", 9)
    with pytest.raises(
        FlywheelError, match="more than 9 pairs of images have perceptual hashes within 3 bits"
    ):
        pairs_within(np.zeros(5, np.uint64), 3)
