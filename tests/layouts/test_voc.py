"""Pascal VOC: an XML file per image; corners count pixels from 1 on; lists in ImageSets/Main are the splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from runner.dataset.entries import LabelScheme, LayoutContent
from runner.layouts.discover import discover
from runner.layouts.voc import VocLayout
from runner.scaffold.survey import survey_dataset

SCHEME = LabelScheme(task="detect", classes=["cat", "dog"])


def xml(name: str, *objects: str, size: str = "<size><width>20</width><height>10</height></size>") -> str:
    return f"<annotation>\n<filename>{name}</filename>\n{size}\n" + "\n".join(objects) + "\n</annotation>\n"


def box(name: str, *sides: object, more: str = "") -> str:
    tags = ("xmin", "ymin", "xmax", "ymax")
    written = "".join(f"<{tag}>{side}</{tag}>" for tag, side in zip(tags, sides, strict=False))
    return f"<object><name>{name}</name>{more}<bndbox>{written}</bndbox></object>"


def dataset(folder: Path, files: dict[str, str], *images: str) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(folder / name)
    return folder


def read(folder: Path, layout: VocLayout | None = None) -> LayoutContent:
    return (layout or VocLayout()).read(folder, SCHEME)


def test_corners_count_from_one_and_the_last_pixel_is_in_the_box(tmp_path: Path) -> None:
    text = xml("a.jpg", box("cat", 1, 1, 20, 10), box("dog", 3.5, 2, 4, 3, more="<part><bndbox/></part>"))
    dataset(tmp_path, {"Annotations/a.xml": text}, "JPEGImages/a.jpg")
    (entry,) = read(tmp_path).entries
    assert [item.box_xyxy for item in entry.objects] == [(0, 0, 20, 10), (2.5, 1, 4, 3)]
    assert [item.place for item in entry.objects] == ["Annotations/a.xml:4", "Annotations/a.xml:5"]
    assert (entry.path, entry.labelled, entry.declared_size) == ("JPEGImages/a.jpg", True, (20, 10))
    (entry,) = read(tmp_path, VocLayout(corners="zero-based")).entries
    assert [item.box_xyxy for item in entry.objects] == [(1, 1, 20, 10), (3.5, 2, 4, 3)]


def test_flags_are_kept_and_difficult_objects_are_said(tmp_path: Path) -> None:
    flags = "<difficult>1</difficult><truncated>1</truncated><occluded>0</occluded>"
    text = xml("a.jpg", box("cat", 1, 1, 5, 5, more=flags), box("cat", 2, 2, 6, 6))
    content = read(dataset(tmp_path, {"Annotations/a.xml": text}, "JPEGImages/a.jpg"))
    first, second = content.entries[0].objects
    assert (first.difficult, first.truncated, first.occluded) == (True, True, False)
    assert (second.difficult, second.truncated) == (False, False)
    assert content.notes == [
        "1 of 2 objects are marked difficult: they are trained on and judged as any other"
    ]


def test_lists_are_the_splits(tmp_path: Path) -> None:
    sets = "ImageSets/Main"
    files = {f"Annotations/{name}.xml": xml(f"{name}.jpg", box("cat", 1, 1, 5, 5)) for name in "abcd"}
    files |= {
        f"{sets}/train.txt": "a\nb\nlost\n",
        f"{sets}/val.txt": "b\n",
        f"{sets}/trainval.txt": "a\nb\nc\n",
    }
    files |= {f"{sets}/cat_train.txt": "d  1\n", f"{sets}/test.txt": "elsewhere\n"}
    content = read(dataset(tmp_path, files, *(f"JPEGImages/{name}.jpg" for name in "abcd")))
    assert {entry.path[11]: entry.split for entry in content.entries} == {
        "a": "train", "b": "val", "c": "trainval", "d": None,
    }  # fmt: skip
    assert content.empty_splits == {"test": "ImageSets/Main/test.txt names 1 images, but none is there"}
    assert content.notes == [
        "ImageSets/Main/train.txt:3: 1 of 3 images are not there: lost",
        "ImageSets/Main names 1 images for several splits: each is used for the last of train, val, test: "
        "ImageSets/Main/train.txt:2: it names b for train, which is in val",
    ]


FAULTS = {
    "unknown class": (box("bird", 1, 1, 5, 5), 'a.xml:4: "bird" is not one of the project\'s classes; classes: cat, dog'),
    "no class": (box("", 1, 1, 5, 5), "a.xml:4: no class is named"),
    "no box": ("<object><name>cat</name></object>", "a.xml:4: no <bndbox>"),
    "rotated": ("<object><name>cat</name>\n<robndbox/></object>", "a.xml:4: no <bndbox>, but <robndbox>, which is not read"),
    "missing side": (box("cat", 1, 1, 5), "a.xml:4: <ymax> is missing"),
    "no number": (box("cat", 1, "\nx", 5, 5), "a.xml:4: <ymin> is no number: 'x'"),
    "infinite": (box("cat", 1, 1, "1e999", 5), "a.xml:4: <xmax> is no number: '1e999'"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_line_and_the_rest_is_read(tmp_path: Path, fault: str) -> None:
    written, said = FAULTS[fault]
    text = xml("a.jpg", written, box("dog", 1, 1, 5, 5))
    files = {"Annotations/a.xml": text, "Annotations/b.xml": xml("b.jpg", box("cat", 2, 2, 4, 4))}
    first, second = read(dataset(tmp_path, files, "JPEGImages/a.jpg", "JPEGImages/b.jpg")).entries
    assert first.label_problems == (f"Annotations/{said}",)
    assert [item.class_name for item in first.objects] == ["dog"]
    assert (len(second.objects), second.label_problems) == (1, ())


def test_a_file_that_is_no_xml_is_a_problem_of_its_image_only(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]>\n<annotation>&b;</annotation>'
    files = {"Annotations/a.xml": "<annotation>\n<object>", "Annotations/b.xml": bomb}
    files |= {"Annotations/c.xml": "<annotation>" * 60, "Annotations/d.xml": "<other/>"}
    files |= {"Annotations/e.xml": xml("e.jpg", box("cat", 1, 1, 5, 5))}
    entries = read(dataset(tmp_path, files, *(f"JPEGImages/{name}.jpg" for name in "abcde"))).entries
    assert [entry.label_problems for entry in entries] == [
        ("Annotations/a.xml:2: not valid XML: no element found",),
        ("Annotations/b.xml:1: entities are not read",),
        ("Annotations/c.xml:1: elements are nested deeper than 50",),
        ("Annotations/d.xml:1: the root is <other>, not <annotation>",),
        (),
    ]


def test_labels_without_image_and_an_image_named_twice_are_named(tmp_path: Path) -> None:
    files = {
        "Annotations/a.xml": xml("a.jpg", box("cat", 1, 1, 5, 5)),
        "Annotations/b.xml": xml("a.jpg", box("dog", 1, 1, 5, 5)),
        "Annotations/lost.xml": xml("lost.png", box("dog", 1, 1, 5, 5)),
        "Annotations/moved.xml": xml("before.jpg", box("cat", 1, 1, 5, 5)),
    }
    content = read(dataset(tmp_path, files, "JPEGImages/a.jpg", "JPEGImages/moved.jpg"))
    assert [entry.path for entry in content.entries] == [
        "JPEGImages/a.jpg",
        "JPEGImages/lost.png",
        "JPEGImages/moved.jpg",
    ]
    assert content.entries[0].label_problems == (
        "Annotations/b.xml: it is about JPEGImages/a.jpg, as Annotations/a.xml is, whose labels count",
    )
    assert content.notes == [
        "1 XML file has no image: Annotations/lost.xml:2: 'lost.png' is not in the dataset",
        "1 XML file names another image than the one called as the file is, which is taken: "
        "Annotations/moved.xml:2: before.jpg",
    ]


def test_of_two_images_of_one_stem_the_one_that_is_named_is_meant(tmp_path: Path) -> None:
    text = xml("a.png", box("cat", 1, 1, 5, 5))
    files = {"Annotations/a.xml": text, "Annotations/cvat.xml": "<annotations><image/></annotations>"}
    content = read(dataset(tmp_path, files, "JPEGImages/a.jpg", "JPEGImages/a.png"))
    assert [(entry.path[11:], entry.labelled) for entry in content.entries] == [
        ("a.jpg", False),
        ("a.png", True),
    ]


@pytest.mark.parametrize(
    ("label", "image", "split"),
    [
        ("Annotations/a.xml", "JPEGImages/a.jpg", None),
        ("VOC2012/Annotations/a.xml", "VOC2012/JPEGImages/a.jpg", None),
        ("train/a.xml", "train/a.jpg", "train"),  # as Roboflow exports it
        ("a.xml", "a.jpg", None),  # as LabelImg saves it
        ("labels/val/a.xml", "images/val/a.jpg", "val"),
        ("annotations/a.xml", "images/a.png", None),
    ],
)
def test_init_recognises_it_wherever_tools_put_it(
    tmp_path: Path, label: str, image: str, split: str | None
) -> None:
    dataset(tmp_path, {label: xml(Path(image).name, box("cat", 1, 1, 5, 5))}, image)
    found = discover(tmp_path)
    assert (found.layout, found.options, found.task, found.classes) == ("voc", "voc", "detect", ["cat"])
    assert [(entry.name, entry.objects) for entry in found.splits] == [(split, 1)]
    (entry,) = read(tmp_path).entries
    assert (entry.path, len(entry.objects)) == (image, 1)


def test_a_corner_at_zero_says_that_they_count_from_there(tmp_path: Path) -> None:
    text = xml("a.jpg", box("cat", 0, 2, 5, 5))
    survey = survey_dataset(dataset(tmp_path, {"Annotations/a.xml": text}, "JPEGImages/a.jpg"), None)
    assert survey.layout == VocLayout(corners="zero-based")
    assert survey.problems[0] == (
        "Annotations/a.xml:4: xmin is 0, so corners are taken to count from 0 (corners: zero-based)"
    )
    (entry,) = survey.entries
    assert entry.objects[0].box_xyxy == (0, 2, 5, 5)
