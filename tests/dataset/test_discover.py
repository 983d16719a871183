"""A folder is looked at before it is adopted: what it holds, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.domain.task import Keypoints
from runner.layouts.coco_files import coco_files
from runner.layouts.discover import FoundSplit, discover

SHARED = Path(__file__).parents[2].parent / "shared" / "datasets"
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x04ab....\xff\xd9"


def write(folder: Path, *files: str, **texts: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(
            JPEG if name.endswith("jpg") else b"0 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1\n"
        )
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_yolo_folder_is_summarised(tmp_path: Path) -> None:
    write(tmp_path, "images/train/a.jpg", "images/train/b.jpg", "images/val/c.jpg", "labels/train/a.txt")
    write(tmp_path, data__yaml="names: [cat, dog]\n", meta__csv="path,camera\n", other__csv="file\n")
    found = discover(tmp_path)
    assert (found.layout, found.arrangement) == ("yolo", "images/<split>/ with labels/<split>/")
    assert found.classes == ["cat", "dog"]
    assert found.splits == [
        FoundSplit(name="train", images=2, labelled=1, objects=2),
        FoundSplit(name="val", images=1, labelled=0, objects=0),
    ]
    assert (found.images, found.labelled, found.unlabelled, found.objects) == (3, 1, 2, 2)
    assert found.per_class == {"cat": 1, "dog": 1}
    assert found.metadata == {"meta.csv": ["path", "camera"]}
    assert found.problems == [
        "other.csv has no column `path` (relative to the dataset), so it is not used as metadata"
    ]


def test_roboflow_yolo_export_is_recognised(tmp_path: Path) -> None:
    write(tmp_path, "train/images/a.jpg", "train/labels/a.txt", "valid/images/b.jpg", "valid/labels/b.txt")
    found = discover(write(tmp_path, data__yaml="names: [cat, dog]\n"))
    assert found.arrangement == "<split>/images/ with <split>/labels/"
    assert [split.name for split in found.splits] == ["train", "valid"]
    assert found.problems == []


def test_roboflow_coco_export_is_recognised(tmp_path: Path) -> None:
    write(tmp_path, "train/a.jpg")
    (tmp_path / "train/_annotations.coco.json").write_text(
        json.dumps(
            {
                "images": [{"id": 0, "file_name": "a.jpg", "width": 8, "height": 8}],
                "categories": [
                    {"id": 0, "name": "pets", "supercategory": "none"},
                    {"id": 1, "name": "cat", "supercategory": "pets"},
                ],
                "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "bbox": [1, 1, 2, 2]}],
            }
        )
    )
    found = discover(tmp_path)
    assert (found.layout, found.classes, found.per_class) == ("coco", ["cat"], {"cat": 1})
    assert found.arrangement == "images listed in train/_annotations.coco.json"
    assert found.splits == [FoundSplit(name="train", images=1, labelled=1, objects=1)]
    assert found.problems == []


def test_classes_without_names_are_made_up_and_said_so(tmp_path: Path) -> None:
    found = discover(write(tmp_path, "images/a.jpg", "labels/a.txt"))
    assert found.classes == ["class_0", "class_1"]
    assert found.problems == [
        "no data.yaml with `names` and no classes.txt: the classes are called class_0, class_1, …; "
        "rename them in flywheel.yaml, in this order",
        "no split folders: choose splits by condition, such as group_fraction < 0.8",
    ]


def test_classes_txt_gives_names(tmp_path: Path) -> None:
    found = discover(write(tmp_path, "images/a.jpg", "labels/a.txt", classes__txt="cat\ndog\n"))
    assert found.classes == ["cat", "dog"]


def test_broken_files_and_labels_are_counted(tmp_path: Path) -> None:
    names = [f"images/train/{number}.jpg" for number in range(8)]
    write(tmp_path, *names, "labels/train/0.txt", data__yaml="names: [cat]\n")
    for name in names[:7]:
        (tmp_path / name).write_bytes(b"")
    found = discover(tmp_path)
    assert found.problems == [
        *(f"images/train/{number}.jpg: the file is empty" for number in range(5)),
        "and 2 more image files with problems",
        "labels/train/0.txt:2: class id 1, but there are 1 classes",
    ]


def test_labels_in_another_place_are_pointed_out(tmp_path: Path) -> None:
    write(tmp_path, "images/train/a.jpg", "boxes/labels/train/a.txt", data__yaml="names: [cat]\n")
    found = discover(tmp_path)
    assert (found.layout, found.labelled) == ("yolo", 0)
    assert found.problems == [
        "labels were found in boxes/labels/ (1), but are read from labels/ beside images/: "
        "move the ones to use there"
    ]


OUTLINE = "0 0.1 0.1 0.5 0.1 0.5 0.5\n"
CORNERS = "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n"
BOX = "0 0.5 0.5 0.1 0.1\n"


@pytest.mark.parametrize(
    ("lines", "yaml", "task"),
    [
        (BOX * 2, "", "detect"),
        (OUTLINE + CORNERS + BOX, "", "segment"),
        (OUTLINE + BOX, "", "detect"),
        (CORNERS * 2, "", "obb"),
        (CORNERS * 2 + BOX, "", "obb"),
        (CORNERS + BOX, "", "detect"),
        (BOX, "kpt_shape: [2, 3]\n", "pose"),
        ("", "", "detect"),
    ],
)
def test_the_task_is_told_by_the_lines_of_labels(tmp_path: Path, lines: str, yaml: str, task: str) -> None:
    write(tmp_path, "images/train/a.jpg", "labels/train/a.txt", data__yaml=f"names: [cat]\n{yaml}")
    (tmp_path / "labels/train/a.txt").write_text(lines)
    assert discover(tmp_path).task == task


def test_labels_of_several_tasks_are_told_and_chosen_between(tmp_path: Path) -> None:
    write(tmp_path, "images/train/a.jpg", "detect/labels/train/a.txt", "segment/labels/train/a.txt")
    (tmp_path / "segment/labels/train/a.txt").write_text(OUTLINE)
    write(tmp_path, data__yaml="names: [cat, dog]\n")
    found = discover(tmp_path)
    assert (found.task, found.objects) == ("detect", 2)
    assert found.problems == [
        "labels for several tasks were found (detect, segment): those for detect are read, --task chooses"
    ]
    found = discover(tmp_path, "segment")
    assert (found.task, found.objects, found.problems) == ("segment", 1, [])


def test_the_skeleton_comes_from_data_yaml(tmp_path: Path) -> None:
    write(tmp_path, "images/train/a.jpg", "labels/train/a.txt")
    write(tmp_path, data__yaml="names: [cat]\nkpt_shape: [3, 2]\nflip_idx: [0, 2, 1]\n")
    names = ["point_0", "point_1", "point_2"]
    assert discover(tmp_path).keypoints == Keypoints(names=names, flip=[0, 2, 1])


def test_the_skeleton_comes_from_coco_categories(tmp_path: Path) -> None:
    names = ["nose", "left_eye", "right_eye"]
    content = {
        "images": [{"id": 0, "file_name": "a.jpg"}],
        "categories": [{"id": 0, "name": "person", "keypoints": names}],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 0, "bbox": [1, 1, 2, 2], "keypoints": [1, 1, 2] * 3}
        ],
    }
    write(tmp_path, "images/a.jpg", "annotations/x")
    (tmp_path / "annotations/person_keypoints_train.json").write_text(json.dumps(content))
    found = discover(tmp_path)
    assert (found.layout, found.task, found.objects) == ("coco", "pose", 1)
    assert found.keypoints == Keypoints(names=names, flip=[0, 2, 1])


def test_a_folder_per_class_is_classification(tmp_path: Path) -> None:
    found = discover(write(tmp_path, "train/dog/a.jpg", "train/cat/b.jpg", "val/dog/c.jpg"))
    assert (found.layout, found.task, found.arrangement) == ("folders", "classify", "<split>/<class>/")
    assert (found.classes, found.per_class) == (["cat", "dog"], {"cat": 1, "dog": 2})
    assert [(split.name, split.labelled) for split in found.splits] == [("train", 2), ("val", 1)]
    assert found.problems == []


def test_label_files_without_images_are_pointed_out(tmp_path: Path) -> None:
    found = discover(write(tmp_path / "segment", "labels/train/a.txt"))
    assert found.problems == [
        "1 label files were found, but no image: adopt the folder that holds images/ too"
        " (labels may lie in segment/labels/ there: --task segment)"
    ]


def test_folder_one_level_too_high_is_pointed_out(tmp_path: Path) -> None:
    write(tmp_path, "set/images/train/a.jpg", "set/labels/train/a.txt", "set/classes.txt")
    found = discover(tmp_path)
    assert found.problems[-1] == (
        f"everything lies in set/, which is taken for a split: adopt {tmp_path.name}/set instead"
    )


def test_unknown_layout_says_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, "cats/a.jpg", "cats/a.txt", "dogs/b.jpg", "dogs/c.jpg")
    (tmp_path / "cats" / "a.txt").write_text("a cat on a mat\n")
    found = discover(tmp_path)
    assert (found.layout, found.images) == (None, 3)
    assert found.problems == [
        "3 images were found, in dogs/ (2), cats/ (1), but not with labels as a layout has them",
        "files named as images are, perhaps their labels, are in cats/ (1)",
    ]


def test_folder_without_images_is_said_to_be_so(tmp_path: Path) -> None:
    assert discover(tmp_path).problems == ["no image was found: JPEG, PNG, BMP, WebP or TIFF"]


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "pets.zip").write_bytes(b"PK")
    assert discover(tmp_path).problems == [
        "no image was found, but pets.zip: unpack it, and adopt the folder that it holds"
    ]


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as error:
        discover(tmp_path / "none")
    assert (
        str(error.value)
        == f"{tmp_path}/none: not a folder\n  hint: name the folder that holds images and labels"
    )


@pytest.mark.skipif(not (SHARED / "dice").is_dir(), reason="../shared/datasets/dice is not here")
def test_real_photographs_are_summarised() -> None:
    found = discover(SHARED / "dice")
    assert (found.layout, found.images, found.objects) == ("yolo", 250, 1795)
    assert found.problems == [
        "data.yaml names the 50 images of test for val: they stay in test, as their folder is called"
    ]
    assert found.classes == ["one", "two", "three", "four", "five", "six"]
    assert coco_files(SHARED / "dice") == ["coco_test.json", "coco_train.json"]  # of the same labels


@pytest.mark.skipif(not (SHARED / "coco_clean").is_dir(), reason="../shared/datasets/coco_clean is not here")
def test_real_outlines_are_summarised() -> None:
    found = discover(SHARED / "coco_clean", "segment")
    assert (found.layout, found.task, found.labelled, found.objects) == ("yolo", "segment", 53, 355)


@pytest.mark.skipif(
    not (SHARED / "sign_digits").is_dir(), reason="../shared/datasets/sign_digits is not here"
)
def test_real_class_folders_are_summarised() -> None:
    found = discover(SHARED / "sign_digits")
    assert (found.layout, found.task, found.images) == ("folders", "classify", 600)
    assert found.per_class == {str(digit): 60 for digit in range(10)}
