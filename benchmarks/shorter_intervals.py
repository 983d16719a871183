"""What would shorten intervals, by how much, and whether they still hold the truth.

1. A second model's gain over a champion on one test split (worlds of benchmarks/coverage_elsewhere.py): unpaired; paired (ours);
   resampled within strata of how hard the champion finds an image; adjusted for the champion's misses and the number of
   objects per image, as if their means on all images were those of the test split.
2. Twenty slices: gates that are decided with one critical value for all (ours), and step by step (Romano & Wolf's stepdown: what is
   decided no longer widens what is not).

    python benchmarks/shorter_intervals.py [--trials 400] [--resamples 400]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from coverage_elsewhere import LEVEL, TAILED, World, draw, large
from false_alarms import twenty_slices
from numpy.typing import NDArray
from simulated import INDEPENDENT, average_precision, draw_split, once_and_resampled, sample

from runner.domain.evaluation import RANKED_METRICS
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.intervals import Family, Sample, difference, interval
from runner.evaluation.problem import Problem
from runner.evaluation.ranked import RankedMeasurable

WORLDS = {
    "100 images": World(images=100, gain=0.15),
    "300 images": World(images=300, gain=0.15),
    "40 long-tailed scenes": replace(TAILED, uneven=0.15, gain=0.15),
}
METRICS = ("map50", "recall")


def misses(problem: Problem) -> NDArray[np.float64]:
    """`(I, 2)` objects that the model misses at similarity 0.5, and objects, of each image."""
    engine = RankedMeasurable(problem, 0.25)
    truths = np.bincount(problem.truths.image, minlength=problem.n_images)
    right = np.bincount(
        engine.candidates.image[(engine.matches.true_positive & 1).astype(bool)], minlength=problem.n_images
    )
    return np.stack([truths - right, truths], axis=1).astype(np.float64)


def stratified(
    site: NDArray[np.int64], covariates: NDArray[np.float64], resamples: int, seed: int
) -> NDArray[np.uint8]:
    """`(B, I)` resamples of sites within strata: nothing missed, some, much."""
    missed = np.bincount(site, weights=covariates[:, 0])
    stratum = np.digitize(missed, [0.5, max(1.5, float(np.quantile(missed, 0.8)))])[site]
    weights = np.zeros((resamples, len(site)), np.uint8)
    for number in np.unique(stratum):
        inside = stratum == number
        weights[:, inside] = multiplicities(site[inside], resamples, seed + int(number))
    return weights


def adjusted(sample: Sample, weights: NDArray[np.uint8], covariates: NDArray[np.float64]) -> Sample:
    """The replicates without what the covariates' means explain of them."""
    means = (weights @ covariates) / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    centred = means - means.mean(axis=0)
    known = np.isfinite(sample.replicates)
    slope, *_ = np.linalg.lstsq(
        centred[known], sample.replicates[known] - sample.replicates[known].mean(), rcond=None
    )
    return replace(sample, replicates=sample.replicates - centred @ slope, pair=None)


def gains(world: World, seed: int, resamples: int) -> dict[tuple[str, str], Sample]:
    """By method and metric, the gain on one test split."""
    site, problems = draw(world, np.random.default_rng([11, seed]))
    covariates, groups = misses(problems[0]), int(site[-1]) + 1
    plain, within = (
        multiplicities(site, resamples, seed),
        stratified(site, misses(problems[0]), resamples, seed),
    )
    once = np.ones((1, len(site)), np.uint8)
    engines = [RankedMeasurable(problem, 0.25) for problem in problems]
    values = [engine.measure(np.concatenate([once, plain, within])).values[:, -1] for engine in engines]
    found: dict[tuple[str, str], Sample] = {}
    for metric in METRICS:
        column = RANKED_METRICS.index(metric)
        sides = [sample_of(value[:, column], resamples, groups) for value in values]
        paired = difference(sides[1], sides[0])
        shuffled = replace(sides[0], replicates=np.roll(sides[0].replicates, 1))
        found["unpaired", metric] = difference(sides[1], shuffled)
        found["paired (ours)", metric] = paired
        found["strata of difficulty", metric] = replace(
            paired, replicates=values[1][1 + resamples :, column] - values[0][1 + resamples :, column]
        )
        found["adjusted for difficulty", metric] = adjusted(paired, plain, covariates)
    return found


def sample_of(values: NDArray[np.float64], resamples: int, groups: int) -> Sample:
    return Sample(
        estimate=float(values[0]), replicates=values[1 : 1 + resamples], groups=groups, trials=False
    )


def print_gains(trials: int, resamples: int) -> None:
    print("| gain on | metric | method | covered | width beside ours |")
    print("|---|---|---|---:|---:|")
    for name, world in WORLDS.items():
        truths = large(world)
        found = [gains(world, seed, resamples) for seed in range(trials)]
        for metric in METRICS:
            column = RANKED_METRICS.index(metric)
            truth = float(truths[1, -1, column] - truths[0, -1, column])
            ends = {
                method: np.array([interval(one[method, metric], LEVEL) or (-1.0, 1.0) for one in found])
                for method, of in found[0]
                if of == metric
            }
            ours = np.mean(np.diff(ends["paired (ours)"]))
            for method, both in ends.items():
                held = np.mean((both[:, 0] <= truth) & (truth <= both[:, 1]))
                print(
                    f"| {name} | {metric} | {method} | {held:.1%} | {np.mean(np.diff(both)) / ours:.2f} |",
                    flush=True,
                )


def decided(samples: Sequence[Sample], *, steps: bool) -> int:
    """How many of the gains are above or below 0, with or without stepping down."""
    left = list(samples)
    while left:
        family = Family.of(left, LEVEL)
        ends = [family.interval(one) for one in left]
        still = [one for one, both in zip(left, ends, strict=True) if both is None or both[0] <= 0 <= both[1]]
        if len(still) == len(left) or not steps:
            return len(samples) - len(still)
        left = still
    return len(samples)


def print_steps(trials: int, resamples: int) -> None:
    population, counts = replace(INDEPENDENT, gain=0.4), np.zeros(2)
    for seed in range(trials):
        rng = np.random.default_rng([seed, 23])
        split = draw_split(population, 500, rng)
        problems = split.detect(0.0, rng), split.detect(population.gain, rng)
        weights = once_and_resampled(split.groups, resamples, seed)
        samples = []
        for part in twenty_slices(split, rng):
            one, other = (sample(average_precision(p, weights * part), int(part.sum())) for p in problems)
            samples.append(difference(other, one))
        counts += [decided(samples, steps=steps) for steps in (False, True)]
    share = counts / (20 * trials)
    print(
        f"\nOf 20 slices of 500 images with a true gain, decided: {share[0]:.1%} at once (ours), {share[1]:.1%} step by step."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=400)
    options = parser.parse_args()
    print_gains(options.trials, options.resamples)
    print_steps(max(1, options.trials // 4), options.resamples)


if __name__ == "__main__":
    main()
