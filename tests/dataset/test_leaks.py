"""Which images of val and test an earlier split gives away, and by what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.checks import data_rules
from runner.dataset import leaks
from runner.dataset.frames import MOST_PLACES, Place, neighbours, numbered, places
from runner.dataset.leaks import LeakedImage, SelectedImages, find_leaks, thumbnail_hashes
from runner.dataset.near_duplicates import Looks
from runner.record.catalogue import sprint_folder
from tests.planted_sprint import SprintFolder

RANDOM = np.random.default_rng(0)


def picture(seed: int) -> NDArray[np.uint8]:
    """16 × 16, smooth as thumbnails are."""
    coarse = np.random.default_rng(seed).integers(20, 235, (6, 6)).astype(np.float64)
    at = np.linspace(0, 5, 16)
    rows = np.array([np.interp(at, np.arange(6), row) for row in coarse])
    return np.array([np.interp(at, np.arange(6), column) for column in rows.T]).T.astype(np.uint8)


def images(**more: Any) -> SelectedImages:
    """Two of train, one of val, one of test, none like another; with what is said otherwise."""
    paths = more.pop("paths", ["train/a.jpg", "train/b.jpg", "val/c.jpg", "test/d.jpg"])
    seen = np.array(more.pop("pictures", [picture(seed) for seed in range(len(paths))])).reshape(
        len(paths), 256
    )
    known = {
        "paths": paths,
        "splits": np.array([path.split("/")[0] for path in paths], object),
        "image_ids": [f"{at:032x}" for at in range(len(paths))],
        "groups": paths,
        "taken": None,
        "looks": Looks(hashes=thumbnail_hashes(seen), thumbnails=seen),
    }
    return SelectedImages(**(known | more))


def said(found: list[LeakedImage]) -> list[tuple[str, str, str]]:
    return [(leak.path, leak.kind, leak.near_path) for leak in found]


def test_images_of_their_own_leak_nothing() -> None:
    assert find_leaks(images(), distance=4) == []


@pytest.mark.parametrize(
    "mirrored",
    [lambda each: each[:, ::-1], lambda each: each[::-1], lambda each: each[::-1, ::-1]],
)
def test_a_mirrored_copy_is_found_though_its_hash_is_far(mirrored: Any) -> None:
    original = picture(0)
    copy = (mirrored(original) * 0.9 + RANDOM.normal(6, 2, (16, 16))).clip(0, 255).astype(np.uint8)
    given = images(pictures=[original, picture(1), picture(2), copy])
    assert said(find_leaks(given, distance=4)) == [("test/d.jpg", "mirrored copy", "train/a.jpg")]
    assert np.bitwise_count(given.looks.hashes[0] ^ given.looks.hashes[3]) > 12  # type: ignore[union-attr]


def test_the_surest_kind_is_told_and_each_image_once() -> None:
    given = images(
        pictures=[picture(0), picture(1), picture(0), picture(1)],
        image_ids=["same", "x", "same", "y"],
        groups=["scene", "scene", "scene", "scene"],
    )
    assert said(find_leaks(given, distance=4)) == [
        ("val/c.jpg", "same file", "train/a.jpg"),
        ("test/d.jpg", "near-duplicate", "train/b.jpg"),
    ]


def test_val_gives_test_away_and_test_nothing() -> None:
    given = images(groups=["train/a.jpg", "train/b.jpg", "scene", "scene"])
    assert said(find_leaks(given, distance=4)) == [("test/d.jpg", "same group", "val/c.jpg")]


def moved(of: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    return (of + np.random.default_rng(5).normal(0, strength, of.shape)).clip(0, 255).astype(np.uint8)


def test_neighbouring_frames_leak_where_they_look_alike_too() -> None:
    paths = ["train/cam_0001.jpg", "train/other_0002.jpg", "val/x.jpg", "test/cam_0002.jpg"]
    first = picture(0)
    pictures = [first, picture(1), picture(2), moved(first, 22)]
    given = images(paths=paths, pictures=pictures)
    assert said(find_leaks(given, distance=0)) == [
        ("test/cam_0002.jpg", "neighbouring frame", "train/cam_0001.jpg")
    ]
    assert find_leaks(given, distance=0, frame_correlation=0.999) == []
    assert find_leaks(images(paths=paths), distance=0) == []  # another scene, whatever the name says
    renamed = ["train/cam_0001.jpg", "train/other_0002.jpg", "val/x.jpg", "test/d.jpg"]
    assert find_leaks(images(paths=renamed, pictures=pictures), distance=0) == []


def test_black_frames_are_no_neighbours() -> None:
    paths = ["train/cam_1.jpg", "train/b.jpg", "val/c.jpg", "test/cam_2.jpg"]
    black = np.zeros((16, 16), np.uint8)
    given = images(paths=paths, pictures=[black, picture(1), picture(2), black])
    assert find_leaks(given, distance=7, frame_correlation=0.0) == []


def test_an_index_without_thumbnails_still_tells_of_files_and_groups() -> None:
    given = images(looks=None, groups=["s", "train/b.jpg", "val/c.jpg", "s"])
    assert said(find_leaks(given, distance=4)) == [("test/d.jpg", "same group", "train/a.jpg")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("images/train/cam1_00012.jpg", "images/test/cam1_13.png"),
        ("train/vid7/frame10.jpg", "valid/vid7/frame11.jpg"),
        ("train/f_0001_jpg.rf.0a1b2c.jpg", "test/f_0002_jpg.rf.ffee01.jpg"),
        ("IMG_20191208_112843.jpg", "IMG_20191208_112847.jpg"),
    ],
)
def test_names_tell_the_series_and_the_place_in_it(one: str, other: str) -> None:
    first, second = numbered(one), numbered(other)
    assert first is not None
    assert second is not None
    assert first.series == second.series
    assert first.number < second.number


@pytest.mark.parametrize(
    ("one", "other"),
    [("a/cam1_1.jpg", "a/cam2_2.jpg"), ("a/1.jpg", "b/2.jpg"), ("a/cat.jpg", "a/cat.jpg")],
)
def test_other_series_have_other_names(one: str, other: str) -> None:
    first, second = numbered(one), numbered(other)
    assert first is None or second is None or first.series != second.series


def test_when_a_picture_was_taken_goes_before_its_name() -> None:
    taken = ["2026-05-01T10:00:00", "2026-05-01 10:00:02", None, "not known", 7.5]
    found = places(
        [f"train/{name}.jpg" for name in ("x", "a9", "b3", "c4", "d")], taken, ["g", "g", "g", "g", "g"]
    )
    assert found[0] is not None
    assert found[1] == Place(series=found[0].series, number=found[0].number + 2)
    assert found[2] == numbered("train/b3.jpg")
    assert found[3] == numbered("train/c4.jpg")
    assert found[4] == Place(series=("", "g"), number=7.5)


def test_neighbours_are_the_nearest_on_either_side_and_not_further_than_some_places() -> None:
    standing = [Place(series=("s",), number=number) for number in range(30)]
    known = np.isin(np.arange(30), [3, 4, 25])
    pairs = sorted(neighbours(standing, ~known, known))
    expected = [(at, 4) for at in range(5, 5 + MOST_PLACES)] + [(at, 3) for at in range(3)]
    expected += [(at, 25) for at in range(25 - MOST_PLACES, 25)] + [(at, 25) for at in range(26, 30)]
    assert pairs == sorted(expected)


def test_it_is_read_from_the_index_and_the_selection(tmp_path: Path) -> None:
    made = SprintFolder(sprint_folder(tmp_path, "0001-first"))
    for path in ("images/train/a-0.jpg", "images/val/b-0.jpg", "images/test/a-1.jpg"):
        made.add(path)
    made.add("images/train/a-2.jpg", assigned=None)  # not selected
    read = SelectedImages.read(made.write())
    assert read.paths == ["images/test/a-1.jpg", "images/train/a-0.jpg", "images/val/b-0.jpg"]
    assert said(find_leaks(read, distance=4)) == [
        ("images/test/a-1.jpg", "same group", "images/train/a-0.jpg")
    ]


def test_the_presets_know_the_usual_correlation() -> None:
    assert data_rules.FRAME_CORRELATION == leaks.FRAME_CORRELATION
