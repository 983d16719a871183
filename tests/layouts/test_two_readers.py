"""Two readers agree: labelformat (MIT) reads the same sound files, and finds the same boxes, outlines and masks (ADR 32)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

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
from labelformat.model.bounding_box import BoundingBoxFormat
from labelformat.model.multipolygon import MultiPolygon
from labelformat.types import ParseError
from PIL import Image

from runner.dataset.entries import LabelledObject, LabelScheme
from runner.layouts.coco import CocoLayout
from runner.layouts.cvat import CvatLayout
from runner.layouts.layout import Layout
from runner.layouts.voc import VocLayout
from runner.layouts.yolo import YoloLayout

CLASSES = ["cat", "dog", "traffic light"]
WIDTH, HEIGHT, IMAGES = 64, 48, 6
Objects: TypeAlias = dict[str, list[tuple[str, tuple[float, ...]]]]  # by image


def planted() -> dict[str, list[tuple[int, tuple[int, int, int, int]]]]:
    """Boxes x_min, y_min, x_max, y_max in pixels, with the class, of each image; one has none."""
    random = np.random.default_rng(11)
    found: dict[str, list[tuple[int, tuple[int, int, int, int]]]] = {}
    for number in range(IMAGES):
        left, top = random.integers(1, 30, (2, number))
        sides = random.integers(2, 16, (2, number))
        boxes = np.stack([left, top, left + sides[0], top + sides[1]], axis=1).tolist()
        found[f"{number}.png"] = [(int(random.integers(len(CLASSES))), tuple(box)) for box in boxes]
    return found


PLANTED = planted()


def ours(layout: Layout, folder: Path, task: str = "detect") -> Objects:
    """Boxes in pixels, of a layout's own reader."""
    scheme = LabelScheme(task=task, classes=CLASSES)  # type: ignore[arg-type]
    content = layout.read(folder, scheme)
    assert not any(entry.label_problems for entry in content.entries)
    return {
        Path(entry.path).name: sorted((item.class_name, _numbers(item)) for item in entry.objects)
        for entry in content.entries
    }


def _numbers(item: LabelledObject) -> tuple[float, ...]:
    numbers = item.polygons[0] if item.polygons else item.box_xyxy
    factors = (WIDTH, HEIGHT) * (len(numbers) // 2) if item.normalised else (1,) * len(numbers)
    return tuple(round(number * factor, 4) for number, factor in zip(numbers, factors, strict=True))


def theirs(labels: Iterable[Any]) -> Objects:
    """The same, of labelformat's."""
    found: Objects = {}
    for label in labels:
        shapes = []
        for item in label.objects:
            if isinstance(getattr(item, "segmentation", None), MultiPolygon):
                numbers: Iterable[float] = (
                    value for point in item.segmentation.polygons[0] for value in point
                )
            else:
                numbers = (item.box if hasattr(item, "box") else item.segmentation.bounding_box).to_format(
                    BoundingBoxFormat.XYXY
                )
            shapes.append((item.category.name, tuple(round(float(number), 4) for number in numbers)))
        found[Path(label.image.filename).name] = sorted(shapes)
    return found


def with_images(folder: Path, place: str) -> Path:
    (folder / place).mkdir(parents=True)
    for name in PLANTED:
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / place / name)
    return folder


def test_pascal_voc_where_corners_are_taken_as_they_are_written(tmp_path: Path) -> None:
    with_images(tmp_path, "JPEGImages")
    (tmp_path / "Annotations").mkdir()
    for name, boxes in PLANTED.items():
        objects = "".join(
            f"<object><name>{CLASSES[number]}</name><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>"
            f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
            for number, box in boxes
        )
        text = f"<annotation><filename>{name}</filename><size><width>{WIDTH}</width><height>{HEIGHT}</height></size>{objects}</annotation>"
        (tmp_path / "Annotations" / f"{Path(name).stem}.xml").write_text(text)
    read = PascalVOCObjectDetectionInput(tmp_path / "Annotations", ",".join(CLASSES)).get_labels()
    found = ours(VocLayout(corners="zero-based"), tmp_path)
    assert found == theirs(read)
    assert sum(map(len, found.values())) == 15


def test_cvat(tmp_path: Path) -> None:
    with_images(tmp_path, "images")
    labels = "".join(f"<label><name>{name}</name></label>" for name in CLASSES)
    images = "".join(
        f'<image id="{at}" name="{name}" width="{WIDTH}" height="{HEIGHT}">'
        + "".join(
            f'<box label="{CLASSES[number]}" xtl="{box[0]}.25" ytl="{box[1]}" xbr="{box[2]}.5" ybr="{box[3]}"/>'
            for number, box in boxes
        )
        + "</image>"
        for at, (name, boxes) in enumerate(PLANTED.items())
    )
    text = f"<annotations><meta><task><labels>{labels}</labels></task></meta>{images}</annotations>"
    (tmp_path / "annotations.xml").write_text(text)
    found = ours(CvatLayout(), tmp_path)
    assert found == theirs(CVATObjectDetectionInput(tmp_path / "annotations.xml").get_labels())
    assert sum(map(len, found.values())) == 15


def coco(folder: Path) -> Path:
    with_images(folder, "images")
    annotations = []
    for at, boxes in enumerate(PLANTED.values()):
        for number, (left, top, right, bottom) in boxes:
            outline = [left, top, right, top, right, bottom]
            box = [left, top, right - left, bottom - top]
            annotations.append(
                {"id": len(annotations), "image_id": at, "category_id": number + 5, "bbox": box, "iscrowd": 0,
                 "segmentation": [outline]}
            )  # fmt: skip
    runs = [HEIGHT * 4 + 3, 5, HEIGHT - 5, 5, HEIGHT * (WIDTH - 5) - 8]
    crowd = {"size": [HEIGHT, WIDTH], "counts": runs}
    annotations.append(
        {"id": 99, "image_id": 0, "category_id": 5, "bbox": [4, 3, 2, 5], "iscrowd": 1, "segmentation": crowd}
    )
    listed = [
        {"id": at, "file_name": name, "width": WIDTH, "height": HEIGHT} for at, name in enumerate(PLANTED)
    ]
    categories = [{"id": at, "name": name} for at, name in enumerate(CLASSES, start=5)]
    document = {"images": listed, "categories": categories, "annotations": annotations}
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def test_coco_with_outlines_and_a_crowd(tmp_path: Path) -> None:
    file = coco(tmp_path) / "annotations.json"
    assert ours(CocoLayout(), tmp_path) == theirs(COCOObjectDetectionInput(file).get_labels())
    found = ours(CocoLayout(), tmp_path, "segment")
    assert found == theirs(COCOInstanceSegmentationInput(file).get_labels())
    assert found["0.png"] == [("cat", (4, 3, 6, 8))]


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_yolo(tmp_path: Path, task: str) -> None:
    with_images(tmp_path, "images/train")
    (tmp_path / "labels" / "train").mkdir(parents=True)
    (tmp_path / "data.yaml").write_text(f"train: images/train\nnames: {json.dumps(CLASSES)}\n")
    for name, boxes in PLANTED.items():
        lines = []
        for number, (left, top, right, bottom) in boxes:
            shape = [left, top, right, top, right, bottom]
            if task == "detect":
                shape = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
            numbers = [value / (HEIGHT if at % 2 else WIDTH) for at, value in enumerate(shape)]
            lines.append(" ".join(map(repr, [number, *numbers])))
        (tmp_path / "labels" / "train" / f"{Path(name).stem}.txt").write_text("\n".join(lines))
    reader = YOLOv8ObjectDetectionInput if task == "detect" else YOLOv8InstanceSegmentationInput
    found = ours(YoloLayout(), tmp_path, task)
    assert found == theirs(reader(tmp_path / "data.yaml", "train").get_labels())
    assert sum(map(len, found.values())) == 15


def test_at_the_first_fault_labelformat_reads_no_further_and_says_no_line(tmp_path: Path) -> None:
    """Why it is not the reader: where one of these fails, it may have become one."""
    size = "<filename>a.png</filename><size><width>9</width><height>9</height></size>"
    (tmp_path / "a.xml").write_text(
        f"<annotation>{size}\n<object><name>cat</name></object>\n<object><name>bird</name></object></annotation>"
    )
    with pytest.raises(ParseError) as fault:
        list(PascalVOCObjectDetectionInput(tmp_path, "cat").get_labels())
    assert str(fault.value) == f"Could not parse XML file {tmp_path}/a.xml: Missing field 'bndbox' in XML."
    image = {"id": 1, "file_name": "a.png", "width": 9, "height": 9}
    box = {"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 1, 2, 2]}
    document = {"images": [image], "categories": [{"id": 1, "name": "cat"}], "annotations": [box]}
    (tmp_path / "coco.json").write_text(json.dumps(document))
    with pytest.raises(KeyError) as stranger:
        list(COCOObjectDetectionInput(tmp_path / "coco.json").get_labels())
    assert str(stranger.value) == "2"
    turned = '<box label="cat" xtl="1" ytl="1" xbr="3" ybr="3" rotation="45"/>'
    text = (
        "<annotations><meta><task><labels><label><name>cat</name></label></labels></task></meta>"
        f'<image id="0" name="a.png" width="9" height="9">{turned}<polygon/></image></annotations>'
    )
    (tmp_path / "cvat.xml").write_text(text)
    (label,) = CVATObjectDetectionInput(tmp_path / "cvat.xml").get_labels()
    assert [item.box.to_format(BoundingBoxFormat.XYXY) for item in label.objects] == [
        [1, 1, 3, 3]
    ]  # not turned
