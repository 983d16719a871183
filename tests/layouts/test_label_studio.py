"""Label Studio's exports: the annotation that counts, its regions in per cent, masks of its brush, choices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from without_lines import without_lines

from runner.dataset.entries import LabelScheme, LayoutContent
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName
from runner.layouts.brush_rle import brush_pixels
from runner.layouts.discover import discover
from runner.layouts.label_studio import LabelStudioLayout
from runner.scaffold.survey import survey_dataset

WIDTH, HEIGHT = 20, 10


def region(kind: str, labels: Sequence[str], name: str = "r1", **value: Any) -> dict[str, Any]:
    extra = {key: value.pop(key) for key in ("parentID", "image_rotation") if key in value}
    return {
        "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, "id": name, "type": f"{kind}labels",
        "from_name": "label", "to_name": "image", "value": {**value, f"{kind}labels": list(labels)}, **extra,
    }  # fmt: skip


def rectangle(label: str, x: float, y: float, width: float, height: float, **more: Any) -> dict[str, Any]:
    return region("rectangle", [label], x=x, y=y, width=width, height=height, **more)


def annotation(number: int, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": number, "completed_by": 1, "was_cancelled": False, "updated_at": f"2026-01-0{number}T00:00:00Z",
        "result": list(results), **more,
    }  # fmt: skip


def task(number: int, image: str, *annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    prediction = {"id": 9, "result": [rectangle("bird", 0, 0, 50, 50)]}
    return {
        "id": number, "annotations": list(annotations), "predictions": [prediction], "drafts": [],
        "data": {"image": image}, **more,
    }  # fmt: skip


def dataset(folder: Path, tasks: Any, *images: str, file: str = "export.json") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(json.dumps(tasks))
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / name)
    return folder


def read(
    folder: Path,
    name: str = "detect",
    *classes: str,
    keypoints: int = 0,
    layout: LabelStudioLayout | None = None,
) -> LayoutContent:
    scheme = LabelScheme(task=cast(TaskName, name), classes=classes or ("cat", "dog"), keypoints=keypoints)
    return (layout or LabelStudioLayout()).read(folder, scheme)


def packed(values: Sequence[int]) -> list[int]:
    """Values as rle-pack writes them: here runs of one width, and runs of different values of another."""
    bits = f"{len(values):032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}"
    at = 0
    while at < len(values):
        same = 1
        while at + same < len(values) and values[at + same] == values[at]:
            same += 1
        if same > 1:
            bits += f"1{3:02b}{same - 1:016b}{values[at]:08b}"
            at += same
        else:
            run = values[at : at + 3]
            bits += f"0{0:02b}{len(run) - 1:03b}" + "".join(f"{value:08b}" for value in run)
            at += len(run)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]


def brush(pixels: np.ndarray[Any, Any]) -> list[int]:
    alpha = (pixels * 255).astype(np.uint8)
    return packed(np.dstack([alpha // 2, alpha // 3, alpha // 5, alpha]).ravel().tolist())


def test_every_task_takes_the_regions_that_it_can(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    pixels[2:5, 3:5] = 1
    results = (
        rectangle("cat", 10, 20, 30, 40, rotation=0),
        rectangle("dog", 50, 50, 20, 20, rotation=90, name="r2"),
        region("polygon", ["dog"], "r3", points=[[5, 10], [25, 10], [25, 55]], closed=True),
        region("brush", ["cat"], "r4", format="rle", rle=brush(pixels)),
        {**region("", [], "r5", choices=["sunny"]), "type": "choices", "value": {"choices": ["sunny"]}},
    )
    dataset(tmp_path, [task(7, "/data/upload/1/1a2b3c4d-a.png", annotation(3, *results))], "images/a.png")
    (boxes,) = read(tmp_path).entries
    assert [item.box_xyxy for item in boxes.objects] == [
        (0.1, 0.2, 0.4, 0.6),
        pytest.approx((8, 5, 10, 9)),  # 4 × 2 px, turned around its upper left corner at 10, 5
        (0.05, 0.1, 0.25, 0.55),
        (3, 2, 5, 5),
    ]
    assert [item.normalised for item in boxes.objects] == [True, False, True, False]
    assert [item.place for item in boxes.objects] == [f"export.json#3/r{number}" for number in range(1, 5)]
    assert (boxes.path, boxes.declared_size) == ("images/a.png", (WIDTH, HEIGHT))
    (outlines,) = read(tmp_path, "segment").entries
    polygon, mask = outlines.objects
    assert polygon.polygons == ((0.05, 0.1, 0.25, 0.1, 0.25, 0.55),)
    assert mask.mask == (HEIGHT, WIDTH, (32, 3, 7, 3, 155))
    assert without_lines(outlines.label_problems) == (
        "export.json: annotation 3, region r1: a box; task segment needs an outline or a mask",
        "export.json: annotation 3, region r2: a rotated box; task segment needs an outline or a mask",
    )
    upright, turned = read(tmp_path, "obb").entries[0].objects
    assert upright.corners == (0.1, 0.2, 0.4, 0.2, 0.4, 0.6, 0.1, 0.6)
    assert turned.corners == pytest.approx((10, 5, 10, 9, 8, 9, 8, 5))
    (chosen,) = read(tmp_path, "classify", "rainy", "sunny").entries
    assert [(item.class_name, item.box_xyxy) for item in chosen.objects] == [("sunny", (0, 0, 1, 1))]


def test_a_brush_is_decoded_bit_by_bit() -> None:
    random = np.random.default_rng(0)
    pixels = (random.random((7, 5)) < 0.5).astype(np.uint8)
    assert np.array_equal(brush_pixels(brush(pixels), 7, 5), pixels.astype(bool))
    stream = brush(pixels)
    assert brush_pixels(stream, 7, 6) == "rle holds 35 pixels, not the 7 × 6 of the image"
    assert "of 140 values" in cast(str, brush_pixels(stream[:-9], 7, 5))
    assert brush_pixels([1, 999], 7, 5) == "rle is not a list of bytes"


def test_the_last_updated_annotation_counts_and_cancelled_ones_are_dropped(tmp_path: Path) -> None:
    old, new = annotation(2, rectangle("cat", 0, 0, 10, 10)), annotation(1, rectangle("dog", 0, 0, 10, 10))
    new["updated_at"] = "2026-02-01T00:00:00.000+02:00"
    skipped = annotation(9, rectangle("cat", 0, 0, 10, 10), was_cancelled=True)
    tasks = [
        task(1, "a.png", new, old, skipped),
        task(2, "b.png", skipped),
        task(3, "c.png"),
        task(4, "d.png", annotation(5)),
    ]
    content = read(dataset(tmp_path, tasks, "a.png", "b.png", "c.png", "d.png"))
    assert [(entry.labelled, [item.class_name for item in entry.objects]) for entry in content.entries] == [
        (True, ["dog"]),
        (False, []),
        (False, []),
        (True, []),
    ]
    assert content.notes == [
        "export.json: 1 task has several annotations, of which the last updated counts: of task 1 1, not 2",
        "export.json: 2 cancelled annotations are dropped",
    ]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/data/upload/3/1a2b3c4d-x%20y.png", "images/x y.png"),
        ("/data/local-files/?d=pets%2Fimages%2Fx%20y.png", "images/x y.png"),
        ("s3://bucket/pets/x y.png", "images/x y.png"),
        ("https://host/x%20y.png?token=1", "images/x y.png"),
        ("images/x y.png", "images/x y.png"),
        ("../../other.png", None),
        ("http://[::1/other.png", None),
    ],
)
def test_images_are_found_wherever_they_were(tmp_path: Path, written: str, path: str | None) -> None:
    tasks = [task(1, written, annotation(1, rectangle("cat", 0, 0, 10, 10)))]
    content = read(dataset(tmp_path, tasks, "images/x y.png", "more/z.png"))
    assert [entry.path for entry in content.entries if entry.objects] == ([path] if path else [])
    said = [f"export.json: task 1: {written}: not in the dataset, as 1 of the 1 images of export.json"]
    assert list(without_lines(content.notes)) == ([] if path else said)


FAULTS = {
    "unknown class": (
        rectangle("bird", 0, 0, 9, 9),
        '"bird" is not one of the project\'s classes; classes: cat, dog',
    ),
    "no class": (region("rectangle", [], x=0, y=0, width=9, height=9), "no class is named"),
    "two classes": (region("rectangle", ["cat", "dog"], x=0, y=0, width=9, height=9), "2 classes: cat, dog"),
    "missing": (region("rectangle", ["cat"], x=0, y=0, width=9), "height is missing"),
    "no number": (region("rectangle", ["cat"], x="0", y=0, width=9, height=9), "x is no number"),
    "two points": (
        region("polygon", ["cat"], points=[[1, 1], [2, 2]]),
        "a polygon of 2 points: it has at least 3",
    ),
    "no pair": (region("polygon", ["cat"], points=[[1, 1, 1]]), "a point is not [x, y]"),
    "open": (region("polygon", ["cat"], points=[[1, 1]] * 3, closed=False), "a polygon that is not closed"),
    "no mask": (region("brush", ["cat"], format="rle"), "a mask without rle"),
    "ellipse": (
        region("ellipse", ["cat"], x=1, y=1),
        "an ellipse is not read: draw it as a polygon or with the brush",
    ),
    "turned": (
        rectangle("cat", 0, 0, 9, 9, image_rotation=90),
        "drawn on the image turned by 90°, which is not read: turn it back in Label Studio",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_annotation_and_the_rest_is_read(tmp_path: Path, fault: str) -> None:
    written, said = FAULTS[fault]
    tasks = [
        task(1, "a.png", annotation(4, written, rectangle("dog", 0, 0, 9, 9, name="r2"))),
        task(2, "b.png", annotation(5, rectangle("cat", 0, 0, 9, 9))),
    ]
    first, second = read(dataset(tmp_path, tasks, "a.png", "b.png")).entries
    assert first.label_problems == (f"export.json:1:130: annotation 4, region r1: {said}",)
    assert [item.place for item in first.objects] == ["export.json#4/r2"]
    assert (len(second.objects), second.label_problems) == (1, ())


def test_shapes_and_labels_of_two_tags_are_one_region_and_texts_are_counted(tmp_path: Path) -> None:
    shape = {**rectangle("cat", 0, 0, 50, 50), "type": "rectangle"}
    del shape["value"]["rectanglelabels"]
    label = {"id": "r1", "type": "labels", "from_name": "l", "to_name": "i", "value": {"labels": ["dog"]}}
    text = {"id": "t1", "type": "textarea", "from_name": "t", "to_name": "i", "value": {"text": ["blurred"]}}
    tasks = [task(1, "a.png", annotation(1, shape, label, text)), task(2, "a.png", annotation(2, shape))]
    content = read(dataset(tmp_path, [*tasks, "no task"], "a.png"))
    (entry,) = content.entries
    assert [(item.class_name, item.box_xyxy) for item in entry.objects] == [("dog", (0, 0, 0.5, 0.5))]
    assert without_lines(entry.label_problems) == (
        "export.json: task 2: it is about a.png, as export.json: task 1 is, whose labels count",
    )
    assert list(without_lines(content.notes)) == [
        'export.json: tasks[2]: not a task: "no task"',
        "export.json: results that are no shapes are not read: 1 textarea",
    ]


def test_json_min_is_read_where_it_says_enough(tmp_path: Path) -> None:
    drawn = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["cat"]}
    sized = {**drawn, "original_width": WIDTH, "original_height": HEIGHT}
    row = {"image": "/data/upload/1/1a2b3c4d-a.png", "id": 1, "annotator": 1, "lead_time": 2.0}
    rows = [
        {**row, "annotation_id": 5, "label": [sized], "updated_at": "2026-01-01T00:00:00Z"},
        {**row, "annotation_id": 6, "label": [sized, sized], "updated_at": "2026-01-02T00:00:00Z"},
    ]
    content = read(dataset(tmp_path / "boxes", rows, "a.png"))
    (entry,) = content.entries
    assert [(item.place, item.box_xyxy) for item in entry.objects] == [
        ("export.json#6/label[0]", (0.1, 0.2, 0.4, 0.6)),
        ("export.json#6/label[1]", (0.1, 0.2, 0.4, 0.6)),
    ]
    assert "of task 1 6, not 5" in content.notes[0]
    chosen = [{**row, "annotation_id": 5, "choice": "dog"}]
    found = discover(dataset(tmp_path / "choices", chosen, "a.png"))
    assert (found.layout, found.task, found.classes, found.objects) == (
        "label-studio",
        "classify",
        ["dog"],
        1,
    )


def test_key_points_belong_to_the_box_that_they_lie_in(tmp_path: Path) -> None:
    results = (
        rectangle("cat", 10, 20, 30, 40),
        region("keypoint", ["right_eye"], "k1", x=20, y=30, width=1, parentID="r1"),
        region("keypoint", ["left_eye"], "k2", x=30, y=40, width=1, parentID="r1"),
        region("keypoint", ["left_eye"], "k3", x=30, y=40, width=1),
        rectangle("cat", 0, 0, 5, 5, name="r2"),
    )
    dataset(tmp_path, [task(1, "a.png", annotation(1, *results))], "a.png")
    survey = survey_dataset(tmp_path, None)
    assert survey.layout == LabelStudioLayout(keypoints=["left_eye", "right_eye"])
    assert survey.keypoints is not None
    assert survey.keypoints.flip == [1, 0]
    (entry,) = survey.entries
    assert [(item.box_xyxy, item.keypoints) for item in entry.objects] == [
        ((0.1, 0.2, 0.4, 0.6), (0.3, 0.4, 2, 0.2, 0.3, 2)),
        ((0, 0, 0.05, 0.05), (0,) * 6),
    ]
    assert without_lines(entry.label_problems) == (
        "export.json: annotation 1, region k3: a key point that belongs to no box",
    )
    other = LabelStudioLayout(keypoints=["right_eye", "left_eye"])
    (entry,) = read(tmp_path, "pose", "cat", keypoints=2, layout=other).entries
    assert entry.objects[0].keypoints == (0.2, 0.3, 2, 0.3, 0.4, 2)


def test_the_key_of_the_image_is_named_where_there_are_several(tmp_path: Path) -> None:
    first = task(1, "", annotation(1, rectangle("cat", 0, 0, 9, 9)), data={"left": "a.png", "right": "b.png"})
    content = read(dataset(tmp_path, [first], "a.png", "b.png"))
    assert list(without_lines(content.notes)) == [
        "export.json: task 1: which of its data is the image is not known (left, right): layout.image names it"
    ]
    content = read(tmp_path, layout=LabelStudioLayout(image="right"))
    assert [len(entry.objects) for entry in content.entries] == [0, 1]


def test_an_export_that_is_no_json_is_refused_with_its_line(tmp_path: Path) -> None:
    dataset(tmp_path, [task(1, "a.png", annotation(1))], "a.png")
    (tmp_path / "export.json").write_text('[{"annotations": [],\n "completed_by": 1, "result": }]')
    with pytest.raises(FlywheelError) as refused:
        read(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path}/export.json:2:31: not valid JSON: Expecting value\n"
        "  hint: export it again, or move it out of the dataset folder"
    )
    with pytest.raises(FlywheelError, match="file not found"):
        read(tmp_path, layout=LabelStudioLayout(annotations=["none.json"]))
