"""Weak-slice search: are planted weak regions found, and is none found where there is none?

Each problem is a test split with twelve columns (cameras, weather, zones, image properties, times of day) and a model
that misses a share of the objects which varies between scenes. In half of the problems images are independent, in
the others several belong to one scene, and most columns are a scene's. A planted region is a value, an interval, or
two of them together, with 3 to 20 % of the images, where the model misses 15 to 35 % more objects. A problem
without one has more objects on some cameras, and good models make hardly any error: neither is a weak region.

The rank is that of the first found region with a Jaccard index of at least 0.5 with the planted one.
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.regions import regions_of
from runner.evaluation.weakest import FLIPS, Losses, weakest_regions

MIN_IMAGES = 20
SAME = 0.5  # Jaccard index
SIZES = (500, 1000, 2000, 5000)
KINDS = ("a value", "an interval", "two values", "a value and an interval", "two intervals")
VALUES, NUMBERS = (
    ("camera", "weather", "zone", "night"),
    ("brightness", "contrast", "sharpness", "temperature"),
)

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One test split, and what is planted in it (None: nothing)."""

    columns: Columns
    losses: Losses
    planted: NDArray[np.bool_] | None


def make_problem(seed: int, kind: str | None) -> Problem:
    """Every second problem has scenes of five images on average."""
    random = np.random.default_rng(seed)
    images = int(random.choice(SIZES))
    scenes = images // 5 if seed % 2 else images
    scene = np.sort(random.integers(0, scenes, images)) if scenes < images else np.arange(images)
    columns = _columns(random, scenes, scene)
    crowded = np.where(columns["camera"] == "c1", 3.0, 1.0)
    objects = random.poisson(3 * crowded)
    columns["n_objects"] = objects
    base = random.choice([0.02, 0.1, 0.25])
    missing = np.clip(base * (1 + random.normal(0, 0.5, scenes)[scene]), 0, 0.9)
    planted = None
    if kind is not None:
        planted = _region(random, columns, kind)
        missing = np.where(planted, missing + random.uniform(0.15, 0.35), missing)
    missed, false = random.binomial(objects, np.clip(missing, 0, 1)), random.poisson(0.3, images)
    wrong = (missed + false).astype(float)
    losses = Losses(
        wrong=wrong, weight=2 * (objects - missed) + wrong, objects=objects.astype(float), groups=scene
    )
    return Problem(columns=columns, losses=losses, planted=planted)


def _columns(random: np.random.Generator, scenes: int, scene: NDArray[np.int64]) -> Columns:
    def values(names: list[str], shares: list[float]) -> NDArray[np.object_]:
        return np.array(names, dtype=object)[random.choice(len(names), scenes, p=shares)][scene]

    images = len(scene)
    start = datetime.datetime(2026, 5, 4)
    minutes = random.integers(0, 24 * 60, scenes)[scene]
    return {
        "camera": values([f"c{n}" for n in range(6)], [0.3, 0.25, 0.2, 0.12, 0.08, 0.05]),
        "weather": values(["sun", "rain", "fog", "snow"], [0.6, 0.25, 0.1, 0.05]),
        "zone": values([f"z{n}" for n in range(12)], [1 / 12] * 12),
        "night": (random.random(scenes) < 0.3)[scene],
        "operator": values([f"o{n}" for n in range(40)], [1 / 40] * 40),
        "brightness": np.clip(random.normal(0.5, 0.15, scenes)[scene] + random.normal(0, 0.06, images), 0, 1),
        "contrast": random.beta(2, 3, images),
        "sharpness": random.lognormal(4, 1, images),
        "temperature": random.normal(15, 8, scenes)[scene],
        "width": np.where(random.random(scenes) < 0.2, 1920, 1280)[scene],
        "captured_at": np.array(
            [start + datetime.timedelta(minutes=int(minute)) for minute in minutes], dtype=object
        ),
    }


def _region(random: np.random.Generator, columns: Columns, kind: str) -> NDArray[np.bool_]:
    """Drawn again until its size is as stated."""

    def value() -> NDArray[np.bool_]:
        column = columns[str(random.choice(VALUES))]
        return np.asarray(column == random.choice(np.unique(column)))

    def interval(share: float) -> NDArray[np.bool_]:
        column = columns[str(random.choice(NUMBERS))]
        if random.random() < 0.5:
            return np.asarray(column < np.quantile(column, share))
        return np.asarray(column >= np.quantile(column, 1 - share))

    while True:
        match kind:
            case "a value":
                mask = value()
            case "an interval":
                mask = interval(random.uniform(0.03, 0.2))
            case "two values":
                mask = value() & value()
            case "a value and an interval":
                mask = value() & interval(random.uniform(0.1, 0.5))
            case _:
                mask = interval(random.uniform(0.2, 0.5)) & interval(random.uniform(0.2, 0.5))
        if 0.03 <= mask.mean() <= 0.2 and mask.sum() >= MIN_IMAGES:
            return mask


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the search gave: the Jaccard index of each find with the planted region, and its p-value."""

    overlaps: list[float]
    searched: int
    seconds: float

    @property
    def rank(self) -> int | None:
        """Of the planted one; None where it was not found."""
        return next((at for at, overlap in enumerate(self.overlaps, start=1) if overlap >= SAME), None)


def search(problem: Problem) -> Found:
    """Looks for the five weakest."""
    started = time.perf_counter()
    regions = regions_of(problem.columns, min_images=MIN_IMAGES)
    found = weakest_regions(regions, problem.losses, min_images=MIN_IMAGES, most=5).found
    seconds = time.perf_counter() - started
    planted = problem.planted if problem.planted is not None else np.zeros(len(problem.losses.wrong), bool)
    masks = [regions.slice_of(weak.number).images for weak in found]
    overlaps = [float((mask & planted).sum() / (mask | planted).sum()) for mask in masks]
    return Found(overlaps=overlaps, searched=len(regions.pair), seconds=seconds)


def planted_table(problems: int) -> Iterator[str]:
    """One row per kind of region."""
    yield "| planted | problems | first | among 5 | not found | median rank | median Jaccard | further finds |"
    yield "|---|---|---|---|---|---|---|---|"
    every: list[Found] = []
    for number, kind in enumerate(KINDS):
        found = [search(make_problem(seed, kind)) for seed in range(number, problems, len(KINDS))]
        every += found
        yield _row(kind, found)
    yield _row("all", every)


def _row(name: str, found: list[Found]) -> str:
    ranks = [item.rank for item in found]
    hits = [rank for rank in ranks if rank is not None]
    overlap = [max(item.overlaps) for item in found if item.rank is not None]
    further = sum(len(item.overlaps) - (item.rank is not None) for item in found)
    cells = [name, len(found), ranks.count(1), len(hits), ranks.count(None)]
    cells += [median(hits) if hits else "none", f"{median(overlap):.2f}" if overlap else "none", further]
    return "| " + " | ".join(map(str, cells)) + " |"


def empty_table(problems: int) -> Iterator[str]:
    """Searches that find anything where nothing is planted."""
    yield "| nothing planted | problems | with a find | share |"
    yield "|---|---|---|---|"
    found = [search(make_problem(10_000 + seed, None)) for seed in range(problems)]
    for name, part in (("independent images", found[::2]), ("scenes", found[1::2]), ("all", found)):
        hits = sum(bool(item.overlaps) for item in part)
        yield f"| {name} | {len(part)} | {hits} | {hits / len(part):.1%} |"


def main() -> None:
    """Prints Markdown tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=50, help="with a planted region")
    parser.add_argument("--empty", type=int, default=200, help="without one")
    parser.add_argument("--quick", action="store_true", help="10 and 40")
    arguments = parser.parse_args()
    problems, empty = (10, 40) if arguments.quick else (arguments.problems, arguments.empty)
    for line in planted_table(problems):
        print(line, flush=True)
    print()
    for line in empty_table(empty):
        print(line, flush=True)
    largest = max((search(make_problem(20_000 + seed, None)) for seed in range(8)), key=lambda f: f.seconds)
    print(
        f"\nThe slowest of 8 searches: {largest.searched:,} regions × {FLIPS:,} sign flips in {largest.seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
