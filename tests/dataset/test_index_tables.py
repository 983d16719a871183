"""Entries, measurements and metadata become the two tables of the index."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from runner.adapters.pictures.coco_masks import decode_mask, mask_area
from runner.adapters.pictures.measured_images import ImageMeasurement
from runner.dataset.columns import IMAGE_COLUMNS, OBJECT_COLUMNS, UNQUERIED_COLUMNS, own_image_columns
from runner.dataset.entries import EncodedMask, ImageEntry, LabelledObject, LabelScheme
from runner.dataset.index import IndexTables, build_index, group_fraction
from runner.dataset.metadata import join_metadata
from runner.domain.errors import FlywheelError
from runner.domain.task import TASK_NAMES, TaskName
from runner.layouts.coco_files import read_coco

REFERENCE = Path(__file__).parents[2].parent / "shared/datasets/coco_reference/instances_val2014_100.json"
CLASSES = ["cat", "traffic light"]
SCHEME = LabelScheme(task="detect", classes=CLASSES)
READABLE = ImageMeasurement(image_id="abc", size_bytes=9, width=200, height=100, brightness=0.5, phash=7)


def thing(box: tuple[float, float, float, float], **changes: Any) -> LabelledObject:
    values = {"place": "l.txt:1", "class_name": "cat", "class_id": 0, "normalised": False, **changes}
    return LabelledObject(box_xyxy=box, **values)


def index_of(*objects: LabelledObject, measured: ImageMeasurement = READABLE, **changes: Any) -> IndexTables:
    entry = ImageEntry(
        **{"path": "images/x.jpg", "split": None, "labelled": True, "objects": objects, **changes}
    )
    return build_index([entry], [measured], SCHEME, {}, None)


def test_fractions_become_pixels() -> None:
    objects = index_of(thing((0.1, 0.2, 0.6, 0.4), normalised=True)).objects
    corners = [objects[name][0] for name in ("x_min", "y_min", "x_max", "y_max")]
    assert corners == pytest.approx([20, 20, 120, 40])
    sides = [objects[name][0] for name in ("width_px", "height_px", "area_px", "aspect_ratio")]
    assert sides == pytest.approx([100, 20, 2000, 5])


def test_objects_are_counted_per_class() -> None:
    images = index_of(thing((1, 2, 3, 4)), thing((1, 2, 3, 4), class_name="traffic light", class_id=1)).images
    assert (images["n_objects"][0], images["n_cat"][0], images["n_traffic light"][0]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("box", "problem", "truncated"),
    [
        ((10, 10, 50, 50), None, False),
        ((0, 10, 50, 50), None, True),
        ((-0.5, 10, 50, 50), None, True),
        ((10, 10, 200, 50), None, True),
        ((10, 10, 250, 50), "reaches 50.0 px out of the image", True),
        ((300, 10, 350, 50), "reaches 150.0 px out of the image", True),
        ((10, 10, 10, 50), "degenerate: 0.0 × 40.0 px", False),
        ((50, 10, 10, 50), "degenerate: -40.0 × 40.0 px", False),
    ],
)
def test_box_problems_are_told(
    box: tuple[float, float, float, float], problem: str | None, truncated: bool
) -> None:
    objects = index_of(thing(box)).objects
    assert (objects["problem"][0], bool(objects["truncated"][0])) == (problem, truncated)


def test_unreadable_image_has_no_objects_and_no_measurements() -> None:
    broken = ImageMeasurement(image_id="abc", size_bytes=0, problem="the file is empty")
    tables = index_of(thing((0, 0, 1, 1)), measured=broken)
    assert tables.objects["path"] == []
    images = tables.images
    assert (images["n_objects"][0], images["readable"][0], images["brightness"][0]) == (0, False, None)


def test_no_images_give_empty_tables() -> None:
    tables = build_index([], [], SCHEME, {}, None)
    assert {len(values) for values in [*tables.images.values(), *tables.objects.values()]} == {0}


def test_label_problems_are_joined_and_cut() -> None:
    problems = tuple(f"l.txt:{number}: bad" for number in range(1, 8))
    assert index_of(label_problems=problems).images["label_problem"] == [
        "l.txt:1: bad; l.txt:2: bad; l.txt:3: bad; l.txt:4: bad; l.txt:5: bad; and 2 more"
    ]


def test_size_that_the_annotations_got_wrong_is_a_label_problem() -> None:
    assert index_of(declared_size=(200, 100)).images["label_problem"] == [None]
    assert index_of(declared_size=(100, 200)).images["label_problem"] == [
        "images/x.jpg: the annotations state 100×200 px, the file has 200×100"
    ]


def test_group_is_the_metadata_column_or_the_path() -> None:
    entries = [ImageEntry(path=path, split=None, labelled=False) for path in ("a", "b", "c")]
    images = build_index(entries, [READABLE] * 3, SCHEME, {"scene": ["s1", "s1", None]}, "scene").images
    assert images["group"] == ["s1", "s1", "c"]
    assert images["group_fraction"][0] == images["group_fraction"][1] == group_fraction("s1")
    assert images["scene"] == ["s1", "s1", None]


def test_unknown_group_column_names_the_nearest() -> None:
    with pytest.raises(FlywheelError) as error:
        build_index([], [], SCHEME, {"scene": []}, "scenes")
    assert str(error.value) == (
        'dataset.group_by: there is no metadata column "scenes"; did you mean "scene"?\n'
        "  hint: correct it in flywheel.yaml; dataset.metadata names the CSV that holds it"
    )


def test_group_fractions_spread_evenly() -> None:
    fractions = [group_fraction(f"group {number}") for number in range(2000)]
    assert 0 <= min(fractions) <= max(fractions) < 1
    assert sum(fraction < 0.2 for fraction in fractions) / 2000 == pytest.approx(0.2, abs=0.03)


def test_class_called_objects_is_refused() -> None:
    with pytest.raises(FlywheelError) as error:
        build_index([], [], LabelScheme(task="detect", classes=["objects"]), {}, None)
    assert error.value.message.startswith('a class cannot be called "objects"')


def test_metadata_rows_are_brought_into_the_images_order(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,lux\n./b.jpg,2\nz.jpg,3\na.jpg,1\n")
    joined = join_metadata(tmp_path / "m.csv", ["a.jpg", "b.jpg", "c.jpg"], ["split"])
    assert joined.columns == {"lux": [1, 2, None]}
    assert joined.notes == [
        "m.csv: 1 row has no image, z.jpg",
        "m.csv: 1 image has no row, c.jpg",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,lux\na.jpg,1\n", "has no column `path`; it has: file, lux"),
        ("path,Split\na.jpg,1\n", "column `Split` has the name of one of the index's own columns"),
        ("path,lux\na.jpg,1\na.jpg,2\n", "lists a.jpg more than once: also on line 2"),
    ],
)
def test_unusable_metadata_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(FlywheelError) as error:
        join_metadata(tmp_path / "m.csv", ["a.jpg"], ["split"])
    assert (error.value.message, error.value.exit_code) == (message, 3)


def test_missing_metadata_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as error:
        join_metadata(tmp_path / "m.csv", [], [])
    assert (
        str(error.value)
        == f"{tmp_path}/m.csv: file not found\n  hint: correct the path, or fetch the data: dvc pull"
    )


def test_the_catalogue_lists_exactly_the_columns_that_are_written() -> None:
    tables = build_index([], [], LabelScheme(task="detect", classes=["cat"]), {}, None)
    assert tuple(tables.images) == (*IMAGE_COLUMNS, "n_cat") == own_image_columns(["cat"])
    assert tuple(tables.objects) == (*OBJECT_COLUMNS, "label_place")
    unqueried = set()
    for task in TASK_NAMES:
        found = set(build_index([], [], LabelScheme(task=task, classes=["cat"]), {}, None).objects)
        assert found >= set(OBJECT_COLUMNS)
        unqueried |= found - set(OBJECT_COLUMNS)
    assert unqueried == set(UNQUERIED_COLUMNS)


def shaped(task: TaskName, item: LabelledObject, measured: ImageMeasurement = READABLE) -> IndexTables:
    entry = ImageEntry(path="images/x.jpg", split=None, labelled=True, objects=(item,))
    return build_index([entry], [measured], LabelScheme(task=task, classes=CLASSES, keypoints=2), {}, None)


def test_outlines_become_pixels_a_mask_and_its_area() -> None:
    square = thing(
        (0.1, 0.2, 0.2, 0.4), normalised=True, polygons=((0.1, 0.2, 0.2, 0.2, 0.2, 0.4, 0.1, 0.4),)
    )
    objects = shaped("segment", square).objects
    (outline,) = json.loads(objects["polygons"][0])
    assert outline == pytest.approx([20, 20, 40, 20, 40, 40, 20, 40])
    assert mask_area(objects["mask_rle"][0], (100, 200)) == objects["area_px"][0] == 400
    assert shaped("segment", square._replace(area_px=7.5)).objects["area_px"].tolist() == [400]


def test_run_lengths_become_a_mask_without_outlines() -> None:
    runs = EncodedMask(100, 200, (100, 50, 19850))
    objects = shaped("segment", thing((1, 0, 2, 50), mask=runs, crowd=True)).objects
    assert (objects["polygons"], objects["area_px"].tolist()) == ([None], [50])
    assert decode_mask(objects["mask_rle"][0], (100, 200)).sum(axis=0)[1] == 50


def test_a_mask_of_another_size_than_its_image_is_a_label_problem() -> None:
    tables = shaped("segment", thing((1, 0, 2, 50), mask=EncodedMask(200, 100, (20000,))))
    assert tables.objects["path"] == []
    assert tables.images["n_objects"].tolist() == [0]
    assert tables.images["label_problem"] == ["l.txt:1: the mask is 100×200 px, the image 200×100"]


def test_points_become_pixels_and_keep_their_visibility() -> None:
    item = thing((0, 0, 0.5, 0.5), normalised=True, keypoints=(0.1, 0.2, 2.0, 0.0, 0.0, 0.0))
    objects = shaped("pose", item).objects
    assert objects["keypoints"] == [pytest.approx([20, 20, 2, 0, 0, 0])]
    assert objects["area_px"].tolist() == [5000]
    assert shaped("pose", item._replace(area_px=1234.0)).objects["area_px"].tolist() == [1234]


def test_corners_become_pixels_and_give_the_area() -> None:
    diamond = thing((0, 0, 1, 1), corners=(50, 0, 100, 50, 50, 100, 0, 50))
    objects = shaped("obb", diamond).objects
    assert objects["corners"] == [[50, 0, 100, 50, 50, 100, 0, 50]]
    assert objects["area_px"].tolist() == [5000]


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((-40, 10, 50, 50), None),
        ((-60, 10, 50, 50), "has its centre 5.0 px out of the image"),
        ((10, 10, 10, 50), "degenerate: 0.0 × 40.0 px"),
    ],
)
def test_a_rotated_box_may_reach_out_of_the_image(
    box: tuple[float, float, float, float], problem: str | None
) -> None:
    corners = (box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3])
    assert shaped("obb", thing(box, corners=corners)).objects["problem"] == [problem]


@pytest.mark.parametrize("far", [1e6, 1e9, 1e308])
@pytest.mark.parametrize("normalised", [True, False])
def test_an_outline_that_leads_far_away_is_a_label_problem_and_never_drawn(
    far: float, normalised: bool
) -> None:
    item = thing((0.0, 0.0, far, far), normalised=normalised, polygons=((0.0, 0.0, far, 0.0, far, far),))
    found = shaped("segment", item)
    assert found.objects["path"] == []
    (problem,) = found.images["label_problem"]
    assert "an outline has a point " in str(problem)


@pytest.mark.skipif(not REFERENCE.is_file(), reason="../shared/datasets/coco_reference is not here")
def test_masks_and_areas_are_those_of_pycocotools(tmp_path: Path) -> None:
    from pycocotools import mask
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(str(REFERENCE))
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "val.json").write_bytes(REFERENCE.read_bytes())
    names = [item["name"] for item in reference.dataset["categories"]]
    scheme = LabelScheme(task="segment", classes=names)
    entries = read_coco(tmp_path, scheme).entries
    sizes = [entry.declared_size or (0, 0) for entry in entries]
    measured = [ImageMeasurement(image_id="x", size_bytes=1, width=w, height=h) for w, h in sizes]
    objects = build_index(entries, measured, scheme, {}, None).objects
    assert len(objects["path"]) == len(reference.anns) == 839
    for row, place in enumerate(objects["label_place"]):
        annotation = reference.anns[int(place.partition("#")[2])]
        assert objects["mask_rle"][row] == reference.annToRLE(annotation)["counts"].decode()
        assert objects["area_px"][row] == mask.area(
            reference.annToRLE(annotation)
        )  # the file's is not believed
        assert objects["crowd"][row] == annotation["iscrowd"]
