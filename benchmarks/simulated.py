"""Detectors on the same simulated images, cheap enough to repeat thousands of times.

Every object has a difficulty that all detectors feel (its own, its image's and its scene's), so that their errors
are paired as those of real models are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.intervals import Sample
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.ranked import RankedMeasurable

N_CLASSES = 3


@dataclass(frozen=True, kw_only=True)
class Population:
    """What images are drawn from.

    Attributes:
        gain: how much better the second detector is, in standard deviations of an object's own difficulty.
        scene_deviation: of a scene's difficulty; 0 makes images independent.
        images_per_scene: mean number; scenes differ in length.
        skill: of the first detector.
    """

    gain: float = 0.15
    scene_deviation: float = 0.0
    images_per_scene: float = 1.0
    skill: float = 0.8


INDEPENDENT = Population()
CORRELATED = Population(scene_deviation=0.8, images_per_scene=10.0)


@dataclass(frozen=True, kw_only=True)
class TestSplit:
    """Labelled images that any number of detectors can be run on.

    Attributes:
        groups: `(I,)` int, the scene of each image, counted from 0.
        hardness: `(I,)` how hard each image is.
        difficulty: `(N,)` of each object, its image's hardness included.
        phantoms: what looks like an object and is none; half of it misleads every detector alike.
    """

    __test__ = False

    skill: float
    groups: NDArray[np.int64]
    hardness: NDArray[np.float64]
    truths: GroundTruths
    difficulty: NDArray[np.float64]
    phantoms: Phantoms

    @property
    def n_images(self) -> int:
        return len(self.groups)

    def detect(self, gain: float, rng: np.random.Generator) -> Problem:
        """One detector's boxes: those on objects have a quality that score and IoU follow."""
        quality = self.skill + gain - self.difficulty + rng.normal(0, 0.6, len(self.difficulty))
        found = np.flatnonzero(quality > -1.2)
        seen = np.flatnonzero(rng.random(len(self.phantoms.image)) < 0.7)
        likeness = self.phantoms.likeness[seen] + rng.normal(0, 0.6, len(seen))
        overlap = 0.42 + 0.55 * _expit(0.9 * quality[found] + rng.normal(0, 0.7, len(found)))
        detections = Detections(
            image=np.concatenate([self.truths.image[found], self.phantoms.image[seen]]),
            label=np.concatenate([self.truths.label[found], self.phantoms.label[seen]]),
            score=_expit(np.concatenate([quality[found] + rng.normal(0, 0.5, len(found)), likeness])),
        )
        return Problem(
            n_images=self.n_images,
            n_classes=N_CLASSES,
            truths=self.truths,
            detections=detections,
            similarity=Overlaps(
                owner=np.concatenate([found, np.full(len(seen), -1)]),
                overlap=np.concatenate([overlap, np.zeros(len(seen))]),
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Phantoms:
    """P places that look like objects: their image, class, and how much they do."""

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    likeness: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Overlaps:
    """The similarity of each detection and the object it was made for (−1: none); 0 with every other."""

    owner: NDArray[np.int64]
    overlap: NDArray[np.float64]

    def __call__(self, truths: NDArray[np.int64], detections: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(np.where(self.owner[detections] == truths, self.overlap[detections], 0.0))


def draw_split(population: Population, n_images: int, rng: np.random.Generator) -> TestSplit:
    """A test split with about two objects per image; scenes differ in length, difficulty and in what they hold."""
    groups = _scenes(population, n_images, rng)
    per_scene = rng.normal(0, 1, groups[-1] + 1) * population.scene_deviation
    hardness = per_scene[groups] + rng.normal(0, 0.5, n_images)
    favourite = rng.integers(0, N_CLASSES, groups[-1] + 1)
    image = np.repeat(np.arange(n_images), rng.poisson(2, n_images))
    label = rng.integers(0, N_CLASSES, len(image))
    if population.scene_deviation:
        label = np.where(rng.random(len(image)) < 0.4, favourite[groups[image]], label)
    never = np.zeros(len(image), bool)
    phantom = np.repeat(np.arange(n_images), rng.poisson(0.8 * np.exp(0.4 * hardness)))
    return TestSplit(
        skill=population.skill,
        groups=groups,
        hardness=hardness,
        truths=GroundTruths(image=image, label=label, crowd=never, ignored=never),
        difficulty=hardness[image] + rng.normal(0, 1, len(image)),
        phantoms=Phantoms(
            image=phantom,
            label=rng.integers(0, N_CLASSES, len(phantom)),
            likeness=rng.normal(-0.9, 1.0, len(phantom)),
        ),
    )


def draw_pair(
    population: Population, n_images: int, rng: np.random.Generator
) -> tuple[TestSplit, Problem, Problem]:
    """A test split, and both detectors on it."""
    split = draw_split(population, n_images, rng)
    return split, split.detect(0.0, rng), split.detect(population.gain, rng)


def joined(one: Problem, other: Problem) -> Problem:
    """Both problems' images as one, those of `other` last."""
    assert isinstance(one.similarity, Overlaps)
    assert isinstance(other.similarity, Overlaps)
    images, objects = one.n_images, len(one.truths.image)
    owner = other.similarity.owner
    return Problem(
        n_images=images + other.n_images,
        n_classes=one.n_classes,
        truths=GroundTruths(
            image=np.concatenate([one.truths.image, other.truths.image + images]),
            label=np.concatenate([one.truths.label, other.truths.label]),
            crowd=np.concatenate([one.truths.crowd, other.truths.crowd]),
            ignored=np.concatenate([one.truths.ignored, other.truths.ignored]),
        ),
        detections=Detections(
            image=np.concatenate([one.detections.image, other.detections.image + images]),
            label=np.concatenate([one.detections.label, other.detections.label]),
            score=np.concatenate([one.detections.score, other.detections.score]),
        ),
        similarity=Overlaps(
            owner=np.concatenate([one.similarity.owner, np.where(owner < 0, -1, owner + objects)]),
            overlap=np.concatenate([one.similarity.overlap, other.similarity.overlap]),
        ),
    )


def _scenes(population: Population, n_images: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The scene of each image; lengths are geometric: some scenes are much longer than others."""
    if population.images_per_scene <= 1:
        return np.arange(n_images)
    lengths = 2 + rng.geometric(1 / (population.images_per_scene - 1), n_images)
    return np.repeat(np.arange(n_images), lengths)[:n_images]


def _expit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-values))


def average_precision(problem: Problem, weights: NDArray[np.uint8]) -> NDArray[np.float64]:
    """`(L,)` map50_95 of all classes under each of `(L, I)` weights, by the engine that evaluates sprints."""
    engine = RankedMeasurable(problem, operating_confidence=0.25)
    column = engine.metrics.index("map50_95")
    return engine.measure(weights).values[:, -1, column]


def once_and_resampled(groups: NDArray[np.int64], resamples: int, seed: int = 0) -> NDArray[np.uint8]:
    """`(1 + B, I)` weights: every image once, then the bootstrap's resamples."""
    return np.concatenate([np.ones((1, len(groups)), np.uint8), multiplicities(groups, resamples, seed)])


def sample(values: NDArray[np.float64], groups: int) -> Sample:
    """From `(1 + B,)` values of one number."""
    return Sample(estimate=float(values[0]), replicates=values[1:], groups=groups)


@cache
def true_values(population: Population, repeats: int, n_images: int = 100_000) -> tuple[float, float]:
    """Both detectors' AP on very many images: what a test split estimates."""
    once = np.ones((1, n_images), np.uint8)
    values = []
    for seed in range(repeats):
        _, *problems = draw_pair(population, n_images, np.random.default_rng([987, seed]))
        values.append([average_precision(problem, once)[0] for problem in problems])
    first, second = np.mean(values, axis=0)
    return float(first), float(second)
