"""Places in JSON files are told with the line that an editor shows, whichever way the file is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from PIL import Image

from runner.dataset.entries import LabelScheme
from runner.domain.label_faults import FaultName, LabelFault, Treatment
from runner.layouts import LAYOUTS
from runner.layouts.json_places import line_of, located, place_of, with_lines
from runner.stages.index import BuiltIndex, IndexParams, build

COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [
        {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
        {"id": 7, "image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]},
        {"id": 8.0, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3]},
        {"id": "nine", "image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4]},
    ],
}
REGION = {"id": "r2", "type": "rectanglelabels", "value": {"rectanglelabels": ["cat"], "x": 1}}
TASKS: list[dict[str, Any]] = [
    {
        "id": 3,
        "data": {"image": "a.jpg"},
        "annotations": [{"id": 4, "result": [{**REGION, "id": "r1"}, REGION]}],
    },
    {
        "data": {"image": "b.jpg"},
        "annotations": [{"result": [{**REGION, "id": None}]}, {"id": 6, "result": []}],
    },
]
ROWS = [
    {
        "id": 3,
        "annotation_id": 4,
        "image": "a.jpg",
        "label": [{"rectanglelabels": ["cat"]}, {"rectanglelabels": ["x"]}],
    },
    {"id": 5, "image": "b.jpg", "label": [{"id": "r9", "rectanglelabels": ["cat"]}]},
]


def lines(folder: Path, document: object, names: dict[str, str], indent: int | None = 1) -> dict[str, str]:
    """What `names` are told as, and that the line (and the column) of each is that of the text that it is to stand at."""
    text = json.dumps(document, indent=indent)
    (folder / "a.json").write_text(text)
    told = located(folder, [f"a.json{name}" for name in names])
    for name, begins in names.items():
        line, column = line_of(folder, f"a.json{name}")
        assert line is not None
        value, _ = json.JSONDecoder().raw_decode(_from(text, line, column))
        assert json.dumps(value).startswith(begins)
    return {name: told[f"a.json{name}"] for name in names}


def _from(text: str, line: int, column: int | None) -> str:
    """The text from a place on."""
    rest = text.split("\n", line - 1)[-1]
    return rest[column - 1 :] if column else rest.lstrip()


@pytest.mark.parametrize("indent", [None, 1])
def test_coco(tmp_path: Path, indent: int | None) -> None:
    told = lines(
        tmp_path,
        COCO,
        {
            ": image 2": '{"id": 2',
            ": annotations[1]": '{"id": 7, "image_id": 1, "category_id": 9',
            "#8": '{"id": 8.0',
            ": annotation nine": '{"id": "nine"',
        },
        indent,
    )
    if indent:
        assert told[": image 2"] == "a.json:7: image 2"
        assert told["#8"].endswith(": annotation 8")
    else:
        assert all(text.startswith("a.json:1:") for text in told.values())


@pytest.mark.parametrize("indent", [None, 1])
def test_label_studio(tmp_path: Path, indent: int | None) -> None:
    told = lines(
        tmp_path,
        TASKS,
        {
            ": task 3": '{"id": 3, "data"',
            "#4": '{"id": 4, "result"',
            "#4/r2": '{"id": "r2"',
            "#4/r2/rectangle": '{"id": "r2"',
            ": task tasks[1]": '{"data": {"image": "b.jpg"}',
            "#of tasks[1]": '{"result"',
            "#of tasks[1]/result[0]": '{"id": null',
        },
        indent,
    )
    assert told["#of tasks[1]/result[0]"].endswith(": annotation of tasks[1], region result[0]")


def test_json_min(tmp_path: Path) -> None:
    told = lines(
        tmp_path,
        ROWS,
        {
            "#4/label[1]": '{"rectanglelabels": ["x"]',
            "#5/r9": '{"id": "r9"',
            ": task 5": '{"id": 5',
            "#4": '{"id": 3',
        },
    )
    assert told["#5/r9"].endswith(": annotation 5, region r9")


@pytest.mark.parametrize(
    "place", ["a.json#99", "gone.json#1", "labels/a.txt:3", "a.json:7: image 2", "bad.json#1", "a.xml:4"]
)
def test_other_places_stay_as_they_are(tmp_path: Path, place: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(COCO))
    (tmp_path / "bad.json").write_text('{"annotations": [{"id": 1}, ')
    assert located(tmp_path, [place]) in ({}, {"bad.json#1": "bad.json:1:18: annotation 1"})
    assert (
        with_lines(tmp_path, [fault := LabelFault("outside", place, "far out")])[0].message == fault.message
    )
    assert place_of(tmp_path / "a.json", "annotations", 9) == (None, None)


def test_a_file_with_windows_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = json.dumps(COCO, indent=2).replace("\n", "\r\n")
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert located(tmp_path, ["a.json: image 1"]) == {"a.json: image 1": "a.json:3: image 1"}


def test_a_dataset_without_faults_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = {**COCO, "images": COCO["images"][:1], "annotations": COCO["annotations"][:1]}
    (tmp_path / "a.json").write_text(json.dumps(sound))
    (tmp_path / "a.jpg").write_bytes(b"")
    monkeypatch.setattr("runner.layouts.json_places.json_elements", lambda *_: pytest.fail("read again"))
    content = LAYOUTS["coco"].read(tmp_path, LabelScheme(task="detect", classes=["cat"]))
    assert [len(entry.objects) for entry in content.entries] == [1]


BOXES = [[1, 1, 5, 5], [12, 1, 30, 5], [2, 2, 0.1, 5]]  # in the image of 20 × 10 px, out of it, without area


def built(root: Path, labels: dict[FaultName, Treatment]) -> BuiltIndex:
    """The index of an image with `BOXES` in a COCO file of one line per value."""
    (root / "data").mkdir()
    Image.new("RGB", (20, 10)).save(root / "data" / "a.jpg")
    annotations = [{"id": at, "image_id": 1, "category_id": 1, "bbox": box} for at, box in enumerate(BOXES)]
    document = {**COCO, "images": COCO["images"][:1], "annotations": annotations}
    (root / "data" / "a.json").write_text(json.dumps(document, indent=1))
    params = IndexParams(path="data", layout="coco", task="detect", classes=["cat"], labels=labels or UNSET)
    return build(root, params)


def test_what_only_shows_beside_the_pixels_has_a_line_too_and_what_is_right_stays_as_it_is(
    tmp_path: Path,
) -> None:
    objects = built(tmp_path, {}).tables.objects
    assert list(objects["label_place"]) == [
        "a.json#0",
        "a.json:26: annotation 1",
        "a.json:37: annotation 2",
    ]
    lines = (tmp_path / "data" / "a.json").read_text().splitlines()
    assert [lines[at].strip() for at in (26, 37)] == ['"id": 1,', '"id": 2,']  # in the line after the brace


def test_treated_labels_are_counted_with_their_lines(tmp_path: Path) -> None:
    index = built(tmp_path, {"outside": "refuse", "zero_area": "drop"})
    assert index.faults is not None
    assert index.faults["place"] == ["a.json:26: annotation 1", "a.json:37: annotation 2"]
    assert index.tables.images["label_problem"] == [
        "a.json:26: annotation 1: it reaches 22.0 px out of the image"
    ]
