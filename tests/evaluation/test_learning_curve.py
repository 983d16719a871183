"""Learning curves over sprints: what is refused, what is predicted, and that a curve of another kind lies within the interval."""

from __future__ import annotations

import numpy as np
import pytest

from runner.domain.worth import REACH
from runner.evaluation.curve_families import families
from runner.evaluation.learning_curve import LearningCurve, Point, falls, fit, missing_points

LABELS = (100, 200, 400, 800, 1600)


def _points(values: list[float] | np.ndarray, deviation: float | None = 0.005) -> list[Point]:
    return [
        Point(labels=n, value=float(v), deviation=deviation) for n, v in zip(LABELS, values, strict=False)
    ]


def _rising() -> LearningCurve:
    labels = np.array(LABELS, dtype=float)
    return fit(_points(0.9 - 2.2 * labels**-0.45))


def test_three_sprints_are_refused_and_the_number_missing_is_told() -> None:
    three = _points([0.4, 0.5, 0.55])
    assert [missing_points(three[:number]) for number in (0, 1, 3)] == [4, 3, 1]
    with pytest.raises(ValueError) as refused:
        fit(three)
    assert str(refused.value) == "a curve needs 4 amounts of labels; 1 missing"


def test_four_sprints_on_the_same_labels_are_no_four_points() -> None:
    assert missing_points([Point(labels=100, value=0.5 + 0.01 * seed) for seed in range(4)]) == 3


def test_each_family_and_its_inverse_agree() -> None:
    labels = np.array([0.1, 0.3, 1.0, 4.0])
    for family in families():
        shapes = family.shapes(0.1)
        heights = family.rise(labels, shapes)
        assert (np.diff(heights, axis=1) >= 0).all(), family.name
        for place, number in enumerate(labels):
            with np.errstate(all="ignore"):
                back = family.labels(heights[:, place], shapes)
            steep = (
                heights[:, -1] - heights[:, place] > 1e-6
            )  # a curve that has flattened out has no inverse there
            np.testing.assert_allclose(back[steep], number, rtol=1e-3, err_msg=family.name)


def test_a_power_law_is_followed_beyond_its_points() -> None:
    curve = _rising()
    truth = 0.9 - 2.2 * 6400**-0.45
    predicted = curve.predict(6400)
    assert predicted.low < truth < predicted.high
    assert abs(predicted.value - truth) < 0.02
    assert sum(curve.shares.values()) == pytest.approx(1)


def test_the_interval_grows_with_the_distance_and_with_the_noise_of_a_measurement() -> None:
    curve = _rising()
    near, far = curve.predict(2000), curve.predict(50_000)
    assert far.high - far.low > 2 * (near.high - near.low)
    measured = curve.predict(2000, deviation=0.03)
    assert measured.high - measured.low > near.high - near.low


def test_no_prediction_leaves_the_metrics_bounds() -> None:
    curve = fit(_points([0.90, 0.95, 0.975, 0.985, 0.99]))
    far = curve.predict(1e6, deviation=0.05)
    assert 0 <= far.low <= far.value <= far.high <= 1


def test_labels_needed_for_what_was_reached_for_what_is_near_and_for_what_is_beyond() -> None:
    curve = _rising()
    reached, near, beyond = curve.needed(0.75), curve.needed(0.85), curve.needed(0.995)
    assert reached.labels is not None
    assert LABELS[0] < reached.labels < LABELS[-1]
    assert near.low is not None
    assert near.labels is not None
    assert LABELS[-1] < near.low < near.labels
    assert beyond.labels is None
    assert beyond.chance < 0.5
    assert curve.needed(0.1).labels == LABELS[0]  # nothing is known of fewer labels than the first sprint had


def test_labels_needed_and_the_prediction_there_agree() -> None:
    curve = _rising()
    needed = curve.needed(0.84)
    assert needed.labels is not None
    assert curve.predict(needed.labels).value == pytest.approx(0.84, abs=0.005)
    assert needed.labels < REACH * LABELS[-1]


def test_a_flat_curve_promises_nothing() -> None:
    curve = fit(_points([0.70, 0.701, 0.699, 0.70, 0.70]))
    gain = curve.gained(1600, 1600)
    assert gain.low < 0.002
    assert gain.value < 0.01
    assert curve.needed(0.9).labels is None


def test_the_metric_that_fell_is_flagged_and_told_from_noise() -> None:
    found = falls(_points([0.5, 0.6, 0.595, 0.5, 0.65]))
    assert [(fall.before, fall.after, fall.beyond_noise) for fall in found] == [(1, 2, False), (2, 3, True)]
    assert found[1].drop == pytest.approx(0.095)
    assert falls(_points([0.5, 0.6, 0.7])) == []


def test_points_that_fall_give_no_rising_promise() -> None:
    curve = fit(_points([0.8, 0.7, 0.6, 0.5, 0.4]))
    assert curve.predict(3200).value < 0.75
    assert curve.gained(1600, 1600).low == pytest.approx(0, abs=0.002)


def test_a_point_without_an_interval_and_two_at_one_number_are_taken() -> None:
    points = [*_points([0.4, 0.5, 0.57, 0.62], deviation=None), Point(labels=800, value=0.61)]
    assert 0.55 < fit(points).predict(1600).value < 0.75


def test_percent_or_any_other_bounds_give_the_same_curve() -> None:
    values = np.array([0.4, 0.5, 0.57, 0.62, 0.65])
    ours, percent = fit(_points(values)), fit(_points(100 * values, deviation=0.5), bounds=(0, 100))
    assert percent.predict(3200).value == pytest.approx(100 * ours.predict(3200).value)
    assert percent.needed(70).labels == pytest.approx(ours.needed(0.7).labels)


def test_the_order_of_points_does_not_matter_and_the_same_points_give_the_same_numbers() -> None:
    points = _points([0.4, 0.5, 0.57, 0.62, 0.65])
    assert fit(points).predict(3200) == fit(list(reversed(points))).predict(3200)


def test_no_labels_are_no_point() -> None:
    with pytest.raises(ValueError):
        fit([Point(labels=0, value=0.1), *_points([0.4, 0.5, 0.57])])


@pytest.mark.parametrize("labels_ahead", [3200, 12_800])
def test_a_curve_of_no_fitted_family_lies_within_the_interval(labels_ahead: int) -> None:
    """In 20 noisy projects; the figures are those of benchmarks/learning_curves.py."""
    inside = 0
    for trial in range(20):
        draws = np.random.default_rng(trial)
        shape, scale = draws.uniform(0.4, 0.8), 10 ** draws.uniform(2, 3.3)
        truth = lambda n: 0.85 - 0.4 * np.exp(-((n / scale) ** shape))  # noqa: B023, E731
        values = truth(np.array(LABELS, dtype=float)) + draws.normal(0, 0.012, len(LABELS))
        predicted = fit(_points(values, deviation=0.01)).predict(labels_ahead)
        inside += bool(predicted.low <= truth(labels_ahead) <= predicted.high)
    assert inside >= 18
