"""The detection preset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from runner.adapters.expectations import Expectation, Row
from runner.checks.rule import Rule
from runner.domain.options import Fraction, NonNegativeInt, Options
from runner.domain.records import SPLITS, Severity

# Annotation tools round to whole pixels: a border that is crossed by less is not a mistake.
OVERHANG_TOLERANCE_PX = 1.0
SMALLEST_SIDE_PX = 1.0


class DetectionPreset(Options, frozen=True, kw_only=True):
    """Corrupt files, label errors, degenerate or out-of-image boxes, empty splits, leakage, class balance."""

    preset: Annotated[Literal["detection"], Meta(description="Which preset.")]
    max_unreadable: Annotated[
        Fraction,
        Meta(description="Share of unreadable files that is still accepted (they are never selected)."),
    ] = 0.05
    min_objects_per_class: Annotated[
        NonNegativeInt, Meta(description="Fewer training objects of a class than this is a warning.")
    ] = 10

    def rules(self, class_names: Sequence[str], group_by: str | None) -> list[Rule]:
        """The preset's checks for a class map and the metadata column that groups images, if any."""
        leakage = [_group_leakage(group_by)] if group_by else []
        return [
            *_file_rules(self.max_unreadable),
            _empty_split(),
            _label_problems(),
            *_box_rules(class_names),
            *leakage,
            *_duplicate_rules(),
            *_class_rules(self.min_objects_per_class),
        ]


def _expect(name: str, **arguments: object) -> Expectation:
    return Expectation(name=name, arguments=arguments)


def _file_rules(max_unreadable: float) -> list[Rule]:
    readable = {"column": "readable", "value_set": [True]}
    return [
        Rule(
            id="detection.too_many_unreadable_files",
            description=f"at most {max_unreadable:.0%} of the dataset's files are unreadable",
            severity=Severity.ERROR,
            fix="restore these files, or raise max_unreadable in the preset",
            table="files",
            # The subtraction alone would demand 0.30000000000000004 of the files.
            expectation=_expect(
                "expect_column_values_to_be_in_set", **readable, mostly=round(1 - max_unreadable, 9)
            ),
            describe=_describe_file,
        ),
        Rule(
            id="detection.unreadable_files",
            description="every file of the dataset can be read (those that cannot are never selected)",
            severity=Severity.WARNING,
            fix="restore or delete these files, then: dvc add the dataset",
            table="files",
            expectation=_expect("expect_column_values_to_be_in_set", **readable),
            describe=_describe_file,
        ),
    ]


def _describe_file(row: Row) -> str:
    return f"{row['path']}: {row['problem'] or 'not readable'}"


def _empty_split() -> Rule:
    return Rule(
        id="detection.empty_split",
        description="train, val and test each have at least one image",
        severity=Severity.ERROR,
        fix="see what data.exclude, data.<split> and the project's splits select: flywheel plan",
        table="splits",
        expectation=_expect("expect_column_values_to_be_between", column="images", min_value=1),
        describe=lambda row: f"{row['split']}: no images",
    )


def _label_problems() -> Rule:
    return Rule(
        id="detection.label_problems",
        description="every label of the selected images can be understood",
        severity=Severity.ERROR,
        fix="correct these labels, or add `AND label_problem IS NULL` to the splits in flywheel.yaml",
        table="labels",
        expectation=_expect("expect_column_values_to_be_null", column="label_problem"),
        describe=lambda row: f"{row['path']}: {row['label_problem']}",
    )


def _box_rules(class_names: Sequence[str]) -> list[Rule]:
    return [
        Rule(
            id="detection.unknown_classes",
            description="every object has a class of flywheel.yaml",
            severity=Severity.ERROR,
            fix="rename the class in the labels, or add it to classes in flywheel.yaml",
            table="boxes",
            expectation=_expect(
                "expect_column_values_to_be_in_set", column="class", value_set=list(class_names)
            ),
            describe=lambda row: f"{row['path']}: unknown class {row['class']!r}",
        ),
        Rule(
            id="detection.degenerate_boxes",
            description=f"both sides of every box are longer than {SMALLEST_SIDE_PX:g} px",
            severity=Severity.ERROR,
            fix="delete or redraw these boxes",
            table="boxes",
            expectation=_expect(
                "expect_column_values_to_be_between",
                column="short_side_px",
                min_value=SMALLEST_SIDE_PX,
                strict_min=True,
            ),
            describe=lambda row: f"{_describe_box(row)} has a side of {_pixels(row['short_side_px'])}",
        ),
        _outside_rule(),
    ]


def _outside_rule() -> Rule:
    return Rule(
        id="detection.boxes_outside_image",
        description=f"no box reaches more than {OVERHANG_TOLERANCE_PX:g} px beyond its image",
        severity=Severity.ERROR,
        fix="redraw these boxes, or check that images and labels belong together",
        table="boxes",
        expectation=_expect(
            "expect_column_values_to_be_between", column="overhang_px", max_value=OVERHANG_TOLERANCE_PX
        ),
        describe=lambda row: (
            f"{_describe_box(row)} reaches {_pixels(row['overhang_px'])} beyond the"
            f" {row['width']}×{row['height']} px image"
        ),
    )


def _describe_box(row: Row) -> str:
    corners = ", ".join(_number(row[side]) for side in ("x_min", "y_min", "x_max", "y_max"))
    return f"{row['path']}: {row['class']} box ({corners})"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "?"


def _pixels(value: object) -> str:
    return f"{_number(value)} px"


def _group_leakage(group_by: str) -> Rule:
    return Rule(
        id="detection.group_leakage",
        description=f"the images of one {group_by} are all in the same split",
        severity=Severity.ERROR,
        fix="write the splits in flywheel.yaml over group_fraction, or exclude these images",
        table="groups",
        expectation=_expect("expect_column_values_to_be_between", column="splits", max_value=1),
        describe=lambda row: f"{group_by} {row['group']}: {_describe_splits(row)}",
    )


def _describe_splits(row: Row) -> str:
    places = []
    for split in SPLITS:
        if count := row[f"{split}_images"]:
            more = f" and {int(str(count)) - 1} more" if count != 1 else ""
            places.append(f"{split} ({row[f'{split}_path']}{more})")
    return "in " + " and in ".join(places)


def _duplicate_rules() -> list[Rule]:
    return [
        Rule(
            id="detection.duplicates_across_splits",
            description="no image file is in two splits",
            severity=Severity.ERROR,
            fix="delete one copy, or leave it out with data.exclude",
            table="contents",
            expectation=_expect("expect_column_values_to_be_between", column="splits", max_value=1),
            describe=lambda row: f"{_any_path(row)}: the same file is {_describe_splits(row)}",
        ),
        Rule(
            id="detection.duplicates_within_split",
            description="no image file is in a split twice",
            severity=Severity.WARNING,
            fix="delete the copies, or drop them with data.<split>.dedupe",
            table="contents",
            expectation=_expect("expect_column_values_to_be_between", column="in_one_split", max_value=1),
            describe=_describe_copies,
        ),
    ]


def _any_path(row: Row) -> object:
    return next(path for split in SPLITS if (path := row[f"{split}_path"]))


def _describe_copies(row: Row) -> str:
    split = next(split for split in SPLITS if row[f"{split}_images"] == row["in_one_split"])
    files = f"{row['in_one_split']} files in {split}"
    return f"{row[f'{split}_path']}: the same content as {row[f'{split}_last_path']} ({files})"


def _class_rules(min_objects: int) -> list[Rule]:
    return [
        Rule(
            id="detection.class_balance",
            description=f"every class has at least {min_objects} training objects",
            severity=Severity.WARNING,
            fix="label more objects of these classes, or merge classes",
            table="classes",
            expectation=_expect(
                "expect_column_values_to_be_between", column="train_objects", min_value=min_objects
            ),
            describe=lambda row: f"{row['class']}: {row['train_objects']} training objects",
        ),
        Rule(
            id="detection.untrained_classes",
            description="every class of val and test is in train too",
            severity=Severity.WARNING,
            fix="move images of these classes to train: the model cannot find what it never saw",
            table="classes",
            expectation=_expect(
                "expect_column_values_to_be_between", column="untrained_objects", max_value=0
            ),
            describe=lambda row: (
                f"{row['class']}: {row['untrained_objects']} objects in val and test, none in train"
            ),
        ),
    ]
