"""Every planted fault is really there, and the list of faults says where."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.pictures.measured_images import measure_image, measure_images
from runner.adapters.tables.parquet import write_table
from runner.dataset.leaks import SelectedImages, find_leaks
from runner.dataset.near_duplicates import DEFAULT_DISTANCE, write_thumbnails
from runner.demo import Counts, generate
from runner.demo.counts import CLASSES

Faults = list[dict[str, str]]


def of_kind(faults: Faults, kind: str) -> Faults:
    return [fault for fault in faults if fault["kind"] == kind]


def label_file(drawn: Path, image: str) -> list[str]:
    return (drawn / image.replace("images/", "labels/").replace(".jpg", ".txt")).read_text().splitlines()


def test_as_many_faults_are_planted_as_were_asked_for(faults: Faults) -> None:
    assert Counter(fault["kind"] for fault in faults) == {
        "near_duplicate": 3,
        "wrong_label": 2,
        "missing_label": 2,
        "corrupt_file": 6,
        "under_represented": 1,
    }


def test_exactly_the_listed_files_are_unreadable(drawn: Path, faults: Faults) -> None:
    listed = {fault["path"] for fault in of_kind(faults, "corrupt_file")}
    unreadable = {
        path.relative_to(drawn).as_posix()
        for path in drawn.glob("images/*/*")
        if measure_image(path).problem is not None
    }
    assert unreadable == listed
    assert {path.split("/")[1] for path in listed} == {"train", "pool"}


def test_every_way_of_being_corrupt_occurs(drawn: Path, faults: Faults) -> None:
    train = [fault for fault in of_kind(faults, "corrupt_file") if "/train/" in fault["path"]]
    problems = [measure_image(drawn / fault["path"]).problem or "" for fault in train]
    assert [problem.split(":")[0] for problem in problems] == [
        "truncated",
        "truncated",
        "the file is empty",
        "a web page, not an image",
    ]


def test_near_duplicates_look_alike_across_splits_without_being_equal(drawn: Path, faults: Faults) -> None:
    pairs = of_kind(faults, "near_duplicate")
    assert Counter(pair["path"].split("/")[1] for pair in pairs) == {"val": 1, "test": 2}
    for pair in pairs:
        copy, source = measure_image(drawn / pair["path"]), measure_image(drawn / pair["related"])
        assert pair["related"].startswith("images/train/")
        assert copy.image_id != source.image_id
        assert (copy.phash ^ source.phash).bit_count() <= 4
        assert label_file(drawn, pair["path"]) == label_file(drawn, pair["related"])


def test_the_planted_near_duplicates_are_found_and_no_others(
    drawn: Path, faults: Faults, tmp_path: Path
) -> None:
    paths = [path.relative_to(drawn).as_posix() for path in sorted((drawn / "images").rglob("*.jpg"))]
    measured = measure_images([drawn / path for path in paths])
    index, splits = tmp_path / "index", [path.split("/")[1] for path in paths]
    ids = [each.image_id for each in measured]
    hashes = np.array([each.phash for each in measured], np.uint64)
    write_table(index / "images.parquet", {"path": paths, "image_id": ids, "phash": hashes})
    write_thumbnails(index, paths, [each.thumbnail for each in measured])
    selected = np.array([split in ("train", "val", "test") for split in splits])
    manifest = {"path": paths, "assigned": splits, "selected": selected}
    write_table(tmp_path / "selection" / "manifest.parquet", manifest)
    planted = {(pair["path"], pair["related"]) for pair in of_kind(faults, "near_duplicate")}
    found = find_leaks(SelectedImages.read(tmp_path), distance=DEFAULT_DISTANCE)
    assert {(leak.path, leak.near_path) for leak in found} == planted


def test_near_duplicates_are_scenes_of_their_own(faults: Faults, metadata: dict[str, dict[str, str]]) -> None:
    scenes = Counter(row["scene"] for row in metadata.values())
    assert [scenes[metadata[pair["path"]]["scene"]] for pair in of_kind(faults, "near_duplicate")] == [
        1,
        1,
        1,
    ]


def test_wrong_labels_keep_the_box_and_change_the_class(drawn: Path, faults: Faults) -> None:
    for fault in of_kind(faults, "wrong_label"):
        found = label_file(drawn, fault["path"])[int(fault["line"]) - 1].split()
        truth = fault["truth"].split()
        assert found[1:] == truth[1:]
        assert fault["detail"] == f"{CLASSES[int(truth[0])]} labelled {CLASSES[int(found[0])]}"


def test_missing_labels_are_missing(drawn: Path, faults: Faults) -> None:
    for fault in of_kind(faults, "missing_label"):
        assert fault["truth"] not in label_file(drawn, fault["path"])
        assert fault["detail"].endswith("without a label")


def test_no_image_carries_two_faults(faults: Faults) -> None:
    carriers = [fault["related"] or fault["path"] for fault in faults]
    assert len(carriers) == len(set(carriers))


def test_the_rest_of_the_labels_is_what_it_would_be_without_faults(
    drawn: Path, faults: Faults, tmp_path: Path
) -> None:
    generate(tmp_path / "clean", seed=3, counts=Counts.clean(train=30, val=0, test=0))
    changed = {
        Path(fault["path"]).stem for fault in faults if fault["kind"] in ("wrong_label", "missing_label")
    }
    for path in (tmp_path / "clean" / "labels" / "train").iterdir():
        same = path.read_text() == (drawn / "labels" / "train" / path.name).read_text()
        assert same == (path.stem not in changed)


def test_dark_images_are_rare_in_train_and_common_in_test(metadata: dict[str, dict[str, str]]) -> None:
    full = Counts()
    assert (full.train, full.test) == (288, 120)
    lights = {split: Counter[str]() for split in ("train", "val", "test", "pool")}
    for path, row in metadata.items():
        lights[path.split("/")[1]][row["lighting"]] += 1
    assert lights["train"]["night"] == 0  # 2 % of 10 scenes
    assert lights["test"]["night"] >= 2
    assert lights["pool"]["night"] >= 3


@pytest.mark.parametrize("split", ["val", "test"])
def test_labels_that_models_are_judged_by_are_correct(split: str, faults: Faults) -> None:
    wrong = {"wrong_label", "missing_label", "corrupt_file"}
    assert not [fault for fault in faults if fault["kind"] in wrong and f"/{split}/" in fault["path"]]
