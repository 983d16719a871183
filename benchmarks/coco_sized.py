"""One seeded problem of COCO's size, made up: what the evaluation benchmarks measure on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.problem import Detections, GroundTruths, Problem

IMAGE_WH = (640.0, 480.0)
FOUND = 0.82  # share of objects that a model finds at all
DUPLICATES = 0.25  # further detections of a found object
SLICED = 7.3  # all slices together, times the images


@dataclass(frozen=True, kw_only=True)
class Size:
    images: int = 5_000
    truths: int = 36_000
    detections: int = 200_000
    classes: int = 80
    slices: int = 50

    def times(self, factor: int) -> Size:
        """As many images, with `factor` times the objects and detections in all, on as many times the images."""
        return Size(
            images=self.images * factor,
            truths=self.truths * factor,
            detections=self.detections * factor,
            classes=self.classes,
            slices=self.slices,
        )


@dataclass(frozen=True, kw_only=True)
class Labels:
    """`(N,)` image, label, crowd; `(N, 4)` boxes in pixels, corners."""

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float64]
    crowd: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """`(M,)` image, label, score; `(M, 4)` boxes in pixels, corners."""

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.float64]
    boxes_xyxy: NDArray[np.float64]


def labels(size: Size, *, seed: int = 0) -> Labels:
    """Objects whose classes are as unequally frequent as COCO's; 1 % are crowds."""
    random = np.random.Generator(np.random.PCG64([seed, 0]))
    frequency = 1 / np.arange(2, size.classes + 2)
    label = random.choice(size.classes, size.truths, p=frequency / frequency.sum())
    image = random.integers(0, size.images, size.truths)
    order = np.argsort(image, kind="stable")
    return Labels(
        image=image[order],
        label=label[order],
        boxes_xyxy=_boxes(random, size.truths),
        crowd=random.random(size.truths) < 0.01,
    )


def predictions(size: Size, of: Labels, *, seed: int, noise: float = 0.09) -> Predictions:
    """What a model of some quality detects: found objects (jittered), duplicates, and background."""
    random = np.random.Generator(np.random.PCG64([seed, 1]))
    found = np.flatnonzero(random.random(size.truths) < FOUND)
    again = found[random.random(len(found)) < DUPLICATES]
    rows = np.concatenate([found, again])[: size.detections]
    n_background = size.detections - len(rows)
    spread = noise * np.exp(random.normal(0, 0.7, len(rows)))
    confused = random.random(len(rows)) < 0.08
    score = np.concatenate(
        [
            1 / (1 + np.exp(-(1.2 - 6 * spread + random.normal(0, 1.2, len(rows))))),
            1 / (1 + np.exp(-(random.normal(-3.0, 1.3, n_background)))),
        ]
    )
    score[len(found) : len(rows)] *= 0.5
    frequent = of.label[random.integers(0, size.truths, n_background)]
    label = np.concatenate(
        [np.where(confused, random.integers(0, size.classes, len(rows)), of.label[rows]), frequent]
    )
    image = np.concatenate([of.image[rows], random.integers(0, size.images, n_background)])
    boxes = np.vstack([_jittered(random, of.boxes_xyxy[rows], spread), _boxes(random, n_background)])
    order = np.lexsort((-score, image))
    return Predictions(
        image=image[order],
        label=label[order],
        score=np.round(score[order], 6),
        boxes_xyxy=boxes[order],
    )


def problem(size: Size, truth: Labels, found: Predictions) -> Problem:
    """As flywheel evaluates it."""
    return Problem(
        n_images=size.images,
        n_classes=size.classes,
        truths=GroundTruths(
            image=truth.image, label=truth.label, crowd=truth.crowd, ignored=np.zeros(size.truths, dtype=bool)
        ),
        detections=Detections(image=found.image, label=found.label, score=found.score),
        similarity=BoxSimilarity(
            truths_xyxy=truth.boxes_xyxy, detections_xyxy=found.boxes_xyxy, crowd=truth.crowd
        ),
    )


def image_slices(size: Size, *, seed: int = 0) -> NDArray[np.bool_]:
    """`(slices, images)` masks of unequal size; together 7.3 times the images."""
    random = np.random.Generator(np.random.PCG64([seed, 2]))
    share = np.exp(random.normal(0, 0.8, size.slices))
    share = np.minimum(share * SLICED / share.sum(), 0.9)
    return random.random((size.slices, size.images)) < share[:, None]


def _boxes(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    side = np.clip(
        np.exp(random.normal(4.2, 1.0, (n, 2)) * [0.9, 0.9] + random.normal(0, 0.4, (n, 1))), 4, 400
    )
    corner = random.random((n, 2)) * (np.array(IMAGE_WH) - side)
    return np.hstack([corner, corner + side]).round(2)


def _jittered(
    random: np.random.Generator, boxes_xyxy: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    side = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    moved = boxes_xyxy + random.normal(0, 1, boxes_xyxy.shape) * np.hstack([side, side]) * spread[:, None]
    low, high = np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])
    return np.hstack([low, np.maximum(high, low + 1)]).round(2)
