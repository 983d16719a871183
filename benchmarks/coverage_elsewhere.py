"""How often intervals hold the truth on data of another kind than the one that their method was chosen on.

Nothing here is normal, and no difficulty is added up: sites have their own chance of finding an object (a Beta distribution),
images hold geometric numbers of objects, false detections come from some sites only, and a second model copies the first
one's outcome with a fixed chance. Everything is measured by the engine that evaluates sprints.

    python benchmarks/coverage_elsewhere.py [--trials 1000] [--resamples 500] [--only rare] [--quick]

`above` is the share of intervals that lie above the truth as a whole: the chance that a gate at the threshold passes
wrongly. `below` is the same for a wrong FAIL. The truth of a mean over classes is that over the classes judged.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.assessment.cells import AssessedTarget, Draws, assess_target
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.classification import ClassifiedMeasurable
from runner.evaluation.intervals import Ends, Sample, difference, interval
from runner.evaluation.measurable import Measurable
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.ranked import RankedMeasurable

LEVEL = 0.95
TRUTH_IMAGES = 200_000


@dataclass(frozen=True, kw_only=True)
class World:
    """What images and models are like.

    Attributes:
        images, sites: how many there are; without sites every image is one.
        longest: how uneven sites are: their lengths are Pareto with this exponent, from 2 images on; 0 is 6 images each.
        shares: of the classes.
        empty: share of images without objects. `objects`: the mean number in the others.
        found: mean chance that an object is found, and how much the chance differs between sites in (0, 1).
        false: false detections per image, on the half of the sites that have some.
        tight: mean IoU of what is found, in (0.5, 1).
        copied: chance that the second model has the first one's outcome. `gain`: of the second model's chance.
    """

    images: int
    sites: int = 0
    longest: float = 0.0
    shares: tuple[float, ...] = (0.5, 0.5)
    empty: float = 0.1
    objects: float = 2.0
    found: float = 0.8
    uneven: float = 0.15
    false: float = 0.3
    tight: float = 0.8
    sharp: float = 2.0
    copied: float = 0.8
    gain: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Owned:
    """The similarity of each detection and the object it was made for (−1: none)."""

    owner: NDArray[np.int64]
    overlap: NDArray[np.float64]

    def __call__(self, truths: NDArray[np.int64], detections: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(np.where(self.owner[detections] == truths, self.overlap[detections], 0.0))


def sites_of(world: World, rng: np.random.Generator) -> NDArray[np.int64]:
    """`(I,)` the site of each image."""
    if not world.sites:
        return np.arange(world.images)
    lengths = np.full(world.sites, 6)
    if world.longest:
        lengths = np.minimum(2 * (1 + rng.pareto(world.longest, world.sites)), 400).astype(int)
    return np.repeat(np.arange(world.sites), lengths)


def draw(world: World, rng: np.random.Generator) -> tuple[NDArray[np.int64], list[Problem]]:
    """The sites of a test split, and both models on it."""
    site = sites_of(world, rng)
    n_sites = int(site[-1]) + 1
    spread = 1 / world.uneven**2 - 1
    chance = rng.beta(world.found * spread, (1 - world.found) * spread, n_sites)
    count = np.where(rng.random(len(site)) < world.empty, 0, rng.geometric(1 / world.objects, len(site)))
    image = np.repeat(np.arange(len(site)), count)
    label = rng.choice(len(world.shares), len(image), p=world.shares)
    noisy = rng.random(n_sites) < 0.5
    never = np.zeros(len(image), bool)
    truths = GroundTruths(image=image, label=label, crowd=never, ignored=never)
    first = rng.random(len(image)) < chance[site[image]]
    better = np.clip(chance + world.gain, 0, 1)
    second = np.where(
        rng.random(len(image)) < world.copied, first, rng.random(len(image)) < better[site[image]]
    )
    return site, [model(world, truths, found, noisy[site], rng) for found in (first, second)]


def model(
    world: World,
    truths: GroundTruths,
    found: NDArray[np.bool_],
    noisy: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Problem:
    """What one model detects."""
    hits = np.flatnonzero(found)
    wrong = np.repeat(np.arange(len(noisy)), rng.poisson(2 * world.false * noisy))
    concentration = 12.0
    overlap = 0.5 + 0.5 * rng.beta(
        (2 * world.tight - 1) * concentration, (2 - 2 * world.tight) * concentration, len(hits)
    )
    return Problem(
        n_images=len(noisy),
        n_classes=len(world.shares),
        truths=truths,
        detections=Detections(
            image=np.concatenate([truths.image[hits], wrong]),
            label=np.concatenate(
                [truths.label[hits], rng.choice(len(world.shares), len(wrong), p=world.shares)]
            ),
            score=np.concatenate([rng.beta(world.sharp, 1, len(hits)), rng.beta(1, world.sharp, len(wrong))]),
        ),
        similarity=Owned(
            owner=np.concatenate([hits, np.full(len(wrong), -1)]),
            overlap=np.concatenate([overlap, np.zeros(len(wrong))]),
        ),
    )


def assessed(
    measurable: Measurable, site: NDArray[np.int64], n_classes: int, weights: NDArray[np.uint8]
) -> AssessedTarget:
    return assess_target(
        "torch",
        measurable,
        [],
        Draws(groups=site, multiplicities=weights, level=LEVEL),
        classes=[f"c{number}" for number in range(n_classes)],
        slice_classes=frozenset(),
    )


def found_sample(target: AssessedTarget, metric: str) -> Sample | None:
    cells = (cell for cell in target.samples if cell.place == (None, None, metric))
    return next((cell.sample() for cell in cells), None)


def judged_of(target: AssessedTarget) -> list[int]:
    """The classes of judged means: those that occur, without those left out (an older engine leaves none out)."""
    left = {name for part in getattr(target, "left_out", []) if part.slice is None for name in part.classes}
    shown = target.evaluation.per_class.items()
    return [number for number, (name, cell) in enumerate(shown) if cell.objects and name not in left]


# --- one row ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One test split's interval, and the truth that it should hold."""

    ends: Ends | None
    truth: float
    estimate: float


Trials: TypeAlias = Callable[[int], list[Trial]]


def large(world: World) -> NDArray[np.float64]:
    """`(2, K + 1, M)` of both models on very many images: each class and all, every metric."""
    many = replace(world, images=TRUTH_IMAGES, sites=TRUTH_IMAGES // 6 if world.sites else 0)
    site, problems = draw(many, np.random.default_rng(5))
    once = np.ones((1, len(site)), np.uint8)
    return np.stack([RankedMeasurable(problem, 0.25).measure(once).values[0] for problem in problems])


def detector(world: World, metrics: Sequence[str], resamples: int, *, compared: bool = False) -> Trials:
    """Trials of some metrics, or of the second model's gain in them."""
    truths = large(world)

    def truth(which: int, metric: str, judged: list[int]) -> float:
        values = truths[which, :, RankedMeasurable.metrics.index(metric)]
        return float(values[judged].mean() if metric.startswith("map") and judged else values[-1])

    def trial(seed: int) -> list[Trial]:
        site, problems = draw(world, np.random.default_rng([11, seed]))
        weights = multiplicities(site, resamples, seed)
        targets = [
            assessed(RankedMeasurable(problem, 0.25), site, len(world.shares), weights)
            for problem in (problems if compared else problems[:1])
        ]
        judged = judged_of(targets[0])
        found = []
        for metric in metrics:
            one, other = (found_sample(target, metric) for target in (targets[0], targets[-1]))
            expected = truth(0, metric, judged)
            if compared:
                expected = truth(1, metric, judged) - expected
            if one is None or other is None:
                found.append(Trial(ends=None, truth=expected, estimate=np.nan))
                continue
            sample = difference(other, one) if compared else one
            found.append(Trial(ends=interval(sample, LEVEL), truth=expected, estimate=sample.estimate))
        return found

    return trial


def classifier(
    images: int,
    shares: tuple[float, ...],
    right: tuple[float, ...],
    metric: str,
    resamples: int,
    *,
    lost: float = 0.0,
) -> Callable[[int], Trial]:
    """Trials of one model, or (`lost` > 0) of what a second one loses that a first had right; it wins back nothing."""
    n_classes = len(shares)

    def predicted(truth: NDArray[np.int64], hit: NDArray[np.bool_]) -> ClassifiedMeasurable:
        n, never = len(truth), np.zeros(len(truth), bool)
        return ClassifiedMeasurable(
            truths=GroundTruths(image=np.arange(n), label=truth, crowd=never, ignored=never),
            detections=Detections(
                image=np.arange(n), label=np.where(hit, truth, (truth + 1) % n_classes), score=np.ones(n)
            ),
            n_images=n,
            n_classes=n_classes,
        )

    def trial(seed: int) -> list[Trial]:
        rng = np.random.default_rng([13, seed])
        label = rng.choice(n_classes, images, p=shares)
        hit = rng.random(images) < np.array(right)[label]
        kept = hit & (rng.random(images) >= lost)
        weights = multiplicities(np.arange(images), resamples, seed)
        targets = [
            assessed(predicted(label, which), np.arange(images), n_classes, weights) for which in (hit, kept)
        ]
        one, other = (found_sample(target, metric) for target in targets)
        if one is None or other is None:
            return [Trial(ends=None, truth=0.0, estimate=np.nan)]
        if lost:
            change = -lost * float(np.dot(shares, right))
            return [Trial(ends=interval(difference(other, one), LEVEL), truth=change, estimate=one.estimate)]
        judged = judged_of(targets[0])
        mean = float(np.dot(shares, right) if metric == "top1" else np.mean(np.array(right)[judged]))
        return [Trial(ends=interval(one, LEVEL), truth=mean, estimate=one.estimate)]

    return trial


def trainings(seeds: int, images: float, luck: float) -> Trials:
    """Trials of a recipe with several training seeds: errors of images and of trainings, with heavy tails."""
    shape = np.random.default_rng(0).standard_normal(1000)

    def trial(seed: int) -> list[Trial]:
        rng = np.random.default_rng([17, seed])
        shared = images * rng.standard_t(8) / sqrt(8 / 6)
        values = 0.6 + shared + luck * rng.laplace(0, 1 / sqrt(2), seeds)
        sample = Sample(
            estimate=float(values[0]),
            replicates=values[0] + images * shape,
            groups=150,
            seeds=tuple(values[1:]),
        )
        return [Trial(ends=interval(sample, LEVEL), truth=0.6, estimate=float(np.mean(values)))]

    return trial


def rows(resamples: int) -> Iterator[tuple[str, Sequence[str], Callable[[], Trials]]]:
    """Name, metrics, and what makes their trials."""
    for name, world, metrics in WORLDS:
        compared = name.startswith("gain")
        yield name, metrics, partial(detector, world, metrics, resamples, compared=compared)
    of_classes = partial(classifier, 100, RARE, (0.95, 0.9, 0.8, 0.6), "balanced_accuracy", resamples)
    yield "rare classes, 100 images", ("balanced_accuracy",), of_classes
    for images in (20, 40, 100, 300):
        dropped = partial(classifier, images, (0.5, 0.5), (0.9, 0.9), "top1", resamples, lost=0.09)
        yield f"drop, {images} images", ("top1",), dropped
    for seeds, luck in ((2, 0.02), (3, 0.02), (5, 0.02), (3, 0.005)):
        yield f"{seeds} seeds, luck {luck}", ("any",), partial(trainings, seeds, 0.02, luck)


RARE = (0.6, 0.28, 0.11, 0.01)
INSPECTION = World(images=100, shares=(1.0,), empty=0.93)
POOR = World(images=200, found=0.2, tight=0.6, false=2.0, sharp=1.2)
NEAR = World(images=200, found=0.997, uneven=0.03, tight=0.985, false=0.01, sharp=8.0)
TAILED = World(images=0, sites=40, longest=1.5, uneven=0.3)
WORLDS: tuple[tuple[str, World, tuple[str, ...]], ...] = (
    *((f"rare classes, {n} images", World(images=n, shares=RARE), ("map50_95", "map50")) for n in (100, 300)),
    *(
        (f"93 % empty, {n} images", replace(INSPECTION, images=n), ("recall", "precision", "f1", "map50"))
        for n in (100, 300, 1000)
    ),
    *((f"{n} scenes", World(images=0, sites=n), ("recall", "map50")) for n in (2, 3, 4, 6)),
    ("AP near .05, 200 images", POOR, ("map50_95",)),
    ("AP near .98, 200 images", NEAR, ("map50_95", "recall")),
    *((f"{n} images", World(images=n), ("recall", "map50")) for n in (5, 10, 20, 40)),
    *((f"{n} long-tailed scenes", replace(TAILED, sites=n), ("recall", "f1", "map50")) for n in (20, 40, 80)),
    ("40 long-tailed scenes, strong", replace(TAILED, found=0.95, uneven=0.15), ("recall",)),
    ("gain, 100 images", World(images=100, gain=0.15), ("map50", "recall")),
    ("gain, 20 long-tailed scenes", replace(TAILED, sites=20, uneven=0.15, gain=0.15), ("map50", "recall")),
)


def line(name: str, metric: str, trials: Sequence[Trial]) -> str:
    """A row of the table; of AP also how often it holds the AP that the protocol gives at this size."""
    known = [trial for trial in trials if trial.ends is not None]
    none = 1 - len(known) / len(trials)
    if not known:
        return f"| {name} | {metric} | – | – | – | – | – | {none:.0%} |"
    low, high = (np.array([trial.ends[end] for trial in known if trial.ends]) for end in (0, 1))
    truth = np.array([trial.truth for trial in known])
    above, below = np.mean(low > truth + 1e-12), np.mean(high < truth - 1e-12)
    at_size = truth + np.mean([trial.estimate - trial.truth for trial in known])
    ap = f"{np.mean((low <= at_size) & (at_size <= high)):.1%}, {np.mean(low > at_size):.1%}"
    return (
        f"| {name} | {metric} | {1 - above - below:.1%} | {above:.1%} | {below:.1%} "
        f"| {ap if metric.startswith('map') else ''} | {np.mean(high - low):.3f} | {none:.0%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--quick", action="store_true", help="60 trials")
    options = parser.parse_args()
    trials, started = 60 if options.quick else options.trials, time.perf_counter()
    error = 1.96 * sqrt(LEVEL * (1 - LEVEL) / trials)
    print(f"{trials} trials of {options.resamples} resamples; the simulation's own error is ± {error:.1%}.\n")
    print(
        "| | metric | covered | above (wrong PASS) | below | of AP at this size: covered, above | width | none |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name, metrics, prepare in rows(options.resamples):
        if options.only in name:
            trial = prepare()
            of_metric = zip(*(trial(seed) for seed in range(trials)), strict=True)
            for metric, found in zip(metrics, of_metric, strict=True):
                print(line(name, metric, list(found)), flush=True)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
