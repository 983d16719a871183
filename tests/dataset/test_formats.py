"""What is not read is named: formats of labels, kinds of pictures, and labels that could be read in another way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.dataset.formats import READ_BY, detected_formats
from runner.domain.errors import FlywheelError
from runner.layouts import LAYOUTS
from runner.layouts.discover import discover
from runner.scaffold.survey import survey_dataset

JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x04ab....\xff\xd9"
VOC = "<annotation>\n<filename>a.jpg</filename><object><name>cat</name><bndbox/></object></annotation>"
FORMATS = {
    "Pascal VOC": ("a.xml", VOC),
    "CVAT XML": ("annotations.xml", '<?xml version="1.0"?><annotations><version>1.1</version><image id="0"/></annotations>'),
    "LabelMe": ("a.json", '{"version": "5", "shapes": [], "imagePath": "a.jpg"}'),
    "VIA (VGG Image Annotator)": ("via.json", '{"a.jpg1": {"filename": "a.jpg", "regions": [{"shape_attributes": {}}]}}'),
    "Label Studio JSON": ("project.json", '[{"id": 1, "annotations": [{"result": [{"from_name": "l", "to_name": "i"}]}]}]'),
    "CreateML": ("_annotations.createml.json", '[{"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": {}}]}]'),
    "FiftyOne": ("samples.json", '{"samples": [{"_id": {"$oid": "1"}}]}'),
    "CSV": ("train_labels.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,9,9,cat,1,1,2,2\n"),
    "Open Images CSV": ("boxes.csv", "ImageID,Source,LabelName,Confidence,XMin,XMax\n"),
    "TFRecord": ("train.tfrecord", "x"),
    "KITTI": ("a.txt", "Car 0.0 0 -1.5 1 2 3 4 1.5 1.6 3.7 1 1 1 0.1\n"),
    "DOTA": ("a.txt", "imagesource:GoogleEarth\ngsd:0.1\n1 2 3 4 5 6 7 8 ship 0\n"),
}  # fmt: skip


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - READ_BY.keys()))
@pytest.mark.parametrize("images", ["images/train", "JPEGImages"])
def test_a_format_that_is_not_read_is_named_and_nothing_else_is_advised(
    tmp_path: Path, name: str, images: str
) -> None:
    file, text = FORMATS[name]
    (tmp_path / images).mkdir(parents=True)
    (tmp_path / images / "a.jpg").write_bytes(JPEG)
    write(tmp_path, f"labelled/{file}", text)
    assert [found.name for found in detected_formats(tmp_path)] == [name]
    with pytest.raises(FlywheelError) as refused:
        survey_dataset(tmp_path, None)
    assert (
        f"{name} labels were found (1 file, the first is labelled/{file}), which are not read: "
        "export or convert them to YOLO or COCO"
    ) in refused.value.message
    assert "move the ones to use there" not in refused.value.message


@pytest.mark.parametrize("place", ["labels", "annotations", "."])
@pytest.mark.parametrize("name", READ_BY)
def test_a_format_that_is_read_is_not_named_as_one_that_is_not(tmp_path: Path, name: str, place: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(JPEG)
    file, text = FORMATS[name]
    write(tmp_path, f"{place}/{file}", text)
    assert LAYOUTS[READ_BY[name]].recognise(tmp_path, None) is not None
    assert not any("not read:" in problem for problem in discover(tmp_path).problems)


def test_a_format_that_is_read_for_another_task_is_named_with_its_layout(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(JPEG)
    write(tmp_path, "labels/a.xml", VOC)
    assert discover(tmp_path, "segment").problems[0] == (
        "Pascal VOC labels were found (1 file, the first is labels/a.xml), which --layout voc reads, for a task that it "
        "has labels for"
    )


def test_what_lies_where_coco_is_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(JPEG)
    write(tmp_path, "annotations/project.json", FORMATS["CreateML"][1])
    with pytest.raises(FlywheelError) as refused:
        survey_dataset(tmp_path, None)
    assert refused.value.message == "not a COCO annotation file: it is CreateML"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.HEIC", "1 HEIC file is not read (the first is images/train/a.HEIC): convert to JPEG or PNG"),
        ("a.gif", "1 GIF file is not read (the first is images/train/a.gif): convert to JPEG or PNG"),
        ("a.mp4", "1 video file is not read (the first is images/train/a.mp4): extract the frames as JPEG"),
    ],
)
def test_pictures_that_are_not_read_are_named(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "images" / "train").mkdir(parents=True)
    (tmp_path / "images" / "train" / name).write_bytes(b"x")
    write(tmp_path, "labels/train/a.txt", "0 0.5 0.5 0.1 0.1\n")
    assert discover(tmp_path).problems[0] == sentence


def test_outlines_that_are_adopted_as_boxes_are_said(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(JPEG)
    outline = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [1, 1, 4, 4],
        "segmentation": [[1, 1, 5, 1, 5, 5]],
    }
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [outline],
    }
    write(tmp_path, "annotations/a.json", json.dumps(content))
    sentence = "annotations/a.json holds outlines too: the boxes are read (task detect); to read the outlines: --task segment"
    assert sentence in discover(tmp_path).problems
    assert sentence not in discover(tmp_path, "segment").problems
    assert sentence not in discover(tmp_path, "detect").problems


QUAD = "0 0.3 0.3 0.6 0.3 0.6 0.6 0.3 0.6\n"
POSE = "0 0.5 0.5 0.3 0.3 0.4 0.4 2 0.6 0.6 1\n"


@pytest.mark.parametrize(
    ("lines", "task", "said"),
    [
        (QUAD, "obb", "every outline has four points, so they are read as rotated boxes (task obb); as outlines: --task segment"),
        ("0 0.5 0.5 0.1 0.1\n" * 3 + QUAD, "detect", "of some lines (1 of 4 looked at) that are outlines the bounding box is taken"),
        (POSE, "pose", None),
        ("0 0.1 0.1 0.5 0.1 0.5 0.5 0.2 0.6 0.1 0.3\n", "segment", None),
    ],
)  # fmt: skip
def test_labels_that_could_be_read_in_another_way_are_said(
    tmp_path: Path, lines: str, task: str, said: str | None
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(JPEG)
    write(tmp_path, "labels/a.txt", lines)
    write(tmp_path, "data.yaml", "names: [cat]\n")
    found = discover(tmp_path)
    assert found.task == task
    assert any(problem.startswith(said or "no split folders") for problem in found.problems)
    if task == "pose":
        with pytest.raises(FlywheelError) as refused:
            survey_dataset(tmp_path, None)
        assert "their lines look like boxes with 2 key points (x, y, visibility)" in refused.value.message
        assert (refused.value.hint or "").startswith(
            "say in data.yaml how many points it has, `kpt_shape: [2, 3]`"
        )


def test_pictures_of_masks_are_named(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").write_bytes(JPEG)
    assert discover(tmp_path).problems[0] == (
        "no labels were found, but pictures called as the images are, in masks/ (1): masks as pictures are not read; "
        "convert them to outlines (YOLO or COCO)"
    )


def test_labels_of_images_that_are_elsewhere_are_refused_with_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "other.jpg").write_bytes(JPEG)
    content = {
        "images": [{"id": 1, "file_name": "upload/3/a.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}],
    }
    write(tmp_path, "annotations/a.json", json.dumps(content))
    with pytest.raises(FlywheelError) as refused:
        survey_dataset(tmp_path, None)
    assert refused.value.message == (
        "none of the 1 images that the labels are about is there: annotations/a.json: 1 of 1 images are not in the "
        "dataset: 'upload/3/a.jpg'"
    )
