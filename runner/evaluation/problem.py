"""What was labelled and what was predicted, as arrays, and how alike the two are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Similarity: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""`(truth rows (P,), detection rows (P,)) -> (P,)` in [0, 1]: IoU, mask IoU, OKS or rotated IoU of each pair."""

MAX_DETECTIONS = 100
"""Detections per image and class that count. Source: COCOeval's `maxDets` (20 for key points)."""


@dataclass(frozen=True, kw_only=True)
class GroundTruths:
    """N labelled objects.

    Attributes:
        image: `(N,)` int, the image's index.
        label: `(N,)` int, the class's index.
        crowd: `(N,)` bool, regions that absorb any number of detections and are never missed (COCO's
            `iscrowd`).
        ignored: `(N,)` bool, objects that absorb one detection and are never missed (COCO's `ignore`, such as
            a person without a labelled key point). Crowds are ignored in any case.
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Detections:
    """M predicted objects, in any order.

    Attributes:
        image: `(M,)` int, the image's index.
        label: `(M,)` int, the class's index.
        score: `(M,)` float, confidence in [0, 1].
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One artefact's predictions on labelled images.

    Attributes:
        n_images: images, those without objects and detections included.
        n_classes: K.
        similarity: of rows of `truths` and rows of `detections`.
        max_detections: per image and class; those with the highest scores count.
    """

    n_images: int
    n_classes: int
    truths: GroundTruths
    detections: Detections
    similarity: Similarity
    max_detections: int = MAX_DETECTIONS
