"""YOLO folders become image entries; what is wrong with a label line is said with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName
from runner.layouts.yolo_files import read_class_names, read_yolo

CLASSES = ["cat", "dog"]
SCHEME = LabelScheme(task="detect", classes=CLASSES)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def only_entry(folder: Path) -> ImageEntry:
    (entry,) = read_yolo(folder, SCHEME).entries
    return entry


def one_label(folder: Path, text: str) -> ImageEntry:
    return only_entry(write(folder, {"images/train/x.jpg": "", "labels/train/x.txt": text}))


@pytest.mark.parametrize(
    ("image", "label", "split"),
    [
        ("images/train/x.jpg", "labels/train/x.txt", "train"),
        ("images/train/deep/er/x.jpg", "labels/train/deep/er/x.txt", "train"),
        ("images/x.JPEG", "labels/x.txt", None),
        ("valid/images/x.png", "valid/labels/x.txt", "valid"),
    ],
)
def test_both_arrangements_are_read(tmp_path: Path, image: str, label: str, split: str | None) -> None:
    entry = only_entry(write(tmp_path, {image: "", label: "1 0.5 0.5 0.2 0.4\n"}))
    assert (entry.path, entry.split, entry.labelled) == (image, split, True)
    (found,) = entry.objects
    assert (found.place, found.class_name, found.class_id) == (f"{label}:1", "dog", 1)
    assert found.box_xyxy == pytest.approx((0.4, 0.3, 0.6, 0.7))


def test_image_without_label_file_is_not_labelled(tmp_path: Path) -> None:
    assert not only_entry(write(tmp_path, {"images/train/x.jpg": ""})).labelled


@pytest.mark.parametrize("text", ["", "\n", "  \n\n"])
def test_empty_label_file_means_no_objects(tmp_path: Path, text: str) -> None:
    entry = one_label(tmp_path, text)
    assert entry.labelled
    assert entry.objects == ()
    assert entry.label_problems == ()


def test_polygon_becomes_its_bounding_box(tmp_path: Path) -> None:
    entry = one_label(tmp_path, "0 0.1 0.2 0.5 0.1 0.3 0.9\n")
    assert entry.objects[0].box_xyxy == (0.1, 0.1, 0.5, 0.9)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("garbage", "not numbers: garbage"),
        ("0 0.5 0.5 0.2 \x00\x01", "not numbers: 0 0.5 0.5 0.2 ??"),
        ("0 0.5 0.5 0.2", "4 numbers; a box has 5 (class cx cy w h), a polygon an odd number from 7 on"),
        (
            "0 0.5 0.5 0.2 0.2 0.9",
            "6 numbers; a box has 5 (class cx cy w h), a polygon an odd number from 7 on",
        ),
        ("0 nan 0.5 0.2 0.2", "a number is not finite"),
        ("0 inf 0.5 0.2 0.2", "a number is not finite"),
        ("17 0.5 0.5 0.2 0.2", "class id 17, but there are 2 classes"),
        ("-1 0.5 0.5 0.2 0.2", "class id -1, but there are 2 classes"),
        ("0.5 0.5 0.5 0.2 0.2", "class id 0.5 is not a whole number"),
    ],
)
def test_bad_line_is_named_and_the_good_lines_are_kept(tmp_path: Path, line: str, problem: str) -> None:
    entry = one_label(tmp_path, f"0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.2\n{line}\n")
    assert entry.label_problems == (f"labels/train/x.txt:3: {problem}",)
    assert [item.class_name for item in entry.objects] == ["cat", "dog"]


def test_binary_label_file_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    write(tmp_path, {"images/train/x.jpg": "", "labels/train/x.txt": ""})
    (tmp_path / "labels/train/x.txt").write_bytes(bytes(range(256)))
    entry = only_entry(tmp_path)
    assert entry.objects == ()
    assert entry.label_problems


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    write(tmp_path, {"images/train/x.jpg": "", "labels/train/x.txt": ""})
    (tmp_path / "labels/train/x.txt").write_bytes(b"\xef\xbb\xbf0 0.5 0.5 0.2 0.2\r\n1 0.5 0.5 0.2 0.2\r\n")
    assert [item.class_name for item in only_entry(tmp_path).objects] == ["cat", "dog"]


@pytest.mark.parametrize("names", ["[dog, cat, bird]", "{0: dog, 1: cat, 2: bird}"])
def test_label_ids_count_in_the_order_of_data_yaml_and_classes_match_by_name(
    tmp_path: Path, names: str
) -> None:
    write(
        tmp_path,
        {
            "data.yaml": f"names: {names}\n",
            "images/x.jpg": "",
            "labels/x.txt": "0 0.5 0.5 0.2 0.2\n2 0.5 0.5 0.2 0.2\n3 0.5 0.5 0.2 0.2\n",
        },
    )
    entry = only_entry(tmp_path)
    assert [(item.class_name, item.class_id) for item in entry.objects] == [("dog", 1)]
    assert entry.label_problems == (
        'labels/x.txt:2: class id 2 is "bird", which is not one of the project\'s classes',
        "labels/x.txt:3: class id 3, but there are 3 classes",
    )


def test_label_files_without_image_are_noted(tmp_path: Path) -> None:
    write(tmp_path, {"images/a.jpg": "", "labels/b.txt": "", "labels/classes.txt": "cat\n"})
    assert read_yolo(tmp_path, SCHEME).notes == ["the label file labels/b.txt has no image"]


def test_hidden_files_and_other_kinds_are_no_images(tmp_path: Path) -> None:
    write(tmp_path, {"images/._a.jpg": "", "images/.b/c.jpg": "", "images/d.gif": "", "other/d.jpg": ""})
    assert read_yolo(tmp_path, SCHEME).entries == []


def test_file_name_with_control_characters_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"images/a\nb.jpg": ""})
    with pytest.raises(FlywheelError) as error:
        read_yolo(tmp_path, SCHEME)
    assert error.value.message == "a file's name holds control characters or is not UTF-8"


def test_data_yaml_that_does_not_parse_is_located(tmp_path: Path) -> None:
    write(tmp_path, {"data.yaml": "names: [a\nb: c\n"})
    with pytest.raises(FlywheelError) as error:
        read_class_names(tmp_path)
    assert str(error.value) == f"{tmp_path}/data.yaml:2:2: not valid YAML"


@pytest.mark.parametrize("names", ["cat", "{0: cat, 2: dog}"])
def test_names_of_another_shape_are_refused(tmp_path: Path, names: str) -> None:
    write(tmp_path, {"data.yaml": f"names: {names}\n"})
    with pytest.raises(FlywheelError) as error:
        read_class_names(tmp_path)
    assert (
        error.value.message == "`names` must be a list of class names, or a mapping from 0, 1, 2, … to them"
    )


def only_object(folder: Path, task: TaskName, line: str, keypoints: int = 0) -> LabelledObject | str:
    """What a line of a label file is for a task: its object, or its problem without the place."""
    write(folder, {"images/x.jpg": "", "labels/x.txt": f"{line}\n"})
    scheme = LabelScheme(task=task, classes=CLASSES, keypoints=keypoints)
    (entry,) = read_yolo(folder, scheme).entries
    if entry.label_problems:
        assert entry.objects == ()
        return entry.label_problems[0].removeprefix("labels/x.txt:1: ")
    return entry.objects[0]


def test_outlines_are_kept_for_segment(tmp_path: Path) -> None:
    found = only_object(tmp_path, "segment", "1 0.1 0.2 0.5 0.2 0.5 0.8")
    assert isinstance(found, LabelledObject)
    assert found.polygons == ((0.1, 0.2, 0.5, 0.2, 0.5, 0.8),)
    assert (found.box_xyxy, found.class_name, found.normalised) == ((0.1, 0.2, 0.5, 0.8), "dog", True)


def test_four_corners_are_kept_for_obb(tmp_path: Path) -> None:
    found = only_object(tmp_path, "obb", "0 0.5 0.1 0.9 0.5 0.5 0.9 0.1 0.5")
    assert isinstance(found, LabelledObject)
    assert found.corners == (0.5, 0.1, 0.9, 0.5, 0.5, 0.9, 0.1, 0.5)
    assert found.box_xyxy == (0.1, 0.1, 0.9, 0.9)


@pytest.mark.parametrize(
    ("rest", "keypoints"),
    [
        ("0.1 0.2 2 0.3 0.4 0", (0.1, 0.2, 2, 0.3, 0.4, 0)),
        ("0.1 0.2 0.3 0.4", (0.1, 0.2, 2, 0.3, 0.4, 2)),
        ("0.1 0.2 -0.3 0.4", (0.1, 0.2, 2, -0.3, 0.4, 0)),
    ],
)
def test_points_are_kept_for_pose_with_their_visibility(
    tmp_path: Path, rest: str, keypoints: tuple[float, ...]
) -> None:
    found = only_object(tmp_path, "pose", f"0 0.5 0.5 0.5 0.5 {rest}", keypoints=2)
    assert isinstance(found, LabelledObject)
    assert found.keypoints == keypoints
    assert found.box_xyxy == (0.25, 0.25, 0.75, 0.75)


@pytest.mark.parametrize(
    ("task", "line", "problem"),
    [
        ("segment", "0 0.5 0.5 0.5 0.5", "5 numbers: a box, or an outline of two points; task segment needs an odd number from 7 on (class x1 y1 x2 y2 …)"),
        ("segment", "0 0 0 1 1 0 1 1", "8 numbers: no outline; task segment needs an odd number from 7 on (class x1 y1 x2 y2 …)"),
        ("obb", "0 0.5 0.5 0.5 0.5", "5 numbers; task obb needs 9 (class x1 y1 x2 y2 x3 y3 x4 y4)"),
        ("pose", "0 0.5 0.5 0.5 0.5", "5 numbers; a box with 2 key points has 9 (class cx cy w h, then x y of each) or 11 (x y visibility of each)"),
        ("pose", "0 0.5 0.5 0.5 0.5 0.1 0.1 3 0.1 0.1 0", "visibility 3 is none of 0, 1, 2"),
    ],
)  # fmt: skip
def test_a_line_that_does_not_fit_the_task_is_a_label_problem(
    tmp_path: Path, task: TaskName, line: str, problem: str
) -> None:
    assert only_object(tmp_path, task, line, keypoints=2) == problem


def test_labels_of_one_task_of_several_are_read_from_its_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "images/train/x.jpg": "",
            "detect/labels/train/x.txt": "0 0.5 0.5 0.1 0.1\n",
            "segment/labels/train/x.txt": "1 0.1 0.1 0.5 0.1 0.5 0.5\n",
        },
    )
    for task, name in (("detect", "cat"), ("segment", "dog")):
        (entry,) = read_yolo(tmp_path, LabelScheme(task=task, classes=CLASSES)).entries  # type: ignore[arg-type]
        assert [item.class_name for item in entry.objects] == [name]
        assert entry.objects[0].place == f"{task}/labels/train/x.txt:1"
