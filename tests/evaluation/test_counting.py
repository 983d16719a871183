"""Groups count where they hold something that the number counts, and classes where enough groups hold them."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.counting import Counting, Rows, group_counts
from runner.evaluation.judged import judged_classes, mean_over


def rows(label: list[int], image: list[int]) -> Rows:
    return Rows(label=np.array(label, dtype=np.int64), image=np.array(image, dtype=np.int64))


def test_groups_without_anything_are_not_counted() -> None:
    found = group_counts(rows([0, 0, 1], [0, 1, 4]), np.array([5, 5, 6, 7, 8]), 3)
    assert found.groups.tolist() == [1, 1, 0, 2]


def test_many_classes_and_groups_are_counted_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    some = Rows(label=rng.integers(0, 7, 300), image=rng.integers(0, 90, 300))
    dense = group_counts(some, np.arange(90) // 3, 8)
    monkeypatch.setattr("runner.evaluation.counting._DENSE", 0)
    sparse = group_counts(some, np.arange(90) // 3, 8)
    for name in ("groups", "rows", "effective"):
        np.testing.assert_array_equal(getattr(dense, name), getattr(sparse, name))


def test_nothing_at_all_is_no_group() -> None:
    found = group_counts(rows([], []), np.arange(4), 2)
    assert found.groups.tolist() == [0, 0, 0]
    assert found.effective.tolist() == [0, 0, 0]


def test_a_long_scene_among_short_ones_leaves_few_effective_groups() -> None:
    scene = np.repeat(np.arange(10), [91, *[1] * 9])
    found = group_counts(rows([0] * 100, list(range(100))), scene, 1)
    assert found.groups.tolist() == [10, 10]
    assert found.effective[0] == pytest.approx(100**2 / (91**2 + 9))
    equal = group_counts(rows([0] * 100, list(range(100))), np.repeat(np.arange(10), 10), 1)
    assert equal.effective[0] == pytest.approx(10)


def test_f1_counts_what_precision_and_what_recall_count() -> None:
    counting = Counting(objects=rows([0], [0]), detections=rows([0, 0], [0, 3]))
    number = {
        what: group_counts(counting.rows(what), np.arange(5), 1).groups[-1]
        for what in ("objects", "detections", "either")
    }
    assert number == {"objects": 1, "detections": 2, "either": 2}
    assert counting.on(np.arange(5) == 3).rows("either").image.tolist() == [3]


def test_a_class_on_four_groups_is_left_out_of_judged_means() -> None:
    groups = np.array([40, 5, 4, 0])
    assert judged_classes(groups).tolist() == [True, True, False, False]
    known = np.array([False, True, True, True])
    assert judged_classes(groups, known).tolist() == [False, True, False, False]


def test_where_every_class_is_on_few_groups_none_is_left_out() -> None:
    assert judged_classes(np.array([2, 0, 1])).tolist() == [True, False, True]


def test_a_judged_mean_is_over_the_classes_that_a_resample_holds() -> None:
    values = np.array([[[0.8], [0.4], [0.1]], [[0.8], [np.nan], [0.1]], [[np.nan], [np.nan], [0.1]]])
    objects = np.array([[5.0, 2, 1], [5, 0, 1], [0, 0, 1]])
    means = mean_over(values, objects, np.array([True, True, False]))
    np.testing.assert_allclose(means[:, 0], [0.6, 0.8, np.nan])


def test_a_class_that_was_never_named_counts_as_zero() -> None:
    values = np.array([[[0.5], [np.nan]]])
    assert mean_over(values, np.array([[3.0, 3.0]]), np.array([True, True]))[0, 0] == 0.25
