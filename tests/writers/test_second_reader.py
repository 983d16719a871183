"""labelformat, a reader that nobody here wrote, agrees with what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelformat.formats import (
    COCOInstanceSegmentationInput,
    COCOObjectDetectionInput,
    CVATObjectDetectionInput,
    PascalVOCObjectDetectionInput,
    YOLOv8InstanceSegmentationInput,
    YOLOv8ObjectDetectionInput,
)
from planted_labels import (
    CLASSES,
    HEIGHT,
    WIDTH,
    encoded,
    objects_of,
    ring_mask,
    scheme_of,
    write_as,
    write_images,
)

from runner.dataset.entries import ImageEntry, LabelledObject
from runner.domain.task import TaskName
from runner.writers.outlines import mask_pixels

PATHS = ["images/train/a.png", "images/train/b.png"]


def _written(
    tmp_path: Path, layout: str, task: TaskName, *more: LabelledObject
) -> dict[str, list[LabelledObject]]:
    write_images(tmp_path / "source", PATHS)
    entries = [
        ImageEntry(path=path, split="train", labelled=True, objects=(*objects_of(task, seed), *more))
        for seed, path in enumerate(PATHS)
    ]
    write_as(layout, tmp_path / "source", tmp_path / "new", entries, scheme_of(task))
    return {entry.path.removeprefix("images/train/"): list(entry.objects) for entry in entries}


def _reader(layout: str, folder: Path) -> Any:
    match layout:
        case "yolo":
            return YOLOv8ObjectDetectionInput(folder / "data.yaml", "train")
        case "coco":
            return COCOObjectDetectionInput(folder / "annotations" / "instances_train.json")
        case "voc":
            return PascalVOCObjectDetectionInput(folder / "Annotations", ",".join(CLASSES))
    return CVATObjectDetectionInput(folder / "annotations.xml")


@pytest.mark.parametrize("layout", ["yolo", "coco", "voc", "cvat"])
def test_boxes(layout: str, tmp_path: Path) -> None:
    expected = _written(tmp_path, layout, "detect")
    reader = _reader(layout, tmp_path / "new")
    assert [category.name for category in reader.get_categories()] == CLASSES
    found = {label.image.filename: label for label in reader.get_labels()}
    assert found.keys() == expected.keys()
    from_one = 1 if layout == "voc" else 0  # it takes VOC's corners as they are written
    for name, label in found.items():
        assert (label.image.width, label.image.height) == (WIDTH, HEIGHT)
        assert [item.category.name for item in label.objects] == [item.class_name for item in expected[name]]
        boxes = [
            (item.box.xmin - from_one, item.box.ymin - from_one, item.box.xmax, item.box.ymax)
            for item in label.objects
        ]
        np.testing.assert_allclose(boxes, [item.box_xyxy for item in expected[name]], atol=1e-6)


def test_outlines_of_yolo(tmp_path: Path) -> None:
    expected = _written(tmp_path, "yolo", "segment")
    for label in YOLOv8InstanceSegmentationInput(tmp_path / "new" / "data.yaml", "train").get_labels():
        for item, planted in zip(label.objects, expected[label.image.filename], strict=True):
            points = [value for point in item.segmentation.polygons[0] for value in point]
            np.testing.assert_allclose(points, planted.polygons[0], atol=1e-6)


def test_outlines_and_crowds_of_coco(tmp_path: Path) -> None:
    crowd = LabelledObject("x", "no", 2, (5, 10, 40, 30), normalised=False, crowd=True, mask=ring_mask())
    expected = _written(tmp_path, "coco", "segment", crowd)
    reader = COCOInstanceSegmentationInput(tmp_path / "new" / "annotations" / "instances_train.json")
    for label in reader.get_labels():
        *outlines, region = label.objects
        for item, planted in zip(outlines, expected[label.image.filename], strict=False):
            points = [value for point in item.segmentation.polygons[0] for value in point]
            assert points == list(planted.polygons[0])
        mask = region.segmentation.get_binary_mask()
        assert (np.asarray(mask, dtype=bool) == mask_pixels(ring_mask())).all()
    assert encoded(mask_pixels(ring_mask())) == ring_mask()
