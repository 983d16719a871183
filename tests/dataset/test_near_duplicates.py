"""Near-duplicates: all pairs within the distance are found without comparing all, and thumbnails confirm them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.checks import data_rules
from runner.dataset import near_duplicates
from runner.dataset.near_duplicates import MIN_CORRELATION, Looks, _candidates, nearest


def flipped(value: int, bits: NDArray[np.intp]) -> int:
    for bit in bits.tolist():
        value ^= 1 << bit
    return value


@pytest.mark.parametrize("distance", range(8))
def test_candidates_are_all_pairs_within_the_distance(distance: int) -> None:
    random = np.random.default_rng(distance)
    ours = random.integers(0, 2**64, 150, dtype=np.uint64)
    near = [flipped(int(ours[at]), random.choice(64, at % 10, replace=False)) for at in range(120)]
    others = np.concatenate([np.array(near, np.uint64), random.integers(0, 2**64, 100, dtype=np.uint64)])
    found = set(zip(*(side.tolist() for side in _candidates(ours, others, distance)), strict=True))
    bits = np.bitwise_count(ours[:, None] ^ others[None])
    assert found == set(zip(*(side.tolist() for side in np.nonzero(bits <= distance)), strict=True))
    assert len(found) >= 12 * (distance + 1)


def looks(hashes: list[int], thumbnails: list[NDArray[np.uint8]]) -> Looks:
    return Looks(
        hashes=np.array(hashes, np.uint64), thumbnails=np.array(thumbnails).reshape(len(hashes), 256)
    )


PICTURE = np.random.default_rng(0).integers(60, 190, 256).astype(np.uint8)


@pytest.mark.parametrize(
    ("thumbnail", "near"),
    [
        (PICTURE, True),
        ((PICTURE * 0.9 + 12).astype(np.uint8), True),  # brighter, with less contrast
        ((PICTURE + np.random.default_rng(1).normal(0, 4, 256)).clip(0, 255).astype(np.uint8), True),
        (np.random.default_rng(2).integers(60, 190, 256).astype(np.uint8), False),  # the hashes collide
        (255 - PICTURE, False),
        (np.full(256, 7, np.uint8), False),  # nothing to see
    ],
)
def test_thumbnails_confirm(thumbnail: NDArray[np.uint8], near: bool) -> None:
    found = nearest(looks([5], [thumbnail]), looks([4], [PICTURE]), distance=4)
    assert (found.position.tolist(), found.distance.tolist()) == (([0], [1]) if near else ([-1], [-1]))


def test_two_black_images_are_no_near_duplicates() -> None:
    black = looks([0] * 2000, [np.zeros(256, np.uint8)] * 2000)
    assert (nearest(black, black, distance=4).position == -1).all()


def test_the_nearest_is_named_and_of_equals_the_first() -> None:
    others = looks([0b111, 0b1, 0b10], [PICTURE] * 3)
    found = nearest(looks([0], [PICTURE]), others, distance=4)
    assert (found.position.tolist(), found.distance.tolist()) == ([1], [1])


def test_nothing_to_compare_with_is_nothing_near() -> None:
    nothing = looks([], [])
    assert nearest(looks([1], [PICTURE]), nothing, distance=4).position.tolist() == [-1]
    assert nearest(nothing, looks([1], [PICTURE]), distance=4).position.tolist() == []


def test_the_presets_know_the_limits_of_the_search() -> None:
    ours = (data_rules.DEFAULT_DISTANCE, data_rules.MAX_DISTANCE)
    assert ours == (near_duplicates.DEFAULT_DISTANCE, near_duplicates.MAX_DISTANCE)
    assert 0.9 < MIN_CORRELATION < 1
