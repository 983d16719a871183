"""Object ids survive every edit of a label file that leaves the object what and where it is."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest

from runner.dataset.entries import LabelledObject, LabelScheme
from runner.dataset.object_ids import object_ids
from runner.layouts.coco_files import read_coco
from runner.layouts.yolo_files import read_yolo

A, B, C = "0 0.5 0.5 0.2 0.2", "1 0.3 0.3 0.1 0.1", "0 0.7 0.2 0.05 0.1"
SCHEME = LabelScheme(task="detect", classes=["cat", "dog"])
PATH = "images/train/x.jpg"


def ids_of(folder: Path, *lines: str) -> list[str]:
    image, label = folder / PATH, folder / "labels/train/x.txt"
    for file in (image, label):
        file.parent.mkdir(parents=True, exist_ok=True)
    image.touch()
    label.write_text("".join(f"{line}\n" for line in lines))
    (entry,) = read_yolo(folder, SCHEME).entries
    return object_ids(entry.path, entry.objects)


def test_inserting_removing_and_reordering_lines_leaves_the_other_ids_as_they_are(tmp_path: Path) -> None:
    a, b = ids_of(tmp_path, A, B)
    assert a.startswith(f"{PATH}#")
    assert a != b
    assert ids_of(tmp_path, C, A, "", B)[1:] == [a, b]
    assert ids_of(tmp_path, B, A) == [b, a]
    assert ids_of(tmp_path, "9 9 9", B) == [b]
    assert ids_of(tmp_path, "0 0.50 .5 2e-1 0.200", B) == [a, b]


def test_another_class_or_another_box_is_another_object(tmp_path: Path) -> None:
    (a,) = ids_of(tmp_path, A)
    assert ids_of(tmp_path, A.replace("0", "1", 1)) != [a]
    assert ids_of(tmp_path, A.replace("0.2", "0.21", 1)) != [a]


def test_what_is_labelled_twice_is_counted(tmp_path: Path) -> None:
    a, b = ids_of(tmp_path, A, B)
    assert ids_of(tmp_path, A, A, B, A) == [a, f"{a}-2", b, f"{a}-3"]


def test_an_id_is_the_digest_of_class_and_numbers() -> None:
    """So ids are the same in every version: what is kept about an object is found again."""
    box, points = (0.1, 0.2, 0.5, 0.75), (0.1, 0.2, 1.0)
    plain = LabelledObject("l:1", "cat", 0, box, normalised=True)
    posed = plain._replace(keypoints=points)
    head = b"cat" + struct.pack("<I4d", 4, *box)
    packed = [head + bytes(12), head + struct.pack("<I3d", 3, *points) + bytes(8)]
    assert object_ids(PATH, [plain, posed]) == [
        f"{PATH}#{hashlib.sha256(content).hexdigest()[:12]}" for content in packed
    ]


@pytest.mark.parametrize("shape", ["polygons", "keypoints", "corners"])
def test_a_shape_tells_objects_of_one_box_apart(shape: str) -> None:
    item = LabelledObject("l:1", "cat", 0, (0.1, 0.1, 0.5, 0.5), normalised=True)
    points = (0.1, 0.1, 0.5, 0.1, 0.5, 0.5)
    other = item._replace(**{shape: (points,) if shape == "polygons" else points})
    assert len({name.partition("-")[0] for name in object_ids(PATH, [item, other])}) == 2


def test_coco_objects_keep_their_ids_when_a_tool_numbers_its_annotations_anew(tmp_path: Path) -> None:
    def ids(file: str, first: int) -> list[str]:
        boxes = [[1, 2, 30, 40], [5, 5, 10, 10.5]]
        annotations = [
            {"id": first + at, "image_id": 1, "category_id": 3, "bbox": box} for at, box in enumerate(boxes)
        ]
        document = {
            "images": [{"id": 1, "file_name": "x.jpg"}],
            "categories": [{"id": 3, "name": "cat"}],
            "annotations": annotations,
        }
        (tmp_path / file).write_text(json.dumps(document))
        (entry,) = read_coco(tmp_path, SCHEME).entries
        (tmp_path / file).unlink()
        return object_ids(entry.path, entry.objects)

    (tmp_path / "x.jpg").touch()
    assert ids("a.json", 1) == ids("b.json", 4711)
