"""Resamples draw whole groups with replacement, and count them."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.bootstrap import fitting, multiplicities


def test_images_of_one_group_are_drawn_together() -> None:
    drawn = multiplicities(np.array([5, 9, 5, 2]), 50)
    assert drawn.shape == (50, 4)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 2])


def test_every_resample_draws_as_many_groups_as_there_are() -> None:
    drawn = multiplicities(np.arange(300), 40)
    assert (drawn.sum(axis=1) == 300).all()


def test_multiplicity_is_that_of_drawing_with_replacement() -> None:
    drawn = multiplicities(np.arange(1000), 400)
    # Poisson(1) for many groups: 36.8 % are not drawn at all, and the variance is 1
    assert (drawn == 0).mean() == pytest.approx((1 - 1 / 1000) ** 1000, abs=0.002)
    assert drawn.var() == pytest.approx(1 - 1 / 1000, abs=0.01)
    assert drawn.mean(axis=0).std() == pytest.approx(1 / 20, rel=0.1)


def test_resamples_are_the_same_everywhere() -> None:
    # pinned: the generator's raw bits are stable across NumPy versions and machines
    assert multiplicities(np.arange(6), 4, seed=1).tolist() == [
        [1, 1, 1, 1, 0, 2],
        [1, 0, 1, 2, 2, 0],
        [1, 2, 2, 0, 1, 0],
        [0, 3, 1, 0, 1, 1],
    ]


def test_more_resamples_only_add_to_fewer() -> None:
    groups = np.arange(20) // 2
    np.testing.assert_array_equal(multiplicities(groups, 30)[:10], multiplicities(groups, 10))


def test_seeds_differ() -> None:
    assert (multiplicities(np.arange(50), 5, seed=0) != multiplicities(np.arange(50), 5, seed=1)).any()


def test_without_images_there_is_nothing_to_draw() -> None:
    assert multiplicities(np.empty(0, dtype=np.int64), 3).shape == (3, 0)


def test_one_group_is_always_drawn_once() -> None:
    assert multiplicities(np.zeros(4, dtype=np.int64), 5).tolist() == [[1, 1, 1, 1]] * 5


def test_two_groups_are_both_drawn_half_of_the_time() -> None:
    drawn = multiplicities(np.array([0, 1, 1]), 2000)
    assert set(map(tuple, drawn.tolist())) == {(0, 2, 2), (1, 1, 1), (2, 0, 0)}
    assert (drawn[:, 0] == 1).mean() == pytest.approx(0.5, abs=0.04)


def test_a_count_that_does_not_fit_is_refused() -> None:
    assert fitting(np.array([0, 255])).tolist() == [0, 255]
    with pytest.raises(OverflowError, match="256"):
        fitting(np.array([1, 256]))
