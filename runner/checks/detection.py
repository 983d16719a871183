"""The preset of tasks that find objects: detect, segment, pose and obb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta

from runner.adapters.tables.expectations import Row
from runner.checks.bias_rules import BiasOption
from runner.checks.data_rules import (
    DEFAULT_DISTANCE,
    AlteredCopies,
    FrameCorrelation,
    NearDuplicateDistance,
    class_rules,
    data_rules,
    unknown_classes,
    where_labelled,
)
from runner.checks.rule import Rule, expect
from runner.domain.label_faults import OVERHANG_TOLERANCE_PX, SMALLEST_SIDE_PX, TWIN_IOU
from runner.domain.options import Fraction, NonNegativeInt, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.records import Severity
from runner.domain.task import BOX, TaskName
from runner.tasks import TASKS

NAME = "detection"


class DetectionPreset(Options, frozen=True, kw_only=True, tag_field="preset", tag=NAME):
    """For detect, segment, pose and obb: corrupt files, label errors, degenerate or out-of-image boxes, empty masks,
    objects labelled twice, empty splits, leakage, class balance, bias."""

    max_unreadable: Annotated[
        Fraction,
        Meta(
            description="Share of unreadable files that is still accepted (they are never selected).",
            extra=weakens(FindingKind.CHECK_WEAKENED),
        ),
    ] = 0.05
    near_duplicate_distance: NearDuplicateDistance = DEFAULT_DISTANCE
    frame_correlation: FrameCorrelation = UNSET
    altered_copies: AlteredCopies = UNSET
    min_objects_per_class: Annotated[
        NonNegativeInt,
        Meta(
            description="Fewer training objects of a class than this is a warning.",
            extra=weakens(FindingKind.CHECK_WEAKENED),
        ),
    ] = 10
    bias: BiasOption = UNSET

    def rules(self, class_names: Sequence[str], group_by: str | None, task: TaskName) -> list[Rule]:
        """The preset's checks for a class map and the metadata column that groups images, if any."""
        return [
            *data_rules(
                NAME,
                self.max_unreadable,
                group_by,
                self.near_duplicate_distance,
                self.frame_correlation,
                self.altered_copies,
            ),
            unknown_classes(NAME, class_names),
            _degenerate_boxes(),
            _centre_outside() if TASKS[task].may_reach_out else _box_outside(),
            *([_empty_masks()] if TASKS[task].shape == "mask_rle" else []),
            _labelled_twice(),
            _two_classes(),
            *class_rules(NAME, self.min_objects_per_class, "objects"),
        ]


def _degenerate_boxes() -> Rule:
    return Rule(
        id="detection.degenerate_boxes",
        description=f"both sides of every box are longer than {SMALLEST_SIDE_PX:g} px",
        severity=Severity.ERROR,
        fix="delete or redraw these boxes",
        table="boxes",
        expectation=expect(
            "expect_column_values_to_be_between",
            column="short_side_px",
            min_value=SMALLEST_SIDE_PX,
            strict_min=True,
        ),
        describe=lambda row: f"{_describe_box(row)} has a side of {_pixels(row['short_side_px'])}",
    )


def _box_outside() -> Rule:
    return Rule(
        id="detection.boxes_outside_image",
        description=f"no box reaches more than {OVERHANG_TOLERANCE_PX:g} px beyond its image",
        severity=Severity.ERROR,
        fix="redraw these boxes, or check that images and labels belong together",
        table="boxes",
        expectation=expect(
            "expect_column_values_to_be_between", column="overhang_px", max_value=OVERHANG_TOLERANCE_PX
        ),
        describe=lambda row: (
            f"{_describe_box(row)} reaches {_pixels(row['overhang_px'])} beyond the"
            f" {row['width']}×{row['height']} px image"
        ),
    )


def _centre_outside() -> Rule:
    """A rotated box of an object that the border cuts reaches out of the image."""
    return Rule(
        id="detection.boxes_outside_image",
        description="the centre of every rotated box lies in its image",
        severity=Severity.ERROR,
        fix="redraw these boxes, or check that images and labels belong together",
        table="boxes",
        expectation=expect("expect_column_values_to_be_between", column="centre_overhang_px", max_value=0),
        describe=lambda row: (
            f"{_describe_box(row)} has its centre {_pixels(row['centre_overhang_px'])} beyond the"
            f" {row['width']}×{row['height']} px image"
        ),
    )


def _empty_masks() -> Rule:
    return Rule(
        id="detection.empty_masks",
        description="every mask covers at least one pixel",
        severity=Severity.ERROR,
        fix="delete or redraw these masks",
        table="boxes",
        expectation=expect(
            "expect_column_values_to_be_between", column="area_px", min_value=0, strict_min=True
        ),
        describe=lambda row: f"{_describe_box(row)} has a mask without pixels",
    )


def _labelled_twice() -> Rule:
    """A warning, since Ultralytics trains on one of two equal lines; evaluation counts both, and a model finds one."""
    return Rule(
        id="detection.labelled_twice",
        description=f"no object is labelled twice (boxes of one class with an IoU of {TWIN_IOU:g} or more)",
        severity=Severity.WARNING,
        fix="delete one of the two labels: evaluation counts both, and a model that finds the object once misses one",
        table="twins",
        expectation=expect("expect_column_values_to_be_null", column="same_as"),
        describe=lambda row: (
            f"{row['path']}: {row['written']} is the same {row['class']} as {row['same_as']}"
            f" (IoU {_number(row['iou'])})"
        ),
    )


def _two_classes() -> Rule:
    return Rule(
        id="detection.two_classes",
        description=f"no object has two classes (boxes with an IoU of {TWIN_IOU:g} or more)",
        severity=Severity.WARNING,
        fix="delete the label of the wrong class: a model is told that both are right",
        table="twins",
        expectation=expect("expect_column_values_to_be_null", column="also"),
        describe=lambda row: (
            f"{row['path']}: {row['written']} calls {row['class']} what {row['also_written']} calls {row['also']}"
            f" (IoU {_number(row['iou'])})"
        ),
    )


def _describe_box(row: Row) -> str:
    corners = ", ".join(_number(row[side]) for side in BOX)
    return f"{where_labelled(row)}: {row['class']} box ({corners})"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "?"


def _pixels(value: object) -> str:
    return f"{_number(value)} px"
