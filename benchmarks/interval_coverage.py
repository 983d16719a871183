"""How often the 95 % interval of a paired difference in AP holds the true one, on simulated detectors.

Two detectors (benchmarks/simulated.py) whose difference in map50_95 is known from a very large sample are evaluated on
many small test splits, of independent images and of images that come in scenes:

    python benchmarks/interval_coverage.py [--trials 2000] [--resamples 1000] [--quick]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import sqrt

import numpy as np
from simulated import (
    CORRELATED,
    INDEPENDENT,
    Population,
    average_precision,
    draw_pair,
    once_and_resampled,
    sample,
    true_values,
)

from runner.evaluation.intervals import Ends, Sample, difference, interval

LEVEL = 0.95
SIZES = (200, 500, 1000, 2000)
POPULATIONS = {
    "independent": INDEPENDENT,
    "in scenes of about 10": CORRELATED,
    "independent, strong": replace(INDEPENDENT, skill=2.0),
    "independent, nearly solved": replace(INDEPENDENT, skill=3.0),
}
TRUTH_REPEATS = 40


def paired(population: Population, n_images: int, resamples: int, seed: int) -> tuple[Sample, Sample]:
    """The difference on one test split, and the first detector's own number."""
    split, *problems = draw_pair(population, n_images, np.random.default_rng([seed, n_images]))
    weights = once_and_resampled(split.groups, resamples, seed)
    first, second = (
        sample(average_precision(problem, weights), int(split.groups[-1]) + 1) for problem in problems
    )
    return difference(second, first), first


def percentile(sample: Sample, level: float) -> Ends:
    """The percentile interval. Source: Efron & Tibshirani (1993), chapter 13."""
    low, high = np.quantile(sample.replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def expanded_percentile(sample: Sample, level: float) -> Ends:
    """Its small-sample correction. Source: Hesterberg (2015), What teachers should know about the bootstrap, §5.2."""
    from scipy.stats import norm, t

    reach = sqrt(sample.groups / (sample.groups - 1)) * t.ppf((1 + level) / 2, sample.groups - 1)
    return percentile(sample, 1 - 2 * norm.cdf(-reach))


def bias_corrected(sample: Sample, level: float) -> Ends:
    """BC: BCa with no acceleration, which would need a jackknife. Source: Efron (1987), JASA 82."""
    from scipy.stats import norm

    below = np.clip(np.mean(sample.replicates < sample.estimate), 0.001, 0.999)
    places = norm.cdf(2 * norm.ppf(below) + norm.ppf([(1 - level) / 2, (1 + level) / 2]))
    low, high = np.quantile(sample.replicates, places)
    return float(low), float(high)


def chosen(sample: Sample, level: float) -> Ends:
    ends = interval(sample, level)
    assert ends is not None
    return ends


METHODS: Mapping[str, Callable[[Sample, float], Ends]] = {
    "t, logit scale (ours)": chosen,
    "percentile": percentile,
    "expanded percentile": expanded_percentile,
    "BC": bias_corrected,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="100 trials, 300 resamples, two sizes")
    options = parser.parse_args()
    trials, resamples = (100, 300) if options.quick else (options.trials, options.resamples)
    started = time.perf_counter()
    print(f"Coverage of nominal {LEVEL:.0%} intervals, {trials} trials of {resamples} resamples each; ")
    print(f"the simulation's own error is ± {1.96 * sqrt(LEVEL * (1 - LEVEL) / trials):.1%}.\n")
    print("| images | how many | groups | true difference | " + " | ".join(METHODS) + " | ours, of one AP |")
    print("|---|---:|---:|---:|" + "---:|" * (len(METHODS) + 1))
    for name, population in POPULATIONS.items():
        first, second = true_values(population, 4 if options.quick else TRUTH_REPEATS)
        for n_images in SIZES[::2] if options.quick else SIZES:
            print(row(name, population, n_images, (first, second), trials, resamples), flush=True)
    print(f"\n{time.perf_counter() - started:.0f} s")


def row(
    name: str,
    population: Population,
    n_images: int,
    truth: tuple[float, float],
    trials: int,
    resamples: int,
) -> str:
    held = dict.fromkeys(METHODS, 0)
    alone, groups = 0, []
    for seed in range(trials):
        gain, first = paired(population, n_images, resamples, seed)
        groups.append(gain.groups)
        for method, ends in METHODS.items():
            low, high = ends(gain, LEVEL)
            held[method] += low <= truth[1] - truth[0] <= high
        low, high = chosen(first, LEVEL)
        alone += low <= truth[0] <= high
    shares = " | ".join(f"{count / trials:.1%}" for count in [*held.values(), alone])
    return f"| {name} | {n_images} | {np.mean(groups):.0f} | {truth[1] - truth[0]:+.4f} | {shares} |"


if __name__ == "__main__":
    main()
