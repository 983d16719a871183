"""The advice on further groups: what is promised of it, and when none is given."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.intervals import Family, Sample, interval
from runner.evaluation.sample_size import MOST, further_groups


def normal(estimate: float, error: float, *, groups: int = 200, seeds: tuple[float, ...] = ()) -> Sample:
    """A difference whose replicates have exactly this standard deviation."""
    draws = np.random.default_rng(0).standard_normal(1000)
    draws = (draws - draws.mean()) / draws.std(ddof=1)
    return Sample(
        estimate=estimate, replicates=estimate + error * draws, groups=groups, seeds=seeds, bounds=(-1.0, 1.0)
    )


def advised(sample: Sample, threshold: float, level: float = 0.95) -> int | None:
    return further_groups(sample, threshold, Family.of([sample], level))


def followed(distances: np.ndarray) -> float:
    """The share of undecided numbers that are decided once the advised groups are there.

    Args:
        distances: of the true values from the threshold 0, in the standard errors of 200 groups.
    """
    rng = np.random.default_rng(1)
    error, groups, decided = 0.01, 200, []
    for distance in distances:
        estimate = error * (distance + rng.standard_normal())
        pilot = normal(estimate, error)
        low, high = interval(pilot, 0.95) or (0, 0)
        if not low < 0 < high:
            continue
        further = advised(pilot, 0.0)
        assert further is not None
        seen = error * (distance + rng.standard_normal() * np.sqrt(groups / further))
        both = (groups * estimate + further * seen) / (groups + further)
        decided.append(abs(both) > 1.96 * error * np.sqrt(groups / (groups + further)))
    return float(np.mean(decided))


def test_followed_over_many_open_questions_the_advice_decides_four_of_five() -> None:
    assert followed(np.linspace(-4, 4, 1500)) == pytest.approx(0.8, abs=0.04)


def test_what_is_truly_away_from_the_threshold_is_decided_more_often() -> None:
    assert followed(np.full(300, 1.5)) > 0.9


def test_the_nearer_the_threshold_the_more_is_needed() -> None:
    numbers = [advised(normal(away, 0.01), 0.0) or 0 for away in (0.019, 0.015, 0.01, 0.005)]
    assert numbers == sorted(numbers)
    assert numbers[0] > 200


def test_both_sides_of_the_threshold_need_the_same() -> None:
    assert advised(normal(0.01, 0.01), 0.0) == advised(normal(-0.01, 0.01), 0.0)


def test_the_surer_the_more_is_needed() -> None:
    assert (advised(normal(0.01, 0.01), 0.0, 0.99) or 0) > (advised(normal(0.01, 0.01), 0.0, 0.95) or 0)


def test_luck_of_training_that_no_image_removes_leaves_no_advice() -> None:
    assert advised(normal(0.005, 0.01, seeds=(0.02, 0.0)), 0.0) is None
    some = normal(0.02, 0.015, seeds=(0.021, 0.019))
    assert advised(some, 0.0) is not None


def test_no_unrealistic_number_is_advised() -> None:
    sample = normal(0.0, 0.01, groups=3)
    family = Family(level=1 - 1e-15, critical=8.0, significance=1e-15)
    assert further_groups(sample, 0.0, family) is None
    assert (advised(normal(0.0, 0.01), 0.0) or 0) < MOST * 200


@pytest.mark.parametrize("sample", [normal(0.1, 0.1, groups=1), normal(float("nan"), 0.1)])
def test_without_an_interval_there_is_no_advice(sample: Sample) -> None:
    assert advised(sample, 0.0) is None


def test_a_threshold_at_the_bound_is_never_reached() -> None:
    assert advised(normal(0.9, 0.1), 1.0) is None


def test_all_right_needs_as_many_groups_as_the_binomial_interval_says() -> None:
    right = Sample(estimate=1.0, replicates=np.ones(100), groups=20)
    assert advised(right, 0.9) == 36 - 20  # 0.025^(1/35) < 0.9 ≤ 0.025^(1/36)
    more = Sample(estimate=1.0, replicates=np.ones(100), groups=36)
    low, _ = interval(more, 0.95) or (0.0, 0.0)
    assert low >= 0.9
    assert advised(right, 1.0) is None
