"""Intervals: exact at the ends, honest with little data, and together no narrower than alone."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runner.evaluation.intervals import (
    Family,
    Sample,
    difference,
    group_degrees,
    interval,
    simultaneous,
    t_critical,
    unseen_bound,
)


def normal(
    estimate: float, error: float, *, groups: int = 101, seed: int = 0, resamples: int = 1000
) -> Sample:
    """A sample whose replicates have exactly this standard deviation."""
    draws = np.random.default_rng(seed).standard_normal(resamples)
    draws = (draws - draws.mean()) / draws.std(ddof=1)
    return Sample(estimate=estimate, replicates=estimate + error * draws, groups=groups)


def constant(
    value: float, groups: int, bounds: tuple[float, float] = (0.0, 1.0), *, resamples: int = 1000
) -> Sample:
    return Sample(estimate=value, replicates=np.full(resamples, value), groups=groups, bounds=bounds)


def gain(error: float, *, seed: int = 0) -> Sample:
    """A difference of 0."""
    return difference(normal(0.5, error, seed=seed), constant(0.5, 101))


# --- one number -----------------------------------------------------------------------------------


def test_an_interval_reaches_t_standard_errors_to_both_sides() -> None:
    from scipy.special import stdtrit

    of_scenes = [replace(side, trials=False) for side in (normal(0.5, 0.01), normal(0.5, 0))]
    low, high = interval(difference(*of_scenes), 0.95)
    reach = stdtrit(50, 0.975) * 0.01 * np.sqrt(101 / 100)
    assert (low, high) == pytest.approx((-reach, reach), rel=2e-4)  # the logit scale is nearly straight there


def test_an_interval_is_symmetric_on_the_logit_scale() -> None:
    low, high = interval(normal(0.9, 0.03), 0.95)
    logit = np.log(np.array([low, 0.9, high]) / (1 - np.array([low, 0.9, high])))
    assert logit[2] - logit[1] == pytest.approx(logit[1] - logit[0])
    assert 0.9 - low > high - 0.9


@pytest.mark.parametrize("groups", [0, 1])
def test_fewer_than_two_groups_have_no_interval(groups: int) -> None:
    assert interval(normal(0.5, 0.1, groups=groups), 0.95) is None


def test_two_groups_have_a_very_wide_interval_within_the_bounds() -> None:
    low, high = interval(normal(0.5, 0.1, groups=2), 0.95)
    assert 0 < low < 0.01
    assert 0.99 < high < 1


@pytest.mark.parametrize("groups", [2, 20, 400])
def test_all_right_and_all_wrong_have_the_exact_binomial_interval(groups: int) -> None:
    from scipy.special import betaincinv

    low, high = interval(constant(1.0, groups), 0.95)
    assert (low, high) == pytest.approx((betaincinv(groups, 1, 0.025), 1.0))
    low, high = interval(constant(0.0, groups), 0.95)
    assert (low, high) == pytest.approx((0.0, betaincinv(1, groups, 0.975)))


def test_what_never_varied_is_not_certain() -> None:
    low, high = interval(constant(0.5, 50), 0.95)
    assert 0.4 < low < 0.5 < high < 0.6
    low, high = interval(constant(0.0, 50, (-1.0, 1.0)), 0.95)
    assert (low, high) == pytest.approx((-0.0711, 0.0711), abs=1e-4)


def test_a_number_at_its_bound_has_the_binomial_interval_though_rounding_made_it_vary() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-16, 200)
    one = Sample(estimate=1.0, replicates=1.0 - abs(noise), groups=30)
    assert interval(one, 0.95) == pytest.approx(interval(constant(1.0, 30), 0.95))


def test_resamples_that_could_not_be_measured_are_left_out() -> None:
    whole = normal(0.5, 0.1)
    some = whole.replicates.copy()
    some[::3] = np.nan
    found = interval(Sample(estimate=0.5, replicates=some, groups=101), 0.95)
    assert found == pytest.approx(interval(whole, 0.95), abs=0.01)


def test_when_most_resamples_could_not_be_measured_there_is_no_interval() -> None:
    replicates = normal(0.5, 0.1).replicates.copy()
    replicates[:500] = np.nan
    assert interval(Sample(estimate=0.5, replicates=replicates, groups=101), 0.95) is None


@pytest.mark.parametrize("replicates", [np.empty(0), np.array([0.5])])
def test_without_resamples_there_is_no_interval(replicates: NDArray[np.float64]) -> None:
    assert interval(Sample(estimate=0.5, replicates=replicates, groups=10), 0.95) is None


def test_what_was_not_measured_has_no_interval() -> None:
    one = Sample(estimate=float("nan"), replicates=np.full(100, np.nan), groups=10)
    assert (interval(one, 0.95), simultaneous([one], 0.95)) == (None, [None])


@given(
    estimate=st.floats(0, 1),
    error=st.floats(0, 0.5),
    groups=st.integers(2, 50),
    level=st.floats(0.5, 0.999),
    other=st.floats(0, 1),
)
@settings(max_examples=200, deadline=None)
def test_an_interval_holds_its_estimate_and_stays_within_the_bounds(
    estimate: float, error: float, groups: int, level: float, other: float
) -> None:
    one = normal(estimate, error, groups=groups, resamples=50)
    for sample in (one, difference(one, constant(other, groups, resamples=50))):
        low, high = interval(sample, level)
        assert sample.bounds[0] <= low <= sample.estimate + 1e-12
        assert sample.estimate - 1e-12 <= high <= sample.bounds[1]
        assert high > low


def test_shares_in_scenes_are_covered_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    scenes, per_scene, trials, truth = 40, 10, 400, 0.8
    share = rng.beta(4, 1, (trials, scenes))  # of right answers in each scene; on average 0.8
    right = rng.binomial(per_scene, share) / per_scene
    drawn = rng.multinomial(scenes, np.full(scenes, 1 / scenes), 300) / scenes
    held = [
        low <= truth <= high
        for low, high in (
            interval(Sample(estimate=row.mean(), replicates=drawn @ row, groups=scenes), 0.95)
            for row in right
        )
    ]
    assert 0.93 <= np.mean(held) <= 0.97


# --- differences and seeds ------------------------------------------------------------------------


def test_a_difference_is_taken_resample_by_resample() -> None:
    hard = np.random.default_rng(1).normal(0, 0.1, 500)  # what both feel
    one = Sample(estimate=0.6, replicates=0.6 + hard, groups=50)
    other = Sample(estimate=0.5, replicates=0.5 + hard + np.linspace(-0.01, 0.01, 500), groups=50)
    low, high = interval(difference(one, other), 0.95)
    assert 0.08 < low < 0.1 < high < 0.12


def test_differently_often_resampled_numbers_are_not_paired() -> None:
    with pytest.raises(ValueError) as caught:
        difference(normal(0.5, 0.1), normal(0.5, 0.1, resamples=500))
    assert str(caught.value) == "1000 and 500 resamples are not paired"


def of_trials(right: NDArray[np.bool_], drawn: NDArray[np.float64]) -> Sample:
    return Sample(estimate=float(right.mean()), replicates=drawn @ right / len(right), groups=len(right))


def test_one_image_that_differs_in_forty_does_not_exclude_that_five_do() -> None:
    images = np.arange(40)
    drawn = np.random.default_rng(2).multinomial(40, np.full(40, 1 / 40), 1000).astype(float)
    low, high = interval(difference(of_trials(images < 35, drawn), of_trials(images < 36, drawn)), 0.95)
    assert low < -0.125 < 0.03 < high


def test_the_difference_of_two_shares_of_few_images_is_covered() -> None:
    rng, truth, held, above = np.random.default_rng(3), -0.08, [], []
    for _ in range(300):
        champion = rng.random(40) < 0.9
        ours = np.where(champion, rng.random(40) >= 0.1, rng.random(40) < 0.1)
        drawn = rng.multinomial(40, np.full(40, 1 / 40), 300).astype(float)
        low, high = interval(difference(of_trials(ours, drawn), of_trials(champion, drawn)), 0.95)
        held.append(low <= truth <= high)
        above.append(low > truth)  # it hides the drop
    assert np.mean(held) >= 0.95
    assert np.mean(above) <= 0.035


def test_scenes_that_move_together_are_not_taken_for_trials() -> None:
    together = np.random.default_rng(4).normal(0, 0.1, 1000)
    sides = [Sample(estimate=0.8 + d, replicates=0.8 + d + together, groups=10) for d in (0.05, 0.0)]
    apart = [replace(side, replicates=side.replicates + 0.001 * np.arange(1000) / 1000) for side in sides[:1]]
    scenes = [replace(side, trials=False) for side in (*apart, sides[1])]
    trials = interval(difference(apart[0], sides[1]), 0.95)
    low, high = interval(difference(*scenes), 0.95)
    assert trials[0] < low < 0.05 < high
    assert high - low < 0.002


def test_the_sides_of_a_pair_never_make_its_interval_narrower() -> None:
    rng = np.random.default_rng(6)
    sides = [Sample(estimate=0.8, replicates=0.8 + rng.normal(0, 0.05, 500), groups=6) for _ in range(2)]
    pair = difference(*sides)
    plain = interval(replace(pair, pair=None), 0.95)
    low, high = interval(pair, 0.95)
    assert low <= plain[0] < plain[1] <= high


@pytest.mark.parametrize(("groups", "degrees"), [(2, 1), (3, 2), (6, 5), (11, 5), (41, 20), (1.4, 1)])
def test_few_groups_have_as_many_degrees_of_freedom_as_they_allow(groups: float, degrees: float) -> None:
    assert group_degrees(groups) == degrees


def test_several_seeds_are_centred_on_their_mean() -> None:
    lucky = replace(normal(0.5, 0.03, groups=26), seeds=(0.42, 0.46))
    low, high = interval(lucky, 0.95)
    assert lucky.centre == pytest.approx(0.46)
    logit = np.log(np.array([low, 0.46, high]) / (1 - np.array([low, 0.46, high])))
    assert logit[2] - logit[1] == pytest.approx(logit[1] - logit[0])


def test_what_an_export_changed_does_not_lead_the_seeds_mean_beyond_the_bounds() -> None:
    moved = replace(normal(0.99, 0.003, groups=50), seeds=(1.02, 1.03))
    assert moved.centre == 1.0
    low, high = interval(moved, 0.95)
    assert 0.8 < low < 1.0 == high


def test_the_spread_over_seeds_is_added_with_its_own_few_degrees_of_freedom() -> None:
    one = Sample(
        estimate=0.5, replicates=normal(0.5, 0.03, groups=26).replicates, groups=26, seeds=(0.54, 0.46)
    )
    images, seeds = 0.03**2 * 26 / 25, 0.04**2 / 3  # of the mean of three
    t = (images * t_critical(1.96, 12.5) + seeds * t_critical(1.96, 2)) / (images + seeds)
    assert one.spread is not None
    assert one.spread.total == pytest.approx(np.sqrt(images + seeds))
    assert one.spread.reach(1.96) == pytest.approx(t * np.sqrt(images + seeds))
    without = interval(normal(0.5, 0.03, groups=26), 0.95)
    low, high = interval(one, 0.95)
    assert low < without[0] < without[1] < high


def test_luck_of_training_is_added_where_all_images_are_right() -> None:
    lucky = Sample(estimate=1.0, replicates=np.ones(100), groups=50, seeds=(0.98, 0.99))
    low, high = interval(lucky, 0.95) or (0.0, 0.0)
    assert low < (interval(constant(1.0, 50), 0.95) or (0.0, 0.0))[0]
    assert high == 1.0


def test_a_difference_to_one_model_carries_the_recipes_seeds_on() -> None:
    recipe = Sample(estimate=0.5, replicates=np.zeros(9), groups=9, seeds=(0.54, 0.46))
    model = Sample(estimate=0.4, replicates=np.zeros(9), groups=9)
    assert difference(recipe, model).seeds == pytest.approx((0.14, 0.06))
    assert difference(model, recipe).seeds == pytest.approx((-0.14, -0.06))


def test_luck_that_two_artefacts_of_one_training_share_is_not_in_their_difference() -> None:
    torch = Sample(estimate=0.5, replicates=normal(0.5, 0.01).replicates, groups=101, seeds=(0.6, 0.4))
    export = Sample(
        estimate=0.48, replicates=normal(0.48, 0.01, seed=1).replicates, groups=101, seeds=(0.58, 0.38)
    )
    spread = difference(export, torch).spread
    assert spread is not None
    assert spread.seeds == pytest.approx(0, abs=1e-12)


# --- many at once ---------------------------------------------------------------------------------


def test_one_number_together_is_one_number_alone() -> None:
    one = normal(0.5, 0.1)
    assert simultaneous([one], 0.95) == [interval(one, 0.95)]
    assert simultaneous([], 0.95) == []


def test_copies_of_one_number_cost_next_to_nothing() -> None:
    one = normal(0.5, 0.01)
    (low, _), *_ = simultaneous([one] * 50, 0.95)
    assert low == pytest.approx(interval(one, 0.96)[0], abs=1e-3)  # a fifth of the 5 % is held back


def test_independent_numbers_cost_about_as_much_as_bonferroni_says() -> None:
    from scipy.special import ndtri

    many = [gain(0.01, seed=seed) for seed in range(20)]
    critical = Family.of(many, 0.95).critical
    most = ndtri(1 - 0.02 / 20)  # a fifth of the 5 % is held back
    assert ndtri(1 - 0.02) < critical <= most
    assert critical == pytest.approx(most, abs=0.2)


@given(
    seeds=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    groups=st.integers(0, 40),
    level=st.floats(0.5, 0.99),
    flat=st.booleans(),
    luck=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_together_none_is_narrower_than_alone(
    seeds: list[int], groups: int, level: float, flat: bool, luck: bool
) -> None:
    samples = [normal(0.1 + 0.1 * seed, 0.02, seed=seed, groups=groups, resamples=100) for seed in seeds]
    samples += [constant(1.0, groups, resamples=100)] if flat else []
    if luck:
        first = samples[0]
        samples[0] = Sample(
            estimate=first.estimate,
            replicates=first.replicates,
            groups=groups,
            seeds=(first.estimate + 0.01,),
        )
    for sample, together in zip(samples, simultaneous(samples, level), strict=True):
        alone = interval(sample, level)
        assert (together is None) == (alone is None)
        if together is not None and alone is not None:
            assert together[0] <= alone[0] + 1e-12
            assert together[1] >= alone[1] - 1e-12


def test_numbers_without_an_interval_do_not_count() -> None:
    one, none = normal(0.5, 0.1), normal(0.5, 0.1, groups=1)
    assert simultaneous([none, one, none], 0.95) == [None, interval(one, 0.95), None]


def test_what_never_varied_takes_its_share_of_the_significance() -> None:
    together = simultaneous([constant(1.0, 50), normal(0.5, 0.1)], 0.95)
    assert together[0] == pytest.approx(unseen_bound(constant(1.0, 50), 0.02))
    assert together[1] == pytest.approx(interval(normal(0.5, 0.1), 0.98))


def test_samples_of_other_draws_are_refused() -> None:
    with pytest.raises(ValueError) as caught:
        simultaneous([normal(0.5, 0.1), normal(0.5, 0.1, resamples=500)], 0.95)
    assert str(caught.value) == "samples with [500, 1000] resamples do not share their draws"


def test_all_of_twenty_overlapping_slices_are_covered_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    images, trials = 200, 150
    slices = rng.random((20, images)) < 0.3
    slices[:, :10] = True
    drawn = rng.multinomial(images, np.full(images, 1 / images), 300).astype(float)
    sizes = drawn @ slices.T  # (B, 20)
    held = []
    for _ in range(trials):
        value = rng.normal(0, 0.1, images)
        replicates = (drawn * value) @ slices.T / sizes
        samples = [
            Sample(
                estimate=float(value[part].mean()),
                replicates=replicates[:, number],
                groups=int(part.sum()),
                bounds=(-1.0, 1.0),
            )
            for number, part in enumerate(slices)
        ]
        held.append(all(low <= 0 <= high for low, high in simultaneous(samples, 0.95)))
    assert 0.92 <= np.mean(held) <= 0.98


def test_five_hundred_intervals_of_a_thousand_resamples_take_well_under_a_second() -> None:
    many = [gain(0.01, seed=seed) for seed in range(500)]
    started = time.process_time()
    simultaneous(many, 0.95)
    assert time.process_time() - started < 0.5


def test_students_t_is_reached_from_the_normal_scale() -> None:
    from scipy.special import ndtr, ndtri, stdtrit

    assert t_critical(ndtri(0.975), 4) == pytest.approx(stdtrit(4, 0.975))
    assert t_critical(5.0, 2.5) == pytest.approx(-stdtrit(2.5, ndtr(-5.0)))
