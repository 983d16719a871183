"""A batch that is drawn from a pool: shares, the budget, what it may not hold, and that it is the same again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from strategies.planted_pool import IMAGES, looks, pool

from runner.dataset.near_duplicates import Looks
from runner.domain.errors import FlywheelError
from runner.strategies.mix import BatchOptions, Mix
from runner.strategies.mixture import Budget, draw
from runner.strategies.uncertainty import Uncertainty

MIX = Mix(random=0.2, uncertainty=0.5, diversity=0.3)


def test_arms_get_their_shares_and_no_image_stands_twice() -> None:
    drawn = draw(pool(), BatchOptions(size=10), MIX, "0002-x")
    assert Counter(image.arm for image in drawn.images) == {"random": 2, "uncertainty": 5, "diversity": 3}
    assert len({image.path for image in drawn.images}) == 10
    assert [image.path for image in drawn.images] == [pool().paths[at] for at in drawn.positions]
    assert drawn.labels == 20.0
    assert drawn.short == {}


@pytest.mark.parametrize(
    ("size", "expected"), [(1, [0, 1, 0]), (3, [1, 1, 1]), (4, [1, 2, 1]), (7, [1, 4, 2]), (9, [2, 4, 3])]
)
def test_shares_go_by_the_largest_remainder(size: int, expected: list[int]) -> None:
    drawn = draw(pool(), BatchOptions(size=size), MIX, "0002-x")
    counts = Counter(image.arm for image in drawn.images)
    assert [counts[arm] for arm in ("random", "uncertainty", "diversity")] == expected


def test_the_same_pool_gives_the_same_batch_and_another_seed_another_control_arm() -> None:
    batch = [draw(pool(), BatchOptions(size=10, seed=seed), MIX, "0002-x").images for seed in (0, 0, 1)]
    assert batch[0] == batch[1]
    control = [{image.path for image in images if image.arm == "random"} for images in batch]
    assert control[0] != control[2]


def test_the_control_arm_does_not_depend_on_what_the_others_want() -> None:
    mixes = (MIX, Mix(random=0.2, rare_classes=0.8), Mix(random=0.2, failures=0.4, typicality=0.4))
    controls = [
        [
            image.path
            for image in draw(pool(), BatchOptions(size=10), mix, "0002-x").images
            if image.arm == "random"
        ]
        for mix in mixes
    ]
    assert controls[0] == controls[1] == controls[2]


def test_the_control_arm_is_an_unbiased_sample_of_the_pool() -> None:
    counts = np.zeros(IMAGES)
    for seed in range(400):
        drawn = draw(pool(), BatchOptions(size=10, seed=seed), Mix(random=0.5, uncertainty=0.5), "0002-x")
        counts[drawn.positions[:5]] += 1
    assert abs(counts - 50).max() < 5 * np.sqrt(50)


def alike(groups: list[list[int]]) -> Looks:
    """The pool's looks, in which each group of images looks the same."""
    own = looks(IMAGES)
    hashes, thumbnails = own.hashes.copy(), own.thumbnails.copy()
    for group in groups:
        for number, at in enumerate(group):
            hashes[at] = own.hashes[group[0]] ^ np.uint64(number)  # a bit or two
            thumbnails[at] = own.thumbnails[group[0]]
    return Looks(hashes=hashes, thumbnails=thumbnails)


def test_of_images_that_look_alike_one_is_taken() -> None:
    drawn = draw(pool(looks=alike([[0, 1, 2], [10, 11]])), BatchOptions(size=IMAGES), MIX, "0002-x")
    taken = set(drawn.positions)
    assert len(taken & {0, 1, 2}) == len(taken & {10, 11}) == 1
    assert len(taken) == IMAGES - 3
    assert sum(drawn.short.values()) == 3


def test_what_looks_like_a_labelled_image_is_not_taken() -> None:
    own = looks(IMAGES)
    labelled = Looks(hashes=own.hashes[[4, 7]] ^ np.uint64(1), thumbnails=own.thumbnails[[4, 7]])
    drawn = draw(pool(labelled_looks=labelled), BatchOptions(size=IMAGES), MIX, "0002-x")
    assert {4, 7}.isdisjoint(drawn.positions)
    exact = draw(pool(labelled_looks=labelled), BatchOptions(size=IMAGES, distance=0), MIX, "0002-x")
    assert {4, 7} <= set(exact.positions)


def test_files_of_one_content_stand_once() -> None:
    ids = list(pool().image_ids)
    ids[3] = ids[30]
    drawn = draw(pool(image_ids=ids), BatchOptions(size=IMAGES), MIX, "0002-x")
    assert len({3, 30} & set(drawn.positions)) == 1


def test_no_group_has_more_images_than_asked() -> None:
    drawn = draw(pool(), BatchOptions(size=IMAGES, per_group=2), MIX, "0002-x")
    assert set(Counter(at // 4 for at in drawn.positions).values()) == {2}


def test_frames_of_a_series_are_as_far_apart_as_asked() -> None:
    drawn = draw(pool(), BatchOptions(size=IMAGES, frames_apart=5), MIX, "0002-x")
    assert np.diff(sorted(drawn.positions)).min() >= 5


def test_money_ends_the_batch_arm_by_arm() -> None:
    labels = np.where(np.arange(IMAGES) % 2, 5.0, 1.0)
    drawn = draw(pool(labels=labels), BatchOptions(), MIX, "0002-x", Budget(money=6.0, per_label=0.1))
    spent = np.cumsum(
        [
            sum(
                labels[at] * 0.1
                for at, image in zip(drawn.positions, drawn.images, strict=True)
                if image.arm == arm
            )
            for arm in ("random", "uncertainty", "diversity")
        ]
    )
    assert (spent <= np.cumsum([1.2, 3.0, 1.8]) + 1e-9).all()  # what an arm leaves goes to the next one
    assert spent[0] > 1.2 - 0.5  # an image costs half at most
    assert spent[-1] > 6.0 - 0.5
    both = draw(pool(labels=labels), BatchOptions(size=5), MIX, "0002-x", Budget(money=6.0, per_label=0.1))
    assert len(both.images) == 5


def test_money_for_an_unknown_number_of_labels_is_refused() -> None:
    with pytest.raises(FlywheelError, match="how many labels an image needs is not known"):
        draw(pool(labels=None), BatchOptions(), MIX, "0002-x", Budget(money=6.0, per_label=0.1))


def test_a_pool_of_copies_of_labelled_images_leaves_nothing_to_draw() -> None:
    with pytest.raises(FlywheelError, match="no image of the pool is left to draw"):
        draw(pool(labelled_looks=looks(IMAGES)), BatchOptions(size=5), MIX, "0002-x")


def test_spread_is_over_what_the_control_arm_took_too() -> None:
    mix = Mix(random=0.2, uncertainty=Uncertainty(share=0.8, spread=4))
    drawn = draw(pool(), BatchOptions(size=10), mix, "0002-x")
    assert len(set(drawn.positions)) == 10
