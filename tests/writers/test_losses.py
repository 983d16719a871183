"""What a format cannot hold is counted and named, and the rest is written all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_labels import (
    CLASSES,
    HEIGHT,
    PATHS,
    SKELETON,
    WIDTH,
    encoded,
    read_as,
    ring_mask,
    scheme_of,
    turned_box,
    write_as,
    write_images,
)

from runner.adapters.pictures.coco_masks import counts_to_rle, decode_mask, polygons_to_rle
from runner.adapters.tables.parquet import read_table
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName
from runner.layouts.label_studio import LabelStudioLayout
from runner.writers.convert import Conversion, ConvertOptions, convert
from runner.writers.outlines import mask_pixels
from runner.writers.writer import Scheme

IMAGE = "images/train/a.png"
BOX = LabelledObject("planted:1", "no", 2, (4.0, 5.0, 20.0, 30.0), normalised=False)
SQUARES = ((2.0, 2.0, 10.0, 2.0, 10.0, 10.0, 2.0, 10.0), (20.0, 20.0, 30.0, 20.0, 30.0, 31.0, 20.0, 31.0))


def _written(
    tmp_path: Path, layout: str, task: TaskName, *objects: LabelledObject
) -> tuple[dict[str, list[str]], tuple[LabelledObject, ...]]:
    """The losses of objects in one image, by kind, and what is read again. The classes' own losses are left out."""
    write_images(tmp_path / "source", [IMAGE])
    entry = ImageEntry(path=IMAGE, split="train", labelled=True, objects=(*objects, *_one_of_each(task)))
    losses = write_as(layout, tmp_path / "source", tmp_path / "new", [entry], scheme_of(task))
    (again,) = read_as(layout, tmp_path / "new", task).entries
    assert again.label_problems == ()
    named = {loss.kind: loss.examples for loss in losses.records()}
    return named, again.objects[: -len(CLASSES)]


def _one_of_each(task: TaskName) -> tuple[LabelledObject, ...]:
    """So that formats that name no classes know them all."""
    fields: dict[str, Any] = {}
    if task == "segment":
        fields = {"polygons": SQUARES[:1]}
    if task == "obb":
        fields = {"corners": turned_box((20, 20), 10, 5, 10.0)}
    if task == "pose":
        fields = {"keypoints": (4.0, 5.0, 2.0, 20.0, 30.0, 2.0, 5.0, 6.0, 2.0)}
    return tuple(
        BOX._replace(place="other", class_name=name, class_id=at, **fields) for at, name in enumerate(CLASSES)
    )


@pytest.mark.parametrize("layout", ["yolo", "voc", "cvat", "label-studio"])
def test_a_crowd_is_left_out_and_never_becomes_a_box(layout: str, tmp_path: Path) -> None:
    losses, found = _written(tmp_path, layout, "detect", BOX._replace(crowd=True))
    assert losses == {"crowd": ["planted:1"]}
    assert found == ()


@pytest.mark.parametrize("layout", ["coco", "manifest"])
def test_crowds_masks_parts_and_areas_are_kept_where_there_is_a_place(layout: str, tmp_path: Path) -> None:
    crowd = BOX._replace(crowd=True, mask=ring_mask(), box_xyxy=(5, 10, 40, 30))
    parts = BOX._replace(polygons=SQUARES, box_xyxy=(2, 2, 30, 31))
    losses, found = _written(tmp_path, layout, "segment", crowd, crowd._replace(crowd=False), parts)
    assert losses == {}
    assert [item._replace(place="", class_id=2) for item in found] == [
        item._replace(place="", mask=item.mask) for item in (crowd, crowd._replace(crowd=False), parts)
    ]
    person = BOX._replace(keypoints=(5.0, 6.0, 1.0, 9.0, 9.0, 2.0, 0.0, 0.0, 0.0), area_px=123.5)
    losses, found = _written(tmp_path / "pose", layout, "pose", person)
    assert losses == {}
    assert (found[0].keypoints, found[0].area_px, found[0].box_xyxy) == (
        person.keypoints,
        123.5,
        person.box_xyxy,
    )


def test_a_mask_becomes_an_outline_of_the_very_same_pixels_in_yolo(tmp_path: Path) -> None:
    speckled = encoded(np.random.default_rng(1).random((HEIGHT, WIDTH)) < 0.4)
    masks = [
        BOX._replace(place=f"planted:{at}", mask=mask) for at, mask in enumerate((ring_mask(), speckled))
    ]
    losses, found = _written(tmp_path, "yolo", "segment", *masks)
    assert losses == {"mask_outlined": ["planted:0", "planted:1"]}
    for item, mask in zip(found, (ring_mask(), speckled), strict=True):
        (outline,) = item.polygons
        scaled = [value * (HEIGHT if at % 2 else WIDTH) for at, value in enumerate(outline)]
        drawn = polygons_to_rle([scaled], (HEIGHT, WIDTH))
        assert drawn == counts_to_rle(mask.counts, (HEIGHT, WIDTH))


@pytest.mark.parametrize(
    ("kind", "second"),
    [("parts_joined", SQUARES[1]), ("parts_merged", (6.0, 6.0, 16.0, 6.0, 16.0, 16.0, 6.0, 16.0))],
)
def test_parts_are_joined_without_a_pixel_more_or_less_even_where_they_overlap(
    kind: str, second: tuple[float, ...], tmp_path: Path
) -> None:
    item = BOX._replace(polygons=(SQUARES[0], second))
    losses, found = _written(tmp_path, "yolo", "segment", item)
    assert losses == {kind: ["planted:1"]}
    (outline,) = found[0].polygons
    scaled = [value * (HEIGHT if at % 2 else WIDTH) for at, value in enumerate(outline)]
    assert polygons_to_rle([scaled], (HEIGHT, WIDTH)) == polygons_to_rle(item.polygons, (HEIGHT, WIDTH))


def test_a_box_that_reaches_out_is_kept_by_yolo_as_long_as_ultralytics_takes_it(tmp_path: Path) -> None:
    near = BOX._replace(box_xyxy=(-4.0, 5.0, 20.0, 30.0))
    far = BOX._replace(place="planted:2", box_xyxy=(-100.0, 5.0, 20.0, 30.0))
    gone = BOX._replace(place="planted:3", box_xyxy=(-100.0, 5.0, -20.0, 30.0))
    losses, found = _written(tmp_path, "yolo", "detect", near, far, gone)
    assert losses == {"clipped": ["planted:2", "planted:3"], "outside": ["planted:3"]}
    assert [round(item.box_xyxy[0] * WIDTH, 6) for item in found] == [-4.0, 0.0]


def test_key_points_outside_and_areas_in_yolo(tmp_path: Path) -> None:
    person = BOX._replace(keypoints=(5.0, 6.0, 1.0, 90.0, 9.0, 2.0, 0.0, 0.0, 0.0), area_px=123.5)
    losses, found = _written(tmp_path, "yolo", "pose", person)
    assert losses == {"area": ["planted:1"], "point_outside": ["planted:1"]}
    assert found[0].keypoints[2::3] == (1.0, 0.0, 0.0)


def test_flags_are_named_where_they_have_no_place(tmp_path: Path) -> None:
    item = BOX._replace(difficult=True)
    assert _written(tmp_path / "yolo", "yolo", "detect", item)[0] == {"flag": ["planted:1"]}
    assert _written(tmp_path / "coco", "coco", "detect", item)[0] == {"flag": ["planted:1"]}


def test_images_of_one_name_in_two_folders_both_stay(tmp_path: Path) -> None:
    paths = ["images/train/a/x.png", "images/train/b/x.png", "images/train/b/X.jpg"]
    write_images(tmp_path / "source", paths)
    entries = [
        ImageEntry(
            path=path, split=None, labelled=True, objects=(BOX._replace(class_name=CLASSES[at], class_id=at),)
        )
        for at, path in enumerate(paths)
    ]
    losses = write_as("yolo", tmp_path / "source", tmp_path / "new", entries, scheme_of("detect"))
    assert {loss.kind: loss.count for loss in losses.records()} == {"renamed": 3}
    again = read_as("yolo", tmp_path / "new", "detect").entries
    assert [(entry.path, entry.split, entry.objects[0].class_name) for entry in again] == [
        ("images/X-3.jpg", None, CLASSES[2]),
        ("images/x-2.png", None, CLASSES[1]),
        ("images/x.png", None, CLASSES[0]),
    ]


def _coco(folder: Path, task: TaskName = "detect") -> Path:
    """COCO with 91 ids, a crowd, several parts, a negative, an unlisted image, and metadata."""
    write_images(folder)
    categories = [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]
    images = [
        {"id": number, "file_name": path.removeprefix("images/train/"), "width": WIDTH, "height": HEIGHT}
        for number, path in enumerate(sorted(PATHS))
        if path.startswith("images/train/") and "unlabelled" not in path
    ]
    square = {"bbox": [2, 2, 8, 8], "area": 64, "iscrowd": 0, "segmentation": [list(SQUARES[0])]}
    rows: list[dict[str, Any]] = [
        {"image_id": images[0]["id"], "category_id": 18, **square},
        {"image_id": images[0]["id"], "category_id": 90, **square},
        {"image_id": images[2]["id"], "category_id": 18, **square},
        {
            "image_id": images[2]["id"],
            "category_id": 1,
            **square,
            "segmentation": [list(part) for part in SQUARES],
        },
        {
            "image_id": images[2]["id"],
            "category_id": 1,
            "bbox": [5, 10, 35, 20],
            "iscrowd": 1,
            "segmentation": {"size": [HEIGHT, WIDTH], "counts": list(ring_mask().counts)},
        },
    ]
    annotations = [{"id": at, **row} for at, row in enumerate(rows)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(document))
    (folder / "metadata.csv").write_text(
        'path;weight;note\nimages/train/a.png;1,5;"a;b"\n./images/val/turned.jpg;2,5;\n'
    )
    (folder / "LICENSE").write_text("CC0\n")
    return folder


def _converted(tmp_path: Path, **asked: Any) -> Conversion:
    return convert(_coco(tmp_path / "coco"), tmp_path / "new", ConvertOptions(**{"layout": "yolo", **asked}))


def _kinds(result: Conversion) -> dict[str, int]:
    return {loss.kind: loss.count for loss in result.losses}


def test_ids_of_91_categories_become_positions_by_name(tmp_path: Path) -> None:
    result = _converted(tmp_path)
    assert (result.task, result.images, result.labelled, result.objects) == ("segment", 6, 3, 4)
    assert _kinds(result) == {"crowd": 1, "parts_joined": 1}
    assert (tmp_path / "new" / "data.yaml").read_text() == (
        "train: images/train\nval: images/val\ntest: images/test\nnames:\n  0: person\n  1: dog\n  2: toothbrush\n"
    )
    text = (tmp_path / "new" / "labels" / "train" / "a.txt").read_text()
    assert [line.split()[0] for line in text.splitlines()] == ["1", "2"]
    assert (tmp_path / "new" / "labels" / "train" / "empty.txt").read_text() == ""
    assert not (tmp_path / "new" / "labels" / "train" / "unlabelled.txt").exists()
    assert (tmp_path / "new" / "images" / "train" / "unlabelled.png").is_file()


def test_metadata_and_the_licence_come_along(tmp_path: Path) -> None:
    _converted(tmp_path, layout="coco")
    assert (tmp_path / "new" / "metadata.csv").read_text() == (
        'path;weight;note\nimages/train/a.png;1,5;"a;b"\nimages/val/turned.jpg;2,5;\n'
    )
    assert (tmp_path / "new" / "LICENSE").read_text() == "CC0\n"


def test_chosen_classes_are_in_their_new_order_and_others_are_named_image_by_image(tmp_path: Path) -> None:
    result = _converted(tmp_path, classes=["toothbrush", "dog", "zebra"])
    assert (result.objects, _kinds(result)) == (3, {"class_dropped": 2})
    assert result.losses[0].examples == [
        "annotations/instances_train.json#3 (person)",
        "annotations/instances_train.json#4 (person)",
    ]
    assert 'the dataset has no class "zebra": nothing is of it' in result.remarks
    text = (tmp_path / "new" / "labels" / "train" / "a.txt").read_text()
    assert [line.split()[0] for line in text.splitlines()] == ["1", "0"]


def test_where_only_some_labels_are_outlines_the_boxes_are_kept_and_that_is_said(tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco")
    file = folder / "annotations" / "instances_train.json"
    document = json.loads(file.read_text())
    del document["annotations"][0]["segmentation"]
    file.write_text(json.dumps(document))
    result = convert(folder, tmp_path / "new", ConvertOptions(layout="yolo"))
    assert (result.task, result.objects) == ("detect", 4)
    assert _kinds(result) == {"outlines_read_as_boxes": 4, "crowd": 1}


def test_class_folders_hold_one_class_and_what_else_was_there_is_named(tmp_path: Path) -> None:
    result = _converted(tmp_path, layout="folders")
    assert _kinds(result) == {
        "box": 5,
        "several_classes": 2,
        "negative": 1,
        "unlabelled": 4,
        "unused_class": 1,
        "class_order": 2,
    }
    places = sorted(
        path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*.png")
    )
    assert places == ["train/dog/a.png", "train/person/sub/a.png"]
    several = next(loss for loss in result.losses if loss.kind == "several_classes")
    assert several.examples == [
        "images/train/a.png: dog, not toothbrush",
        "images/train/sub/a.png: person, not dog",
    ]


def test_odd_class_names_stay_where_they_can(tmp_path: Path) -> None:
    names = ["yes", "a/b", "..", "null: 'x'"]
    write_images(tmp_path / "source", list(PATHS))
    (tmp_path / "source" / "labels" / "train").mkdir(parents=True)
    (tmp_path / "source" / "labels" / "train" / "a.txt").write_text(
        "0 .5 .5 .1 .1\n1 .5 .5 .1 .1\n3 .5 .5 .2 .2\n"
    )
    (tmp_path / "source" / "data.yaml").write_text(
        "names: [" + ", ".join(json.dumps(name) for name in names) + "]\n"
    )
    for layout in ("coco", "yolo"):
        target = tmp_path / layout
        convert(tmp_path / "source", target, ConvertOptions(layout=layout))
        again = convert(target, tmp_path / f"{layout}-again", ConvertOptions(layout="coco"))
        assert again.objects == 3
        document = json.loads(
            (tmp_path / f"{layout}-again" / "annotations" / "instances_train.json").read_text()
        )
        assert [item["name"] for item in document["categories"]] == names


def test_classes_whose_folders_would_be_one_stay_two(tmp_path: Path) -> None:
    paths = ["images/train/a.png", "images/train/b.png"]
    write_images(tmp_path / "source", paths)
    names = ["on/off", "on_off"]
    entries = [
        ImageEntry(
            path=path, split="train", labelled=True, objects=(BOX._replace(class_name=name, class_id=at),)
        )
        for at, (path, name) in enumerate(zip(paths, names, strict=True))
    ]
    scheme = Scheme(task="classify", classes=names)
    losses = write_as("folders", tmp_path / "source", tmp_path / "new", entries, scheme)
    assert [loss.examples for loss in losses.records()] == [["on/off is on_off", "on_off is on_off-2"]]
    assert sorted(path.parent.name for path in (tmp_path / "new").rglob("*.png")) == ["on_off", "on_off-2"]


def test_broken_labels_and_absent_images_never_stop_the_rest(tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco")
    (folder / "images" / "train" / "empty.png").unlink()
    (folder / "images" / "train" / "sub" / "a.png").write_bytes(b"no image")
    document = json.loads((folder / "annotations" / "instances_train.json").read_text())
    document["annotations"][2]["segmentation"] = [[1, 2, 3, 4]]
    document["images"].append({"id": 77, "file_name": "gone.png"})
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(document))
    document["images"][0]["width"] = HEIGHT
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(document))
    result = convert(folder, tmp_path / "new", ConvertOptions(layout="yolo", task="segment"))
    said = f"1 image has another size than the annotations state, and the file's is taken: {IMAGE} (48×48 px, the file has 64×48)"
    assert said in result.remarks
    assert _kinds(result) == {"unread": 1, "absent_image": 1, "no_size": 1, "crowd": 1, "parts_joined": 1}
    assert result.objects == 3


def test_label_studio_says_which_points_are_seen_not_which_are_hidden_nor_their_order(tmp_path: Path) -> None:
    write_images(tmp_path / "source", [IMAGE])
    items = [
        BOX._replace(place="planted:1", keypoints=(5.0, 6.0, 2.0, 9.0, 9.0, 1.0, 0.0, 0.0, 0.0)),
        BOX._replace(place="planted:2", keypoints=(5.0, 6.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), area_px=9.0),
    ]
    entry = ImageEntry(path=IMAGE, split="train", labelled=True, objects=tuple(items))
    losses = write_as("label-studio", tmp_path / "source", tmp_path / "new", [entry], scheme_of("pose"))
    found = {loss.kind: loss.examples for loss in losses.records()}
    assert found == {
        "visibility": ["planted:1 (left_eye)"],
        "area": ["planted:2"],
        "skeleton": ["nose", "left_eye", "right_eye"],
        "unused_class": ["3", "cat & mouse", "über"],
    }
    layout = LabelStudioLayout(keypoints=SKELETON.names)
    scheme = LabelScheme(task="pose", classes=CLASSES, keypoints=3)
    (again,) = layout.read(tmp_path / "new", scheme).entries
    for item, planted in zip(again.objects, items, strict=True):
        seen = [value if at % 3 < 2 else 2 * bool(value) for at, value in enumerate(planted.keypoints)]
        scaled = [value * (WIDTH, HEIGHT, 1)[at % 3] for at, value in enumerate(item.keypoints)]
        np.testing.assert_allclose(scaled, seen, atol=1e-9)


def test_a_skeleton_in_cvat_has_the_box_of_its_points_and_needs_one(tmp_path: Path) -> None:
    person = BOX._replace(keypoints=(5.0, 6.0, 2.0, 9.0, 9.0, 1.0, 0.0, 0.0, 0.0), area_px=9.0)
    unseen = BOX._replace(place="planted:2", keypoints=(0.0,) * 9)
    losses, found = _written(tmp_path, "cvat", "pose", person, unseen)
    assert losses == {"no_points": ["planted:2"], "box_of_points": ["planted:1"], "area": ["planted:1"]}
    assert [(item.keypoints, item.box_xyxy) for item in found] == [(person.keypoints, (5, 6, 9, 9))]


@pytest.mark.parametrize("layout", ["cvat", "label-studio"])
def test_masks_stay_masks_where_there_is_a_brush(layout: str, tmp_path: Path) -> None:
    speckled = encoded(np.random.default_rng(1).random((HEIGHT, WIDTH)) < 0.4)
    losses, found = _written(
        tmp_path, layout, "segment", BOX._replace(mask=ring_mask()), BOX._replace(mask=speckled)
    )
    assert losses == {}
    for item, mask in zip(found, (ring_mask(), speckled), strict=True):
        assert item.mask is not None
        assert (mask_pixels(item.mask) == mask_pixels(mask)).all()


@pytest.mark.parametrize("layout", ["cvat", "label-studio"])
def test_rotated_boxes_are_rotated_boxes_and_other_corners_an_outline(layout: str, tmp_path: Path) -> None:
    turned = turned_box((20, 20), 12, 6, 33.3)
    skewed = (4.0, 4.0, 20.0, 5.0, 21.0, 15.0, 3.0, 12.0)
    losses, found = _written(
        tmp_path, layout, "obb", BOX._replace(corners=turned), BOX._replace(corners=skewed)
    )
    assert losses == {}
    for item, corners in zip(found, (turned, skewed), strict=True):
        scale = (WIDTH, HEIGHT) if item.normalised else (1, 1)
        np.testing.assert_allclose(
            [value * scale[at % 2] for at, value in enumerate(item.corners)], corners, atol=1e-6
        )
    text = "".join(path.read_text() for path in (tmp_path / "new").glob("*.*"))
    assert "rotation" in text


def test_a_manifest_holds_flags_and_metadata_and_names_images_that_stay_where_they_are(
    tmp_path: Path,
) -> None:
    item = BOX._replace(difficult=True, truncated=True)
    losses, found = _written(tmp_path / "flags", "manifest", "detect", item)
    assert (losses, found[0].difficult, found[0].truncated, found[0].occluded) == ({}, True, True, False)
    source = _coco(tmp_path / "coco")
    result = convert(source, tmp_path / "new", ConvertOptions(layout="manifest", images="none"))
    assert _kinds(result) == {}
    table = read_table(tmp_path / "new" / "manifest.parquet")
    assert dict(zip(table["uri"], table["weight"], strict=True))[(source / IMAGE).as_uri()] == 1.5
    whole = convert(source, tmp_path / "whole", ConvertOptions(layout="manifest"))
    back = convert(tmp_path / "whole", tmp_path / "back", ConvertOptions(layout="coco", strict=True))
    assert (whole.objects, back.objects, back.losses) == (5, 5, [])
    assert (tmp_path / "back" / "metadata.csv").read_text().splitlines()[:2] == [
        "path,weight,note",
        "images/test/c.webp,,",
    ]


def test_skeletons_keep_their_names_and_what_becomes_of_them_in_a_mirror(tmp_path: Path) -> None:
    write_images(tmp_path / "source", [IMAGE])
    entry = ImageEntry(path=IMAGE, split="train", labelled=True, objects=_one_of_each("pose"))
    write_as("yolo", tmp_path / "source", tmp_path / "first", [entry], scheme_of("pose"))
    result = convert(tmp_path / "first", tmp_path / "second", ConvertOptions(layout="coco"))
    back = convert(tmp_path / "second", tmp_path / "third", ConvertOptions(layout="yolo"))
    assert (result.task, back.task) == ("pose", "pose")
    assert (tmp_path / "third" / "data.yaml").read_text() == (tmp_path / "first" / "data.yaml").read_text()
    assert "nose" in (tmp_path / "third" / "data.yaml").read_text()
    assert SKELETON.flip == [0, 2, 1]


def test_masks_of_another_size_than_their_image_are_left_out(tmp_path: Path) -> None:
    folder = _coco(tmp_path / "coco")
    document = json.loads((folder / "annotations" / "instances_train.json").read_text())
    document["annotations"][4]["segmentation"] = {"size": [2, 2], "counts": [1, 3]}
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(document))
    result = convert(folder, tmp_path / "new", ConvertOptions(layout="coco", task="segment"))
    assert _kinds(result) == {"mask_misfit": 1}


def test_pixels_of_a_mask_are_those_of_its_runs() -> None:
    mask = ring_mask()
    expected = decode_mask(counts_to_rle(mask.counts, (HEIGHT, WIDTH)), (HEIGHT, WIDTH))
    assert (mask_pixels(mask) == expected).all()


def test_images_behind_urls_are_fetched_into_the_new_dataset_and_their_urls_kept_without(
    tmp_path: Path,
) -> None:
    source = _coco(tmp_path / "coco")
    convert(source, tmp_path / "far", ConvertOptions(layout="manifest", images="none"))
    fetched = convert(tmp_path / "far", tmp_path / "near", ConvertOptions(layout="yolo"))
    assert (fetched.images, fetched.objects, _kinds(fetched)["crowd"]) == (6, 4, 1)
    pictures = [path for path in (tmp_path / "near" / "images").rglob("*") if path.is_file()]
    assert len(pictures) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco", "far", "near"]
    left = convert(tmp_path / "far", tmp_path / "left", ConvertOptions(layout="manifest", images="none"))
    one, other = (read_table(tmp_path / name / "manifest.parquet")["uri"] for name in ("far", "left"))
    assert (left.losses, sorted(one)) == ([], sorted(other))
    (source / IMAGE).unlink()
    with pytest.raises(FlywheelError, match="1 of 6 images could not be fetched"):
        convert(tmp_path / "far", tmp_path / "again", ConvertOptions(layout="yolo"))
    assert not (tmp_path / "again").exists()
