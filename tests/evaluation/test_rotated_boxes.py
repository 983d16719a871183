"""IoU of rotated boxes: hand-computed cases, and shapely's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import MultiPoint

from runner.evaluation.rotated_boxes import RotatedBoxSimilarity, rotated_boxes

UNIT = [(0, 0), (2, 0), (2, 2), (0, 2)]
DIAMOND = [(1, 1 - math.sqrt(2)), (1 + math.sqrt(2), 1), (1, 1 + math.sqrt(2)), (1 - math.sqrt(2), 1)]


def iou(
    truths: NDArray[np.float64], detections: NDArray[np.float64], crowd: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """`(N, M)` of all pairs of corners `(…, 4, 2)`."""
    similarity = RotatedBoxSimilarity(
        truths=rotated_boxes(truths.reshape(-1, 8)),
        detections=rotated_boxes(detections.reshape(-1, 8)),
        crowd=np.zeros(len(truths), dtype=bool) if crowd is None else crowd,
    )
    truth, detection = (side.ravel() for side in np.indices((len(truths), len(detections))))
    return similarity(truth, detection).reshape(len(truths), len(detections))


def pair(a: list[tuple[float, float]], b: list[tuple[float, float]], *, crowd: bool = False) -> float:
    return float(iou(np.array([a], dtype=float), np.array([b], dtype=float), np.array([crowd]))[0, 0])


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (UNIT, 1.0),
        (UNIT[2:] + UNIT[:2], 1.0),  # from another corner
        (UNIT[::-1], 1.0),  # the other way round
        ([UNIT[0], UNIT[2], UNIT[1], UNIT[3]], 1.0),  # crosswise
        ([(x + 1, y) for x, y in UNIT], 1 / 3),
        ([(x + 1, y + 1) for x, y in UNIT], 1 / 7),
        ([(x + 2, y) for x, y in UNIT], 0.0),  # an edge in common
        ([(x + 9, y) for x, y in UNIT], 0.0),
        ([(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)], 0.25),  # inside
        # turned by 45°: a regular octagon is what both cover
        (DIAMOND, (8 * math.sqrt(2) - 8) / (8 - (8 * math.sqrt(2) - 8))),
        ([(0, 0), (2, 2), (2, 2), (0, 2)], 0.5),  # a triangle
        ([(0, 0), (2, 0), (1, 0.5), (0, 2)], 0.5),  # dented: its convex hull counts
        ([(0, 0), (2, 2), (2, 2), (0, 0)], 0.0),  # a line
        ([(1, 1)] * 4, 0.0),  # a point
    ],
)
def test_hand_computed_cases(other: list[tuple[float, float]], expected: float) -> None:
    assert pair(UNIT, other) == pytest.approx(expected, abs=1e-12)
    assert pair(other, UNIT) == pytest.approx(expected, abs=1e-12)


def test_two_degenerate_boxes_at_one_place_do_not_match() -> None:
    assert pair([(1, 1)] * 4, [(1, 1)] * 4) == 0.0


def test_a_crowd_divides_by_the_detection_alone() -> None:
    small = [(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)]
    assert pair(UNIT, small, crowd=True) == 1.0
    assert pair(small, UNIT, crowd=True) == 0.25


def random_boxes(random: np.random.Generator, count: int, far: float) -> NDArray[np.float64]:
    """Rectangles at any angle, arbitrary quadrilaterals, and degenerate ones, on a grid or off it."""
    angle = random.choice([0, math.pi / 4, math.pi / 2, random.uniform(0, 7)], count)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1)
    half = random.choice([0.0, 5.0, 10.0, 30.0, random.uniform(1, 40)], (count, 1, 2)) / 2
    upright = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    boxes = upright @ turn.reshape(-1, 2, 2).transpose(0, 2, 1) + random.integers(0, 40, (count, 1, 2))
    boxes[::5] = random.integers(0, 5, (len(boxes[::5]), 4, 2)) * 10
    return boxes + far


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_boxes_equal_shapely(seed: int) -> None:
    random = np.random.default_rng(seed)
    far = float(random.choice([0.0, 3000.0]))
    truths = random_boxes(random, 10, far)
    moved = truths[random.integers(0, 10, 6)] + random.choice([0.0, 0.0, 1e-7, 1.5], (6, 1, 2))
    detections = np.concatenate([moved, random_boxes(random, 6, far)])
    crowd = random.random(10) < 0.2
    ours = iou(truths, detections, crowd)
    assert ours.min() >= 0
    assert ours.max() <= 1
    hulls = [MultiPoint(corners).convex_hull for corners in truths]
    found = [MultiPoint(corners).convex_hull for corners in detections]
    for row, truth in enumerate(hulls):
        for column, detection in enumerate(found):
            union = detection.area if crowd[row] else truth.union(detection).area
            solid = min(truth.area, detection.area) > 0
            expected = truth.intersection(detection).area / union if solid else 0.0
            assert ours[row, column] == pytest.approx(expected, abs=1e-9)


def test_no_boxes() -> None:
    assert iou(np.empty((0, 4, 2)), np.empty((3, 4, 2))).shape == (0, 3)
