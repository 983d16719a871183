"""A folder per class: what is an image's class, what its split, and what is no class."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.dataset.entries import ImageEntry, LabelScheme
from runner.layouts.class_folders import folder_classes, read_folders

SCHEME = LabelScheme(task="classify", classes=["cat", "dog"])


def write(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return folder


def entries(folder: Path) -> dict[str, ImageEntry]:
    return {entry.path: entry for entry in read_folders(folder, SCHEME).entries}


def test_a_class_folder_gives_one_object_that_is_the_whole_image(tmp_path: Path) -> None:
    found = entries(write(tmp_path, "cat/a.jpg", "dog/deep/er/b.JPG"))
    assert [(entry.split, entry.labelled) for entry in found.values()] == [(None, True), (None, True)]
    (item,) = found["dog/deep/er/b.JPG"].objects
    assert (item.class_name, item.class_id, item.box_xyxy) == ("dog", 1, (0, 0, 1, 1))
    assert (item.normalised, item.place) == (True, "dog/deep/er/b.JPG")


def test_splits_lie_above_classes(tmp_path: Path) -> None:
    found = entries(write(tmp_path, "train/cat/a.jpg", "val/dog/b.jpg", "pool/c.jpg"))
    assert {path: (entry.split, entry.labelled) for path, entry in found.items()} == {
        "pool/c.jpg": ("pool", False),
        "train/cat/a.jpg": ("train", True),
        "val/dog/b.jpg": ("val", True),
    }


@pytest.mark.parametrize(
    ("folder", "split"), [("catt", None), ("train/catt", "train")], ids=["class", "split/class"]
)
def test_a_folder_that_is_no_class_is_a_label_problem(tmp_path: Path, folder: str, split: str | None) -> None:
    prefix = "train/" if split else ""
    found = entries(write(tmp_path, f"{prefix}cat/a.jpg", f"{prefix}dog/b.jpg", f"{folder}/c.jpg"))
    entry = found[f"{folder}/c.jpg"]
    assert (entry.split, entry.labelled, entry.objects) == (split, True, ())
    assert entry.label_problems == (
        f'{folder}/c.jpg: the folder "catt" is none of the project\'s classes; did you mean "cat"?',
    )


def test_an_image_in_no_folder_is_not_labelled(tmp_path: Path) -> None:
    assert not entries(write(tmp_path, "a.jpg", "cat/b.jpg"))["a.jpg"].labelled


@pytest.mark.parametrize(
    ("paths", "classes"),
    [
        (["dog/a.jpg", "cat/b.jpg"], ["cat", "dog"]),
        (["train/dog/a.jpg", "train/cat/b.jpg", "val/emu/c.jpg"], ["cat", "dog", "emu"]),
        (["train/dog/a.jpg", "train/cat/b.jpg", "unlabelled/c.jpg"], ["cat", "dog"]),
        (["dog/a.jpg", "b.jpg"], []),
        (["dog/a.jpg", "cat/b.jpg", "c.jpg"], []),
        ([*(f"dog/{n}.jpg" for n in range(9)), "cat/b.jpg", "c.jpg"], ["cat", "dog"]),
        (["train/a.jpg", "val/b.jpg"], []),
        (["cat/a.jpg"], []),
        ([], []),
    ],
)
def test_classes_are_told_by_folders(tmp_path: Path, paths: list[str], classes: list[str]) -> None:
    assert folder_classes(write(tmp_path, *paths)) == classes
