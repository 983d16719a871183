"""Label lines of every task, as Ultralytics reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.models.yolo_folder import write_training_folder
from runner.adapters.models.yolo_labels import label_line
from runner.adapters.pictures.coco_masks import encode_mask
from runner.adapters.tables.parquet import write_table
from runner.adapters.tables.selected import SelectedData
from runner.domain.errors import FlywheelError
from runner.domain.task import Keypoints, TaskName, TaskSpec

SIZE = (100.0, 50.0)
BOX = {"x_min": 10.0, "y_min": 10.0, "x_max": 30.0, "y_max": 20.0}


def _numbers(task: TaskName, **row: Any) -> list[float]:
    points = Keypoints(names=["a", "b", "c"]) if task == "pose" else None
    spec = TaskSpec(name=task, classes=["x"], keypoints=points)
    return [float(number) for number in label_line(spec, 0, row, SIZE).split()[1:]]


def _polygon(*points: tuple[float, float]) -> str:
    return json.dumps([[number for point in points for number in point]])


def test_a_polygon_is_relative_to_the_image_and_clipped() -> None:
    polygons = _polygon((10, 10), (120, 10), (50, -5))
    assert _numbers("segment", polygons=polygons, mask_rle=None) == [0.1, 0.2, 1, 0.2, 0.5, 0]


def test_parts_are_joined_there_and_back_where_they_are_nearest() -> None:
    left, right = [10, 10, 20, 10, 20, 20], [40, 10, 50, 10, 40, 20]
    points = (
        np.reshape(_numbers("segment", polygons=json.dumps([left, right]), mask_rle=None), (-1, 2)) * SIZE
    )
    assert points.round(6).tolist() == [
        [10, 10],
        [20, 10],
        *([40, 10], [50, 10], [40, 20], [40, 10]),
        [20, 10],
        [20, 20],
    ]


def test_parts_of_fewer_than_three_points_are_dropped() -> None:
    assert _numbers("segment", polygons=json.dumps([[1, 1, 2, 2]]), mask_rle=None) == []
    assert _numbers("segment", polygons=None, mask_rle=None) == []


def test_a_mask_without_polygons_becomes_its_outline() -> None:
    mask = np.zeros((50, 100), bool)
    mask[10:20, 30:60] = True
    points = np.reshape(_numbers("segment", polygons=None, mask_rle=encode_mask(mask)), (-1, 2)) * SIZE
    assert sorted(map(tuple, points.round(4).tolist())) == [
        (30.5, 10.5),
        (30.5, 19.5),
        (59.5, 10.5),
        (59.5, 19.5),
    ]


def test_key_points_outside_the_image_or_not_labelled_are_zero() -> None:
    keypoints = [20.0, 10.0, 2.0, -5.0, 10.0, 2.0, 30.0, 10.0, 0.0]
    numbers = _numbers("pose", **BOX, keypoints=keypoints)
    assert numbers == [0.2, 0.3, 0.2, 0.2, 0.2, 0.2, 2, 0, 0, 0, 0, 0, 0]


def test_an_object_without_key_points_keeps_its_box() -> None:
    assert _numbers("pose", **BOX, keypoints=None) == [0.2, 0.3, 0.2, 0.2] + [0] * 9


def test_corners_may_leave_the_image_a_little() -> None:
    corners = [90.0, 10.0, 110.0, 10.0, 110.0, 20.0, 90.0, 20.0]
    assert _numbers("obb", corners=corners) == [0.9, 0.2, 1.1, 0.2, 1.1, 0.4, 0.9, 0.4]


def test_corners_that_ultralytics_would_refuse_are_clipped() -> None:
    corners = [95.0, 10.0, 125.0, 10.0, 125.0, 20.0, 95.0, 20.0]
    assert _numbers("obb", corners=corners) == [0.95, 0.2, 1, 0.2, 1, 0.4, 0.95, 0.4]
    assert _numbers("obb", corners=[101.0, 1, 102, 1, 102, 2, 101, 2]) == []
    assert _numbers("obb", corners=None) == []


@pytest.mark.parametrize("task", ["segment", "obb"])
def test_ultralytics_takes_the_lines(tmp_path: Path, task: TaskName) -> None:
    """Its own check refuses an image with a line it does not like."""
    import cv2
    from ultralytics.data.utils import verify_image_label

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((50, 100, 3), np.uint8))
    spec = TaskSpec(name=task, classes=["x"])
    corners = [90.0, -3.0, 125.0, 10.0, 120.0, 20.0, 95.0, 60.0]
    row = {"polygons": json.dumps([corners]), "mask_rle": None, "corners": corners}
    (tmp_path / "a.txt").write_text(label_line(spec, 0, row, SIZE))
    image, label = str(tmp_path / "a.png"), str(tmp_path / "a.txt")
    result = verify_image_label((image, label, "", False, 1, 0, 0, False))
    assert (result[0], len(result[1]), result[-1]) == (image, 1, "")


@pytest.fixture
def class_data(tmp_path: Path) -> SelectedData:
    """Six images of two classes, one without a class."""
    import cv2

    paths = [f"{split}/{number}.png" for split in ("train", "val") for number in range(3)]
    for path in paths:
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "data" / path), np.zeros((16, 16, 3), np.uint8))
    labelled = paths[:-1]
    write_table(
        tmp_path / "manifest.parquet",
        {"path": paths, "assigned": [path.split("/")[0] for path in paths], "selected": [True] * 6},
    )
    objects = {
        "path": labelled,
        "class": ["cat/tom", "dog", "dog", "cat/tom", "dog"],
        "crowd": [False] * 5,
        "problem": [None] * 5,
    }
    write_table(tmp_path / "objects.parquet", objects)
    return SelectedData(
        dataset=tmp_path / "data",
        manifest=tmp_path / "manifest.parquet",
        images=tmp_path / "images.parquet",
        objects=tmp_path / "objects.parquet",
    )


def test_classes_are_folders_in_the_order_of_class_ids(class_data: SelectedData, tmp_path: Path) -> None:
    spec = TaskSpec(name="classify", classes=["dog", "cat/tom", "zebra"])
    written = write_training_folder(tmp_path / "out", class_data, spec)
    assert (written.data, written.images) == (tmp_path / "out", {"train": 3, "val": 2})
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert files == [
        "train/0000000/0000001.png",
        "train/0000000/0000002.png",
        "train/0000001/0000000.png",
        "val/0000000/0000001.png",
        "val/0000001/0000000.png",
    ]
    assert (tmp_path / "out" / "train" / "0000002").is_dir()  # of the class that has no image


def test_split_without_a_labelled_image_is_refused(class_data: SelectedData, tmp_path: Path) -> None:
    manifest = {"path": ["train/0.png", "val/2.png"], "assigned": ["train", "val"], "selected": [True, True]}
    write_table(class_data.manifest, manifest)
    with pytest.raises(FlywheelError) as caught:
        write_training_folder(
            tmp_path / "out", class_data, TaskSpec(name="classify", classes=["dog", "cat/tom"])
        )
    assert caught.value.message == "no selected image of the val split has a class"
