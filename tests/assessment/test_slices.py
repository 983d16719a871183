"""From what a spec says of slices to masks over images, objects and detections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.tables.parquet import read_table, write_table
from runner.assessment.slices import find_weakest, resolve_slices, slice_members
from runner.assessment.split import TestSplit
from runner.config.sprint import SliceSpec
from runner.domain.errors import FlywheelError
from runner.evaluation.errors import ImageOutcomes
from runner.evaluation.slices import ImageSlice, ObjectSlice

N_IMAGES, N_OBJECTS = 40, 60
CORNERS = ("x_min", "y_min", "x_max", "y_max")


@pytest.fixture
def split(tmp_path: Path) -> TestSplit:
    """The test images are every second one of the index, in another order than there."""
    random = np.random.default_rng(0)
    path = np.array([f"{number:02}.jpg" for number in range(N_IMAGES)], dtype=object)
    write_table(
        tmp_path / "images.parquet",
        {
            "path": path,
            "width": np.full(N_IMAGES, 20),
            "height": np.full(N_IMAGES, 10),
            "brightness": np.arange(N_IMAGES) / N_IMAGES,
            "Camera": np.array([None, "a", "a", "b"], dtype=object)[np.arange(N_IMAGES) // 2 % 4],
            "night": np.arange(N_IMAGES) % 3 == 0,
        },
    )
    corner = random.integers(0, 5, (N_OBJECTS, 2))
    boxes = np.hstack([corner, corner + random.integers(1, 6, (N_OBJECTS, 2))]).astype(float)
    write_table(
        tmp_path / "objects.parquet",
        {
            "object_id": [f"label {number}" for number in range(N_OBJECTS)],
            "path": path[random.integers(0, N_IMAGES, N_OBJECTS)],
            "class": np.array(["one", "two"], dtype=object)[random.integers(0, 2, N_OBJECTS)],
            "area_px": (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]),
            "truncated": random.random(N_OBJECTS) < 0.5,
            **{name: boxes[:, at] for at, name in enumerate(CORNERS)},
        },
    )
    image_rows = np.arange(N_IMAGES)[::-2]
    objects = read_table(tmp_path / "objects.parquet")
    object_rows = np.flatnonzero(np.isin(objects["path"], path[image_rows]))
    images = read_table(tmp_path / "images.parquet")
    return TestSplit(
        images_file=tmp_path / "images.parquet",
        objects_file=tmp_path / "objects.parquet",
        image_rows=image_rows,
        object_rows=object_rows,
        images={name: values[image_rows] for name, values in images.items()},
        objects={name: values[object_rows] for name, values in objects.items()},
        groups=np.arange(len(image_rows)),
    )


def predictions(split: TestSplit, boxes: list[tuple[float, float, float, float]]) -> dict[str, NDArray[Any]]:
    return {
        "path": np.array([split.images["path"][0]] * len(boxes), dtype=object),
        "class": np.array(["one"] * len(boxes), dtype=object),
        "class_id": np.zeros(len(boxes), dtype=np.int64),
        "score": np.ones(len(boxes), dtype=np.float32),
        **{name: np.array([box[at] for box in boxes], dtype=np.float32) for at, name in enumerate(CORNERS)},
    }


def resolved(split: TestSplit, *specs: SliceSpec) -> list[ImageSlice | ObjectSlice]:
    return resolve_slices(specs, split, predictions(split, [(0, 0, 4, 4), (0, 0, 1, 1)]))


def test_a_condition_on_images_selects_rows_of_the_split(split: TestSplit) -> None:
    (part,) = resolved(split, SliceSpec(name="dark", where="brightness < 0.25"))
    assert isinstance(part, ImageSlice)
    assert part.images.tolist() == (split.images["brightness"] < 0.25).tolist()
    assert part.images.any()


def test_a_column_gives_a_slice_per_value_however_it_is_written(split: TestSplit) -> None:
    assert [part.name for part in resolved(split, SliceSpec(by="camera"))] == [
        *("camera=a", "camera=(none)", "camera=b")
    ]


def test_crossed_columns_give_a_slice_per_combination_the_most_frequent_first(split: TestSplit) -> None:
    parts = resolved(split, SliceSpec(by=["camera", "night"], max=2))
    assert [part.name for part in parts] == ["camera=a, night=false", "camera=(none), night=false"]
    assert parts[0].condition == '"camera" = \'a\' AND "night" = false'
    every = resolved(split, SliceSpec(by=["camera", "night"]))
    assert sum(part.images for part in every).tolist() == [1] * len(split.image_rows)
    for part in every:
        (same,) = resolved(split, SliceSpec(where=part.condition))
        assert isinstance(part, ImageSlice)
        assert isinstance(same, ImageSlice)
        assert same.images.tolist() == part.images.tolist()


def test_a_condition_on_objects_selects_objects_and_detections(split: TestSplit) -> None:
    (part,) = resolved(split, SliceSpec(name="small", objects="AREA_PX < 5"))
    assert isinstance(part, ObjectSlice)
    assert part.objects.tolist() == (split.objects["area_px"] < 5).tolist()
    assert part.detections is not None
    assert part.detections.tolist() == [False, True]


def test_what_only_labels_have_says_nothing_of_detections(split: TestSplit) -> None:
    (part,) = resolved(split, SliceSpec(name="cut", objects="truncated AND area_px < 5"))
    assert isinstance(part, ObjectSlice)
    assert part.detections is None


def test_the_area_of_a_rotated_box_is_its_own_and_not_its_hull_s(split: TestSplit) -> None:
    found = predictions(split, [(0, 0, 4, 4)])
    corners = np.empty(1, dtype=object)
    corners[0] = [2.0, 0.0, 4.0, 2.0, 2.0, 4.0, 0.0, 2.0]  # area 8
    (part,) = resolve_slices([SliceSpec(objects="area_px = 8")], split, found | {"corners": corners})
    assert isinstance(part, ObjectSlice)
    assert part.detections is not None
    assert part.detections.tolist() == [True]


def test_the_area_of_a_mask_is_its_pixels(split: TestSplit) -> None:
    from pycocotools import mask

    pixels = np.zeros((10, 20), dtype=np.uint8, order="F")
    pixels[1:4, 2:4] = 1
    text = np.array([mask.encode(pixels)["counts"].decode()], dtype=object)
    found = predictions(split, [(0, 0, 20, 10)]) | {"mask_rle": text}
    (part,) = resolve_slices([SliceSpec(objects="area_px = 6")], split, found)
    assert isinstance(part, ObjectSlice)
    assert part.detections is not None
    assert part.detections.tolist() == [True]


def test_members_are_told_apart_where_there_are_as_many(split: TestSplit) -> None:
    specs = [
        SliceSpec(name="first", where="brightness < 0.5"),
        SliceSpec(name="last", where="brightness >= 0.5"),
        SliceSpec(name="all", objects="area_px > 0"),
        SliceSpec(by="camera"),
    ]
    members = slice_members(specs, split)
    assert members.keys() == {"first", "last", "all", *(part.name for part in resolved(split, specs[-1]))}
    assert len(set(members.values())) == len(members) == 6
    again = slice_members([SliceSpec(name="dim", where="NOT brightness >= 0.5")], split)
    assert again["dim"] == members["first"]


def test_a_refused_condition_is_named(split: TestSplit) -> None:
    with pytest.raises(FlywheelError, match="brightnes"):
        resolved(split, SliceSpec(where="brightnes < 1"))


def outcomes_of(wrong: NDArray[np.float64]) -> ImageOutcomes:
    zeros = np.zeros(len(wrong), dtype=np.int64)
    return ImageOutcomes(
        loss=wrong,
        wrong=wrong,
        weight=np.ones(len(wrong)),
        errors=np.zeros((len(wrong), 6), dtype=np.int64),
        objects=zeros + 1,
        detections=zeros,
    )


@pytest.fixture
def many() -> TestSplit:
    random = np.random.default_rng(0)
    n = 1000
    images = {
        "path": np.array([f"{number:04}.jpg" for number in range(n)], dtype=object),
        "phash": random.integers(0, 2**60, n).astype(np.uint64),
        "group": np.array([f"g{number // 4}" for number in range(n)], dtype=object),
        "group_fraction": random.random(n),
        "camera": np.array(["a", "b", "c"], dtype=object)[random.integers(0, 3, n)],
        "brightness": random.random(n),
        "n_objects": np.ones(n, dtype=np.int64),
        "n_one": random.integers(0, 2, n),
        "n_lamps": random.integers(0, 2, n),
    }
    return TestSplit(
        images_file=Path("images.parquet"),
        objects_file=Path("objects.parquet"),
        image_rows=np.arange(n),
        object_rows=np.arange(2),
        images=images,
        objects={"class": np.array(["one", "two"], dtype=object)},
        groups=np.arange(n) // 4,
    )


def test_weak_regions_are_found_among_properties_of_images(many: TestSplit) -> None:
    random = np.random.default_rng(1)
    weak = (many.images["camera"] == "b") & (many.images["brightness"] < 0.4)
    wrong = (random.random(1000) < np.where(weak, 0.6, 0.15)).astype(float)
    ((part, found),) = find_weakest(
        many, outcomes_of(wrong), many.groups, [SliceSpec(auto="weakest", max=1)]
    ).slices
    assert "camera=b" in part.name
    assert "brightness<" in part.name
    assert found.p_value <= 0.05
    assert found.searched > 50
    assert found.loss == pytest.approx(wrong[part.images].mean())
    assert found.loss_elsewhere == pytest.approx(wrong[~part.images].mean())


def test_names_of_images_and_counts_of_classes_are_no_properties(many: TestSplit) -> None:
    for column, expected in (("group_fraction", 0), ("n_one", 0), ("n_lamps", 1)):
        values = many.images[column]
        wrong = (np.random.default_rng(1).random(1000) < np.where(values > 0.5, 0.8, 0.1)).astype(float)
        found = find_weakest(many, outcomes_of(wrong), many.groups, [SliceSpec(auto="weakest")]).slices
        assert len(found) == expected, column


def test_without_auto_nothing_is_searched(many: TestSplit) -> None:
    wrong = (many.images["camera"] == "b").astype(float)
    assert not find_weakest(many, outcomes_of(wrong), many.groups, [SliceSpec(by="camera")]).slices


def test_a_slice_with_a_name_is_not_found_again(many: TestSplit) -> None:
    wrong = (np.random.default_rng(1).random(1000) < np.where(many.images["camera"] == "b", 0.6, 0.1)).astype(
        float
    )
    auto = SliceSpec(auto="weakest")
    assert find_weakest(many, outcomes_of(wrong), many.groups, [auto]).slices
    assert not find_weakest(many, outcomes_of(wrong), many.groups, [auto, SliceSpec(by="camera")]).slices
