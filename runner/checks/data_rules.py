"""What every preset checks, whatever the task: files, splits, labels, leakage, duplicates, classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, UnsetType

from runner.adapters.tables.expectations import Row
from runner.checks.rule import Rule, expect
from runner.domain.options import weakens
from runner.domain.policy import FindingKind
from runner.domain.records import SPLITS, Severity

# Of `dataset.near_duplicates` and `dataset.leaks`, which import NumPy: a test holds them to be equal.
DEFAULT_DISTANCE, MAX_DISTANCE = 4, 7
FRAME_CORRELATION = 0.9
NEAR_DUPLICATES = "near_duplicates"
NearDuplicateDistance = Annotated[
    int,
    Meta(
        ge=0,
        le=MAX_DISTANCE,
        description="Images of val and test that an earlier split shows already are a warning: at most so many of the 64 bits "
        "of their perceptual hashes differ, and their thumbnails agree.",
        extra=weakens(FindingKind.CHECK_WEAKENED),
    ),
]
FrameCorrelation = (
    Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Neighbouring frames of a video or burst in two splits are a warning: their names (else `captured_at`) say "
            "that they follow each other, and the correlation of their thumbnails is at least this; 0.9 when absent.",
            extra=weakens(FindingKind.CHECK_WEAKENED),
        ),
    ]
    | UnsetType
)
"""Unset where it is the usual one, so that finished sprints do not run again."""
AlteredCopies = (
    Annotated[
        bool,
        Meta(
            description="Images of val and test that are a part of one of an earlier split, or turned or brightened, are a warning: "
            "corners propose them, pixels confirm. It reads every selected image once; `false` leaves it out; true when absent.",
            extra=weakens(FindingKind.CHECK_WEAKENED),
        ),
    ]
    | UnsetType
)


def data_rules(
    preset: str,
    max_unreadable: float,
    group_by: str | None,
    near_duplicate_distance: int,
    frame_correlation: float | UnsetType,
    altered_copies: bool | UnsetType,
) -> list[Rule]:
    """Files, empty splits, labels and leakage; `preset` begins the rules' ids."""
    leakage = [_group_leakage(preset, group_by)] if group_by else []
    return [
        *_file_rules(preset, max_unreadable),
        _empty_split(preset),
        _label_problems(preset),
        *leakage,
        *_duplicate_rules(preset),
        _near_duplicates(preset, near_duplicate_distance),
        _mirrored(preset, near_duplicate_distance),
        *([_altered(preset)] if altered_copies is not False else []),
        _frames(preset, FRAME_CORRELATION if isinstance(frame_correlation, UnsetType) else frame_correlation),
    ]


def _file_rules(preset: str, max_unreadable: float) -> list[Rule]:
    readable = {"column": "readable", "value_set": [True]}
    return [
        Rule(
            id=f"{preset}.too_many_unreadable_files",
            description=f"at most {max_unreadable:.0%} of the dataset's files are unreadable",
            severity=Severity.ERROR,
            fix="restore these files, or raise max_unreadable in the preset",
            table="files",
            # The subtraction alone would demand 0.30000000000000004 of the files.
            expectation=expect(
                "expect_column_values_to_be_in_set", **readable, mostly=round(1 - max_unreadable, 9)
            ),
            describe=_describe_file,
        ),
        Rule(
            id=f"{preset}.unreadable_files",
            description="every file of the dataset can be read (those that cannot are never selected)",
            severity=Severity.WARNING,
            fix="restore or delete these files, then: dvc add the dataset",
            table="files",
            expectation=expect("expect_column_values_to_be_in_set", **readable),
            describe=_describe_file,
        ),
    ]


def _describe_file(row: Row) -> str:
    return f"{row['path']}: {row['problem'] or 'not readable'}"


def _empty_split(preset: str) -> Rule:
    return Rule(
        id=f"{preset}.empty_split",
        description="train, val and test each have at least one image",
        severity=Severity.ERROR,
        fix="see what data.exclude, data.<split> and the project's splits select: flywheel plan",
        table="splits",
        expectation=expect("expect_column_values_to_be_between", column="images", min_value=1),
        describe=lambda row: f"{row['split']}: no images",
    )


def where_labelled(row: Row) -> str:
    """An object's image, and the file and line of its label: `images/x.jpg: labels/x.txt:3`."""
    path, written = str(row["path"]), str(row["written"] or "")
    return path if written.startswith(path) or not written else f"{path}: {written}"


def _label_problem(row: Row) -> str:
    path, problem = row["path"], str(row["label_problem"])
    return problem if problem.startswith(f"{path}:") else f"{path}: {problem}"


def _label_problems(preset: str) -> Rule:
    return Rule(
        id=f"{preset}.label_problems",
        description="every label of the selected images can be understood",
        severity=Severity.ERROR,
        fix="correct these labels, or add `AND label_problem IS NULL` to the splits in flywheel.yaml",
        table="labels",
        expectation=expect("expect_column_values_to_be_null", column="label_problem"),
        describe=_label_problem,
    )


def _group_leakage(preset: str, group_by: str) -> Rule:
    return Rule(
        id=f"{preset}.group_leakage",
        description=f"the images of one {group_by} are all in the same split",
        severity=Severity.ERROR,
        fix="write the splits in flywheel.yaml over group_fraction, or exclude these images",
        table="groups",
        expectation=expect("expect_column_values_to_be_between", column="splits", max_value=1),
        describe=lambda row: f"{group_by} {row['group']}: {_describe_splits(row)}",
    )


def _describe_splits(row: Row) -> str:
    places = []
    for split in SPLITS:
        if count := row[f"{split}_images"]:
            more = f" and {int(str(count)) - 1} more" if count != 1 else ""
            places.append(f"{split} ({row[f'{split}_path']}{more})")
    return "in " + " and in ".join(places)


def _duplicate_rules(preset: str) -> list[Rule]:
    return [
        Rule(
            id=f"{preset}.duplicates_across_splits",
            description="no image file is in two splits",
            severity=Severity.ERROR,
            fix="delete one copy, or leave it out with data.exclude",
            table="contents",
            expectation=expect("expect_column_values_to_be_between", column="splits", max_value=1),
            describe=lambda row: f"{_any_path(row)}: the same file is {_describe_splits(row)}",
        ),
        Rule(
            id=f"{preset}.duplicates_within_split",
            description="no image file is in a split twice",
            severity=Severity.WARNING,
            fix="delete the copies, or drop them with data.<split>.dedupe",
            table="contents",
            expectation=expect("expect_column_values_to_be_between", column="in_one_split", max_value=1),
            describe=_describe_copies,
        ),
    ]


def _near_duplicates(preset: str, distance: int) -> Rule:
    return Rule(
        id=f"{preset}.near_duplicates_across_splits",
        description="no image of val or test nearly repeats one of an earlier split"
        f" (hashes that differ in at most {distance} bits)",
        severity=Severity.WARNING,
        fix="move both into one split, or leave one out with data.exclude; the report shows what the model is worth without them",
        table=NEAR_DUPLICATES,
        expectation=expect("expect_column_values_to_be_between", column="distance", min_value=distance + 1),
        describe=lambda row: (
            f"{row['path']}: nearly the same as {row['near_path']} in {row['near_split']}"
            f" (distance {int(float(str(row['distance'])))})"
        ),
    )


def _mirrored(preset: str, distance: int) -> Rule:
    return Rule(
        id=f"{preset}.mirrored_copies_across_splits",
        description="no image of val or test is the mirror image of one of an earlier split"
        f" (hashes that differ in at most {distance} bits)",
        severity=Severity.WARNING,
        fix="move both into one split, or leave one out with data.exclude; augment while training, not before splitting",
        table=NEAR_DUPLICATES,
        expectation=expect(
            "expect_column_values_to_be_between", column="mirrored_distance", min_value=distance + 1
        ),
        describe=lambda row: f"{row['path']}: mirrors {row['mirrored_path']} in {row['mirrored_split']}",
    )


def _altered(preset: str) -> Rule:
    return Rule(
        id=f"{preset}.altered_copies_across_splits",
        description="no image of val or test is a cropped, turned or brightened copy of one of an earlier split",
        severity=Severity.WARNING,
        fix="move both into one split, or leave one out with data.exclude; cut images into parts after splitting, not before",
        table=NEAR_DUPLICATES,
        expectation=expect("expect_column_values_to_be_null", column="altered_path"),
        describe=lambda row: (
            f"{row['path']}: from the same photograph as {row['altered_path']} in {row['altered_split']}"
            + (f" ({row['altered_how']})" if row["altered_how"] else "")
        ),
    )


def _frames(preset: str, correlation: float) -> Rule:
    return Rule(
        id=f"{preset}.neighbouring_frames_across_splits",
        description="no image of val or test is a neighbouring frame of one of an earlier split"
        f" (thumbnails with a correlation of at least {correlation:g})",
        severity=Severity.WARNING,
        fix="split by video, not by frame: dataset.group_by in flywheel.yaml, with the video's name as metadata",
        table=NEAR_DUPLICATES,
        expectation=expect(
            "expect_column_values_to_be_between",
            column="frame_correlation",
            max_value=correlation,
            strict_max=True,
        ),
        describe=lambda row: (
            f"{row['path']}: follows or precedes {row['frame_path']} in {row['frame_split']}"
            f" (correlation {float(str(row['frame_correlation'])):.2f})"
        ),
    )


def _any_path(row: Row) -> object:
    return next(path for split in SPLITS if (path := row[f"{split}_path"]))


def _describe_copies(row: Row) -> str:
    split = next(split for split in SPLITS if row[f"{split}_images"] == row["in_one_split"])
    files = f"{row['in_one_split']} files in {split}"
    return f"{row[f'{split}_path']}: the same content as {row[f'{split}_last_path']} ({files})"


def unknown_classes(preset: str, class_names: Sequence[str]) -> Rule:
    """Objects of classes that the project does not have."""
    return Rule(
        id=f"{preset}.unknown_classes",
        description="every object has a class of flywheel.yaml",
        severity=Severity.ERROR,
        fix="rename the class in the labels, or add it to classes in flywheel.yaml",
        table="boxes",
        expectation=expect("expect_column_values_to_be_in_set", column="class", value_set=list(class_names)),
        describe=lambda row: f"{where_labelled(row)}: unknown class {row['class']!r}",
    )


def class_rules(preset: str, min_objects: int, counted: str) -> list[Rule]:
    """Classes that are rare in train, or missing there; `counted` is what there is one label for."""
    return [
        Rule(
            id=f"{preset}.class_balance",
            description=f"every class has at least {min_objects} training {counted}",
            severity=Severity.WARNING,
            fix=f"label more {counted} of these classes, or merge classes",
            table="classes",
            expectation=expect(
                "expect_column_values_to_be_between", column="train_objects", min_value=min_objects
            ),
            describe=lambda row: f"{row['class']}: {row['train_objects']} training {counted}",
        ),
        Rule(
            id=f"{preset}.untrained_classes",
            description="every class of val and test is in train too",
            severity=Severity.WARNING,
            fix="move images of these classes to train: the model cannot find what it never saw",
            table="classes",
            expectation=expect("expect_column_values_to_be_between", column="untrained_objects", max_value=0),
            describe=lambda row: (
                f"{row['class']}: {row['untrained_objects']} {counted} in val and test, none in train"
            ),
        ),
    ]
