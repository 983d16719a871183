"""Candidates and suppression as compiled code does them are, to the bit, what plain NumPy makes of the same arrays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.models.decoding import candidates as module
from runner.adapters.models.decoding.candidates import MIN_SCORE, candidates
from runner.adapters.models.decoding.suppression import MAX_DETECTIONS, MAX_IOU, suppress
from runner.adapters.models.inference import Floats

CASES = ["spread", "ties", "same boxes", "nothing above", "no area", "turned round", "not finite"]


def _raw(case: str, anchors: int, classes: int) -> Floats:
    """`(4 + C + 1, A)`."""
    rng = np.random.default_rng([anchors, classes])
    raw = rng.uniform(0, 1, (4 + classes + 1, anchors)).astype(np.float32)
    raw[:2] *= 160
    raw[2:4] *= 60
    raw[4 : 4 + classes] **= 9
    if case == "ties":
        raw[:4] = np.round(raw[:4] / 8) * 8
        raw[4 : 4 + classes] = np.round(raw[4 : 4 + classes] * 4) / 4
    elif case == "same boxes":
        raw[:4] = raw[:4, :1]
    elif case == "nothing above":
        raw[4 : 4 + classes] = MIN_SCORE
    elif case == "no area":
        raw[2:4] = np.round(raw[2:4] / 60) * 10
    elif case == "turned round":
        raw[2] *= -1
    elif case == "not finite":
        raw[rng.integers(0, 4, 9), rng.integers(0, anchors, 9)] = np.tile([np.nan, np.inf, -np.inf], 3)
        raw[4, : anchors // 8] = np.nan
    return raw


def _plain_candidates(raw: Floats, classes: int, most: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Boxes `(K, 4)`, scores and classes, from a list of all pairs."""
    found = [
        (anchor, label)
        for anchor in range(raw.shape[1])
        for label in range(classes)
        if raw[4 + label, anchor] > MIN_SCORE
    ]
    found.sort(key=lambda pair: -raw[4 + pair[1], pair[0]])  # stable
    anchors, labels = np.array(found[:most], int).reshape(-1, 2).T
    return raw[:4, anchors].T, raw[4 + labels, anchors], labels


def _plain_suppression(boxes: Floats, labels: NDArray[np.integer]) -> list[int]:
    """One box after another, beside all that are kept."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    kept: list[int] = []
    for at, box in enumerate(boxes):
        others = boxes[kept]
        sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
        shared = sides.clip(min=0).prod(axis=1)
        covered = shared > MAX_IOU * (areas[at] + areas[kept] - shared)
        if not (covered & (labels[kept] == labels[at])).any():
            kept.append(at)
    return kept[:MAX_DETECTIONS]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("anchors", "classes"), [(1, 1), (525, 2), (900, 5)])
def test_the_same_boxes_are_kept_as_in_plain_numpy(case: str, anchors: int, classes: int) -> None:
    raw = _raw(case, anchors, classes)
    with np.errstate(invalid="ignore", over="ignore"):
        found = candidates(raw[None], classes)
        boxes, scores, labels = _plain_candidates(raw, classes, len(raw.T) * classes)
        assert found.boxes_cxcywh.tobytes() == boxes.tobytes()
        assert found.scores.tobytes() == scores.tobytes()
        assert found.class_ids.tolist() == labels.tolist()
        corners = found.boxes_xyxy
        kept = suppress(corners, found.class_ids)
        assert kept.tolist() == _plain_suppression(corners, found.class_ids)
    assert kept.dtype == np.intp
    assert bool(len(kept)) == (case != "nothing above" and (anchors > 1 or bool(len(labels))))


def test_no_anchor_is_no_candidate() -> None:
    found = candidates(np.empty((1, 7, 0), np.float32), 3)
    assert found.boxes_xyxy.shape == (0, 4)
    assert suppress(found.boxes_xyxy, found.class_ids).shape == (0,)


@pytest.mark.parametrize("most", [1, 40, 300, 2000])
@pytest.mark.parametrize("case", ["spread", "ties"])
def test_of_too_many_candidates_the_best_are_taken_and_of_equal_ones_the_first(
    monkeypatch: pytest.MonkeyPatch, case: str, most: int
) -> None:
    monkeypatch.setattr(module, "MAX_CANDIDATES", most)
    raw = _raw(case, 525, 3)
    boxes, scores, labels = _plain_candidates(raw, 3, most)
    found = candidates(raw, 3)
    assert (len(found.scores) == most) == (most < 2000)
    assert found.boxes_cxcywh.tobytes() == boxes.tobytes()
    assert found.scores.tobytes() == scores.tobytes()
    assert found.class_ids.tolist() == labels.tolist()


def test_more_than_the_most_detections_are_the_best_of_them() -> None:
    boxes = np.arange(2000, dtype=np.float32)[:, None] * 3 + np.array([0, 0, 2, 2], np.float32)
    boxes[1::2] = boxes[::2]  # every second is a copy, of which those of another class stay
    labels = np.arange(2000, dtype=np.int32) // 2 % 2 * (np.arange(2000, dtype=np.int32) % 2)
    kept = suppress(boxes, labels)
    assert len(kept) == MAX_DETECTIONS
    assert kept.tolist() == _plain_suppression(boxes, labels)


def test_an_overlap_at_the_limit_is_rounded_as_float32() -> None:
    """In float64 others would go: of boxes whose overlap is 0.7 but for rounding."""
    rng = np.random.default_rng(0)
    sides = rng.uniform(5, 60, (4000, 1)).astype(np.float32)
    outer = np.concatenate((np.zeros((4000, 2), np.float32), sides, sides), axis=1)
    inner = outer.copy()
    inner[:, 3] = sides[:, 0] * np.float32(0.7)
    different = 0
    for pair in np.stack((outer, inner), axis=1):
        kept = suppress(pair, np.zeros(2, np.int32)).tolist()
        assert kept == _plain_suppression(pair, np.zeros(2, np.int32))
        different += kept != suppress(pair.astype(np.float64), np.zeros(2, np.int32)).tolist()
    assert different > 0
