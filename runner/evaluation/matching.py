"""COCO's greedy matching of detections to ground truths, for all images at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit
from runner.evaluation.candidates import LOWEST_SIMILARITY, MatchCandidates

THRESHOLDS: NDArray[np.float64] = np.linspace(LOWEST_SIMILARITY, 0.95, 10)
"""T = 10 similarities from which on a detection matches. Source: COCOeval's `Params.setDetParams`."""

EVERY_THRESHOLD = (1 << len(THRESHOLDS)) - 1
"""All bits of a mask over the thresholds."""


@dataclass(frozen=True, kw_only=True)
class Matches:
    """What was matched, once per artefact and set of ignored objects.

    Any part of the images, and any resample of them, is a weight per image over these arrays: nothing is
    matched again (see `ranked`).

    Attributes:
        candidates: what could match; detections are in its order.
        truth: `(D, T)` int32, row of the matched ground truth at each threshold, or -1.
        true_positive: `(D,)` uint16, bit t: matched to an object that counts at `THRESHOLDS[t]`.
        ignored: `(D,)` uint16, bit t: neither right nor wrong.
        counted: `(N,)` bool, the ground truths that count.
    """

    candidates: MatchCandidates
    truth: NDArray[np.int32]
    true_positive: NDArray[np.uint16]
    ignored: NDArray[np.uint16]
    counted: NDArray[np.bool_]


def threshold_index(similarity: float) -> int:
    """Where `similarity` is among the thresholds.

    Raises:
        ValueError: it is none of them.

    Example:
        >>> threshold_index(0.75)
        5
    """
    (found,) = np.flatnonzero(np.isclose(THRESHOLDS, similarity)).tolist() or (None,)
    if found is None:
        raise ValueError(f"{similarity} is not one of {THRESHOLDS.round(2).tolist()}")
    return int(found)


def at_threshold(mask: NDArray[np.uint16], index: int) -> NDArray[np.bool_]:
    """`(D,)` bit mask -> `(D,)` bool at one threshold.

    Example:
        >>> at_threshold(np.array([0b01, 0b10], dtype=np.uint16), 1).tolist()
        [False, True]
    """
    return np.asarray((mask >> np.uint16(index)) & np.uint16(1), dtype=bool)


def match(
    candidates: MatchCandidates,
    *,
    ignored_truths: NDArray[np.bool_] | None = None,
    ignored_detections: NDArray[np.bool_] | None = None,
) -> Matches:
    """Matches every detection to at most one ground truth per threshold.

    Best score first, each detection takes the free ground truth it is most alike (the last one on a tie); one
    that does not count is taken only when no other will do, and the detection is then ignored. A crowd region
    is never used up.

    Args:
        candidates: the pairs that are alike.
        ignored_truths: `(N,)` ground truths that do not count, besides crowds and those the labels ignore
            (those outside an object slice).
        ignored_detections: `(M,)` by the input's rows, detections that are ignored unless they match an
            object that counts (those outside an area range).

    Source: `COCOeval.evaluateImg` of pycocotools.
    """
    truths, n_detections = candidates.truths, len(candidates.row)
    ignored = truths.crowd | truths.ignored
    if ignored_truths is not None:
        ignored = ignored | ignored_truths
    outside = np.zeros(n_detections, dtype=bool)
    if ignored_detections is not None:
        outside = ignored_detections[candidates.row]
    matches = Matches(
        candidates=candidates,
        truth=np.full((n_detections, len(THRESHOLDS)), -1, dtype=np.int32),
        true_positive=np.zeros(n_detections, dtype=np.uint16),
        ignored=np.where(outside, np.uint16(EVERY_THRESHOLD), np.uint16(0)),
        counted=~ignored,
    )
    _match(
        candidates.pair_start,
        candidates.pair_truth,
        candidates.pair_similarity,
        np.minimum(THRESHOLDS, 1 - 1e-10),
        np.ascontiguousarray(truths.crowd, dtype=bool),
        ignored,
        matches.truth,
        matches.true_positive,
        matches.ignored,
    )
    return matches


@njit(cache=True, nogil=True)
def _match(
    pair_start: NDArray[np.int64],
    pair_truth: NDArray[np.int64],
    pair_similarity: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    crowd: NDArray[np.bool_],
    ignored_truths: NDArray[np.bool_],
    matched: NDArray[np.int32],
    true_positive: NDArray[np.uint16],
    ignored: NDArray[np.uint16],
) -> None:
    """Fills the last three. Detections of other images and classes share no pairs: one order serves all."""
    taken = np.zeros(len(crowd), dtype=np.uint16)
    for detection in range(len(pair_start) - 1):
        start, stop = pair_start[detection], pair_start[detection + 1]
        for threshold in range(len(thresholds)) if stop > start else range(0):
            bit = np.uint16(1 << threshold)
            best, most = -1, thresholds[threshold]
            for counting in (True, False):
                for pair in range(start, stop):
                    truth = pair_truth[pair]
                    free = not taken[truth] & bit or crowd[truth]
                    if ignored_truths[truth] != counting and free and pair_similarity[pair] >= most:
                        best, most = truth, pair_similarity[pair]
                if best >= 0:
                    break
            if best < 0:
                continue
            matched[detection, threshold] = best
            taken[best] |= bit
            if ignored_truths[best]:
                ignored[detection] |= bit
            else:
                true_positive[detection] |= bit
                ignored[detection] &= ~bit
