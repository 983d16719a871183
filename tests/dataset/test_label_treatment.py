"""What becomes of every kind of wrong label under every setting: planted, and compared with what is left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.adapters.pictures.coco_masks import decode_mask, polygons_to_rle
from runner.adapters.pictures.measured_images import ImageMeasurement
from runner.dataset.clipping import clip_polygon, clipped
from runner.dataset.entries import EncodedMask, ImageEntry, LabelledObject, LabelScheme, LayoutContent
from runner.dataset.index import build_index
from runner.dataset.label_treatment import TreatedLabels, treat_labels
from runner.domain.errors import FlywheelError
from runner.domain.label_faults import FaultName, LabelFault, Treatment
from runner.domain.task import TaskName

IMAGE = ImageMeasurement(image_id="a", size_bytes=1, width=100, height=50)
BROKEN = ImageMeasurement(image_id="b", size_bytes=0, problem="it is not there")


def box(place: int, *xyxy: float, name: str = "cat", **fields: Any) -> LabelledObject:
    return LabelledObject(
        f"x.txt:{place}",
        name,
        0 if name == "cat" else 1,
        xyxy,
        fields.pop("normalised", False),
        **fields,  # type: ignore[arg-type]
    )


GOOD = box(1, 10, 10, 30, 30)


def entry(*objects: LabelledObject, problems: tuple[str, ...] = (), path: str = "x.jpg") -> ImageEntry:
    return ImageEntry(path=path, split=None, labelled=True, objects=objects, label_problems=problems)


def treat(
    *entries: ImageEntry,
    task: TaskName = "detect",
    faults: tuple[LabelFault, ...] = (),
    measurements: tuple[ImageMeasurement, ...] = (),
    **treatments: Treatment,
) -> TreatedLabels:
    kinds: Mapping[FaultName, Treatment] = treatments  # type: ignore[assignment]
    content = LayoutContent(entries=entries, faults=faults)
    return treat_labels(content, measurements or (IMAGE,) * len(entries), task, kinds)


def said(found: TreatedLabels) -> list[tuple[str, str, str]]:
    """Kind, treatment and place of all that was treated."""
    return [(fault.kind, treatment, fault.place) for fault, _, treatment in found.treated]


# One label of each kind that shows beside the image, and what a clip leaves of it.
SHAPES: list[tuple[TaskName, FaultName, LabelledObject]] = [
    ("detect", "zero_area", box(2, 40, 10, 40, 30)),
    ("detect", "zero_area", box(2, 0.4, 0.2, 0.409, 0.6, normalised=True)),
    ("segment", "zero_area", box(2, 10, 10, 30, 30, polygons=((10, 10, 20, 20, 30, 30),))),
    ("detect", "outside", box(2, 80, 10, 120, 30)),
    ("pose", "outside", box(2, -0.2, 0, 0.5, 1, normalised=True, keypoints=(0.1, 0.1, 2, -0.1, 0.5, 2))),
    ("segment", "outside", box(2, 80, 0, 120, 40, polygons=((80, 0, 120, 0, 120, 40, 80, 40),))),
    ("segment", "outside", box(2, 80, 0, 9e5, 40, polygons=((80, 0, 9e5, 0, 80, 40),))),
    ("obb", "outside", box(2, 90, 0, 130, 40, corners=(90, 20, 110, 0, 130, 20, 110, 40))),
    ("detect", "duplicate", GOOD._replace(place="x.txt:2")),
    ("detect", "duplicate", box(2, 10.05, 10, 30, 30.05)),
    ("segment", "mask_size", box(2, 0, 0, 1, 1, mask=EncodedMask(1, 2, (0, 2)))),
]  # fmt: skip


def good(task: TaskName) -> LabelledObject:
    return GOOD._replace(
        polygons=((10, 10, 30, 10, 30, 30, 10, 30),) if task == "segment" else (),
        corners=(10, 10, 30, 10, 30, 30, 10, 30) if task == "obb" else (),
        keypoints=(15, 15, 2, 20, 20, 2) if task == "pose" else (),
    )


@pytest.mark.parametrize(("task", "kind", "wrong"), SHAPES)
def test_a_label_that_is_wrong_beside_its_image(
    task: TaskName, kind: FaultName, wrong: LabelledObject
) -> None:
    whole = entry(good(task), wrong)
    assert treat(whole, task=task).entries == [whole], "where nothing is said, the checks decide"

    dropped = treat(whole, task=task, **{kind: "drop"})
    assert dropped.entries == [entry(good(task))]
    assert said(dropped) == [(kind, "drop", "x.txt:2")]

    refused = treat(whole, task=task, **{kind: "refuse"})
    (image,) = refused.entries
    assert image.objects == whole.objects
    assert said(refused) == [(kind, "refuse", "x.txt:2")]
    scheme = LabelScheme(task=task, classes=["cat", "dog"], keypoints=2)
    tables = build_index(refused.entries, [IMAGE], scheme, {}, None)
    (problem,) = tables.images["label_problem"]
    assert problem.startswith("x.txt:2: "), "the check `label_problems` stops the sprint"
    assert problem.count("x.txt:2") == 1


@pytest.mark.parametrize(
    ("task", "wrong", "left"),
    [
        ("detect", box(2, 80, 10, 120, 30), box(2, 80, 10, 100, 30)),
        ("detect", box(2, -0.2, 0.5, 0.5, 1.5, normalised=True), box(2, 0, 0.5, 0.5, 1, normalised=True)),
        ("pose", box(2, 80, 0, 120, 40, keypoints=(90, 9, 2, 110, 9, 2), area_px=1500.0), box(2, 80, 0, 100, 40, keypoints=(90, 9, 2, 0, 0, 0))),
        ("pose", box(2, 80, 0, 120, 40, keypoints=(90, 9, 2, 99, 9, 1), area_px=700.0), box(2, 80, 0, 100, 40, keypoints=(90, 9, 2, 99, 9, 1), area_px=700.0)),
        ("segment", box(2, 80, 0, 9e5, 40, polygons=((80, 0, 9e5, 0, 9e5, 40, 80, 40),)), box(2, 80, 0, 100, 40, polygons=((80, 0, 100, 0, 100, 40, 80, 40),))),
    ],
)  # fmt: skip
def test_what_a_clip_leaves(task: TaskName, wrong: LabelledObject, left: LabelledObject) -> None:
    found = treat(entry(wrong), task=task, outside="clip")
    (image,) = found.entries
    (item,) = image.objects
    flat = [*item.box_xyxy, *item.keypoints, *(value for polygon in item.polygons for value in polygon)]
    expected = [*left.box_xyxy, *left.keypoints, *(value for polygon in left.polygons for value in polygon)]
    assert flat == pytest.approx(expected)
    assert (item.area_px, item.place, image.label_problems) == (left.area_px, "x.txt:2", ())
    assert said(found) == [("outside", "clip", "x.txt:2")]


@pytest.mark.parametrize("wrong", [box(2, 120, 10, 140, 30), box(2, 99.5, 10, 140, 30)])
def test_a_label_of_which_nothing_lies_in_the_image_is_left_out(wrong: LabelledObject) -> None:
    found = treat(entry(GOOD, wrong), outside="clip")
    assert found.entries == [entry(GOOD)]
    assert said(found) == [("outside", "drop", "x.txt:2")]


def test_less_than_a_pixel_beyond_the_border_is_no_fault() -> None:
    near = box(2, 80, 10, 101, 51)
    assert treat(entry(near), outside="clip", zero_area="drop").treated == []


def test_what_a_clip_makes_equal_is_a_duplicate() -> None:
    found = treat(entry(box(1, 80, 10, 120, 30), box(2, 80, 10, 140, 30)), outside="clip", duplicate="drop")
    assert [item.place for item in found.entries[0].objects] == ["x.txt:1"]
    assert said(found)[-1] == ("duplicate", "drop", "x.txt:2")


@pytest.mark.parametrize(
    ("task", "other"),
    [
        ("detect", GOOD._replace(class_name="dog", class_id=1)),
        ("detect", GOOD._replace(crowd=True)),
        ("detect", box(2, 10, 10, 30, 30.5)),
        ("segment", good("segment")._replace(polygons=((10, 10, 30, 10, 10, 30, 30, 30),))),
        ("pose", good("pose")._replace(keypoints=(15, 15, 2, 25, 20, 2))),
        ("pose", good("pose")._replace(keypoints=(15, 15, 2, 20, 20, 0))),
        ("obb", good("obb")._replace(corners=(20, 10, 30, 20, 20, 30, 10, 20))),
    ],
)
def test_what_is_no_duplicate(task: TaskName, other: LabelledObject) -> None:
    assert (
        treat(entry(good(task), other._replace(place="x.txt:2")), task=task, duplicate="drop").treated == []
    )


def test_the_first_of_many_equal_labels_is_kept_in_each_image() -> None:
    many = [GOOD._replace(place=f"x.txt:{at}") for at in range(1, 1001)]
    found = treat(entry(*many), entry(GOOD, path="y.jpg"), duplicate="drop")
    assert [len(image.objects) for image in found.entries] == [1, 1]
    assert len(found.treated) == 999


FILES: list[FaultName] = ["malformed", "unknown_class", "short_polygon", "zero_area", "unreadable"]


@pytest.mark.parametrize("kind", FILES)
def test_a_label_that_the_file_shows_to_be_wrong(kind: FaultName) -> None:
    fault = LabelFault(kind, "x.txt:3", "what is wrong")
    whole = entry(GOOD, problems=(fault,))
    assert treat(whole).entries == [whole]
    assert treat(whole, **{kind: "refuse"}).entries == [whole]
    dropped = treat(whole, **{kind: "drop"})
    assert dropped.entries == [entry(GOOD)]
    assert said(dropped) == [(kind, "drop", "x.txt:3")]


def test_a_problem_in_plain_words_is_a_malformed_label() -> None:
    whole = entry(GOOD, problems=("x.txt:3: not numbers",))
    assert treat(whole, unknown_class="drop").entries == [whole]
    assert treat(whole, malformed="drop").entries == [entry(GOOD)]


def test_the_other_outlines_of_an_object_are_kept() -> None:
    fault = LabelFault("short_polygon", "a.json: annotation 3", "2 points", rest=good("segment"))
    found = treat(entry(problems=(fault,)), task="segment", short_polygon="drop")
    assert found.entries == [entry(good("segment"))]


def test_an_image_without_a_label_left_is_one_without_objects_or_not_labelled_where_its_class_was_the_label() -> (
    None
):
    whole = entry(problems=(LabelFault("unknown_class", "emu/x.jpg", "the folder is no class"),))
    assert treat(whole, unknown_class="drop").entries[0].labelled
    assert not treat(whole, task="classify", unknown_class="drop").entries[0].labelled
    assert treat(whole, task="classify", unknown_class="refuse").entries[0].labelled


def test_of_images_that_share_a_label_file_the_first_keeps_it() -> None:
    shared = LabelFault("image_twice", "labels/x.txt", "it is the label file of 2 images")
    images = [entry(GOOD, problems=(shared, "labels/x.txt:2: bad"), path=path) for path in ("x.jpg", "x.png")]
    found = treat(*images, image_twice="drop", malformed="drop").entries
    assert [(image.labelled, len(image.objects), image.label_problems) for image in found] == [
        (True, 1, ()),
        (False, 0, ()),
    ]
    assert treat(*images, image_twice="refuse").entries == images


def test_labels_without_image_are_left_out_with_the_entry_of_the_image() -> None:
    faults = (
        LabelFault("no_image", "labels/z.txt", "it is the label file of no image"),
        LabelFault("no_image", "a.json: image 2", "'y.jpg' is not in the dataset", "y.jpg"),
    )
    images = (entry(GOOD), entry(GOOD, path="y.jpg"))
    assert treat(*images, faults=faults, measurements=(IMAGE, BROKEN)).entries == list(images)
    found = treat(*images, faults=faults, measurements=(IMAGE, BROKEN), no_image="drop")
    assert (found.entries, found.kept) == ([images[0]], [0])
    assert found.columns()["path"] == [None, "y.jpg"]
    assert found.columns()["place"] == ["labels/z.txt", "a.json: image 2"]


def test_labels_without_image_that_are_refused_are_named() -> None:
    faults = tuple(LabelFault("no_image", f"labels/{at}.txt", "it is of no image") for at in range(7))
    expected = "7 faults of labels that are refused (no_image)\n  labels/0.txt: it is of no image\n"
    with pytest.raises(FlywheelError, match=re.escape(expected)) as caught:
        treat(entry(GOOD), faults=faults, no_image="refuse")
    assert caught.value.message.endswith("labels/4.txt: it is of no image\n  … and 2 more")
    assert "{no_image: drop}" in (caught.value.hint or "")


def test_labels_of_images_that_cannot_be_read_are_left_alone() -> None:
    whole = entry(box(1, 0, 0, 0, 0))
    assert treat(whole, measurements=(BROKEN,), zero_area="drop").entries == [whole]
    assert treat(entry(), zero_area="drop", duplicate="drop", outside="clip", mask_size="drop").treated == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-15, 35), st.integers(-15, 25)), min_size=3, max_size=7))
def test_a_clipped_outline_covers_the_same_pixels_of_the_image(points: list[tuple[int, int]]) -> None:
    """The mask of the outline on a larger canvas, cut to the image, and that of the clipped outline; half a pixel of rounding."""
    polygon = [float(value) for point in points for value in point]
    size, margin = (10, 20), 40
    moved = [value + margin for value in polygon]
    canvas = (size[0] + 2 * margin, size[1] + 2 * margin)
    whole = decode_mask(polygons_to_rle([moved], canvas), canvas)
    expected = whole[margin : margin + size[0], margin : margin + size[1]]
    left = clip_polygon(polygon, size[1], size[0])
    moved = [value + margin for value in left]
    found = decode_mask(polygons_to_rle([moved] if left else [], canvas), canvas)
    found = found[margin : margin + size[0], margin : margin + size[1]]
    differing = np.argwhere(found != expected)
    assert all(_near_an_edge(polygon, x + 0.5, y + 0.5) for y, x in differing.tolist())


def _near_an_edge(polygon: list[float], x: float, y: float) -> bool:
    """Whether a point is nearer than a pixel and a half to the outline: where its mask may be rounded either way."""
    corners = np.array(polygon).reshape(-1, 2)
    start, end = corners, np.roll(corners, -1, axis=0)
    along = end - start
    length = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip(((np.array([x, y]) - start) * along).sum(axis=1) / length, 0, 1)
    return bool((np.hypot(*(start + share[:, None] * along - (x, y)).T) < 1.5).any())


def test_masks_and_rotated_boxes_are_not_cut() -> None:
    rotated = box(1, 90, 0, 130, 40, corners=(90, 20, 110, 0, 130, 20, 110, 40))
    masked = box(1, 0, 0, 1, 1, mask=EncodedMask(1, 2, (0, 2)))
    assert (clipped(rotated, (50, 100)), clipped(masked, (50, 100))) == (rotated, masked)
