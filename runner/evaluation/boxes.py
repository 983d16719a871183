"""Ground truths and detections as arrays, and which of them overlap enough to match."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_DETECTIONS = 100
"""Detections per image and class that count. Source: COCOeval's `maxDets`."""

LOWEST_IOU = 0.5

_PAIRS_AT_ONCE = 2_000_000


@dataclass(frozen=True, kw_only=True)
class GroundTruths:
    """N labelled objects.

    Attributes:
        image: `(N,)` int, the image's index.
        label: `(N,)` int, the class's index.
        boxes_xyxy: `(N, 4)` float64, pixels, `(x_min, y_min, x_max, y_max)`.
        crowd: `(N,)` bool, regions that absorb any number of detections and are never missed (COCO's
            `iscrowd`).
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float64]
    crowd: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Detections:
    """M predicted objects, in any order.

    Attributes:
        image: `(M,)` int, the image's index.
        label: `(M,)` int, the class's index.
        score: `(M,)` float, confidence in [0, 1].
        boxes_xyxy: `(M, 4)` float64, pixels, `(x_min, y_min, x_max, y_max)`.
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.floating]
    boxes_xyxy: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The pairs that could match: same image, same class, IoU of at least 0.5. Computed once per artefact.

    Attributes:
        truths: the ground truths.
        row: `(D,)` the detections that count (the best 100 per image and class), as rows of the input,
            ordered by class, score (highest first), image, and then the input's own order. **This is the
            order of ties**: it is pycocotools' order when images are numbered in the order of their ids.
        image, label, score: `(D,)` of those detections.
        rank: `(D,)` 0 for the best detection of its image and class, 1 for the next, and so on.
        pair_detection: `(P,)` index into `row`.
        pair_truth: `(P,)` row of the ground truth.
        pair_iou: `(P,)` float64 in [0.5, 1].
    """

    truths: GroundTruths
    row: NDArray[np.int64]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.floating]
    rank: NDArray[np.int64]
    pair_detection: NDArray[np.int64]
    pair_truth: NDArray[np.int64]
    pair_iou: NDArray[np.float64]


def paired_iou(
    truths_xyxy: NDArray[np.float64], detections_xyxy: NDArray[np.float64], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """IoU of row i with row i.

    Args:
        truths_xyxy: `(P, 4)` pixels.
        detections_xyxy: `(P, 4)` pixels.
        crowd: `(P,)` where True, the intersection is divided by the detection's area alone.

    Returns:
        `(P,)` in [0, 1]; 0 for boxes that do not overlap or have no area.

    Source: `bbIou` of cocoapi's maskApi.c, with the same order of operations on `(x, y, width, height)`.

    Example:
        >>> paired_iou(np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 1]]), np.array([False])).tolist()
        [0.5]
    """
    truth_size = truths_xyxy[:, 2:] - truths_xyxy[:, :2]
    size = detections_xyxy[:, 2:] - detections_xyxy[:, :2]
    low = np.maximum(truths_xyxy[:, :2], detections_xyxy[:, :2])
    overlap = np.minimum(truths_xyxy[:, :2] + truth_size, detections_xyxy[:, :2] + size) - low
    inside = (overlap > 0).all(axis=1)
    intersection = np.where(inside, overlap[:, 0] * overlap[:, 1], 0.0)
    area = size[:, 0] * size[:, 1]
    union = np.where(crowd, area, area + truth_size[:, 0] * truth_size[:, 1] - intersection)
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=inside & (union > 0))


def candidate_pairs(truths: GroundTruths, detections: Detections) -> Candidates:
    """Finds every pair that could match at any threshold. Empty inputs give no pairs."""
    row, rank = _best_per_image_and_class(detections)
    image, label, score = detections.image[row], detections.label[row], detections.score[row]
    found = [
        _overlapping(truths, detections.boxes_xyxy[row], *pairs)
        for pairs in _same_group(truths, image, label)
    ]
    empty = np.empty(0, dtype=np.int64)
    return Candidates(
        truths=truths,
        row=row,
        image=image,
        label=label,
        score=score,
        rank=rank,
        pair_detection=np.concatenate([empty, *(part[0] for part in found)]),
        pair_truth=np.concatenate([empty, *(part[1] for part in found)]),
        pair_iou=np.concatenate([np.empty(0), *(part[2] for part in found)]),
    )


def _best_per_image_and_class(detections: Detections) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the detections that count, and each one's rank; see `Candidates` for the order."""
    # lexsort is stable: what is equal in all keys stays in the input's order
    order = np.lexsort((-detections.score, detections.image, detections.label))
    image, label = detections.image[order], detections.label[order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (image[1:] != image[:-1]) | (label[1:] != label[:-1])
    first = np.flatnonzero(starts)
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    kept, rank = order[rank < MAX_DETECTIONS], rank[rank < MAX_DETECTIONS]
    by_score = np.lexsort((rank, detections.image[kept], -detections.score[kept], detections.label[kept]))
    return kept[by_score], rank[by_score]


def _same_group(
    truths: GroundTruths, image: NDArray[np.int64], label: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs (detection, truth) of one image and class, in portions that fit in memory."""
    classes = 1 + max(truths.label.max(initial=0), label.max(initial=0))
    by_group = np.argsort(truths.image * classes + truths.label, kind="stable")
    truth_group = (truths.image * classes + truths.label)[by_group]
    group = image * classes + label
    first = np.searchsorted(truth_group, group, side="left")
    count = np.searchsorted(truth_group, group, side="right") - first
    portion = np.cumsum(count) // _PAIRS_AT_ONCE
    for number in np.unique(portion[count > 0]):
        chosen = np.flatnonzero((portion == number) & (count > 0))
        n = count[chosen]
        offset = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        yield np.repeat(chosen, n), by_group[np.repeat(first[chosen], n) + offset]


def _overlapping(
    truths: GroundTruths,
    boxes_xyxy: NDArray[np.float64],
    detection: NDArray[np.int64],
    truth: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    iou = paired_iou(truths.boxes_xyxy[truth], boxes_xyxy[detection], truths.crowd[truth])
    enough = iou >= LOWEST_IOU
    return detection[enough], truth[enough], iou[enough]
