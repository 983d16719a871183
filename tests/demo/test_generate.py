"""What the generator draws, beside its faults."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from runner.adapters.pictures.measured_images import measure_image
from runner.demo import Counts, generate
from runner.demo.counts import CLASSES, DARK_BELOW

TINY = Counts.clean(train=3, val=2, test=2, pool=2)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "a", seed=5, counts=TINY)
    generate(tmp_path / "b", seed=5, counts=TINY)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    generate(tmp_path / "a", seed=5, counts=TINY)
    generate(tmp_path / "b", seed=6, counts=TINY)
    pictures = [set(digests(tmp_path / name / "images").values()) for name in "ab"]
    assert not pictures[0] & pictures[1]


def test_a_scene_looks_the_same_however_many_others_there_are(tmp_path: Path) -> None:
    generate(tmp_path / "a", seed=5, counts=Counts.clean(train=3, val=0, test=0))
    generate(tmp_path / "b", seed=5, counts=Counts.clean(train=6, val=2, test=2))
    few, many = digests(tmp_path / "a" / "images"), digests(tmp_path / "b" / "images")
    assert few.items() <= many.items()


def test_every_split_has_its_number_of_images(drawn: Path) -> None:
    found = {split.name: len(list(split.iterdir())) for split in (drawn / "images").iterdir()}
    assert found == {"train": 30, "val": 8, "test": 14, "pool": 9}


def test_metadata_has_one_row_per_image(drawn: Path, metadata: dict[str, dict[str, str]]) -> None:
    assert set(metadata) == {path.relative_to(drawn).as_posix() for path in drawn.glob("images/*/*")}


def test_scenes_never_straddle_splits(metadata: dict[str, dict[str, str]]) -> None:
    splits: dict[str, set[str]] = {}
    for path, row in metadata.items():
        splits.setdefault(row["scene"], set()).add(path.split("/")[1])
    assert all(len(found) == 1 for found in splits.values())


def test_frames_of_a_scene_follow_each_other_in_time(metadata: dict[str, dict[str, str]]) -> None:
    rows = sorted(metadata.items())
    for _, frames in groupby(rows, key=lambda item: item[1]["scene"]):
        times = [row["captured_at"] for _, row in frames]
        assert times == sorted(set(times))


def test_labels_are_boxes_within_the_image_of_known_classes(drawn: Path) -> None:
    lines = [line for path in drawn.glob("labels/*/*.txt") for line in path.read_text().splitlines()]
    assert len(lines) > 100
    for line in lines:
        class_id, x, y, width, height = (float(part) for part in line.split())
        assert class_id in range(len(CLASSES))
        assert min(width, height) > 0.02
        assert min(x - width / 2, y - height / 2) >= -1e-6
        assert max(x + width / 2, y + height / 2) <= 1 + 1e-6


def test_the_pool_has_no_labels_but_answers_for_every_image(drawn: Path) -> None:
    pool = {path.stem for path in (drawn / "images" / "pool").iterdir()}
    assert not (drawn / "labels" / "pool").exists()
    assert {path.stem for path in (drawn / "answers" / "pool").iterdir()} == pool


def test_answers_can_be_kept_elsewhere(tmp_path: Path) -> None:
    generate(tmp_path / "data", counts=TINY, answers=tmp_path / "hidden")
    assert len(list((tmp_path / "hidden" / "pool").iterdir())) == 2
    assert not (tmp_path / "data" / "answers").exists()


def test_night_and_only_night_is_dark(drawn: Path, metadata: dict[str, dict[str, str]]) -> None:
    for path, row in metadata.items():
        brightness = measure_image(drawn / path).brightness
        if brightness is not None:
            assert (brightness < DARK_BELOW) == (row["lighting"] == "night"), path


def test_command_line_shows_an_example() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "runner.demo", "--help"], capture_output=True, text=True, check=True
    )
    assert "python -m runner.demo --out data --seed 0" in shown.stdout
