"""How far models differ on the same images: query by committee."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.boxes import BoxSimilarity

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
SAME_IOU = 0.5  # from which on two boxes of one class are taken for one object


def of_boxes(
    image: Sequence[Ints],
    class_id: Sequence[Ints],
    score: Sequence[Floats],
    boxes: Sequence[Floats],
    n_images: int,
) -> Floats:
    """Of each image `(N,)`, 0 to 1: the share of what M models predict that another one does not predict there.

    Two models' boxes of one class are paired by descending IoU, from 0.5 on. A pair is agreed on as far as its IoU and the lower of
    its scores go; every box weighs as much as its score. Of several models it is the mean over their pairs; 0 where none
    predicts anything.

    Args:
        image, class_id, score: of each model's predictions, `(P,)`. `boxes`: `(P, 4)` xyxy.

    >>> one, other = np.array([[0.0, 0, 10, 10]]), np.array([[0.0, 0, 10, 5]])
    >>> zero, sure = np.array([0]), np.array([1.0])
    >>> of_boxes([zero, zero], [zero, zero], [sure, sure], [one, other], 2).tolist()
    [0.5, 0.0]
    """
    total = np.zeros(n_images)
    pairs = list(combinations(range(len(image)), 2))
    for a, b in pairs:
        first, second, iou = _paired(image[a], class_id[a], boxes[a], image[b], class_id[b], boxes[b])
        agreed = np.bincount(
            image[a][first],
            weights=2 * iou * np.minimum(score[a][first], score[b][second]),
            minlength=n_images,
        )
        weight = sum(np.bincount(image[at], weights=score[at], minlength=n_images) for at in (a, b))
        total += 1 - np.divide(agreed, weight, out=np.ones(n_images), where=np.asarray(weight) > 0)
    return np.asarray(np.clip(total / max(1, len(pairs)), 0, 1))


def of_classes(
    image: Sequence[Ints], class_id: Sequence[Ints], score: Sequence[Floats], n_images: int, n_classes: int
) -> Floats:
    """Of each image `(N,)`, 0 to 1: the Jensen-Shannon divergence of M models' class probabilities, as a share of the most there can be.

    Args:
        image, class_id, score: of each model's rows, `(P,)`: the probability of a class of an image.

    Source: McCallum and Nigam, "Employing EM and pool-based active learning for text classification", 1998.

    >>> sure = [np.array([0]), np.array([0])], [np.array([0]), np.array([1])], [np.array([1.0]), np.array([1.0])]
    >>> of_classes(*sure, 1, 2).tolist()
    [1.0]
    """
    mean, entropies = np.zeros((n_images, n_classes)), np.zeros(n_images)
    for at in range(len(image)):
        probabilities = np.zeros((n_images, n_classes))
        np.add.at(probabilities, (image[at], class_id[at]), score[at])
        held = probabilities.sum(axis=1, keepdims=True)
        probabilities = np.divide(probabilities, held, out=np.zeros_like(probabilities), where=held > 0)
        mean += probabilities / len(image)
        entropies += _entropy(probabilities) / len(image)
    most = np.log2(max(2, min(len(image), n_classes)))
    return np.asarray(np.clip((_entropy(mean) - entropies) / most, 0, 1))


def mirrored(boxes: Floats, width: Floats) -> Floats:
    """Boxes `(P, 4)` of mirrored images as they lie in the images themselves.

    Args:
        width: `(P,)` of each box's image, pixels.

    >>> mirrored(np.array([[0.0, 0, 10, 10]]), np.array([100.0])).tolist()
    [[90.0, 0.0, 100.0, 10.0]]
    """
    turned = boxes.copy()
    turned[:, 0], turned[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return turned


def _paired(
    image: Ints, class_id: Ints, boxes: Floats, other_image: Ints, other_class: Ints, other_boxes: Floats
) -> tuple[Ints, Ints, Floats]:
    """Rows of one model and of another that are one object, and their IoU; each row once, the highest IoU first."""
    classes = int(max(class_id.max(initial=0), other_class.max(initial=0))) + 1
    key, other_key = image * classes + class_id, other_image * classes + other_class
    order = np.argsort(other_key, kind="stable")
    low, high = (np.searchsorted(other_key[order], key, side=side) for side in ("left", "right"))
    counts = high - low
    first = np.repeat(np.arange(len(key)), counts)
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    second = order[np.repeat(low, counts) + within]
    crowd = np.zeros(len(key), bool)
    iou = BoxSimilarity(truths_xyxy=boxes, detections_xyxy=other_boxes, crowd=crowd)(first, second)
    near = np.flatnonzero(iou >= SAME_IOU)
    near = near[np.lexsort((second[near], first[near], -iou[near]))]
    free, other_free = np.ones(len(key), bool), np.ones(len(other_key), bool)
    kept = []
    for at in near.tolist():
        if free[first[at]] and other_free[second[at]]:
            free[first[at]] = other_free[second[at]] = False
            kept.append(at)
    chosen = np.array(kept, np.intp)
    return first[chosen], second[chosen], iou[chosen]


def _entropy(probabilities: Floats) -> Floats:
    """In bits, of each row `(N, K)`."""
    held = np.where(probabilities > 0, probabilities, 1.0)
    return np.asarray(-(held * np.log2(held)).sum(axis=1))
