"""What all five tasks have in common: from tables to numbers, classes by name, no data is not measured."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import encode_mask
from runner.domain.errors import FlywheelError
from runner.domain.task import Keypoints, TaskName, TaskSpec
from runner.evaluation.slices import ObjectSlice
from runner.tasks import TASKS
from runner.tasks.task import Task, TestData

HEIGHT, WIDTH = 40, 60
NAMES: list[TaskName] = list(get_args(TaskName))
BOX = ("x_min", "y_min", "x_max", "y_max")
Label = tuple[str, str | None]  # image, class; the object lies at the same place in every image
Found = tuple[str, str, float]


def task_named(name: TaskName, classes: tuple[str, ...] = ("cat", "dog")) -> Task:
    keypoints = Keypoints(names=["head", "tail"]) if name == "pose" else None
    return TASKS[name](
        spec=TaskSpec(name=name, classes=list(classes), keypoints=keypoints), operating_confidence=0.25
    )


def column(values: list[Any]) -> NDArray[Any]:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def shapes(count: int) -> dict[str, NDArray[Any]]:
    """The same object everywhere, as every task has it."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[5:15, 10:30] = True
    return {
        **{name: np.full(count, value) for name, value in zip(BOX, (10.0, 5.0, 30.0, 15.0), strict=True)},
        "area_px": np.full(count, 200.0),
        "mask_rle": column([encode_mask(mask)] * count),
        "corners": column([[10.0, 5.0, 30.0, 5.0, 30.0, 15.0, 10.0, 15.0]] * count),
        "keypoints": column([[12.0, 7.0, 2.0, 28.0, 13.0, 1.0]] * count),
    }


def data(task: Task, labels: list[Label], found: list[Found], *, images: int = 2) -> TestData:
    """Only the columns that the task says it reads. Images are called 0, 1, …"""
    objects = {
        "path": column([path for path, _ in labels]),
        "class": column([name for _, name in labels]),
        "crowd": np.zeros(len(labels), dtype=bool),
        **shapes(len(labels)),
    }
    predictions = {
        "path": column([path for path, _, _ in found]),
        "class": column([name for _, name, _ in found]),
        "score": np.array([score for _, _, score in found], dtype=np.float32),
        **shapes(len(found)),
    }
    return TestData(
        target="onnx-fp32",
        images={
            "path": column([str(number) for number in range(images)]),
            "height": np.full(images, HEIGHT),
            "width": np.full(images, WIDTH),
        },
        objects={name: objects[name] for name in task.object_columns},
        predictions={name: predictions[name] for name in task.prediction_columns},
    )


def together(task: Task, content: TestData) -> dict[str, float]:
    measurable = task.measurable(content)
    values = measurable.measure(np.ones((1, measurable.n_images), np.uint8)).values[0, -1]
    return dict(zip(measurable.metrics, values.tolist(), strict=True))


def test_every_task_that_a_project_may_name_is_there() -> None:
    assert list(TASKS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_perfect_predictions_give_1_in_every_metric(name: TaskName) -> None:
    task = task_named(name)
    measured = together(
        task, data(task, [("0", "cat"), ("1", "dog")], [("0", "cat", 0.9), ("1", "dog", 0.8)])
    )
    assert tuple(measured) == TASKS[name].metrics
    assert measured == pytest.approx(dict.fromkeys(TASKS[name].metrics, 1.0))


@pytest.mark.parametrize("name", NAMES)
def test_only_wrong_predictions_give_0_in_every_metric(name: TaskName) -> None:
    task = task_named(name)
    measured = together(
        task, data(task, [("0", "cat"), ("1", "dog")], [("0", "dog", 0.9), ("1", "cat", 0.8)])
    )
    expected = dict.fromkeys(TASKS[name].metrics, 0.0) | (
        {"top5": measured["top5"]} if name == "classify" else {}
    )
    assert measured == expected


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_matched_by_name_whatever_their_position(name: TaskName) -> None:
    labels, found = [("0", "dog"), ("1", "dog")], [("0", "dog", 0.9)]
    tasks = [task_named(name), task_named(name, ("dog", "cat"))]
    first, second = (task.measurable(data(task, labels, found)) for task in tasks)
    everywhere = np.ones((1, 2), np.uint8)
    np.testing.assert_array_equal(
        first.measure(everywhere).values[0, 1], second.measure(everywhere).values[0, 0]
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("images", [0, 2])
def test_nothing_at_all_is_not_measured(name: TaskName, images: int) -> None:
    task = task_named(name)
    measurable = task.measurable(data(task, [], [], images=images))
    assert (measurable.n_images, measurable.n_classes) == (images, 2)
    found = measurable.measure(np.ones((1, images), np.uint8))
    assert np.isnan(found.values).all()
    assert not found.objects.any()


@pytest.mark.parametrize("name", NAMES)
def test_labels_without_predictions_are_missed(name: TaskName) -> None:
    task = task_named(name)
    measured = together(task, data(task, [("0", "cat")], []))
    assert measured["recall"] == 0
    assert measured["f1"] == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("row", [("7", "cat", 0.9), ("0", "fox", 0.9)], ids=["image", "class"])
def test_a_prediction_of_something_unknown_is_refused(name: TaskName, row: Found) -> None:
    task = task_named(name)
    with pytest.raises(FlywheelError) as error:
        task.measurable(data(task, [], [row]))
    unknown = "7" if row[0] == "7" else "fox"
    assert error.value.message == (
        f"the predictions of onnx-fp32 name '{unknown}', not a test image nor a class of the project"
    )


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_unknown_classes_do_not_count_but_keep_their_rows_in_slices(name: TaskName) -> None:
    task = task_named(name)
    content = data(
        task, [("0", "fox"), ("0", "cat"), ("1", None), ("1", "cat")], [("0", "cat", 0.9), ("1", "dog", 0.9)]
    )
    measurable = task.measurable(content)
    everywhere = np.ones((1, 2), np.uint8)
    assert measurable.measure(everywhere).objects.tolist() == [[2, 0, 2]]
    part = ObjectSlice(
        name="first", condition="…", objects=np.array([True, True, True, False]), detections=None
    )
    restricted = measurable.restricted(part)
    assert restricted.measure(everywhere).objects.tolist() == [[1, 0, 1]]
    assert restricted.metrics == measurable.metrics
    assert restricted.holding(everywhere[0]).tolist() == [[True, False], [False, False], [True, False]]
    recall = restricted.metrics.index("recall")
    assert restricted.measure(everywhere).values[0, -1, recall] == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_analysis_of_errors_has_a_row_per_known_label_and_prediction(name: TaskName) -> None:
    task = task_named(name)
    analysis = task.errors(
        data(task, [("0", "fox"), ("0", "cat"), ("1", "cat")], [("0", "cat", 0.9), ("1", "dog", 0.9)])
    )
    assert analysis.class_names == ("cat", "dog")
    assert len(analysis.truths.outcome) == 2
    assert len(analysis.detections.outcome) == 2
    assert analysis.images.loss.tolist() == [0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_the_report_can_name_the_protocol(name: TaskName) -> None:
    assert task_named(name).evaluator.startswith("flywheel (")
