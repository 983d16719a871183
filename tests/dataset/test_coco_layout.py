"""COCO files become image entries: categories by name, files wherever the usual arrangements have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from without_lines import without_lines

from runner.dataset.entries import EncodedMask, LabelledObject, LabelScheme
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName
from runner.layouts.coco_files import coco_categories, coco_files, read_coco

SCHEME = LabelScheme(task="detect", classes=["cat", "dog"])


def document(**changes: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "x.jpg", "width": 40, "height": 20}],
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 7, "bbox": [1, 2, 10, 5], "iscrowd": 1}],
        **changes,
    }


def write(folder: Path, file: str, content: dict[str, Any], *images: str) -> Path:
    for path in (file, *images):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")
    (folder / file).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("file", "image", "split"),
    [
        ("annotations/instances_train2017.json", "train2017/x.jpg", "train2017"),
        ("annotations/instances_val.json", "images/val/x.jpg", "val"),
        ("annotations/test.json", "images/x.jpg", "test"),
        ("annotations/instances_default.json", "images/x.jpg", None),
        ("valid/_annotations.coco.json", "valid/x.jpg", "valid"),
        ("coco_train.json", "images/train/x.jpg", "train"),
        ("labels.json", "data/x.jpg", None),
    ],
)
def test_usual_arrangements_are_read(tmp_path: Path, file: str, image: str, split: str | None) -> None:
    (entry,) = read_coco(write(tmp_path, file, document(), image), SCHEME).entries
    assert (entry.path, entry.split, entry.labelled, entry.declared_size) == (image, split, True, (40, 20))
    (found,) = entry.objects
    assert found.place == f"{file}#5"
    assert (found.class_name, found.class_id, found.crowd) == ("dog", 1, True)
    assert found.box_xyxy == (1, 2, 11, 7)
    assert not found.normalised


def test_images_that_no_file_lists_are_not_labelled(tmp_path: Path) -> None:
    write(tmp_path, "annotations/train.json", document(), "images/train/x.jpg", "images/pool/y.jpg")
    entries = read_coco(tmp_path, SCHEME).entries
    assert [(entry.path, entry.split, entry.labelled) for entry in entries] == [
        ("images/pool/y.jpg", "pool", False),
        ("images/train/x.jpg", "train", True),
    ]


def test_listed_image_without_annotations_is_labelled_and_empty(tmp_path: Path) -> None:
    (entry,) = read_coco(write(tmp_path, "annotations/a.json", document(annotations=[])), SCHEME).entries
    assert (entry.labelled, entry.objects) == (True, ())


def test_file_without_annotations_gives_images_without_labels(tmp_path: Path) -> None:
    content = document()
    del content["annotations"]
    (entry,) = read_coco(write(tmp_path, "annotations/a.json", content), SCHEME).entries
    assert not entry.labelled


def test_missing_image_keeps_its_entry(tmp_path: Path) -> None:
    (entry,) = read_coco(write(tmp_path, "annotations/train.json", document()), SCHEME).entries
    assert entry.path == "images/train/x.jpg"


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ({"category_id": 9, "bbox": [1, 2, 3, 4]}, "category 9 is not among its categories"),
        ({"category_id": 7, "bbox": [1, 2, 3]}, "bbox has 3 numbers, not 4"),
        ({"category_id": 7}, "bbox is missing"),
        (
            {"category_id": 4, "bbox": [1, 2, 3, 4]},
            'class id 4 is "emu", which is not one of the project\'s classes',
        ),
    ],
)
def test_bad_annotation_is_named(tmp_path: Path, annotation: dict[str, Any], problem: str) -> None:
    content = document(
        categories=[{"id": 7, "name": "dog"}, {"id": 4, "name": "emu"}],
        annotations=[{"id": 12, "image_id": 1, **annotation}],
    )
    (entry,) = read_coco(write(tmp_path, "annotations/a.json", content), SCHEME).entries
    assert entry.objects == ()
    assert entry.label_problems == (f"annotations/a.json:1:158: annotation 12: {problem}",)


@pytest.mark.parametrize(
    "name", ["../secret.jpg", "/etc/passwd", "a/../../b.jpg", "..\\b.jpg", "http://h/c.jpg", ".."]
)
def test_paths_out_of_the_dataset_are_not_followed(tmp_path: Path, name: str) -> None:
    content = document(images=[{"id": 1, "file_name": name}])
    found = read_coco(write(tmp_path, "annotations/a.json", content), SCHEME)
    assert found.entries == []
    assert found.notes == [
        "annotations/a.json: 1 of 1 file names lead out of the dataset, and it has no image (or several) of such a "
        f"name: {name!r}"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "../../label-studio/data/media/upload/3/cat 1.jpg",
        "/home/me/data/images/train/cat 1.jpg",
        "C:\\data\\train\\cat 1.jpg",
        "upload\\3\\8a1b2c3d-cat 1.jpg",
        "https://host:8080/data/upload/3/8a1b2c3d-cat%201.jpg?width=3",
        "s3://bucket/train/cat 1.jpg",
        "task_3/CAT 1.JPG",
    ],
)
def test_an_image_is_found_by_its_name_wherever_it_was_uploaded(tmp_path: Path, name: str) -> None:
    content = document(images=[{"id": 1, "file_name": name}])
    images = ("images/train/cat 1.jpg", "images/val/cat 1.jpg")
    found = read_coco(write(tmp_path, "annotations/train.json", content, *images), SCHEME)
    entry = next(entry for entry in found.entries if entry.labelled)
    assert (entry.path, entry.split, len(entry.objects)) == ("images/train/cat 1.jpg", "train", 1)
    assert found.notes == [
        "annotations/train.json: 1 of 1 file names are not where they say; the images of these names are taken: "
        f"{name} at images/train/cat 1.jpg"
    ]


def test_a_name_composed_in_another_way_is_the_same_name(tmp_path: Path) -> None:
    content = document(images=[{"id": 1, "file_name": "e\u0301te\u0301.jpg"}])
    (entry,) = read_coco(write(tmp_path, "annotations/a.json", content, "images/été.jpg"), SCHEME).entries
    assert (entry.path, entry.labelled) == ("images/été.jpg", True)


def test_of_several_images_of_a_name_none_is_taken_at_random(tmp_path: Path) -> None:
    content = document(images=[{"id": 1, "file_name": "../1.jpg"}])
    images = ("images/a/1.jpg", "images/b/1.jpg")
    found = read_coco(write(tmp_path, "annotations/instances_default.json", content, *images), SCHEME)
    assert not any(entry.labelled for entry in found.entries)
    assert "(or several) of such a name: '../1.jpg'" in found.notes[0]


@pytest.mark.parametrize("folder", ["images/default", "default", "images"])
def test_cvats_default_subset_is_found_and_is_no_split(tmp_path: Path, folder: str) -> None:
    write(tmp_path, "annotations/instances_default.json", document(), f"{folder}/x.jpg")
    found = read_coco(tmp_path, SCHEME)
    (entry,) = found.entries
    assert (entry.path, entry.split, entry.labelled, found.notes) == (f"{folder}/x.jpg", None, True, [])


def test_images_that_are_not_there_are_counted_and_named(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": f"{number}.jpg"} for number in range(3)]
    content = document(images=images, annotations=[])
    found = read_coco(write(tmp_path, "annotations/a.json", content, "images/0.jpg"), SCHEME)
    assert found.notes == ["annotations/a.json: 2 of 3 images are not in the dataset: '1.jpg'"]


def test_annotations_of_unlisted_images_are_noted(tmp_path: Path) -> None:
    content = document(annotations=[{"id": 1, "image_id": 99, "category_id": 7, "bbox": [0, 0, 1, 1]}])
    found = read_coco(write(tmp_path, "annotations/a.json", content, "images/x.jpg"), SCHEME)
    assert found.notes == [
        "annotations/a.json: 1 annotation is of an image that it does not list: annotation 1 of image 99"
    ]


BROKEN = [
    ('{"id": 6, "image_id": 1, "category_id": 7, "bbox": [NaN, 2, 3, 4]}', "a number of bbox is not finite"),
    ('{"id": 6, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3, Infinity]}', "a number of bbox is not finite"),
    ('{"id": 6, "image_id": 1, "category_id": 7, "bbox": [1, "2", 3, 4]}', "Expected `float`, got `str` - at `$.bbox[1]`"),
    ('{"id": 6, "image_id": 1, "category_id": null, "bbox": [1, 2, 3, 4]}', "Expected `int`, got `null` - at `$.category_id`"),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "problem"), BROKEN)
def test_one_broken_annotation_leaves_the_others_readable(
    tmp_path: Path, annotation: str, problem: str
) -> None:
    write(tmp_path, "annotations/a.json", document(), "images/x.jpg")
    path = tmp_path / "annotations/a.json"
    path.write_text(path.read_text().replace('"annotations": [', f'"annotations": [{annotation}, '))
    (entry,) = read_coco(tmp_path, SCHEME).entries
    assert [item.place for item in entry.objects] == ["annotations/a.json#5"]
    assert without_lines(entry.label_problems) == (f"annotations/a.json: annotation 6: {problem}",)


def test_what_is_no_annotation_at_all_is_noted(tmp_path: Path) -> None:
    content = document(annotations=[3, {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]}])
    found = read_coco(write(tmp_path, "annotations/a.json", content, "images/x.jpg"), SCHEME)
    assert len(found.entries[0].objects) == 1
    assert list(without_lines(found.notes)) == [
        "annotations/a.json: annotations[0]: Expected `object`, got `int`"
    ]


def test_a_stated_size_that_is_none_is_not_believed(tmp_path: Path) -> None:
    write(tmp_path, "annotations/a.json", document(), "images/x.jpg")
    path = tmp_path / "annotations/a.json"
    path.write_text(path.read_text().replace('"width": 40', '"width": NaN'))
    assert read_coco(tmp_path, SCHEME).entries[0].declared_size is None


def test_repeated_annotation_ids_still_name_one_object_each(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": f"{number}.jpg"} for number in (1, 2)]
    box = {"id": 0, "category_id": 7, "bbox": [1, 2, 3, 4]}
    annotations = [
        {**box, "image_id": 1},
        {**box, "image_id": 2},
        {**box, "image_id": 2, "id": "0"},
        {**box, "image_id": 1, "id": 9},
    ]
    content = document(images=images, annotations=annotations)
    found = read_coco(write(tmp_path, "annotations/a.json", content, "images/1.jpg", "images/2.jpg"), SCHEME)
    assert [[item.place.partition("#")[2] for item in entry.objects] for entry in found.entries] == [
        ["annotations[0]", "9"],
        ["annotations[1]", "annotations[2]"],
    ]
    assert found.notes == [
        "annotations/a.json: 3 annotations share their ids with others (the first id is 0): they are told apart by "
        "their place in the file"
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": [{"id": 1, "file_name": "x.jpg"}, {"id": 1, "file_name": "y.jpg"}]},
            "the images x.jpg and y.jpg share the id 1: which of them an annotation is about cannot be told",
        ),
        (
            {"images": [{"id": 3, "file_name": "x.jpg"}, {"id": 7, "file_name": "x.jpg"}]},
            "lists x.jpg twice, with the ids 3 and 7",
        ),
        (
            {"images": [{"id": 3, "file_name": "x.jpg"}, {"id": 3, "file_name": "x.jpg"}]},
            "lists x.jpg twice, with the id 3 both times",
        ),
        (
            {"categories": [{"id": 7, "name": "dog"}, {"id": 7, "name": "cat"}]},
            'the categories "dog" and "cat" share the id 7',
        ),
    ],
)
def test_ids_that_name_two_things_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FlywheelError) as error:
        read_coco(write(tmp_path, "annotations/a.json", document(**changes)), SCHEME)
    assert error.value.message == message
    assert error.value.where is not None
    assert error.value.where.file == f"{tmp_path}/annotations/a.json"


@pytest.mark.parametrize(("listed", "named"), [(1, "1"), ("1", 1), (1, 1.0), ("1", "1")])
def test_ids_are_the_same_as_text_and_as_numbers(tmp_path: Path, listed: object, named: object) -> None:
    content = document(images=[{"id": listed, "file_name": "x.jpg"}])
    content["annotations"][0]["image_id"] = named
    found = read_coco(write(tmp_path, "annotations/a.json", content, "images/x.jpg"), SCHEME)
    assert (len(found.entries[0].objects), found.notes) == (1, [])


def test_two_file_names_of_one_image_are_refused(tmp_path: Path) -> None:
    content = document(images=[{"id": 1, "file_name": "x.jpg"}, {"id": 2, "file_name": "./x.jpg"}])
    with pytest.raises(FlywheelError) as error:
        read_coco(write(tmp_path, "annotations/a.json", content, "images/x.jpg"), SCHEME)
    assert error.value.message == "lists images/x.jpg twice, under two file names"


def test_categories_of_one_name_are_one_class_and_said_so(tmp_path: Path) -> None:
    content = document(categories=[{"id": 7, "name": "dog"}, {"id": 8, "name": "dog"}])
    found = read_coco(write(tmp_path, "annotations/a.json", content, "images/x.jpg"), SCHEME)
    assert found.notes == [
        'annotations/a.json: the categories 7 and 8 are both called "dog": they are read as one class'
    ]


def test_two_files_listing_one_image_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "annotations/a.json", document(), "images/x.jpg")
    write(tmp_path, "annotations/b.json", document())
    with pytest.raises(FlywheelError) as error:
        read_coco(tmp_path, SCHEME)
    assert str(error.value) == (
        f"{tmp_path}/annotations/b.json:1:13: lists images/x.jpg although annotations/a.json does so too\n"
        "  hint: keep each image in one annotation file: move the other one out of the dataset, or name those to read, `layout: {format: coco, annotations: […]}`; or write "
        "`labels: {image_twice: drop}` below `dataset` in flywheel.yaml: then one entry counts"
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"images": 3}', '{"images": [{"id": 1}], "categories": []}'])
def test_file_that_is_not_coco_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, "annotations/a.json", {})
    (tmp_path / "annotations/a.json").write_text(text)
    with pytest.raises(FlywheelError) as error:
        read_coco(tmp_path, SCHEME)
    assert error.value.message.startswith("not a COCO annotation file: ")


def test_files_of_other_tasks_and_other_json_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "annotations/captions_train.json", {})
    write(tmp_path, "settings.json", {"a": 1})
    write(tmp_path, "annotations/instances_train.json", document())
    assert coco_files(tmp_path) == ["annotations/instances_train.json"]


def test_unused_supercategory_is_no_class(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "animals", "supercategory": "none"},
        {"id": 7, "name": "dog", "supercategory": "animals"},
        {"id": 8, "name": "emu", "supercategory": "animals"},
    ]
    write(tmp_path, "train/_annotations.coco.json", document(categories=categories))
    assert coco_categories(tmp_path, "train/_annotations.coco.json") == ["dog", "emu"]


def only_object(folder: Path, task: TaskName, annotation: dict[str, Any]) -> LabelledObject | str:
    """What an annotation is for a task with a skeleton of two points: its object, or its problem."""
    content = document(annotations=[{"id": 1, "image_id": 1, "category_id": 7, **annotation}])
    scheme = LabelScheme(task=task, classes=["cat", "dog"], keypoints=2)
    (entry,) = read_coco(write(folder, "annotations/a.json", content), scheme).entries
    if entry.label_problems:
        assert entry.objects == ()
        return without_lines(entry.label_problems)[0].removeprefix("annotations/a.json: annotation 1: ")
    return entry.objects[0]


BOX = [1, 2, 10, 5]
TRIANGLE = [[1, 2, 11, 2, 11, 7]]


@pytest.mark.parametrize("area", [0, 25.5, 1e9])
def test_of_a_polygon_neither_the_stated_area_nor_the_stated_box_are_believed(
    tmp_path: Path, area: float
) -> None:
    stated = {"bbox": [500, 500, 3, 4], "area": area}
    found = only_object(tmp_path, "segment", {"segmentation": TRIANGLE, **stated})
    assert isinstance(found, LabelledObject)
    assert (found.polygons, found.area_px, found.mask) == ((tuple(TRIANGLE[0]),), None, None)
    assert found.box_xyxy == (1, 2, 11, 7)


@pytest.mark.parametrize("seed", range(4))
def test_the_box_of_a_mask_is_that_of_pycocotools(tmp_path: Path, seed: int) -> None:
    from pycocotools import mask

    pixels = np.zeros((7, 9), np.uint8, order="F")
    top, left, height, width = np.random.default_rng(seed).integers(1, 5, 4)
    pixels[top : top + height, left : left + width] = 1
    encoded = mask.encode(pixels)
    written = {"size": [7, 9], "counts": encoded["counts"].decode()}
    found = only_object(tmp_path, "segment", {"bbox": [0, 0, 1, 1], "segmentation": written, "iscrowd": 1})
    assert isinstance(found, LabelledObject)
    x, y, w, h = mask.toBbox(encoded)
    assert found.box_xyxy == (x, y, x + w, y + h)


@pytest.mark.parametrize(("area", "kept"), [(20, 20), (0, None), (-3, None), (51, 51), (90, None)])
def test_an_area_that_no_box_holds_is_not_believed(tmp_path: Path, area: float, kept: float | None) -> None:
    found = only_object(tmp_path, "pose", {"bbox": BOX, "keypoints": [3, 4, 2, 0, 0, 0], "area": area})
    assert isinstance(found, LabelledObject)
    assert found.area_px == kept


def test_without_bbox_a_polygon_gives_the_box(tmp_path: Path) -> None:
    found = only_object(tmp_path, "segment", {"segmentation": TRIANGLE})
    assert isinstance(found, LabelledObject)
    assert found.box_xyxy == (1, 2, 11, 7)


@pytest.mark.parametrize("counts", [[5, 3], "53"], ids=["plain", "compressed"])
def test_run_lengths_of_a_crowd_are_kept(tmp_path: Path, counts: object) -> None:
    mask = {"size": [2, 4], "counts": counts}
    found = only_object(tmp_path, "segment", {"bbox": BOX, "segmentation": mask, "iscrowd": 1})
    assert isinstance(found, LabelledObject)
    assert (found.mask, found.crowd) == (EncodedMask(2, 4, (5, 3)), True)


def test_key_points_and_the_stated_area_are_kept_for_pose(tmp_path: Path) -> None:
    points = [3, 4, 2, 0, 0, 0]
    found = only_object(tmp_path, "pose", {"bbox": BOX, "keypoints": points, "area": 20})
    assert isinstance(found, LabelledObject)
    assert (found.keypoints, found.area_px, found.box_xyxy) == (tuple(points), 20, (1, 2, 11, 7))


def test_a_crowd_of_skeletons_has_no_labelled_point(tmp_path: Path) -> None:
    found = only_object(tmp_path, "pose", {"bbox": BOX, "iscrowd": 1})
    assert isinstance(found, LabelledObject)
    assert found.keypoints == (0,) * 6


def test_four_points_of_a_polygon_are_a_rotated_box(tmp_path: Path) -> None:
    found = only_object(tmp_path, "obb", {"segmentation": [[5, 0, 10, 5, 5, 10, 0, 5]]})
    assert isinstance(found, LabelledObject)
    assert (found.corners, found.box_xyxy) == ((5, 0, 10, 5, 5, 10, 0, 5), (0, 0, 10, 10))


@pytest.mark.parametrize(
    ("task", "annotation", "problem"),
    [
        ("segment", {"bbox": BOX}, "segmentation is missing"),
        ("segment", {"bbox": BOX, "segmentation": []}, "segmentation is missing"),
        ("segment", {"bbox": BOX, "segmentation": [[1, 2, 3, 4]]}, "a polygon of segmentation has 4 numbers, not an even number from 6 on"),
        ("segment", {"bbox": BOX, "segmentation": [1, 2, 3]}, "segmentation is neither a list of polygons [[x1, y1, …]] nor a mask {size, counts}"),
        ("segment", {"bbox": BOX, "segmentation": {"size": [2, 4], "counts": [5, 4]}}, "segmentation: the run lengths do not add up to 2 × 4 pixels"),
        ("segment", {"bbox": BOX, "segmentation": {"size": [2, 4], "counts": "5S"}}, "segmentation: the run lengths do not add up to 2 × 4 pixels"),
        ("pose", {"bbox": BOX}, "keypoints is missing"),
        ("pose", {"bbox": BOX, "keypoints": [1, 2, 2]}, "keypoints has 3 numbers, not 6 (x, y, visibility of 2 points)"),
        ("pose", {"bbox": BOX, "keypoints": [1, 2, 2, 1, 2, 5]}, "visibility 5 of keypoints is none of 0, 1, 2"),
        ("pose", {"keypoints": [1, 2, 2, 1, 2, 2]}, "bbox is missing"),
        ("obb", {"bbox": BOX}, "task obb needs the four corners in segmentation: segmentation is missing"),
        ("obb", {"bbox": BOX, "segmentation": TRIANGLE}, "task obb needs one polygon of four points in segmentation, found 3 points"),
    ],
)  # fmt: skip
def test_an_annotation_that_does_not_fit_the_task_is_a_label_problem(
    tmp_path: Path, task: TaskName, annotation: dict[str, Any], problem: str
) -> None:
    assert only_object(tmp_path, task, annotation) == problem


def test_pose_reads_the_files_of_skeletons_and_the_others_leave_them_alone(tmp_path: Path) -> None:
    write(tmp_path, "annotations/instances_train.json", document())
    assert coco_files(tmp_path, "pose") == ["annotations/instances_train.json"]
    write(tmp_path, "annotations/person_keypoints_train.json", document())
    assert coco_files(tmp_path, "pose") == ["annotations/person_keypoints_train.json"]
    assert coco_files(tmp_path, "segment") == ["annotations/instances_train.json"]
