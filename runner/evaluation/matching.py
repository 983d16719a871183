"""COCO's greedy matching of detections to ground truths, for all images at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.boxes import LOWEST_IOU, Candidates

IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(LOWEST_IOU, 0.95, 10)
"""T = 10 thresholds. Source: COCOeval's `Params.setDetParams`."""


@dataclass(frozen=True, kw_only=True)
class Matches:
    """What was matched, once per artefact and set of ignored objects.

    Any part of the images, and any resample of them, is a weight per image over these arrays: nothing is
    matched again (see `average_precision`).

    Attributes:
        image, label, score: `(D,)` of the detections that count, ordered by class, then score (highest
            first).
        true_positive: `(T, D)` bool, matched to an object that counts.
        ignored: `(T, D)` bool, neither right nor wrong.
        truth_image, truth_label: `(N,)` of the ground truths that count.
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.floating]
    true_positive: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truth_image: NDArray[np.int64]
    truth_label: NDArray[np.int64]


def match(
    candidates: Candidates,
    *,
    ignored_truths: NDArray[np.bool_] | None = None,
    ignored_detections: NDArray[np.bool_] | None = None,
) -> Matches:
    """Matches every detection to at most one ground truth per IoU threshold.

    Best score first, each detection takes the free ground truth it overlaps most (the last one on a tie); one
    that does not count is taken only when no other will do, and the detection is then ignored. A crowd region
    is never used up.

    Args:
        candidates: the pairs that overlap.
        ignored_truths: `(N,)` ground truths that do not count, besides crowds (those outside an object
            slice).
        ignored_detections: `(M,)` by the input's rows, detections that are ignored unless they match an
            object that counts (those outside an area range).

    Source: `COCOeval.evaluateImg` of pycocotools.
    """
    truths = candidates.truths
    ignored = truths.crowd if ignored_truths is None else truths.crowd | ignored_truths
    matched = _greedy(candidates, ignored)
    found = matched >= 0
    on_ignored = np.zeros_like(found)
    on_ignored[found] = ignored[matched[found]]
    if ignored_detections is not None:
        on_ignored |= ~found & ignored_detections[candidates.row]
    return Matches(
        image=candidates.image,
        label=candidates.label,
        score=candidates.score,
        true_positive=found & ~on_ignored,
        ignored=on_ignored,
        truth_image=truths.image[~ignored],
        truth_label=truths.label[~ignored],
    )


def _greedy(candidates: Candidates, ignored: NDArray[np.bool_]) -> NDArray[np.int64]:
    """`(T, D)` the matched ground truth's row, or -1.

    Detections of one rank belong to different images or classes, so that they cannot compete: all of them are
    matched in one step, best ranks first.
    """
    matched = np.full((len(IOU_THRESHOLDS), len(candidates.row)), -1, dtype=np.int64)
    taken = np.zeros((len(IOU_THRESHOLDS), len(ignored)), dtype=bool)
    truth = candidates.pair_truth
    rank = candidates.rank[candidates.pair_detection]
    # within a detection the preferred ground truth comes last
    order = np.lexsort((truth, candidates.pair_iou, ~ignored[truth], candidates.pair_detection, rank))
    detection, truth, iou = candidates.pair_detection[order], truth[order], candidates.pair_iou[order]
    crowd = candidates.truths.crowd[truth]
    overlaps = iou >= np.minimum(IOU_THRESHOLDS, 1 - 1e-10)[:, None]  # (T, P)
    _, starts = np.unique(rank[order], return_index=True)
    for start, stop in zip(starts, np.append(starts[1:], len(order)), strict=False):
        possible = overlaps[:, start:stop] & (crowd[start:stop] | ~taken[:, truth[start:stop]])
        preferred = np.where(possible, np.arange(start, stop), -1)
        competing, first = np.unique(detection[start:stop], return_index=True)
        last = np.maximum.reduceat(
            preferred, first, axis=1
        )  # (T, P of this rank) -> (T, detections of this rank)
        threshold, which = np.nonzero(last >= 0)
        pair = last[threshold, which]
        matched[threshold, competing[which]] = truth[pair]
        taken[threshold, truth[pair]] = True
    return matched
