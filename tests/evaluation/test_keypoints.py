"""OKS: hand-computed cases, and pycocotools' own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runner.evaluation.keypoints import COCO_SIGMAS, KeypointSimilarity, default_sigmas, keypoint_arrays

ROW = np.array([0])


def similarity(truth: list[Any], found: list[Any], sigmas: list[float], area: float = 100.0) -> float:
    """One object with a box of (10, 10, 30, 20), one detection."""
    measured = KeypointSimilarity(
        truths=np.array([truth], dtype=float),
        boxes_xyxy=np.array([[10.0, 10.0, 30.0, 20.0]]),
        area_px=np.array([area]),
        detections=np.array([found], dtype=float),
        sigmas=np.array(sigmas),
    )
    return float(measured(ROW, ROW)[0])


def test_a_perfect_skeleton_is_1() -> None:
    assert similarity([[1, 2, 2], [3, 4, 1]], [[1, 2], [3, 4]], [0.1, 0.2]) == 1.0


def test_distance_counts_by_area_and_the_points_own_sigma() -> None:
    # 5 px off: exp(-25 / (2 · 100 · (2 · 0.25)²)) = exp(-0.5); the other point is exact
    assert similarity([[0, 0, 2], [9, 9, 2]], [[3, 4], [9, 9]], [0.25, 0.1]) == pytest.approx(
        (math.exp(-0.5) + 1) / 2, abs=1e-12
    )


def test_points_that_are_not_labelled_do_not_count() -> None:
    assert similarity([[1, 2, 2], [0, 0, 0]], [[1, 2], [500, 500]], [0.1, 0.1]) == 1.0


def test_without_labelled_points_it_is_the_distance_to_the_surroundings_of_the_box() -> None:
    # the box of 20 × 10 reaches from (-10, 0) to (50, 30) with its surroundings
    assert similarity([[0, 0, 0]], [[49, 29]], [0.25]) == 1.0
    assert similarity([[0, 0, 0]], [[53, 34]], [0.25]) == pytest.approx(math.exp(-0.5), abs=1e-12)


def test_an_object_without_area_is_found_by_exact_points_only() -> None:
    assert similarity([[1, 2, 2]], [[1, 2]], [0.1], area=0.0) == 1.0
    assert similarity([[1, 2, 2]], [[1, 3]], [0.1], area=0.0) == 0.0


def test_sigmas_are_cocos_for_its_17_points() -> None:
    from pycocotools.cocoeval import Params

    np.testing.assert_array_equal(default_sigmas(17), Params("keypoints").kpt_oks_sigmas)
    np.testing.assert_array_equal(default_sigmas(4), [0.25] * 4)


def test_no_pairs() -> None:
    empty = np.empty(0, dtype=np.int64)
    measured = KeypointSimilarity(
        truths=np.empty((0, 17, 3)),
        boxes_xyxy=np.empty((0, 4)),
        area_px=np.empty(0),
        detections=np.empty((0, 17, 2)),
        sigmas=COCO_SIGMAS,
    )
    assert len(measured(empty, empty)) == 0


def test_lists_of_another_length_are_refused() -> None:
    lists = np.empty(1, dtype=object)
    lists[0] = [1.0, 2.0]
    with pytest.raises(ValueError) as error:
        keypoint_arrays(lists, 1, 3)
    assert str(error.value) == "2 numbers instead of 3"


def reference(similar: KeypointSimilarity) -> NDArray[np.float64]:
    """`(N, M)` by COCOeval, all in one image."""
    from pycocotools.cocoeval import COCOeval

    engine = COCOeval(iouType="keypoints")
    engine.params.maxDets = [1000]
    engine.params.kpt_oks_sigmas = similar.sigmas
    low, size = similar.boxes_xyxy[:, :2], similar.boxes_xyxy[:, 2:] - similar.boxes_xyxy[:, :2]
    engine._gts[0, 0] = [
        {"keypoints": points.ravel().tolist(), "bbox": box.tolist(), "area": float(area)}
        for points, box, area in zip(similar.truths, np.hstack([low, size]), similar.area_px, strict=True)
    ]
    engine._dts[0, 0] = [
        {"keypoints": np.hstack([points, np.ones((len(points), 1))]).ravel().tolist(), "score": 1.0}
        for points in similar.detections
    ]
    return np.asarray(engine.computeOks(0, 0)).T


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_skeletons_equal_pycocotools(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = int(random.choice([1, 4, 17]))
    corner = random.uniform(0, 100, (6, 2))
    truths = np.concatenate(
        [random.uniform(0, 150, (6, points, 2)), random.integers(0, 3, (6, points, 1))], axis=2
    )
    truths[0, :, 2] = 0
    detections = truths[random.integers(0, 6, 9), :, :2] + random.normal(0, 5, (9, points, 2))
    similar = KeypointSimilarity(
        truths=truths,
        boxes_xyxy=np.hstack([corner, corner + random.uniform(1, 80, (6, 2))]),
        area_px=random.uniform(0, 4000, 6),
        detections=detections,
        sigmas=default_sigmas(points),
    )
    truth, detection = (side.ravel() for side in np.indices((6, 9)))
    ours = similar(truth, detection).reshape(6, 9)
    np.testing.assert_allclose(ours, reference(similar), atol=1e-12, rtol=0)
