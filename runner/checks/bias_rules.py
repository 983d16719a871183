"""What every preset checks of bias: shortcuts, shifts, imbalance and what was never seen; the thresholds are options."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from runner.adapters.tables.expectations import Row
from runner.checks.rule import Rule, expect
from runner.domain.options import Fraction, NonNegativeInt, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.records import POOL, SPLITS, Severity

SHORTCUTS, SPLIT_SHIFTS, CLASS_SHARES, SLICE_SHARES = (
    "shortcuts",
    "split_shifts",
    "class_shares",
    "slice_shares",
)
UNSEEN_VALUES = "unseen_values"
OF_BIAS = frozenset((SHORTCUTS, SPLIT_SHIFTS, CLASS_SHARES, SLICE_SHARES, UNSEEN_VALUES))
_WEAKENED = weakens(FindingKind.CHECK_WEAKENED)


class BiasLimits(Options, frozen=True, kw_only=True):
    """What of bias is reported."""

    max_shortcut: Annotated[
        Fraction,
        Meta(
            description="A column (of metadata, or a property of the file or its pixels) that alone tells which training "
            "images hold a class: Youden's J beyond chance, 0 to 1, from which on it is reported.",
            extra=_WEAKENED,
        ),
    ] = 0.5
    max_shift: Annotated[
        Fraction,
        Meta(
            description="The distance of a column's distribution in val or test from train's: 0 to 1, from which on it is reported where drawing groups at random does not explain it. "
            "Numbers whose means are half a standard deviation apart have a distance of 0.2.",
            extra=_WEAKENED,
        ),
    ] = 0.2
    max_class_ratio: Annotated[
        float,
        Meta(
            ge=1,
            le=1e9,
            description="How many times as many training labels the commonest class may have as another.",
            extra=_WEAKENED,
        ),
    ] = 20.0
    min_slice_images: Annotated[
        NonNegativeInt,
        Meta(
            description="Fewer test images (of a slice of objects: objects) of a slice than this are reported.",
            extra=_WEAKENED,
        ),
    ] = 10
    max_champion_shift: (
        Annotated[
            Fraction,
            Meta(
                description="The same for what is new of each split beside the champion's data, times the share that is new: 0.2 when "
                "absent. It is measured after training, where there is a champion.",
                extra=_WEAKENED,
            ),
        ]
        | UnsetType
    ) = UNSET
    champion_severity: (
        Annotated[
            Literal["error", "warning"],
            Meta(
                description="What differs from the champion's data is a `warning`, also when absent; an `error` stops the sprint before "
                "it is judged.",
                extra=_WEAKENED,
            ),
        ]
        | UnsetType
    ) = UNSET
    severity: Annotated[
        Literal["error", "warning"],
        Meta(description="What is reported is a `warning`; an `error` stops the sprint.", extra=_WEAKENED),
    ] = "warning"


BiasOption = Annotated[
    BiasLimits | UnsetType,
    Meta(
        description="Thresholds of shortcuts, shifts, imbalance and what was never seen. The usual ones when absent."
    ),
]


def bias_rules(preset: str, given: BiasLimits | UnsetType) -> list[Rule]:
    """The rules; `preset` begins their ids. Those about slices need some."""
    limits = BiasLimits() if isinstance(given, UnsetType) else given
    return [
        _shortcuts(preset, limits),
        _split_shifts(preset, limits),
        _class_imbalance(preset, limits),
        *_slices(preset, limits),
        _unseen_values(preset, limits),
    ]


def _shortcuts(preset: str, limits: BiasLimits) -> Rule:
    return Rule(
        id=f"{preset}.shortcuts",
        description="no column alone tells which training images hold a class (Youden's J beyond chance of more than "
        f"{limits.max_shortcut:g})",
        severity=Severity(limits.severity),
        fix="bring images of the class that differ in it, and slice the test split by it: a model may learn the column in "
        "place of the class",
        table=SHORTCUTS,
        expectation=expect(
            "expect_column_values_to_be_between", column="excess", max_value=limits.max_shortcut
        ),
        describe=_describe_shortcut,
        may_be_empty=True,
    )


def _describe_shortcut(row: Row) -> str:
    return (
        f"{row['column']}: {row['values']} tells {row['class_name']}: {row['holding']} of {row['inside']} such training "
        f"images hold it, and {row['missed']} of {row['outside']} others (J {_number(row['score'])}, surely more than "
        f"{_number(row['excess'])})"
    )


def _split_shifts(preset: str, limits: BiasLimits) -> Rule:
    return Rule(
        id=f"{preset}.split_shift",
        description="val and test look as train does: no column's distribution is further from train's than "
        f"{limits.max_shift:g}, unless chance explains it",
        severity=Severity(limits.severity),
        fix="if it is not meant: flywheel split proposes splits that are alike; if a column names groups, set "
        "dataset.group_by",
        table=SPLIT_SHIFTS,
        expectation=expect("expect_column_values_to_be_between", column="shift", max_value=limits.max_shift),
        describe=lambda row: f"{row['column']}: {row['of']} differs from train: {describe_shift(row)}",
        may_be_empty=True,
    )


def describe_shift(row: Row) -> str:
    """What differs, by how much, and how much chance explains."""
    return f"{row['words']} (distance {_number(row['distance'], 3)}, by chance up to {_number(row['chance'], 3)})"


def _class_imbalance(preset: str, limits: BiasLimits) -> Rule:
    return Rule(
        id=f"{preset}.class_imbalance",
        description=f"no class has less than one {limits.max_class_ratio:g}th of the commonest one's training labels",
        severity=Severity(limits.severity),
        fix="label more of these classes, or draw them more often: rare classes are learnt last",
        table=CLASS_SHARES,
        expectation=expect(
            "expect_column_values_to_be_between", column="ratio", max_value=limits.max_class_ratio
        ),
        describe=lambda row: (
            f"{row['class_name']}: {row['train']} training labels, the commonest class has {_number(row['ratio'])} times as many"
        ),
        may_be_empty=True,
    )


def _slices(preset: str, limits: BiasLimits) -> list[Rule]:
    return [
        Rule(
            id=f"{preset}.untrained_slices",
            description="every slice of the test split is in train too",
            severity=Severity(limits.severity),
            fix="move images of these slices to train, or say in the hypothesis that the model must do without",
            table=SLICE_SHARES,
            expectation=expect("expect_column_values_to_be_between", column="untrained", max_value=0),
            describe=lambda row: f"{row['slice']}: {row['test']} in test, none in train",
            may_be_empty=True,
        ),
        Rule(
            id=f"{preset}.small_slices",
            description=f"every slice has at least {limits.min_slice_images} test images",
            severity=Severity(limits.severity),
            fix="bring test images of these slices: what is measured on so few decides nothing",
            table=SLICE_SHARES,
            expectation=expect(
                "expect_column_values_to_be_between", column="test", min_value=limits.min_slice_images
            ),
            describe=lambda row: f"{row['slice']}: {row['test']} in test, {row['train']} in train",
            may_be_empty=True,
        ),
    ]


def _unseen_values(preset: str, limits: BiasLimits) -> Rule:
    return Rule(
        id=f"{preset}.unseen_values",
        description="every value of a metadata column that images of val, test and the pool have, a training image has too",
        severity=Severity(limits.severity),
        fix="move images with these values to train, or expect that the model has never met them",
        table=UNSEEN_VALUES,
        expectation=expect("expect_column_values_to_be_between", column="unseen", max_value=0),
        describe=lambda row: (
            f"{row['path']}: {row['column']} = {row['value']}, in no training image; in {places(row['images'])}"
        ),
        may_be_empty=True,
    )


def places(images: object) -> str:
    """`12 of val and 3 of test`."""
    found = images if isinstance(images, dict) else {}
    return " and ".join(f"{found[split]} of {split}" for split in (*SPLITS, POOL) if found.get(split))


def _number(value: object, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else "?"
