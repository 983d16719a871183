"""What segment, pose, obb and classify say of labels and predictions that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from runner.domain.errors import FlywheelError
from runner.domain.task import Keypoints, TaskName, TaskSpec
from runner.tasks import TASKS, DetectTask, PoseTask, SegmentTask
from runner.tasks.task import TestData
from tests.tasks.random_tables import METRICS, column, random_case

DAMAGED = "52203"


def with_first(data: TestData, table: str, name: str, value: Any) -> TestData:
    """The data with another value in the first row of a column."""
    columns = dict(getattr(data, table))
    columns[name] = column([value, *columns[name].tolist()[1:]])
    return replace(data, **{table: columns})


def case(task: TaskName) -> tuple[TaskSpec, TestData]:
    """A random case with labels and predictions."""
    return next(
        (spec, data)
        for spec, data in (random_case(task, seed) for seed in range(100))
        if len(data.objects["path"]) > 2 and len(data.predictions["path"]) > 2
    )


def test_a_mask_that_does_not_fit_its_image_is_named() -> None:
    spec, data = case("segment")
    task = SegmentTask(spec=spec, operating_confidence=0.25)
    with pytest.raises(FlywheelError) as error:
        task.measurable(with_first(data, "objects", "mask_rle", DAMAGED))
    path = data.objects["path"][0]
    assert error.value.message == f"{path} has a label whose mask does not fit the image"
    with pytest.raises(FlywheelError) as error:
        task.measurable(with_first(data, "predictions", "mask_rle", DAMAGED))
    path = data.predictions["path"][0]
    assert (
        error.value.message == f"the predictions of torch have a mask on {path} that does not fit the image"
    )


def test_a_skeleton_of_another_length_is_refused() -> None:
    spec, data = case("pose")
    task = PoseTask(spec=spec, operating_confidence=0.25)
    count = len(task.sigmas) * 3
    with pytest.raises(FlywheelError) as error:
        task.measurable(with_first(data, "objects", "keypoints", [1.0, 2.0]))
    assert error.value.message == f"a label's key points have 2 numbers instead of {count}"
    with pytest.raises(FlywheelError) as error:
        task.measurable(with_first(data, "predictions", "keypoints", [1.0, 2.0]))
    assert (
        error.value.message == f"the predictions of torch have key points with 2 numbers instead of {count}"
    )


def test_sigmas_are_the_projects_own_else_cocos_else_equal() -> None:
    def sigmas(keypoints: Keypoints | None) -> list[float]:
        spec = TaskSpec(name="pose", classes=["cat"], keypoints=keypoints)
        return PoseTask(spec=spec, operating_confidence=0.25).sigmas.tolist()

    assert sigmas(Keypoints(names=["a", "b"], sigmas=[0.1, 0.2])) == [0.1, 0.2]
    assert sigmas(Keypoints(names=["a", "b"])) == [0.5, 0.5]
    assert sigmas(Keypoints(names=[str(k) for k in range(17)]))[0] == pytest.approx(0.026)
    with pytest.raises(FlywheelError) as error:
        sigmas(None)
    assert error.value.hint == "add the block keypoints to flywheel.yaml"


def test_pose_counts_20_detections_of_a_class_per_image() -> None:
    spec, data = case("pose")
    assert PoseTask(spec=spec, operating_confidence=0.25).problem(data).max_detections == 20


@pytest.mark.parametrize("seed", range(20))
def test_upright_rotated_boxes_measure_as_boxes_do(seed: int) -> None:
    spec, data = random_case("detect", seed)

    def with_corners(table: Any) -> Any:
        x1, y1, x2, y2 = (table[name] for name in ("x_min", "y_min", "x_max", "y_max"))
        return dict(table) | {"corners": column(np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1).tolist())}

    rotated = replace(data, objects=with_corners(data.objects), predictions=with_corners(data.predictions))
    boxes = DetectTask(spec=spec, operating_confidence=0.25).measurable(data)
    corners = TASKS["obb"](spec=spec, operating_confidence=0.25).measurable(rotated)
    everywhere = np.ones((1, boxes.n_images), np.uint8)
    chosen = [boxes.metrics.index(name) for name in METRICS]
    np.testing.assert_allclose(
        corners.measure(everywhere).values[..., chosen],
        boxes.measure(everywhere).values[..., chosen],
        atol=1e-9,
    )


def test_objects_without_their_shape_are_never_found() -> None:
    spec, data = case("segment")
    measured = TASKS["segment"](spec=spec, operating_confidence=0.0).measurable(
        replace(data, objects=dict(data.objects) | {"mask_rle": column([None] * len(data.objects["path"]))})
    )
    recall = measured.metrics.index("recall")
    assert measured.measure(np.ones((1, measured.n_images), np.uint8)).values[0, -1, recall] == 0


def test_an_image_with_several_classes_counts_in_no_analysis() -> None:
    task = TASKS["classify"](
        spec=TaskSpec(name="classify", classes=["cat", "dog"]), operating_confidence=0.25
    )
    data = TestData(
        target="torch",
        images={"path": column(["0", "1"])},
        objects={"path": column(["0", "1", "1"]), "class": column(["cat", "cat", "dog"])},
        predictions={
            "path": column(["0", "1"]),
            "class": column(["dog", "dog"]),
            "score": np.array([0.9, 0.9], dtype=np.float32),
        },
    )
    analysis = task.errors(data)
    assert analysis.confusion.tolist() == [[0, 1], [0, 0]]
    np.testing.assert_array_equal(analysis.images.loss, [1.0, np.nan])
    assert task.measurable(data).measure(np.ones((1, 2), np.uint8)).objects.tolist() == [[1, 0, 1]]
