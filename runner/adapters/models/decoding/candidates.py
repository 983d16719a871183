"""Which anchors and classes of a detection head's raw output are worth looking at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.models.inference import Floats

MIN_SCORE = 0.001
MAX_CANDIDATES = 30_000


@dataclass(frozen=True, slots=True)
class BoxCandidates:
    """K pairs of an anchor and a class, by descending score.

    Attributes:
        boxes_cxcywh: `(K, 4)` centre x, centre y, width, height in input pixels.
        scores: `(K,)` float32.
        class_ids: `(K,)` int32.
        extra: `(K, E)` what the task predicts of each anchor beside box and scores.
    """

    boxes_cxcywh: Floats
    scores: Floats
    class_ids: NDArray[np.int32]
    extra: Floats

    @property
    def boxes_xyxy(self) -> Floats:
        """`(K, 4)` corners in input pixels."""
        centre, half = self.boxes_cxcywh[:, :2], self.boxes_cxcywh[:, 2:] / 2
        return np.concatenate((centre - half, centre + half), axis=1)


def candidates(output: Floats, n_classes: int) -> BoxCandidates:
    """Every class of an anchor whose score exceeds `MIN_SCORE` is a candidate of its own.

    Args:
        output: `(4 + C + E, A)` or `(1, 4 + C + E, A)`: box, C class scores, E further numbers of each anchor.
        n_classes: C.
    """
    raw = output[0] if output.ndim == 3 else output
    above = raw[4 : 4 + n_classes] > MIN_SCORE
    some = np.flatnonzero(above.any(axis=0))  # anchors; most have no class above it
    rows, columns = np.nonzero(above[:, some].T)  # (A, C), in anchor order
    anchors, class_ids = some[rows], columns.astype(np.int32)
    scores = raw[4 + class_ids, anchors]
    order = _best(scores)
    anchors = anchors[order]
    return BoxCandidates(
        boxes_cxcywh=raw[:4, anchors].T,
        scores=scores[order].astype(np.float32),
        class_ids=class_ids[order],
        extra=raw[4 + n_classes :, anchors].T,
    )


def _best(scores: Floats) -> NDArray[np.intp]:
    """The places of the `MAX_CANDIDATES` highest scores, descending, equal ones as they come."""
    places = np.arange(len(scores))
    if len(scores) > MAX_CANDIDATES:
        places = np.flatnonzero(scores >= np.partition(scores, -MAX_CANDIDATES)[-MAX_CANDIDATES])
    return places[np.argsort(-scores[places], kind="stable")[:MAX_CANDIDATES]]
