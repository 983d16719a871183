"""From tables to records: classes by name, no data is None, slices."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.domain.errors import FlywheelError
from runner.domain.records import Metrics
from runner.evaluation.slices import ImageSlice, ObjectSlice
from runner.tasks import TASKS, DetectTask
from runner.tasks.detect import DetectionResult

TASK = DetectTask(classes=["cat", "dog"], operating_confidence=0.25)
Row = tuple[object, ...]
CORNERS = ("x_min", "y_min", "x_max", "y_max")
A: Row = (0.0, 0.0, 10.0, 10.0)
B: Row = (50.0, 50.0, 90.0, 90.0)


def table(names: tuple[str, ...], rows: list[Row]) -> dict[str, NDArray[np.generic]]:
    kinds = {"score": np.float32, "crowd": bool, **dict.fromkeys(CORNERS, float)}
    return {
        name: np.array([row[column] for row in rows], dtype=kinds.get(name, object))
        for column, name in enumerate(names)
    }


def measure(
    objects: list[Row],
    predictions: list[Row],
    *slices: ImageSlice | ObjectSlice,
    images: int = 2,
    task: DetectTask = TASK,
) -> DetectionResult:
    """Objects `(path, class, box)`, predictions `(path, class, score, box)`; images are called 0, 1, …"""
    return task.evaluate(
        "onnx-fp32",
        images=table(("path",), [(str(number),) for number in range(images)]),
        objects=table(("path", "class", "crowd", *CORNERS), [(*row[:2], False, *row[2]) for row in objects]),
        predictions=table(("path", "class", "score", *CORNERS), [(*row[:3], *row[3]) for row in predictions]),
        slices=slices,
    )


def test_the_task_is_known_by_its_name_in_the_project() -> None:
    assert TASKS["detect"] is DetectTask


def test_overall_and_per_class() -> None:
    found = measure(
        [("0", "cat", A), ("1", "dog", A), ("1", "dog", B)],
        [("0", "cat", 0.9, A), ("1", "dog", 0.9, A), ("1", "dog", 0.8, A), ("1", "dog", 0.1, B)],
    ).evaluation
    assert found.target == "onnx-fp32"
    cat, dog = found.per_class["cat"], found.per_class["dog"]
    assert (cat.images, cat.objects, cat.map50, cat.recall) == (1, 1, pytest.approx(1.0), 1.0)
    assert (dog.images, dog.objects, dog.precision, dog.recall, dog.f1) == (1, 2, 0.5, 0.5, 0.5)
    assert (found.overall.images, found.overall.objects) == (2, 3)
    assert found.overall.map50_95 == pytest.approx((cat.map50_95 + dog.map50_95) / 2)
    assert (found.overall.precision, found.overall.recall) == (2 / 3, 2 / 3)  # all classes counted together
    assert found.overall.f1 == 2 / 3


def test_classes_are_matched_by_name_whatever_their_position() -> None:
    rows: list[Row] = [("0", "dog", A)]
    found: list[Row] = [("0", "dog", 0.9, A)]
    swapped = DetectTask(classes=["dog", "cat"], operating_confidence=0.25)
    assert (
        measure(rows, found).evaluation.per_class["dog"]
        == (measure(rows, found, task=swapped).evaluation.per_class["dog"])
    )


def test_objects_of_a_class_that_the_project_does_not_have_do_not_count() -> None:
    assert measure([("0", "fox", A), ("0", None, B)], []).evaluation.overall.objects == 0


@pytest.mark.parametrize("row", [("7", "cat", 0.9, A), ("0", "fox", 0.9, A)], ids=["image", "class"])
def test_a_prediction_of_something_unknown_is_refused(row: Row) -> None:
    with pytest.raises(FlywheelError) as error:
        measure([], [row])
    unknown = "7" if row[0] == "7" else "fox"
    assert error.value.message == (
        f"the predictions of onnx-fp32 name '{unknown}', not a test image nor a class of the project"
    )


@pytest.mark.parametrize("images", [0, 2])
def test_nothing_at_all_is_not_measured(images: int) -> None:
    found = measure([], [], images=images)
    assert found.evaluation.overall == Metrics(images=images, objects=0)
    assert found.evaluation.per_class == {name: Metrics(images=0, objects=0) for name in TASK.classes}
    assert found.curve is None


def test_without_predictions_recall_is_zero_and_precision_is_not_measured() -> None:
    overall = measure([("0", "cat", A)], []).evaluation.overall
    assert overall == Metrics(
        images=2, objects=1, map50_95=0, map50=0, map75=0, ar=0, precision=None, recall=0, f1=0
    )


def test_without_objects_precision_is_zero_and_recall_is_not_measured() -> None:
    overall = measure([], [("0", "cat", 0.9, A)]).evaluation.overall
    assert overall == Metrics(images=2, objects=0, precision=0.0)


def test_an_absent_class_does_not_change_the_mean() -> None:
    overall = measure([("0", "cat", A)], [("0", "cat", 0.9, A), ("0", "dog", 0.9, B)]).evaluation.overall
    assert overall.map50 == pytest.approx(1.0)
    assert overall.precision == 0.5


def test_an_image_slice_measures_its_images_only() -> None:
    part = ImageSlice(name="dark", condition="brightness < 0.25", images=np.array([False, True]))
    (measured,) = measure([("0", "cat", A), ("1", "cat", A)], [("0", "cat", 0.9, A)], part).evaluation.slices
    assert (measured.name, measured.kind, measured.condition) == ("dark", "images", "brightness < 0.25")
    assert (measured.overall.images, measured.overall.objects, measured.overall.recall) == (1, 1, 0.0)


def test_an_empty_slice_is_not_measured() -> None:
    part = ImageSlice(name="none", condition="false", images=np.array([False, False]))
    (measured,) = measure([("0", "cat", A)], [("0", "cat", 0.9, A)], part).evaluation.slices
    assert measured.overall == Metrics(images=0, objects=0)


def objects_slice(objects: list[bool], detections: list[bool] | None) -> ObjectSlice:
    return ObjectSlice(
        name="small",
        condition="…",
        objects=np.array(objects),
        detections=None if detections is None else np.array(detections),
    )


def test_a_mistake_outside_an_object_slice_is_ignored_and_inside_it_counts() -> None:
    objects: list[Row] = [("0", "cat", A), ("1", "cat", B)]
    predictions: list[Row] = [("0", "cat", 0.9, A), ("1", "cat", 0.9, A)]
    for inside, expected in ((False, 1.0), (True, 0.5)):
        part = objects_slice([True, False], [True, inside])
        (measured,) = measure(objects, predictions, part).evaluation.slices
        assert (measured.kind, measured.overall.images, measured.overall.objects) == ("objects", 1, 1)
        assert measured.overall.precision == expected


def test_when_only_labels_can_be_in_a_slice_mistakes_count_on_images_that_hold_it() -> None:
    part = objects_slice([True, False], None)
    objects: list[Row] = [("0", "cat", A), ("1", "cat", A)]
    predictions: list[Row] = [
        ("0", "cat", 0.9, A),
        ("0", "cat", 0.9, B),
        ("1", "cat", 0.9, B),
        ("1", "cat", 0.8, A),
    ]
    (measured,) = measure(objects, predictions, part).evaluation.slices
    assert (measured.overall.precision, measured.overall.recall) == (0.5, 1.0)


def test_the_curve_is_the_mean_over_classes_with_objects() -> None:
    curve = measure([("0", "cat", A)], [("0", "cat", 0.9, A), ("0", "dog", 0.9, A)]).curve
    assert curve is not None
    assert (len(curve.recall), curve.recall[50]) == (101, 0.5)
    assert curve.mean == pytest.approx([1.0] * 101)
    assert list(curve.per_class) == ["cat"]
