"""How far the resamples of a number are believed."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.certainty import Certainty, certainty, grid_error
from runner.evaluation.counting import KINDS, Counting, Rows, group_counts
from runner.evaluation.intervals import interval


def rows(image: list[int]) -> Rows:
    return Rows(label=np.zeros(len(image), dtype=np.int64), image=np.array(image, dtype=np.int64))


def of(objects: list[int], detections: list[int], metric: str) -> Certainty:
    counting = Counting(objects=rows(objects), detections=rows(detections))
    groups = np.arange(200)
    return certainty({what: group_counts(counting.rows(what), groups, 1) for what in KINDS}, -1, metric)


def test_one_object_in_each_image_is_a_trial_and_several_are_not() -> None:
    assert of([0, 1, 2], [], "recall").trials
    assert not of([0, 0, 2], [], "recall").trials


def test_precision_on_many_empty_images_is_no_surer_than_the_few_with_objects() -> None:
    found = of([0, 1, 2], list(range(200)), "precision")
    assert (found.degrees, found.trials) == (2.0, False)
    assert of(list(range(200)), list(range(200)), "precision").degrees == pytest.approx(99.5)


def test_precision_without_any_object_has_the_widest_interval_that_there_is() -> None:
    assert of([], list(range(200)), "precision").degrees == 1.0


def mean_of(values: np.ndarray, groups: list[int]) -> Certainty:
    known = Certainty(degrees=50.0)
    return known.of_mean(values, np.array(groups), np.array(groups) >= 5)


def test_a_mean_is_no_surer_than_the_class_that_it_is_unsure_of() -> None:
    rng = np.random.default_rng(0)
    common, rare = rng.normal(0.6, 0.01, 1001), rng.normal(0.5, 0.1, 1001)
    found = mean_of(np.stack([common, rare], axis=1), [100, 6])
    assert found.degrees == pytest.approx(5.0, rel=0.05)  # those of the rare class alone
    assert found.rarest == 6
    sure = mean_of(np.stack([common, rng.normal(0.5, 0.01, 1001)], axis=1), [100, 100])
    assert sure.degrees == 50.0


def test_a_class_that_was_all_right_is_not_known_in_a_mean() -> None:
    common = np.random.default_rng(0).normal(0.6, 0.01, 1001)
    found = mean_of(np.stack([common, np.ones(1001)], axis=1), [100, 5])
    assert found.unseen == pytest.approx(np.sqrt(6 / 7 * 1 / 7 / 8) / 2)


def test_a_mean_of_classes_that_were_all_right_rests_on_the_rarest() -> None:
    from runner.evaluation.sample import Sample

    found = mean_of(np.ones((101, 2)), [100, 5])
    right = found.applied(Sample(estimate=1.0, replicates=np.ones(100), groups=100))
    low, high = interval(right, 0.95) or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 5)), 1.0)


def test_ap_near_one_may_be_a_step_of_its_grid_off_and_a_difference_is_not() -> None:
    from runner.evaluation.sample import Sample, difference

    replicates = 0.98 + 0.001 * np.random.default_rng(0).standard_normal(1000)
    near = Certainty(degrees=50.0, grid=grid_error("map50", 0.98)).applied(
        Sample(estimate=0.98, replicates=replicates, groups=100)
    )
    low, _ = interval(near, 0.95) or (0.0, 0.0)
    assert 0.002 < 0.98 - low < 0.01
    assert difference(near, near).grid == 0.0
    assert grid_error("map50", 0.5) == grid_error("recall", 0.99) == 0.0
