"""Every kind of fault that the files themselves show, planted in each layout: named with its file and line."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from runner.dataset.entries import LabelledObject, LabelScheme, LayoutContent
from runner.domain.errors import FlywheelError
from runner.domain.label_faults import FAULT_KINDS, FaultName, LabelFault, fault_of
from runner.domain.task import TaskName
from runner.layouts.class_folders import read_folders
from runner.layouts.coco_files import read_coco
from runner.layouts.yolo_files import read_yolo

CLASSES = ["cat", "dog"]
BOX = "0 0.5 0.5 0.2 0.2\n"


def scheme(task: TaskName = "detect", *, once: bool = False) -> LabelScheme:
    return LabelScheme(task=task, classes=CLASSES, once=once)


def write(folder: Path, files: Mapping[str, str | dict[str, Any]]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return folder


def coco(annotations: list[dict[str, Any]], *names: str) -> dict[str, Any]:
    images = [{"id": at, "file_name": name} for at, name in enumerate(names or ("x.jpg",), start=1)]
    categories = [{"id": 7, "name": "dog"}, {"id": 8, "name": "emu"}]
    listed = [{"id": at, "image_id": 1, "category_id": 7} | item for at, item in enumerate(annotations, 11)]
    return {"images": images, "categories": categories, "annotations": listed}


def faults(content: LayoutContent) -> list[tuple[str, str]]:
    """Kind and place of all that is wrong."""
    problems = [problem for entry in content.entries for problem in entry.label_problems]
    return [(fault.kind, fault.place) for fault in map(fault_of, [*problems, *content.faults])]


@pytest.mark.parametrize(
    ("task", "line", "kind"),
    [
        ("detect", "0 0.5 0.5 0.2", "malformed"),
        ("detect", "2 0.5 0.5 0.2 0.2", "unknown_class"),
        ("segment", "0 0.1 0.1 0.2 0.2", "short_polygon"),
        ("segment", "0 0.1 0.1", "short_polygon"),
        ("segment", "0 0.1 0.1 0.2 0.2 0.3", "malformed"),
        ("obb", "0 0.1 0.1 0.2 0.2", "malformed"),
    ],
)
def test_a_line_of_yolo(tmp_path: Path, task: TaskName, line: str, kind: str) -> None:
    write(tmp_path, {"images/x.jpg": "", "labels/x.txt": f"\n{line}\n"})
    assert faults(read_yolo(tmp_path, scheme(task))) == [(kind, "labels/x.txt:2")]


def test_labels_without_image_and_two_images_of_one_label_file(tmp_path: Path) -> None:
    write(tmp_path, {"images/x.jpg": "", "images/x.png": "", "labels/x.txt": BOX, "labels/y.txt": BOX})
    twice = ("image_twice", "labels/x.txt")
    assert faults(read_yolo(tmp_path, scheme())) == [twice, twice, ("no_image", "labels/y.txt")]


def test_a_label_file_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, {"images/x.jpg": ""})
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/x.txt").symlink_to(tmp_path / "nowhere")
    assert faults(read_yolo(tmp_path, scheme())) == [("unreadable", "labels/x.txt")]


def test_lines_of_lists_that_name_an_image_again_or_none(tmp_path: Path) -> None:
    lists = {
        "train.txt": "images/a.jpg\n\nimages/b.jpg\nimages/a.jpg\nimages/z.jpg\n",
        "test.txt": "images/b.jpg\n",
    }
    write(tmp_path, {"images/a.jpg": "", "images/b.jpg": "", **lists})
    write(tmp_path, {"data.yaml": "train: train.txt\ntest: test.txt\nnames: [cat, dog]\n"})
    found = read_yolo(tmp_path, scheme()).faults
    assert [str(fault) for fault in found] == [
        "train.txt:4: it names images/a.jpg again, as train.txt:1 does",
        "train.txt:3: it names images/b.jpg for train, which is in test",
        "train.txt:5: it names images/z.jpg, which is not in the dataset",
    ]
    assert [fault.kind for fault in found] == ["image_twice", "image_twice", "no_image"]


SQUARE, LINE = [1, 1, 5, 1, 5, 5, 1, 5], [1, 1, 5, 5]


@pytest.mark.parametrize(
    ("task", "annotation", "kind"),
    [
        ("detect", {"bbox": [1, 2, 3]}, "malformed"),
        ("detect", {"bbox": [1, 2, 3, 4], "category_id": 8}, "unknown_class"),
        ("detect", {"bbox": [1, 2, 3, 4], "category_id": 99}, "unknown_class"),
        ("segment", {"segmentation": [LINE]}, "short_polygon"),
        ("obb", {"segmentation": [LINE]}, "short_polygon"),
        ("segment", {"segmentation": {"size": [4, 4], "counts": [16]}}, "zero_area"),
        ("detect", {"bbox": [1, 2, 3, 4], "image_id": 5}, "no_image"),
    ],
)
def test_an_annotation_of_coco(tmp_path: Path, task: TaskName, annotation: dict[str, Any], kind: str) -> None:
    write(tmp_path, {"images/x.jpg": "", "annotations/a.json": coco([annotation])})
    assert faults(read_coco(tmp_path, scheme(task))) == [(kind, "annotations/a.json:1:131: annotation 11")]


def test_what_is_left_of_an_object_without_its_short_outline(tmp_path: Path) -> None:
    annotation = {"segmentation": [SQUARE, LINE], "iscrowd": 1}
    write(tmp_path, {"images/x.jpg": "", "annotations/a.json": coco([annotation])})
    (entry,) = read_coco(tmp_path, scheme("segment")).entries
    (rest,) = [fault_of(problem).rest for problem in entry.label_problems]
    assert isinstance(rest, LabelledObject)
    assert (rest.polygons, rest.class_name, rest.crowd, entry.objects) == ((tuple(SQUARE),), "dog", True, ())


def test_an_image_of_coco_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, {"images/x.jpg": "", "annotations/a.json": coco([], "x.jpg", "y.jpg", "../z.jpg")})
    found = read_coco(tmp_path, scheme()).faults
    assert [(fault.place, fault.image) for fault in found] == [
        ("annotations/a.json:1:79: image 3", ""),
        ("annotations/a.json:1:46: image 2", "images/a/y.jpg"),
    ]
    assert {fault.kind for fault in found} == {"no_image"}


BOXED = {"bbox": [1, 2, 3, 4]}


@pytest.mark.parametrize("again", ["x.jpg", "images/x.jpg"])
def test_an_image_that_a_coco_file_lists_twice_is_refused_or_its_first_entry_counts(
    tmp_path: Path, again: str
) -> None:
    second = BOXED | {"image_id": 2}
    write(tmp_path, {"images/x.jpg": "", "annotations/a.json": coco([BOXED, second], "x.jpg", again)})
    with pytest.raises(FlywheelError, match="twice"):
        read_coco(tmp_path, scheme())
    found = read_coco(tmp_path, scheme(once=True))
    (entry,) = found.entries
    assert [item.place for item in entry.objects] == ["annotations/a.json#11"]
    assert [str(fault) for fault in found.faults] == [
        "annotations/a.json:1:46: image 2: it is images/x.jpg, which it names already: its first entry counts"
    ]


def test_of_two_coco_files_the_one_that_is_judged_by_keeps_the_image(tmp_path: Path) -> None:
    files = {f"annotations/{name}.json": coco([BOXED]) for name in ("a_train", "test", "train")}
    write(tmp_path, {"images/x.jpg": "", **files})
    with pytest.raises(FlywheelError, match="does so too"):
        read_coco(tmp_path, scheme())
    found = read_coco(tmp_path, scheme(once=True))
    (entry,) = found.entries
    assert (entry.split, entry.objects[0].place) == ("test", "annotations/test.json#11")
    assert [str(fault) for fault in found.faults] == [
        "annotations/test.json:1:13: image 1: it is images/x.jpg, which annotations/a_train.json names too: annotations/test.json counts",
        "annotations/train.json:1:13: image 1: it is images/x.jpg, which annotations/test.json names too: annotations/test.json counts",
    ]


def test_a_folder_of_no_class(tmp_path: Path) -> None:
    write(tmp_path, {"cat/a.jpg": "", "dog/b.jpg": "", "emu/c.jpg": ""})
    assert faults(read_folders(tmp_path, scheme("classify"))) == [("unknown_class", "emu/c.jpg")]


def test_a_fault_is_its_text_wherever_it_is_sent() -> None:
    fault = LabelFault("outside", "labels/x.txt:3", "it reaches out", "images/x.jpg")
    assert fault == "labels/x.txt:3: it reaches out"
    again = pickle.loads(pickle.dumps(fault))  # noqa: S301 - our own bytes
    assert (again, again.kind, again.place, again.image) == (fault, "outside", fault.place, fault.image)
    assert fault_of("a.txt:1: not numbers").kind == "malformed"
    assert set(FAULT_KINDS) == set(get_args(FaultName))
    assert all("clip" not in kind.allows or kind.name == "outside" for kind in FAULT_KINDS.values())
