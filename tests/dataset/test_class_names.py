"""Class names are the text that is written, and match by what can be seen of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.dataset.class_names import class_problem
from runner.dataset.entries import LabelScheme
from runner.domain.errors import FlywheelError
from runner.layouts.class_folders import read_folders
from runner.layouts.discover import discover
from runner.layouts.yolo_files import data_yaml, listed_names, read_class_names, read_yolo


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [yes, no, on, off, null, ~, true]", ["yes", "no", "on", "off", "null", "~", "true"]),
        ("names: {0: on, 1: null}", ["on", "null"]),
        ('names: {"0": cat, "1": dog}', ["cat", "dog"]),
        ("names:\n  1: dog\n  0: cat\n", ["cat", "dog"]),
        (
            "names: [00007, 7e2, 1e3, 0x1F, 1_000, .inf, 1:30]",
            ["00007", "7e2", "1e3", "0x1F", "1_000", ".inf", "1:30"],
        ),
        ("names: ['traffic\u00a0light', 'cafe\u0301', ' dog\t']", ["traffic light", "café", "dog"]),
        ("\ufeffnames: [cat]", ["cat"]),
    ],
)
def test_names_are_the_text_that_data_yaml_writes(tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "data.yaml").write_text(text)
    assert read_class_names(tmp_path) == names


def test_a_windows_data_yaml_in_utf16_is_read_and_latin_1_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_bytes("names: [café]".encode("utf-16"))
    assert read_class_names(tmp_path) == ["café"]
    (tmp_path / "data.yaml").write_bytes("names: [café]".encode("latin-1"))
    with pytest.raises(FlywheelError) as refused:
        read_class_names(tmp_path)
    assert refused.value.message == "not valid YAML: it is not UTF-8 text"


@pytest.mark.parametrize("names", ["[[cat]]", "[{a: b}]", "{zero: cat}"])
def test_names_of_other_shapes_are_refused(tmp_path: Path, names: str) -> None:
    (tmp_path / "data.yaml").write_text(f"names: {names}\n")
    with pytest.raises(FlywheelError, match="must be a list of class names"):
        read_class_names(tmp_path)


def test_a_data_yaml_of_another_name_is_found_by_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "license.yaml").write_text("mit\n")
    (tmp_path / "animals.yaml").write_text("nc: 1\nnames: [cat]\n")
    assert data_yaml(tmp_path) == tmp_path / "animals.yaml"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_of_names_is_read_in_notepads_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "classes.txt").write_bytes("cat\r\ndög\r\n\r\n".encode(encoding))
    assert listed_names(tmp_path / "classes.txt") == ["cat", "dög"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["cat", "dog", "cat"], "'cat' is there twice, as class 0 and as class 2"),
        (["Cat", "cat"], "'Cat' and 'cat' (classes 0 and 1) differ in case only: conditions could not tell their columns apart"),
        (["cat", "", "dog"], "class 1 has no name"),
        (["cat", "x" * 81], f"class 1, '{'x' * 40}'…, has 81 characters; 80 are accepted"),
        (["a\x07b"], "class 0, 'a\\x07b', holds the control character U+0007"),
        (["cat", "x" * 80, "é"], None),
    ],
)  # fmt: skip
def test_names_that_cannot_be_classes_are_told_by_number(names: list[str], problem: str | None) -> None:
    assert class_problem(names) == problem


def test_a_name_matches_however_its_letters_are_composed(tmp_path: Path) -> None:
    for part in ("images", "labels", "cafe\u0301", "tea"):
        (tmp_path / part).mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"")
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "data.yaml").write_text("names: ['cafe\u0301']\n")
    scheme = LabelScheme(task="detect", classes=["tea", "café"])
    (entry,) = read_yolo(tmp_path, scheme).entries
    assert [(item.class_name, item.class_id) for item in entry.objects] == [("café", 1)]
    (tmp_path / "cafe\u0301" / "b.jpg").write_bytes(b"")
    (tmp_path / "tea" / "c.jpg").write_bytes(b"")
    found = read_folders(tmp_path, LabelScheme(task="classify", classes=["tea", "café"])).entries
    assert [item.class_name for entry in found for item in entry.objects] == ["café", "tea"]


def place(folder: Path, *images: str) -> Path:
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x04ab....\xff\xd9")
    return folder


def test_folders_at_several_depths_are_not_taken_for_classes(tmp_path: Path) -> None:
    place(tmp_path / "signs", "Dataset/0/a.jpg", "Dataset/1/b.jpg", "Dataset/2/c.jpg", "Examples/d.jpg")
    found = discover(tmp_path / "signs")
    assert found.layout is None
    assert found.problems[-1] == (
        "Dataset/ holds 3 folders of images (0, 1, 2, …), but the images of Examples/ lie in it directly: adopt "
        "signs/Dataset, if its folders are the classes, or take the outer folders for the classes: --task classify"
    )
    assert discover(tmp_path / "signs" / "Dataset").classes == ["0", "1", "2"]
    assert discover(tmp_path / "signs", "classify").classes == ["Dataset", "Examples"]


def test_folders_that_hold_the_same_folders_are_not_taken_for_classes(tmp_path: Path) -> None:
    place(tmp_path, "fold1/cat/a.jpg", "fold1/dog/b.jpg", "fold2/cat/c.jpg", "fold2/dog/d.jpg")
    assert (
        discover(tmp_path)
        .problems[-1]
        .startswith(
            "fold1/ holds 2 folders of images (cat, dog, …), and fold2/ holds the same: call such folders train, val and test"
        )
    )


def test_a_stray_folder_beside_splits_is_no_class(tmp_path: Path) -> None:
    images = [
        f"{split}/{name}/{at}.jpg"
        for split in ("train", "test")
        for name in ("00007", "7e2")
        for at in range(9)
    ]
    found = discover(place(tmp_path, *images, "Examples/x.jpg"))
    assert (found.layout, found.classes) == ("folders", ["00007", "7e2"])
    assert [(split.name, split.labelled) for split in found.splits] == [
        ("Examples", 0),
        ("test", 18),
        ("train", 18),
    ]


def test_breeds_below_a_class_belong_to_it(tmp_path: Path) -> None:
    found = discover(place(tmp_path, "cat/siamese/a.jpg", "cat/persian/b.jpg", "dog/poodle/c.jpg"))
    assert found.per_class == {"cat": 2, "dog": 1}


def test_class_folders_far_below_are_pointed_to(tmp_path: Path) -> None:
    place(tmp_path / "signs", "Final/Images/00000/a.jpg", "Final/Images/00001/b.jpg")
    assert discover(tmp_path / "signs").problems[-1] == (
        "all images lie below Final/Images/: adopt signs/Final/Images instead"
    )
    assert discover(tmp_path / "signs" / "Final" / "Images").classes == ["00000", "00001"]


def test_names_come_from_label_studios_notes(tmp_path: Path) -> None:
    place(tmp_path, "images/a.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    (tmp_path / "notes.json").write_text(
        '{"categories": [{"id": 1, "name": "dog"}, {"id": 0, "name": "cat"}]}'
    )
    assert discover(tmp_path).classes == ["cat", "dog"]
