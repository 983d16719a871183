"""What becomes of undecided gates when the advice on further images is followed.

Pilots of a known simulated population are judged against thresholds that lie evenly around the true AP. Each one that
is INCONCLUSIVE gets the advised number of further images, drawn from the same population, and is judged again on all:

    python benchmarks/sample_size.py [--pilots 1500] [--resamples 500] [--quick]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from simulated import (
    CORRELATED,
    INDEPENDENT,
    Population,
    TestSplit,
    average_precision,
    draw_split,
    joined,
    once_and_resampled,
    sample,
    true_values,
)

from runner.evaluation.intervals import Family, Sample
from runner.evaluation.problem import Problem
from runner.evaluation.sample_size import further_groups

LEVEL = 0.95
FARTHEST = 4.0  # thresholds lie within so many of a pilot's standard errors around the truth
PILOT_IMAGES = {"independent images": (INDEPENDENT, 150), "images in scenes": (CORRELATED, 300)}


@dataclass(frozen=True, kw_only=True)
class Followed:
    """One pilot that was INCONCLUSIVE.

    Attributes:
        distance: of the threshold from the truth, in the pilot's standard errors.
        times: the advised groups over the pilot's; None where no number was advised.
        decided: the outcome on the pilot and what was added to it.
        right: whether that outcome is the true one.
        fresh: whether as many images drawn anew decide a threshold that is as far from the truth as this one was from
            the pilot's estimate: the classical power, which takes the estimate for the truth.
    """

    distance: float
    times: float | None
    decided: bool = False
    right: bool = False
    fresh: bool = False


def follow(
    population: Population, n_images: int, resamples: int, seed: int, truth: float, distance: float
) -> Followed | None:
    """A pilot, its advice, and what came of it; None when the pilot itself decides."""
    rng = np.random.default_rng([seed, n_images, 80])
    split = draw_split(population, n_images, rng)
    problem = split.detect(0.0, rng)
    pilot = measured([split], [problem], resamples, seed)
    spread = pilot.spread
    assert spread is not None
    threshold = truth + distance * spread.total
    if decided(pilot, threshold):
        return None
    further = further_groups(pilot, threshold, Family.of([pilot], LEVEL))
    if further is None:
        return Followed(distance=distance, times=None)
    images = round(n_images * further / pilot.groups)
    added = draw_split(population, images, rng)
    everything = measured([split, added], [problem, added.detect(0.0, rng)], resamples, seed)
    anew = draw_split(population, n_images + images, rng)
    fresh = measured([anew], [anew.detect(0.0, rng)], resamples, seed)
    outcome = decided(everything, threshold)
    return Followed(
        distance=distance,
        times=further / pilot.groups,
        decided=outcome != 0,
        right=outcome == (1 if truth > threshold else -1),
        fresh=decided(fresh, truth + threshold - pilot.estimate) != 0,
    )


def measured(splits: Sequence[TestSplit], problems: Sequence[Problem], resamples: int, seed: int) -> Sample:
    """AP on all the splits' images together."""
    groups, problem = splits[0].groups, problems[0]
    for split, more in zip(splits[1:], problems[1:], strict=True):
        groups = np.concatenate([groups, split.groups + groups[-1] + 1])
        problem = joined(problem, more)
    weights = once_and_resampled(groups, resamples, seed)
    return sample(average_precision(problem, weights), int(groups[-1]) + 1)


def decided(found: Sample, threshold: float) -> int:
    """1 when the whole interval is above the threshold, −1 when it is below, else 0."""
    ends = Family.of([found], LEVEL).interval(found)
    assert ends is not None
    return 1 if ends[0] > threshold else -1 if ends[1] < threshold else 0


def print_population(name: str, found: Sequence[Followed], pilots: int) -> None:
    print(
        f"\n{name}: {len(found)} of {pilots} pilots INCONCLUSIVE, "
        f"{sum(one.times is not None for one in found)} of them with advice.\n"
    )
    print(
        "| true distance of the threshold | pilots | decided | to the wrong side | median further images | power if the estimate were the truth |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    bins = [(0.0, FARTHEST), (0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 2.0), (2.0, FARTHEST)]
    for low, high in bins:
        inside = [one for one in found if one.times is not None and low <= abs(one.distance) < high]
        if not inside:
            continue
        where = "**all**" if (low, high) == bins[0] else f"{low} to {high} standard errors"
        decisions = np.mean([one.decided for one in inside])
        wrong = np.mean([one.decided and not one.right for one in inside])
        times = np.median([one.times for one in inside if one.times is not None])
        fresh = np.mean([one.fresh for one in inside])
        print(
            f"| {where} | {len(inside)} | {decisions:.0%} | {wrong:.1%} | {times:.1f} × the pilot | {fresh:.0%} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pilots", type=int, default=1500)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="60 pilots, 200 resamples")
    options = parser.parse_args()
    pilots, resamples = (60, 200) if options.quick else (options.pilots, options.resamples)
    started = time.perf_counter()
    print("Share of INCONCLUSIVE gates that are decided once the advised images are there; promised: 80 %.")
    for name, (population, n_images) in PILOT_IMAGES.items():
        truth, _ = true_values(population, 4 if options.quick else 20)
        distances = np.linspace(-FARTHEST, FARTHEST, pilots)
        followed = [
            follow(population, n_images, resamples, seed, truth, float(distance))
            for seed, distance in enumerate(distances)
        ]
        print_population(name, [one for one in followed if one is not None], pilots)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
