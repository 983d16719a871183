"""Labels that a target takes, and one policy beside random: also where one of them never gets there."""

from __future__ import annotations

import math

import pytest

from runner.evaluation.labels_needed import Beside, beside, median_share, needed


@pytest.mark.parametrize(
    ("points", "target", "expected"),
    [
        ([(10, 0.1), (20, 0.3)], 0.2, 15.0),
        ([(10, 0.5), (20, 0.6)], 0.2, 10.0),  # the first images were enough: fewer were not tried
        ([(10, 0.1), (20, 0.2)], 0.3, None),
        ([(10, 0.1), (20, 0.4), (30, 0.2), (40, 0.5)], 0.4, 20.0),  # the first time counts
        ([(10, None), (20, 0.4)], 0.4, 20.0),  # no line from what was not measured
        ([], 0.1, None),
    ],
)
def test_labels_to_a_target(
    points: list[tuple[float, float | None]], target: float, expected: float | None
) -> None:
    assert needed(points, target) == (None if expected is None else pytest.approx(expected))


def test_a_run_that_does_not_reach_the_target_has_lost_and_is_not_left_out() -> None:
    assert beside(120, 100) == Beside("more", pytest.approx(0.2))
    assert beside(None, 100) == Beside("more", None)
    assert beside(100, None) == Beside("fewer", None)
    assert beside(None, None) == Beside("unknown", None)
    assert beside(100, 100) == Beside("same", 0.0)


def test_the_median_counts_runs_that_never_got_there() -> None:
    lost, won = Beside("more", None), Beside("fewer", None)
    assert median_share([Beside("fewer", -0.3), lost, lost]) == math.inf
    assert median_share([won, won, Beside("more", 0.2)]) == -math.inf
    assert median_share([won, lost]) is None  # nothing lies between
    assert median_share([Beside("fewer", -0.4), Beside("fewer", -0.2)]) == pytest.approx(-0.3)
    assert median_share([Beside("fewer", -0.4), lost]) == math.inf
    assert median_share([Beside("unknown", None)]) is None
