"""YOLO's labels beside their images: Darknet's way, with obj.data, lists, or folders of splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.layouts.discover import discover
from runner.scaffold.survey import survey_dataset

JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x04ab....\xff\xd9"
BOX = "0 0.5 0.5 0.1 0.1\n"


def write(folder: Path, images: tuple[str, ...], **texts: str) -> Path:
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG)
        (folder / name).with_suffix(".txt").write_text(BOX)
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_the_export_yolo_1_1_of_cvat_is_read_with_its_lists(tmp_path: Path) -> None:
    images = tuple(f"obj_train_data/{name}.jpg" for name in "abc")
    data = "classes = 2\ntrain = data/train.txt\nvalid = data/val.txt\nnames = data/obj.names\nbackup = backup/\n"
    train = "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\ndata/obj_train_data/lost.jpg\n"
    lists = {"train__txt": train, "val__txt": "data/obj_train_data/c.jpg\n"}
    survey = survey_dataset(write(tmp_path, images, obj__data=data, obj__names="cat\ndog\n", **lists), None)
    assert (survey.layout, survey.classes) == ("yolo", ["cat", "dog"])
    assert survey.arrangement == "text files beside their images"
    assert [(entry.path[15], entry.split, len(entry.objects)) for entry in survey.entries] == [
        ("a", "train", 1),
        ("b", "train", 1),
        ("c", "valid", 1),
    ]
    assert (
        "obj.data: 1 of 3 images listed for train are not there: train.txt:3: data/obj_train_data/lost.jpg"
        in survey.problems
    )


@pytest.mark.parametrize(
    ("images", "texts", "splits"),
    [
        (("train/a.jpg", "valid/b.jpg"), {}, ["train", "valid"]),  # Roboflow's Darknet export
        (("a.jpg", "b.jpg"), {"classes__txt": "cat\n"}, [None]),  # LabelImg
        (("a.jpg", "b.jpg"), {"train__txt": "a.jpg\n", "test__txt": "/home/me/b.jpg\n"}, ["test", "train"]),
        (("a.jpg", "b.jpg"), {"data__yaml": "train: train.txt\nnames: [cat]\n", "train__txt": "./a.jpg\n"}, [None, "train"]),
        (("pets/cats/a.jpg", "pets/dogs/b.jpg"), {}, [None]),
    ],
)  # fmt: skip
def test_splits_are_those_of_lists_or_of_folders_that_are_called_so(
    tmp_path: Path, images: tuple[str, ...], texts: dict[str, str], splits: list[str | None]
) -> None:
    found = discover(write(tmp_path, images, **texts))
    assert (found.layout, found.task, found.labelled, found.objects) == ("yolo", "detect", 2, 2)
    assert sorted((split.name for split in found.splits), key=str) == sorted(splits, key=str)


def test_images_without_a_text_file_are_not_labelled_and_texts_of_words_are_no_labels(tmp_path: Path) -> None:
    write(tmp_path, ("a.jpg", "b.jpg"))
    (tmp_path / "b.txt").unlink()
    found = discover(tmp_path)
    assert (found.labelled, found.unlabelled) == (1, 1)
    (tmp_path / "a.txt").write_text("a cat on a mat\n")
    assert discover(tmp_path).layout is None


def test_for_images_classes_it_is_said_that_they_are_labels_of_objects(tmp_path: Path) -> None:
    assert discover(write(tmp_path, ("a.jpg",)), "classify").problems[-1] == (
        "YOLO labels of objects lie beside their images in ./ (1), which another --task reads: detect, segment, pose or obb"
    )
