"""Detect: what its metrics count."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.domain.task import TaskSpec
from runner.evaluation.measurable import Measurable
from runner.evaluation.slices import ObjectSlice
from runner.tasks import DetectTask
from runner.tasks.task import TestData

TASK = DetectTask(spec=TaskSpec(name="detect", classes=["cat", "dog"]), operating_confidence=0.25)
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


def measurable(objects: list[Row], predictions: list[Row], *, images: int = 2) -> Measurable:
    """Objects `(path, class, box)`, predictions `(path, class, score, box)`; images are called 0, 1, …"""
    return TASK.measurable(
        TestData(
            target="onnx-fp32",
            images=table(("path",), [(str(number),) for number in range(images)]),
            objects=table(
                ("path", "class", "crowd", *CORNERS), [(*row[:2], False, *row[2]) for row in objects]
            ),
            predictions=table(
                ("path", "class", "score", *CORNERS), [(*row[:3], *row[3]) for row in predictions]
            ),
        )
    )


def cells(measured: Measurable, weights: tuple[int, ...] = (1, 1)) -> list[dict[str, float]]:
    """Each class, then all together; what is not measured is left out."""
    values = measured.measure(np.array([weights], dtype=np.uint8)).values[0]
    return [
        {
            name: value
            for name, value in zip(measured.metrics, row.tolist(), strict=True)
            if not np.isnan(value)
        }
        for row in values
    ]


def test_overall_and_per_class() -> None:
    cat, dog, together = cells(
        measurable(
            [("0", "cat", A), ("1", "dog", A), ("1", "dog", B)],
            [("0", "cat", 0.9, A), ("1", "dog", 0.9, A), ("1", "dog", 0.8, A), ("1", "dog", 0.1, B)],
        )
    )
    assert (cat["map50"], cat["recall"]) == (pytest.approx(1.0), 1.0)
    assert (dog["precision"], dog["recall"], dog["f1"]) == (0.5, 0.5, 0.5)
    assert together["map50_95"] == pytest.approx((cat["map50_95"] + dog["map50_95"]) / 2)
    assert (together["precision"], together["recall"]) == (2 / 3, 2 / 3)  # all classes counted together
    assert together["f1"] == pytest.approx(2 / 3)


def test_without_predictions_recall_is_zero_and_precision_is_not_measured() -> None:
    assert cells(measurable([("0", "cat", A)], []))[-1] == {
        "map50_95": 0, "map50": 0, "map75": 0, "ar": 0, "recall": 0, "f1": 0,
    }  # fmt: skip


def test_without_objects_precision_is_zero_and_nothing_else_is_measured() -> None:
    assert cells(measurable([], [("0", "cat", 0.9, A)]))[-1] == {"precision": 0.0}


def test_an_absent_class_does_not_change_the_mean() -> None:
    together = cells(measurable([("0", "cat", A)], [("0", "cat", 0.9, A), ("0", "dog", 0.9, B)]))[-1]
    assert together["map50"] == pytest.approx(1.0)
    assert together["precision"] == 0.5


def test_an_image_without_weight_does_not_count() -> None:
    measured = measurable([("0", "cat", A), ("1", "cat", A)], [("0", "cat", 0.9, A)])
    assert cells(measured, (0, 1))[-1]["recall"] == 0.0
    assert cells(measured, (3, 1))[-1]["recall"] == 0.75


def objects_slice(objects: list[bool], detections: list[bool] | None) -> ObjectSlice:
    return ObjectSlice(
        name="small",
        condition="…",
        objects=np.array(objects),
        detections=None if detections is None else np.array(detections),
    )


def test_a_mistake_outside_an_object_slice_is_ignored_and_inside_it_counts() -> None:
    measured = measurable([("0", "cat", A), ("1", "cat", B)], [("0", "cat", 0.9, A), ("1", "cat", 0.9, A)])
    for inside, expected in ((False, 1.0), (True, 0.5)):
        part = objects_slice([True, False], [True, inside])
        assert cells(measured.restricted(part))[-1]["precision"] == expected


def test_when_only_labels_can_be_in_a_slice_mistakes_count_on_images_that_hold_it() -> None:
    measured = measurable(
        [("0", "cat", A), ("1", "cat", A)],
        [("0", "cat", 0.9, A), ("0", "cat", 0.9, B), ("1", "cat", 0.9, B), ("1", "cat", 0.8, A)],
    )
    together = cells(measured.restricted(objects_slice([True, False], None)))[-1]
    assert (together["precision"], together["recall"]) == (0.5, 1.0)
