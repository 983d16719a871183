"""The splits that data.yaml names are used, wherever its paths were meant to lead from; else it is said why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.dataset.entries import LabelScheme, LayoutContent
from runner.layouts.yolo_files import read_yolo

SCHEME = LabelScheme(task="detect", classes=["cat"])


def dataset(folder: Path, *images: str, **texts: str) -> Path:
    """Empty images, and text files by their name with `__` for a dot."""
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def splits(found: LayoutContent) -> dict[str, str | None]:
    return {entry.path.rpartition("/")[2].partition(".")[0]: entry.split for entry in found.entries}


FLAT = ("images/a.jpg", "images/b.jpg", "images/c.jpg", "images/d.jpg")


@pytest.mark.parametrize(
    ("start", "path"),
    [
        ("./images/", "."),
        ("images/", ""),
        ("images\\", "../datasets/mine"),
        ("data/mine/images/", "/home/me/data/mine"),
        ("/home/me/data/mine/images/", ""),
        ("C:\\data\\images\\", ""),
        ("../mine/images/", ""),
    ],
)
def test_lists_of_images_are_the_splits(tmp_path: Path, start: str, path: str) -> None:
    dataset(
        tmp_path, *FLAT, data__yaml=f"path: '{path}'\ntrain: train.txt\nval: ./val.txt\ntest:\nnames: [cat]\n"
    )
    dataset(tmp_path, train__txt=f"{start}a.jpg\n\n{start}b.jpg\r\n", val__txt=f"\ufeff{start}c.jpg\n")
    found = read_yolo(tmp_path, SCHEME)
    assert splits(found) == {"a": "train", "b": "train", "c": "val", "d": None}
    assert (found.notes, found.empty_splits) == ([], {})


@pytest.mark.parametrize(
    "train",
    [
        "[images/siteA, images/siteB]",
        "[[images/siteA], [[images/siteB/]]]",
        "[../images/siteA, /home/me/data/images/siteB]",
        "images/site[AB]",
        "['images/siteA/*.jpg', images/siteB/b.jpg]",
    ],
)
def test_folders_patterns_and_lists_of_them_are_the_splits(tmp_path: Path, train: str) -> None:
    images = [f"images/site{name.upper()}/{name}.jpg" for name in "abcd"]
    dataset(tmp_path, *images, data__yaml=f"train: {train}\nvalidation: images/siteC\nnames: [cat]\n")
    found = read_yolo(tmp_path, SCHEME)
    assert splits(found) == {"a": "train", "b": "train", "c": "validation", "d": "siteD"}
    assert found.notes == []


def test_a_list_takes_the_other_images_of_its_folder_out(tmp_path: Path) -> None:
    images = ("images/train/a.jpg", "images/train/b.jpg", "images/val/c.jpg")
    dataset(
        tmp_path,
        *images,
        data__yaml="train: train.txt\nval: images/val\n",
        train__txt="./images/train/a.jpg\n",
    )
    assert splits(read_yolo(tmp_path, SCHEME)) == {"a": "train", "b": None, "c": "val"}


def test_a_folder_keeps_the_split_that_it_is_called_after_and_that_is_said(tmp_path: Path) -> None:
    images = ("images/train/a.jpg", "images/test/b.jpg")
    dataset(tmp_path, *images, data__yaml="train: images/train\nval: images/test\n")
    found = read_yolo(tmp_path, SCHEME)
    assert splits(found) == {"a": "train", "b": "test"}
    assert found.notes == [
        "data.yaml names the 1 images of test for val: they stay in test, as their folder is called"
    ]


def test_an_image_of_two_splits_is_judged_and_not_trained_on(tmp_path: Path) -> None:
    dataset(tmp_path, *FLAT, data__yaml="train: train.txt\ntest: test.txt\n")
    dataset(tmp_path, train__txt="images/a.jpg\nimages/b.jpg\n", test__txt="images/b.jpg\n")
    found = read_yolo(tmp_path, SCHEME)
    assert (splits(found)["a"], splits(found)["b"]) == ("train", "test")
    assert found.notes == [
        "data.yaml names 1 images for train and test (images/b.jpg): each is used for test only"
    ]


def test_images_that_a_list_misses_are_counted(tmp_path: Path) -> None:
    dataset(tmp_path, *FLAT, data__yaml="train: train.txt\n", train__txt="images/a.jpg\nimages/z.jpg\n")
    found = read_yolo(tmp_path, SCHEME)
    assert found.notes == [
        "data.yaml: 1 of 2 images listed for train are not there: train.txt:2: images/z.jpg"
    ]


@pytest.mark.parametrize("val", ["val.txt", "images/val", "../test/images", "[]x", "images/val*"])
def test_a_split_that_is_named_and_empty_is_told(tmp_path: Path, val: str) -> None:
    dataset(tmp_path, "images/train/a.jpg", data__yaml=f"train: images/train\nval: '{val}'\n")
    found = read_yolo(tmp_path, SCHEME)
    assert found.empty_splits == {"val": f"data.yaml names val: {val}, but no image is there"}


@pytest.mark.parametrize("val", ["", "null", "[]"])
def test_a_split_without_a_path_is_not_named(tmp_path: Path, val: str) -> None:
    dataset(tmp_path, "images/train/a.jpg", data__yaml=f"train: images/train\nval: {val}\n")
    assert read_yolo(tmp_path, SCHEME).empty_splits == {}


@pytest.mark.parametrize("folder", ["images/val", "valid/images"])
def test_a_folder_without_an_image_is_an_empty_split(tmp_path: Path, folder: str) -> None:
    dataset(tmp_path, "images/train/a.jpg", f"{folder}/b.heic")
    found = read_yolo(tmp_path, SCHEME)
    name = "val" if folder.endswith("val") else "valid"
    place = "images/val" if name == "val" else "valid"
    assert found.empty_splits == {name: f"the folder {place}/ holds no image that is read"}


def test_nothing_outside_the_dataset_is_followed(tmp_path: Path) -> None:
    dataset(tmp_path, "outside/images/z.jpg", "mine/images/a.jpg")
    (tmp_path / "outside" / "train.txt").write_text("images/a.jpg\n")
    dataset(tmp_path / "mine", data__yaml=f"train: {tmp_path}/outside/train.txt\nval: ../outside/train.txt\n")
    found = read_yolo(tmp_path / "mine", SCHEME)
    assert splits(found) == {"a": None}
    assert set(found.empty_splits) == {"train", "val"}


def test_a_label_file_of_two_images_is_a_problem_of_both(tmp_path: Path) -> None:
    dataset(tmp_path, "images/a.jpg", "images/a.png", "images/b.jpg", "labels/a.txt", "labels/b.txt")
    problem = (
        "labels/a.txt: it is the label file of 2 images, images/a.jpg and images/a.png: rename all but one"
    )
    found = read_yolo(tmp_path, SCHEME)
    assert [entry.label_problems for entry in found.entries] == [(problem,), (problem,), ()]


def test_labels_whose_names_differ_in_case_or_composition_are_told_apart(tmp_path: Path) -> None:
    dataset(tmp_path, "images/A.jpg", "images/e\u0301.jpg", "labels/a.txt", "labels/é.txt", "labels/z.txt")
    assert read_yolo(tmp_path, SCHEME).notes == [
        "the label file labels/z.txt has no image",
        "2 label files are not read, since their names differ from their images' in case or in how letters are "
        "composed: labels/a.txt and images/A.jpg",
    ]
