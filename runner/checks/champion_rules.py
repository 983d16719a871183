"""What is checked of a sprint's data beside the champion's, once the sprint is trained; the thresholds are options of presets."""

from __future__ import annotations

from runner.checks.bias_rules import describe_shift, places
from runner.checks.rule import Rule, expect
from runner.domain.records import Severity

CHAMPION_SHIFTS, CHAMPION_VALUES = "champion_shifts", "champion_values"
USUAL_SHIFT = 0.2


def champion_rules(preset: str, max_shift: float, severity: Severity) -> list[Rule]:
    """The rules; `preset` begins their ids."""
    return [
        Rule(
            id=f"{preset}.champion_shift",
            description="what is new of each split looks as the champion's data does: no column's distribution shifts by more than "
            f"{max_shift:g}, unless chance explains it",
            severity=severity,
            fix="nothing, if the new data is meant to differ: the champion is compared on what it was not made for",
            table=CHAMPION_SHIFTS,
            expectation=expect("expect_column_values_to_be_between", column="shift", max_value=max_shift),
            describe=lambda row: (
                f"{row['column']}: new images of {row['of']} differ from the champion's: {describe_shift(row)}"
            ),
            may_be_empty=True,
        ),
        Rule(
            id=f"{preset}.new_to_champion",
            description="the champion's data has every class and every value of a metadata column that this sprint's has",
            severity=severity,
            fix="nothing, if they are meant to be new: the champion never met them",
            table=CHAMPION_VALUES,
            expectation=expect("expect_column_values_to_be_between", column="unseen", max_value=0),
            describe=lambda row: (
                f"{row['path']}: {row['column']} = {row['value']}, new to the champion; in {places(row['images'])}"
            ),
            may_be_empty=True,
        ),
    ]
