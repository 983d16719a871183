"""A Parquet manifest: a row per image; URLs are fetched by init, and never by what reads it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import fsspec
import pytest
from PIL import Image

from runner.adapters.tables.parquet import write_table
from runner.dataset.entries import LabelScheme, LayoutContent
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName
from runner.layouts.discover import discover
from runner.layouts.manifest import ManifestLayout
from runner.layouts.manifest_fetch import fetch_images
from runner.layouts.manifest_schema import FILE
from runner.scaffold.fetch import FETCHED, with_remote_images
from runner.scaffold.survey import survey_dataset


def picture(colour: str = "red") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(content, "PNG")
    return content.getvalue()


def dataset(
    folder: Path, rows: list[dict[str, Any]], *images: str, key_values: dict[str, str] | None = None
) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    pq.write_table(table.replace_schema_metadata(key_values or {}), folder / FILE)
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture())
    return folder


def read(
    folder: Path, task: str = "detect", *classes: str, keypoints: int = 0, **options: Any
) -> LayoutContent:
    scheme = LabelScheme(task=cast(TaskName, task), classes=classes or ("cat", "dog"), keypoints=keypoints)
    return ManifestLayout(**options).read(folder, scheme)


BOX, OUTLINE = [1.0, 2.0, 5.0, 6.0], [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0], [6.0, 6.0, 7.0, 6.0, 7.0, 8.0]]
MASK = {"size": [3, 3], "counts": "324"}


def test_every_task_takes_the_columns_that_it_needs(tmp_path: Path) -> None:
    row = {
        "uri": "images/a.png", "split": "val", "width": 20, "height": 10, "label": "dog", "classes": ["cat", "dog"],
        "boxes": [BOX, None], "polygons": [OUTLINE, None], "masks": [None, MASK],
        "corners": [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0], None],
        "keypoints": [[1.0, 2.0, 2.0, 3.0, 4.0, 0.0], None], "areas": [7.0, None],
        "crowd": [False, True], "difficult": [True, None], "camera": "north",
    }  # fmt: skip
    dataset(tmp_path, [row], "images/a.png", "images/b.png")
    content = read(tmp_path)
    first, rest = content.entries
    assert (first.path, first.split, first.declared_size) == ("images/a.png", "val", (20, 10))
    assert [item.box_xyxy for item in first.objects] == [(1, 2, 5, 6), (1, 0, 2, 2)]
    assert [(item.crowd, item.difficult) for item in first.objects] == [(False, True), (True, False)]
    assert [item.place for item in first.objects] == [f"{FILE}:1#1", f"{FILE}:1#2"]
    assert (rest.path, rest.labelled) == ("images/b.png", False)
    assert content.metadata == {"camera": ["north", None]}
    outline, mask = read(tmp_path, "segment").entries[0].objects
    assert outline.polygons == tuple(map(tuple, OUTLINE))
    assert mask.mask == (3, 3, (3, 2, 4))
    obb = read(tmp_path, "obb").entries[0]
    assert obb.objects[0].corners == (1, 1, 5, 1, 5, 5, 1, 5)
    assert obb.label_problems == (f"{FILE}:1#2: corners is null: it has no shape for this task",)
    pose = read(tmp_path, "pose", keypoints=2).entries[0].objects[0]
    assert (pose.keypoints, pose.area_px, pose.box_xyxy) == ((1, 2, 2, 3, 4, 0), 7, (1, 2, 5, 6))
    (chosen,) = read(tmp_path, "classify").entries[0].objects
    assert (chosen.class_name, chosen.place) == ("dog", f"{FILE}:1")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"classes": ["bird"], "boxes": [BOX]}, '1#1: "bird" is not one of the project\'s classes; classes: cat, dog'),
        ({"classes": ["cat"], "boxes": [BOX[:3]]}, "1#1: boxes has 3 numbers, not 4"),
        ({"classes": ["cat"], "boxes": [[1.0, 2.0, 3.0, float("nan")]]}, "1#1: a number of boxes is not finite"),
        ({"classes": ["cat"], "polygons": [[[1.0, 1.0, 2.0, 2.0]]]}, "1#1: a polygon has 4 numbers, not an even number from 6 on"),
        ({"classes": ["cat"], "masks": [{"size": [3, 3], "counts": "52203"}]}, "1#1: masks: the run lengths do not add up to 3 × 3 pixels"),
        ({"classes": ["cat"]}, "1#1: boxes and corners and polygons and masks are null: it has no shape for this task"),
        ({"classes": ["cat"], "boxes": [BOX, BOX]}, "1: boxes has 2 entries, classes 1: none of its objects is read"),
        ({"classes": "cat"}, "1: classes is no list"),
        ({"classes": [], "sha256": "12"}, "1: sha256 is not 64 hexadecimal digits"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_row(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    (entry,) = read(dataset(tmp_path, [{"uri": "a.png", **row}], "a.png")).entries
    assert (entry.label_problems, entry.objects) == ((f"{FILE}:{said}",), ())


def test_rows_without_labels_and_rows_that_are_no_images(tmp_path: Path) -> None:
    rows = [
        {"uri": "a.png", "classes": None, "boxes": None},
        {"uri": "b.png", "classes": [], "boxes": []},
        {"uri": "./b.png", "classes": ["cat"], "boxes": [BOX]},
        {"uri": "../c.png", "classes": [], "boxes": []},
        {"uri": None, "classes": [], "boxes": []},
        {"uri": "lost.png", "classes": [], "boxes": []},
        {"uri": "s3://bucket/d.png", "classes": [], "boxes": []},
    ]
    content = read(dataset(tmp_path, rows, "a.png", "b.png"))
    assert [(entry.path, entry.labelled) for entry in content.entries] == [
        ("a.png", False),
        ("b.png", True),
        ("lost.png", True),
        ("remote/s3/bucket/d.png", True),
    ]
    assert content.entries[1].label_problems == (
        f"{FILE}:3: it is about b.png, as {FILE}:2 is, whose labels count",
    )
    assert content.notes == [
        f"{FILE}:4: uri leads out of the dataset: '../c.png'; write file:///… for a file elsewhere",
        f"{FILE}:5: uri is empty: 'None'; write file:///… for a file elsewhere",
        f"{FILE}:7: 1 of 4 images are not fetched: s3://bucket/d.png; flywheel init and flywheel convert fetch them",
        f"{FILE}:6: 1 of 4 images are not in the dataset: lost.png",
    ]
    assert [fault.place for fault in content.faults] == [f"{FILE}:6"]  # what is not fetched is somewhere


def test_init_recognises_it_with_its_classes_and_metadata(tmp_path: Path) -> None:
    row = {
        "uri": "a.png",
        "split": "train",
        "classes": ["dog"],
        "boxes": [BOX],
        "camera": "north",
        "tags": ["x"],
    }
    key_values = {"flywheel.classes": json.dumps(["dog", "cat"])}
    survey = survey_dataset(dataset(tmp_path, [row], "a.png", key_values=key_values), None)
    assert survey.layout == ManifestLayout(metadata=["camera"])
    assert (survey.task, survey.classes) == ("detect", ["dog", "cat"])
    assert survey.metadata == {"camera": ["north"]}
    assert survey.arrangement == f"images listed in {FILE}"


@pytest.mark.parametrize(
    ("columns", "task", "classes"),
    [
        ({"label": "cat"}, "classify", ["cat"]),
        ({"classes": ["cat"], "boxes": [BOX], "keypoints": [[1.0, 1.0, 2.0]]}, "pose", ["cat"]),
        ({"classes": ["cat"], "boxes": [BOX], "polygons": [OUTLINE]}, "segment", ["cat"]),
        ({"classes": ["cat"], "corners": [[0.0] * 8], "boxes": [None]}, "obb", ["cat"]),
    ],
)
def test_the_task_is_told_by_the_columns(
    tmp_path: Path, columns: dict[str, Any], task: str, classes: list[str]
) -> None:
    found = discover(dataset(tmp_path, [{"uri": "a.png", **columns}], "a.png"))
    assert (found.layout, found.task, found.classes, found.objects) == ("manifest", task, classes, 1)


def test_columns_of_another_kind_are_named_and_stop_nothing(tmp_path: Path) -> None:
    row = {"uri": "a.png", "classes": ["cat"], "keypoints": 7, "boxes": 3}
    dataset(tmp_path, [row], "a.png")
    assert discover(tmp_path).task == "pose"
    (entry,) = read(tmp_path).entries
    assert entry.label_problems == (f"{FILE}:1: boxes has no list, classes 1: none of its objects is read",)


@pytest.mark.parametrize(
    ("options", "row", "message"),
    [
        (
            {"metadata": ["camra"]},
            {"camera": "x"},
            'the metadata column `camra` is not there; did you mean "camera"?',
        ),
        ({"metadata": ["tags"]}, {"tags": ["x"]}, "the metadata column `tags` holds lists"),
        ({}, {"Brightness": 1}, "column `Brightness` has the name of one of the index's own columns"),
        ({"file": "other.parquet"}, {}, "file not found"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(
    tmp_path: Path, options: dict[str, Any], row: dict[str, Any], message: str
) -> None:
    dataset(tmp_path, [{"uri": "a.png", **row}], "a.png")
    with pytest.raises(FlywheelError) as refused:
        read(tmp_path, **options)
    assert refused.value.message == message


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / FILE, {"url": ["a.png"]})
    with pytest.raises(FlywheelError) as refused:
        read(tmp_path)
    assert str(refused.value) == (
        f'{tmp_path}/{FILE}: has no column `uri`; did you mean "url"?\n'
        "  hint: name the column of the images' paths or URLs `uri`"
    )


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    files.pipe(
        {"/readers/a.png": picture(), "/readers/b.png": picture("blue"), "/readers/c.png": picture("blue")}
    )
    yield files
    files.rm("/readers", recursive=True)


def test_init_fetches_what_is_behind_urls_and_names_each_that_it_cannot(tmp_path: Path, memory: Any) -> None:
    (tmp_path / "elsewhere.png").write_bytes(picture("green"))
    digest = hashlib.sha256(picture("blue")).hexdigest()
    label = {"classes": ["cat"], "boxes": [BOX]}
    good = [
        {"uri": "memory://readers/a.png", "sha256": None, **label},
        {"uri": "memory://readers/b.png", "sha256": digest, **label},
        {"uri": (tmp_path / "elsewhere.png").as_uri(), "sha256": None, **label},
        {"uri": "near.png", "sha256": None, **label},
    ]
    bad = [
        {"uri": "memory://readers/none.png", "sha256": None, **label},
        {"uri": "memory://readers/a.png?other", "sha256": None, **label},
        {"uri": "nosuch://bucket/a.png", "sha256": None, **label},
        {"uri": "zip://a.png::memory://readers/a.zip", "sha256": None, **label},
        {"uri": "memory://readers/c.png", "sha256": "0" * 64, **label},
    ]
    data, place = dataset(tmp_path / "in", [*good, *bad], "near.png"), tmp_path / "project" / "data"
    with pytest.raises(FlywheelError) as refused:
        with_remote_images(data, place, None)
    lines = refused.value.message.splitlines()
    assert lines[0] == "5 of 8 images could not be fetched:"
    assert lines[1] == "  memory://readers/none.png: file not found"
    assert lines[2] == "  memory://readers/a.png?other: file not found"
    assert lines[3].startswith("  nosuch://bucket/a.png: ValueError: Protocol not known: nosuch")
    assert lines[4] == "  zip://a.png::memory://readers/a.zip: chained URLs are not opened"
    assert lines[5] == f"  memory://readers/c.png: its SHA-256 is {digest}, not {'0' * 64}"
    staged = place.with_name(FETCHED)
    assert sorted(path.name for path in staged.rglob("*.png")) == [
        "a.png",
        "b.png",
        "elsewhere.png",
        "near.png",
    ]
    assert sorted(path.name for path in data.rglob("*.png")) == [
        "near.png"
    ]  # what the user brought stays as it is

    dataset(data, good)
    adopted = with_remote_images(data, place, None)
    assert adopted == staged
    survey = survey_dataset(adopted, None)
    assert [(entry.path.split("/")[-1], len(entry.objects)) for entry in survey.entries] == [
        ("near.png", 1),
        ("elsewhere.png", 1),
        ("a.png", 1),
        ("b.png", 1),
    ]
    assert with_remote_images(adopted, place, None) == adopted  # nothing is missing


def test_a_file_that_changed_since_its_digest_was_written_is_named(tmp_path: Path) -> None:
    row = {"uri": "a.png", "classes": ["cat"], "boxes": [BOX], "sha256": "0" * 64}
    dataset(tmp_path, [row], "a.png")
    assert "a.png: its SHA-256 is not the one that the labels state" in discover(tmp_path).problems
    assert fetch_images(tmp_path, FILE) == 0


def test_reading_a_manifest_fetches_nothing(
    tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(tmp_path, [{"uri": "memory://readers/a.png", "classes": ["cat"], "boxes": [BOX]}])
    monkeypatch.setattr(fsspec, "open", lambda *_: pytest.fail("something was fetched"))
    (entry,) = read(tmp_path).entries
    assert not (tmp_path / entry.path).exists()
    assert discover(tmp_path).layout == "manifest"
