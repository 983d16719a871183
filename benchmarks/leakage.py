"""What a report says of leakage beside what is true: some test images are known from training, and better found there.

Simulated detectors (benchmarks/simulated.py) find the objects of leaked images as if those were easier. By how much the AP of a test
split of which a share leaked is above that of the same split without is known from a very large sample; the report estimates it
from one split, with an interval from its resamples:

    python benchmarks/leakage.py [--trials 300] [--images 400] [--resamples 300]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from simulated import (
    CORRELATED,
    INDEPENDENT,
    Population,
    average_precision,
    draw_split,
    once_and_resampled,
    sample,
)

from runner.evaluation.inflation import inflated
from runner.evaluation.intervals import interval
from runner.evaluation.sample import Sample

LEVEL = 0.95
KNOWN = 1.0  # by how many standard deviations of difficulty what was trained on is easier
SHARES = (0.0, 0.05, 0.1, 0.2)
POPULATIONS = {"independent": INDEPENDENT, "in scenes of about 10": replace(CORRELATED)}
TRUTH_IMAGES, TRUTH_REPEATS = 100_000, 6


def leaking(
    population: Population, share: float, images: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], object]:
    """The scenes of a test split, which of its images did not leak (whole scenes do), and a detector that knows the others."""
    random = np.random.default_rng([seed, images])
    split = draw_split(population, images, random)
    scenes = random.random(int(split.groups[-1]) + 1) < share
    known = scenes[split.groups]
    gain: NDArray[np.float64] = np.where(known, KNOWN, 0.0)[split.truths.image]
    return split.groups, ~known, split.detect(gain, random)  # type: ignore[arg-type]


def estimated(
    population: Population, share: float, images: int, resamples: int, seed: int
) -> tuple[Sample, Sample] | None:
    """The inflation, and the AP without leaked images, as `evaluate` resamples both; None where none leaked."""
    groups, left, problem = leaking(population, share, images, seed)
    if left.all():
        return None
    weights = once_and_resampled(groups, resamples, seed)
    every = sample(average_precision(problem, weights), len(np.unique(groups)))  # type: ignore[arg-type]
    others = sample(average_precision(problem, weights * left.astype(np.uint8)), len(np.unique(groups[left])))  # type: ignore[arg-type]
    return inflated(every, others, len(np.unique(groups[~left]))), others


def true_inflation(population: Population, share: float) -> tuple[float, float]:
    """By how much leakage raises the AP of very many images, and what it is without."""
    values = []
    for seed in range(TRUTH_REPEATS):
        _, left, problem = leaking(population, share, TRUTH_IMAGES, 10_000 + seed)
        weights = np.stack([np.ones(TRUTH_IMAGES, np.uint8), left.astype(np.uint8)])
        every, others = average_precision(problem, weights)  # type: ignore[arg-type]
        values.append((every - others, others))
    inflation, clean = np.mean(values, axis=0)
    return float(inflation), float(clean)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=300)
    asked = parser.parse_args()
    started = time.perf_counter()
    print(
        f"{asked.trials} trials of {asked.images} images, {asked.resamples} resamples, intervals at {LEVEL:.0%}"
    )
    print(
        f"{'images':<24}{'leaked':>8}{'true':>9}{'estimate':>10}{'covered':>9}{'width':>8}{'AP without':>12}{'covered':>9}"
    )
    for name, population in POPULATIONS.items():
        for share in SHARES:
            truth, clean = true_inflation(population, share) if share else (0.0, float("nan"))
            print(_row(name, share, truth, clean, population, asked))
    print(f"{time.perf_counter() - started:.0f} s")


def _row(
    name: str, share: float, truth: float, clean: float, population: Population, asked: argparse.Namespace
) -> str:
    if not share:
        found = [estimated(population, share, asked.images, 2, seed) for seed in range(20)]
        said = sum(each is not None for each in found)
        return f"{name:<24}{share:>8.0%}{truth:>9.3f}{'nothing said' if not said else f'{said} said':>13}"
    pairs = [
        estimated(population, share, asked.images, asked.resamples, seed) for seed in range(asked.trials)
    ]
    told = [pair for pair in pairs if pair is not None]
    covered, widths, others = [], [], []
    for inflation, without in told:
        ends, own = interval(inflation, LEVEL), interval(without, LEVEL)
        if ends is None or own is None:
            continue
        covered.append(ends[0] <= truth <= ends[1])
        widths.append(ends[1] - ends[0])
        others.append(own[0] <= clean <= own[1])
    mean = np.mean([inflation.estimate for inflation, _ in told])
    return (
        f"{name:<24}{share:>8.0%}{truth:>9.3f}{mean:>10.3f}{np.mean(covered):>9.1%}{np.mean(widths):>8.3f}"
        f"{clean:>12.3f}{np.mean(others):>9.1%}"
    )


if __name__ == "__main__":
    main()
