"""How often a sprint that changed nothing raises an alarm, or wins.

1. Two detectors that are equally good everywhere, compared on 20 overlapping slices: the share of sprints in which any
   slice is said to have gained or lost.
2. A hundred sprints in a row whose models are no better than the champion, each compared with it on one test split:
   the share of such rows in which a false winner is promoted, with and without the policy's holdout budget.

    python benchmarks/false_alarms.py [--sprints 1000] [--rows 200] [--quick]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from simulated import (
    CORRELATED,
    INDEPENDENT,
    Population,
    TestSplit,
    average_precision,
    draw_split,
    once_and_resampled,
    sample,
)

from runner.config.project import Holdout
from runner.domain.evaluation import (
    ChampionEvaluation,
    Evaluation,
    Metrics,
    Resampling,
    SliceMetrics,
    TargetEvaluation,
)
from runner.domain.verdict import Outcome, Wear
from runner.evaluation.intervals import Sample, difference, interval, simultaneous
from runner.gates.gate import Gate
from runner.gates.judge import Evidence, WrittenGate, judge

LEVEL = 0.95
SPRINTS_IN_A_ROW = 100
SPEND = (1 - LEVEL) / 2  # of one decision: only one side makes a false winner


# --- 20 slices ------------------------------------------------------------------------------------


def twenty_slices(split: TestSplit, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`(20, I)`: 5 cameras, 3 kinds of weather, 4 classes of brightness, and the first 8 cameras × weathers."""
    scenes = int(split.groups[-1]) + 1
    camera = rng.choice(5, scenes, p=[0.35, 0.25, 0.2, 0.15, 0.05])[split.groups]
    weather = rng.choice(3, scenes, p=[0.6, 0.3, 0.1])[split.groups]
    brightness = np.digitize(split.hardness, np.quantile(split.hardness, [0.4, 0.7, 0.9]))
    crossed = [(camera == c) & (weather == w) for c in range(5) for w in range(3)][:8]
    return np.array(
        [
            *(camera == value for value in range(5)),
            *(weather == value for value in range(3)),
            *(brightness == value for value in range(4)),
            *crossed,
        ]
    )


def unchanged_sprint(population: Population, n_images: int, resamples: int, seed: int) -> list[Sample]:
    """The differences of two equally good detectors on 20 slices."""
    rng = np.random.default_rng([seed, n_images, 20])
    split = draw_split(population, n_images, rng)
    problems = split.detect(0.0, rng), split.detect(0.0, rng)
    weights = once_and_resampled(split.groups, resamples, seed)
    found = []
    for part in twenty_slices(split, rng):
        groups = len(np.unique(split.groups[part]))
        if groups:
            one, other = (sample(average_precision(problem, weights * part), groups) for problem in problems)
            found.append(difference(one, other))
    return found


def alarms(ends: Sequence[tuple[float, float] | None]) -> int:
    return sum(both is not None and not both[0] <= 0 <= both[1] for both in ends)


def print_slices(sprints: int, resamples: int, sizes: Sequence[int]) -> None:
    error = 1.96 * sqrt(0.05 * 0.95 / sprints)
    print(
        f"{sprints} sprints of each kind, {resamples} resamples; nominal 5 %, simulation's error ± {error:.1%}.\n"
    )
    print("| 20 slices of | any false alarm: simultaneous (ours) | pointwise | Bonferroni |")
    print("|---|---:|---:|---:|")
    for name, population in {"independent images": INDEPENDENT, "images in scenes": CORRELATED}.items():
        for n_images in sizes:
            raised = np.zeros(3)
            for seed in range(sprints):
                found = unchanged_sprint(population, n_images, resamples, seed)
                each = 1 - (1 - LEVEL) / len(found)
                raised += [
                    alarms(simultaneous(found, LEVEL)) > 0,
                    alarms([interval(one, LEVEL) for one in found]) > 0,
                    alarms([interval(one, each) for one in found]) > 0,
                ]
            shares = " | ".join(f"{share:.1%}" for share in raised / sprints)
            print(f"| {n_images} {name} | {shares} |", flush=True)


# --- a hundred sprints in a row -------------------------------------------------------------------


class TwoSamples:
    """This sprint's sample and the champion's, as gates look them up."""

    def __init__(self, ours: Sample, champion: Sample) -> None:
        self._samples = {"torch": ours, "champion": champion}

    def get(self, target: str, slice_name: str | None, class_name: str | None, metric: str) -> Sample | None:
        return self._samples[target]


def wins(ours: Sample, champion: Sample, wear: Wear | None) -> bool:
    """Whether the gate `map50_95 gain ≥ 0 vs champion` passes."""

    def target(found: Sample) -> TargetEvaluation:
        slices: list[SliceMetrics] = []
        overall = Metrics(images=found.groups, objects=found.groups, map50_95=found.estimate)
        return TargetEvaluation(target="torch", overall=overall, per_class={}, slices=slices)

    evaluation = Evaluation(
        task="detect",
        evaluator="simulated",
        split="test",
        split_digest="simulated",
        operating_confidence=0.25,
        optimizing="map50_95",
        resampling=Resampling(level=LEVEL, resamples=len(ours.replicates), unit="image", groups=ours.groups),
        targets=[target(ours)],
        champion=ChampionEvaluation(
            sprint="0001", tag="simulated", target="torch", evaluation=target(champion), differences=[]
        ),
    )
    evidence = Evidence(
        evaluation=evaluation,
        benchmark=None,
        exports=[],
        primary_target="torch",
        samples=TwoSamples(ours, champion),
        champion="0001",
        wear=wear,
    )
    gate = Gate(metric="map50_95", min_gain=0, against="champion")
    return judge([WrittenGate(gate=gate, origin="policy", source="")], evidence).outcome is Outcome.PASS


def row_of_sprints(
    population: Population, n_images: int, resamples: int, seed: int, budget: Holdout | None
) -> int:
    """How many false winners are promoted by a hundred sprints on one test split."""
    rng = np.random.default_rng([seed, n_images, 100])
    split = draw_split(population, n_images, rng)
    weights = once_and_resampled(split.groups, resamples)
    groups = int(split.groups[-1]) + 1
    champion = sample(average_precision(split.detect(0.0, rng), weights), groups)
    promoted = 0
    for use in range(1, SPRINTS_IN_A_ROW + 1):
        wear = _wear(use, budget)
        if wear is not None and wear.exhausted:
            break  # wins() would say INCONCLUSIVE from here on, whatever the model
        ours = sample(average_precision(split.detect(0.0, rng), weights), groups)
        if wins(ours, champion, wear):
            promoted, champion = promoted + 1, ours
    return promoted


def _wear(uses: int, budget: Holdout | None) -> Wear | None:
    if budget is None:
        return None
    exhausted = uses * SPEND > budget.significance + 1e-9
    return Wear(split="test", uses=uses, spent=uses * SPEND, exhausted=exhausted, refresh=budget.refresh)


def print_rows(rows: int, resamples: int, n_images: int) -> None:
    budget = Holdout(refresh="required")
    print(f"\n{rows} rows of {SPRINTS_IN_A_ROW} noise-only sprints on one test split of {n_images} images.\n")
    print("| test split | policy | stated: any false winner | any false winner | false winners per row |")
    print("|---|---|---:|---:|---:|")
    policies = {
        f"budget {budget.significance}, then a refresh is required": (
            budget,
            f"≤ {budget.significance:.1%}",
        ),
        "no budget (uses are only counted)": (None, f"≤ {min(1, SPRINTS_IN_A_ROW * SPEND):.0%}"),
    }
    for name, population in {"independent images": INDEPENDENT, "images in scenes": CORRELATED}.items():
        for policy, (holdout, stated) in policies.items():
            counts = [row_of_sprints(population, n_images, resamples, seed, holdout) for seed in range(rows)]
            share, mean = np.mean(np.array(counts) > 0), np.mean(counts)
            print(f"| {name} | {policy} | {stated} | {share:.1%} | {mean:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sprints", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="60 sprints, 20 rows, 300 resamples")
    options = parser.parse_args()
    started = time.perf_counter()
    if options.quick:
        print_slices(60, 300, (500,))
        print_rows(20, 300, 300)
    else:
        print_slices(options.sprints, options.resamples, (500, 2000))
        print_rows(options.rows, options.resamples, 500)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
