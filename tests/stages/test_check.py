"""The check stage: its record is on disk also when a check failed; the error names rows and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from planted_sprint import CLASSES, SprintFolder, clean_sprint

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import read_json
from runner.domain.records import Checks
from runner.record.catalogue import sprint_folder
from runner.stages import check
from runner.stages.stage import StageContext

PROJECT = {
    "apiVersion": "flywheel/v1",
    "kind": "Project",
    "name": "pets",
    "task": "detect",
    "classes": CLASSES,
    "dataset": {"path": "data", "layout": "yolo", "metadata": "data/metadata.csv", "group_by": "scene"},
}
BRIGHT = {
    "expect_column_values_to_be_between": {"table": "images", "column": "brightness", "min_value": 0.02}
}


def params(*blocks: dict[str, Any], **project: Any) -> check.CheckParams:
    sprint = {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "First",
        "train": {"framework": "ultralytics", "model": "yolo26n.yaml"},
        "checks": list(blocks),
    }
    return check.resolve(msgspec.convert(PROJECT | project, Project), msgspec.convert(sprint, Sprint))


def context(root: Path, sprint: SprintFolder | None = None) -> StageContext:
    """The planted tables, and for each image a file in which nothing can be recognised."""
    for path in sprint.images if sprint else ():
        (root / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "data" / path).touch()
    return StageContext(root=root, folder=sprint_folder(root, "0001-first"))


@pytest.fixture
def sprint(tmp_path: Path) -> SprintFolder:
    return clean_sprint(tmp_path)


def test_params_survive_the_parameter_file() -> None:
    resolved = params({"preset": "detection"}, BRIGHT)
    plain = msgspec.to_builtins(resolved)
    assert msgspec.convert(plain, check.CheckParams) == resolved


def test_met_checks_are_written(tmp_path: Path, sprint: SprintFolder) -> None:
    sprint.write()
    check.run(context(tmp_path, sprint), params({"preset": "detection"}, BRIGHT))
    written = read_json(sprint_folder(tmp_path, "0001-first") / "checks.json", Checks)
    assert written.success
    assert len(written.results) == 23


def test_failed_check_stops_the_sprint_after_writing_its_record(tmp_path: Path, sprint: SprintFolder) -> None:
    for scene in range(6):
        sprint.images[f"images/train/train{scene}-0.jpg"]["brightness"] = 0.01
    sprint.images["images/test/test0-0.jpg"]["group"] = "train5"
    sprint.write()
    with pytest.raises(FlywheelError) as caught:
        check.run(
            context(tmp_path, sprint), params({"preset": "detection", "min_objects_per_class": 1000}, BRIGHT)
        )
    assert not read_json(sprint_folder(tmp_path, "0001-first") / "checks.json", Checks).success
    docs = (tmp_path / ".flywheel" / "data-docs" / "0001-first.html").read_text()
    assert "Data checks of 0001-first" in docs
    assert "fas fa-times text-danger" in docs
    assert caught.value.exit_code is ExitCode.STAGE_FAILED
    assert str(caught.value) == (
        "reports/0001-first/checks.json: 2 of 23 data checks failed\n"
        "  detection.group_leakage: not so for 1 of 10: the images of one scene are all in the same split\n"
        "    scene train5: in train (images/train/train5-0.jpg and 1 more)"
        " and in test (images/test/test0-0.jpg)\n"
        "    what to do: write the splits in flywheel.yaml over group_fraction, or exclude these images\n"
        "  images.brightness.expect_column_values_to_be_between: not so for 6 of 20:"
        " images.brightness: column values to be between (min_value: 0.02)\n"
        "    images/train/train0-0.jpg: brightness = 0.01\n"
        "    images/train/train1-0.jpg: brightness = 0.01\n"
        "    images/train/train2-0.jpg: brightness = 0.01\n"
        "    images/train/train3-0.jpg: brightness = 0.01\n"
        "    images/train/train4-0.jpg: brightness = 0.01\n"
        "    … and 1 more\n"
        "    what to do: correct the data, leave the rows out with data.exclude, or change the expectation"
        " in the spec\n"
        "  hint: correct the data or the spec as said above, then run the sprint again: flywheel run"
    )


def test_a_classification_project_has_checks_of_its_own(tmp_path: Path, sprint: SprintFolder) -> None:
    sprint.images["images/test/test0-0.jpg"]["label_problem"] = 'x/test0-0.jpg: the folder "x" is no class'
    sprint.write()
    given = params({"preset": "classification", "min_images_per_class": 1000}, task="classify")
    assert msgspec.convert(msgspec.to_builtins(given), check.CheckParams) == given
    with pytest.raises(FlywheelError) as caught:
        check.run(context(tmp_path, sprint), given)
    assert "classification.label_problems: not so for 1 of 20" in str(caught.value)
    results = read_json(sprint_folder(tmp_path, "0001-first") / "checks.json", Checks).results
    assert [result.id.removeprefix("classification.") for result in results] == [
        *("too_many_unreadable_files", "unreadable_files", "empty_split", "label_problems", "group_leakage"),
        *("duplicates_across_splits", "duplicates_within_split", "near_duplicates_across_splits"),
        *(
            "mirrored_copies_across_splits",
            "altered_copies_across_splits",
            "neighbouring_frames_across_splits",
        ),
        "unknown_classes",
        *("class_balance", "untrained_classes"),
        *("shortcuts", "split_shift", "class_imbalance", "unseen_values"),
    ]
    assert results[-6].rows == ["cat: 12 training images", "dog: 12 training images"]


def test_unmet_warning_does_not_stop_the_sprint(tmp_path: Path, sprint: SprintFolder) -> None:
    sprint.write()
    check.run(context(tmp_path, sprint), params({"preset": "detection", "min_objects_per_class": 1000}))
    results = read_json(sprint_folder(tmp_path, "0001-first") / "checks.json", Checks).results
    assert [result.id for result in results if not result.success] == ["detection.class_balance"]


def test_no_checks_write_an_empty_record(tmp_path: Path) -> None:
    check.run(context(tmp_path), params())
    assert read_json(sprint_folder(tmp_path, "0001-first") / "checks.json", Checks) == Checks(results=[])


def test_missing_index_is_an_expected_failure(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as caught:
        check.run(context(tmp_path), params({"preset": "detection"}))
    assert caught.value.message == "file not found"
    assert caught.value.exit_code is ExitCode.STAGE_FAILED


def test_broken_index_is_an_expected_failure(tmp_path: Path, sprint: SprintFolder) -> None:
    (sprint.write() / "index" / "images.parquet").write_bytes(b"PAR1")
    with pytest.raises(FlywheelError) as caught:
        check.run(context(tmp_path, sprint), params({"preset": "detection"}))
    assert caught.value.message.startswith("not a readable Parquet file: ")


def test_importing_the_stage_imports_nothing_heavy() -> None:
    heavy = ("great_expectations", "pandas", "duckdb", "numpy", "torch")
    program = f"import sys, runner.stages.check; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_mirrored_copies_and_neighbouring_frames_are_warnings_that_name_the_pair(
    tmp_path: Path, sprint: SprintFolder
) -> None:
    random = np.random.default_rng(8)
    picture = np.repeat(np.repeat(random.integers(20, 235, (4, 4)), 4, axis=0), 4, axis=1)
    frame = np.repeat(np.repeat(random.integers(20, 235, (4, 4)), 4, axis=0), 4, axis=1)
    following = (frame + random.normal(0, 25, (16, 16))).clip(0, 255)
    for path, seen in (
        ("images/train/train7-0.jpg", picture),
        ("images/val/val7-0.jpg", picture[:, ::-1]),
        ("images/train/cam_10.jpg", frame),
        ("images/test/cam_11.jpg", following),
    ):
        sprint.add(path, group=path, phash=int(random.integers(0, 2**62)))
        sprint.thumbnails[path] = seen.astype(np.uint8).tobytes()
    sprint.write()
    check.run(context(tmp_path, sprint), params({"preset": "detection", "near_duplicate_distance": 2}))
    found = {
        result.id.removeprefix("detection."): result
        for result in read_json(tmp_path / "reports/0001-first/checks.json", Checks).results
    }
    mirrored, frames = found["mirrored_copies_across_splits"], found["neighbouring_frames_across_splits"]
    assert (mirrored.severity, frames.severity) == ("warning", "warning")
    assert mirrored.rows == ["images/val/val7-0.jpg: mirrors images/train/train7-0.jpg in train"]
    assert [row.partition(" (")[0] for row in frames.rows] == [
        "images/test/cam_11.jpg: follows or precedes images/train/cam_10.jpg in train"
    ]
    check.run(context(tmp_path, sprint), params({"preset": "detection", "frame_correlation": 1}))
    results = read_json(tmp_path / "reports/0001-first/checks.json", Checks).results
    assert next(result for result in results if "frames" in result.id).success


def test_near_duplicates_across_splits_are_a_warning_that_names_the_pair(
    tmp_path: Path, sprint: SprintFolder
) -> None:
    picture = bytes(range(256))
    brighter = bytes(min(255, value + 9) for value in picture)
    near, far = 12345 ^ 0b1111, 12345 ^ (0b11111 << 20)
    for path, phash, seen in (
        ("images/train/train9-0.jpg", 12345, picture),
        ("images/test/test9-0.jpg", near, brighter),
        (
            "images/test/test8-0.jpg",
            near,
            bytes(reversed(picture)),
        ),  # the hashes collide, the pictures differ
        ("images/val/val9-0.jpg", far, brighter),
    ):
        sprint.add(path, phash=phash)
        sprint.thumbnails[path] = seen
    sprint.write()
    check.run(context(tmp_path, sprint), params({"preset": "detection"}))
    result = {
        result.id: result for result in read_json(tmp_path / "reports/0001-first/checks.json", Checks).results
    }["detection.near_duplicates_across_splits"]
    assert (result.severity, result.success, result.unexpected) == ("warning", False, 1)
    assert result.rows == [
        "images/test/test9-0.jpg: nearly the same as images/train/train9-0.jpg in train (distance 4)"
    ]
    check.run(context(tmp_path, sprint), params({"preset": "detection", "near_duplicate_distance": 5}))
    wider = read_json(tmp_path / "reports/0001-first/checks.json", Checks).results
    assert sum(result.unexpected for result in wider if "near_duplicates" in result.id) == 2
