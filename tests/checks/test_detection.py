"""Each fault that the detection preset looks for, planted in a clean sprint, and the rows that name it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from planted_sprint import CLASSES, SprintFolder, clean_sprint

from runner.checks.detection import DetectionPreset
from runner.checks.expectations import check_rules
from runner.checks.rule import run_rules
from runner.checks.tables import check_frames
from runner.domain.records import CheckResult, Severity
from runner.domain.task import TaskName

TRAIN = "images/train/train0-0.jpg"
PRESET = DetectionPreset(max_unreadable=0.05, min_objects_per_class=12)


def results(
    sprint: SprintFolder, preset: DetectionPreset = PRESET, task: TaskName = "detect"
) -> dict[str, CheckResult]:
    rules = check_rules([preset], CLASSES, "scene", task)
    frames = check_frames(sprint.write(), CLASSES, {rule.table for rule in rules})
    return {result.id: result for result in run_rules(frames, rules)}


@pytest.fixture
def sprint(tmp_path: Path) -> SprintFolder:
    return clean_sprint(tmp_path)


def test_clean_tables_meet_every_check(sprint: SprintFolder) -> None:
    found = results(sprint)
    assert {result.id for result in found.values() if not result.success} == set()
    assert all(result.unexpected == 0 and result.rows == [] for result in found.values())
    assert found["detection.label_problems"].checked == 20
    assert found["detection.degenerate_boxes"].checked == 40
    assert found["detection.group_leakage"].checked == 10


Plant = Callable[[SprintFolder], None]


def unreadable(sprint: SprintFolder) -> None:
    for name in ("a", "b"):
        sprint.add(
            f"images/train/{name}.jpg", assigned=None, objects=0, readable=False, problem="truncated JPEG",
            width=None, height=None, brightness=None,
        )  # fmt: skip


def empty(sprint: SprintFolder) -> None:
    for path in sprint.images:
        if "/val/" in path:
            sprint.assigned[path] = None


def garbage(sprint: SprintFolder) -> None:
    sprint.images[TRAIN]["label_problem"] = "labels/train/train0-0.txt:3: not five numbers: 'x y'"


def degenerate(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, x_min=5.0, x_max=6.0)


def infinite(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, x_min=float("nan"))


def outside(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, x_min=90.0, x_max=101.5)


def unknown(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, **{"class": "bird", "class_id": 7})


def nameless(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, **{"class": None, "class_id": 7})


def leak(sprint: SprintFolder) -> None:
    sprint.images["images/test/test0-0.jpg"]["group"] = "train0"
    sprint.images["images/val/val0-0.jpg"]["group"] = "train0"


def copy_across(sprint: SprintFolder) -> None:
    sprint.images["images/test/test0-0.jpg"]["image_id"] = sprint.images[TRAIN]["image_id"]


def copy_within(sprint: SprintFolder) -> None:
    sprint.images["images/train/train3-1.jpg"]["image_id"] = sprint.images[TRAIN]["image_id"]


def rare(sprint: SprintFolder) -> None:
    for row in sprint.objects:
        if row["split"] == "train" and row["path"] != TRAIN:
            row["class"] = "cat"


def untrained(sprint: SprintFolder) -> None:
    for row in sprint.objects:
        if row["split"] == "train":
            row["class"] = "cat"


def labelled_twice(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, x_max=30.1, label_place="labels/a.txt:3")


def two_classes(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, label_place="labels/a.txt:3", **{"class": "dog", "class_id": 1})


FAULTS: list[tuple[Plant, str, Severity, list[str]]] = [
    (
        unreadable,
        "detection.too_many_unreadable_files",
        Severity.ERROR,
        ["images/train/a.jpg: truncated JPEG", "images/train/b.jpg: truncated JPEG"],
    ),
    (
        unreadable,
        "detection.unreadable_files",
        Severity.WARNING,
        ["images/train/a.jpg: truncated JPEG", "images/train/b.jpg: truncated JPEG"],
    ),
    (empty, "detection.empty_split", Severity.ERROR, ["val: no images"]),
    (
        garbage,
        "detection.label_problems",
        Severity.ERROR,
        [f"{TRAIN}: labels/train/train0-0.txt:3: not five numbers: 'x y'"],
    ),
    (
        degenerate,
        "detection.degenerate_boxes",
        Severity.ERROR,
        [f"{TRAIN}: cat box (5, 20, 6, 30) has a side of 1 px"],
    ),
    (
        infinite,
        "detection.degenerate_boxes",
        Severity.ERROR,
        [f"{TRAIN}: cat box (?, 20, 30, 30) has a side of 0 px"],
    ),
    (
        outside,
        "detection.boxes_outside_image",
        Severity.ERROR,
        [f"{TRAIN}: cat box (90, 20, 101.5, 30) reaches 1.5 px beyond the 100×80 px image"],
    ),
    (unknown, "detection.unknown_classes", Severity.ERROR, [f"{TRAIN}: unknown class 'bird'"]),
    (nameless, "detection.unknown_classes", Severity.ERROR, [f"{TRAIN}: unknown class 'class 7'"]),
    (
        leak,
        "detection.group_leakage",
        Severity.ERROR,
        [
            "scene train0: in train (images/train/train0-0.jpg and 1 more) and in val (images/val/val0-0.jpg)"
            " and in test (images/test/test0-0.jpg)"
        ],
    ),
    (
        copy_across,
        "detection.duplicates_across_splits",
        Severity.ERROR,
        [f"{TRAIN}: the same file is in train ({TRAIN}) and in test (images/test/test0-0.jpg)"],
    ),
    (
        copy_within,
        "detection.duplicates_within_split",
        Severity.WARNING,
        [f"{TRAIN}: the same content as images/train/train3-1.jpg (2 files in train)"],
    ),
    (
        labelled_twice,
        "detection.labelled_twice",
        Severity.WARNING,
        [f"{TRAIN}: labels/a.txt:3 is the same cat as {TRAIN}#0 (IoU 0.995025)"],
    ),
    (
        two_classes,
        "detection.two_classes",
        Severity.WARNING,
        [f"{TRAIN}: labels/a.txt:3 calls dog what {TRAIN}#0 calls cat (IoU 1)"],
    ),
    (rare, "detection.class_balance", Severity.WARNING, ["dog: 1 training objects"]),
    (
        untrained,
        "detection.untrained_classes",
        Severity.WARNING,
        ["dog: 8 objects in val and test, none in train"],
    ),
]


@pytest.mark.parametrize(
    ("plant", "check", "severity", "rows"), FAULTS, ids=lambda value: getattr(value, "__name__", None)
)
def test_planted_fault_is_named(
    sprint: SprintFolder, plant: Plant, check: str, severity: Severity, rows: list[str]
) -> None:
    plant(sprint)
    found = results(sprint)[check]
    assert not found.success
    assert found.severity is severity
    assert found.rows == rows
    assert found.unexpected == len(rows)
    assert found.fix


def test_share_of_unreadable_files_is_accepted_up_to_the_limit(sprint: SprintFolder) -> None:
    unreadable(sprint)
    found = results(sprint, DetectionPreset(max_unreadable=2 / 22))
    assert found["detection.too_many_unreadable_files"].success
    assert not found["detection.unreadable_files"].success


def test_box_one_pixel_outside_is_tolerated(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, x_min=90.0, x_max=101.0)
    assert results(sprint)["detection.boxes_outside_image"].success


def test_rows_that_are_not_selected_are_not_looked_at(sprint: SprintFolder) -> None:
    sprint.add("images/train/left-out.jpg", assigned=None, label_problem="labels/train/left-out.txt:1: empty")
    assert results(sprint)["detection.label_problems"].checked == 20


def test_assigned_split_counts_and_not_the_layouts(sprint: SprintFolder) -> None:
    sprint.assigned["images/val/val0-0.jpg"] = "train"
    found = results(sprint)["detection.group_leakage"]
    assert found.rows == ["scene val0: in train (images/val/val0-0.jpg) and in val (images/val/val0-1.jpg)"]


def test_twenty_rows_are_listed_and_all_are_counted(sprint: SprintFolder) -> None:
    for number in range(50):
        sprint.add_object(TRAIN, x_max=11.0, label_place=f"{number:03}")
    found = results(sprint)["detection.degenerate_boxes"]
    assert (len(found.rows), found.unexpected) == (20, 50)


def test_without_a_group_column_leakage_is_not_judged() -> None:
    assert "detection.group_leakage" not in {
        rule.id for rule in check_rules([PRESET], CLASSES, None, "detect")
    }


def test_no_selected_image_at_all_is_three_empty_splits(sprint: SprintFolder) -> None:
    sprint.assigned = dict.fromkeys(sprint.assigned)
    found = results(sprint)
    assert found["detection.empty_split"].rows == ["train: no images", "val: no images", "test: no images"]
    assert found["detection.label_problems"].success


def test_classes_without_names_in_common_are_all_unknown(sprint: SprintFolder) -> None:
    rules = check_rules([PRESET], ["apple"], None, "detect")
    frames = check_frames(sprint.write(), ["apple"], {rule.table for rule in rules})
    found = {result.id: result for result in run_rules(frames, rules)}
    assert found["detection.unknown_classes"].unexpected == 40


def test_a_rotated_box_may_reach_out_of_the_image_but_not_with_its_centre(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, x_min=-30.0, x_max=40.0)
    sprint.add_object("images/train/train0-1.jpg", x_min=-30.0, x_max=20.0)
    assert results(sprint, task="detect")["detection.boxes_outside_image"].unexpected == 2
    found = results(sprint, task="obb")["detection.boxes_outside_image"]
    assert found.rows == [
        "images/train/train0-1.jpg: cat box (-30, 20, 20, 30) has its centre 5 px beyond the 100×80 px image"
    ]


def test_a_mask_without_pixels_is_found_where_masks_are_labelled(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN)
    sprint.objects[-1]["area_px"] = 0.0
    assert "detection.empty_masks" not in results(sprint)
    found = results(sprint, task="segment")["detection.empty_masks"]
    assert found.rows == [f"{TRAIN}: cat box (10, 20, 30, 30) has a mask without pixels"]


def test_an_image_that_is_its_own_label_is_named_once(sprint: SprintFolder) -> None:
    sprint.images[TRAIN]["label_problem"] = f'{TRAIN}: the folder "zero" is none of the classes'
    assert results(sprint)["detection.label_problems"].rows == [
        f'{TRAIN}: the folder "zero" is none of the classes'
    ]


def test_crowds_and_images_that_are_not_selected_are_never_labelled_twice(sprint: SprintFolder) -> None:
    sprint.add_object(TRAIN, crowd=True)
    sprint.add("images/train/left-out.jpg", assigned=None)
    sprint.add_object("images/train/left-out.jpg")
    found = results(sprint)["detection.labelled_twice"]
    assert (found.success, found.checked) == (True, 40)
