"""A spec's own expectations: parsed strictly, run by Great Expectations, refused with its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from planted_sprint import CLASSES, SprintFolder, clean_sprint

from runner.checks.detection import DetectionPreset
from runner.checks.expectations import DataExpectation, check_rules, parse_check
from runner.checks.rule import run_rules
from runner.checks.tables import check_frames
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.records import CheckResult, Severity

TRAIN = "images/train/train0-0.jpg"


def results(sprint: SprintFolder, *blocks: dict[str, Any]) -> list[CheckResult]:
    rules = check_rules([parse_check(block) for block in blocks], CLASSES, None, "detect")
    return run_rules(check_frames(sprint.write(), CLASSES, {rule.table for rule in rules}), rules)


@pytest.fixture
def sprint(tmp_path: Path) -> SprintFolder:
    return clean_sprint(tmp_path)


def between(**arguments: Any) -> dict[str, Any]:
    return {"expect_column_values_to_be_between": {"table": "images", "column": "brightness"} | arguments}


def test_block_becomes_a_typed_expectation() -> None:
    block = between(min_value=0.1, mostly=0.9, severity="warning", split="test")
    assert parse_check(block) == DataExpectation(
        expectation="expect_column_values_to_be_between",
        table="images",
        severity=Severity.WARNING,
        split="test",
        arguments={"column": "brightness", "min_value": 0.1, "mostly": 0.9},
    )


def test_preset_block_becomes_the_preset() -> None:
    assert parse_check({"preset": "detection", "max_unreadable": 0.2}) == DetectionPreset(max_unreadable=0.2)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"expect_column_values_to_be_betwen": {"table": "images"}},
            'unknown expectation "expect_column_values_to_be_betwen";'
            ' did you mean "expect_column_values_to_be_between"?',
        ),
        (between(table="files"), "not a check: Invalid enum value 'files' - at `$.table`"),
        (
            between(row_condition="__import__('os')"),
            "expect_column_values_to_be_between: row_condition cannot be used in a spec",
        ),
        (
            between(min_value={"$PARAMETER": "x"}),
            "expect_column_values_to_be_between: min_value: parameters ($PARAMETER) cannot be used in a spec",
        ),
        (
            {"preset": "detection", "max_unredable": 1},
            "not a check: Object contains unknown field `max_unredable`",
        ),
        ({"expect_a": {}, "expect_b": {}}, "a check has one key, a preset or an expectation; this one has 2"),
        ({"expect_column_to_exist": 3}, "not a check: 'int' object has no attribute 'items'"),
    ],
)
def test_block_that_is_no_check_is_refused(block: dict[str, Any], message: str) -> None:
    with pytest.raises(FlywheelError) as caught:
        parse_check(block)
    assert caught.value.message == message
    assert caught.value.exit_code is ExitCode.INVALID_CONFIGURATION


def test_violation_names_path_and_value(sprint: SprintFolder) -> None:
    sprint.images[TRAIN]["brightness"] = 0.01
    (found,) = results(sprint, between(min_value=0.02))
    assert found == CheckResult(
        id="images.brightness.expect_column_values_to_be_between",
        description="images.brightness: column values to be between (min_value: 0.02)",
        severity=Severity.ERROR,
        success=False,
        checked=20,
        unexpected=1,
        rows=[f"{TRAIN}: brightness = 0.01"],
        fix="correct the data, leave the rows out with data.exclude, or change the expectation in the spec",
    )


def test_mostly_tolerates_a_share_and_still_names_the_rows(sprint: SprintFolder) -> None:
    sprint.images[TRAIN]["brightness"] = 0.01
    (found,) = results(sprint, between(min_value=0.02, mostly=0.9))
    assert (found.success, found.unexpected, found.rows) == (True, 1, [f"{TRAIN}: brightness = 0.01"])


def test_split_restricts_the_rows(sprint: SprintFolder) -> None:
    sprint.images[TRAIN]["brightness"] = 0.01
    train, test = results(
        sprint, between(min_value=0.02, split="train"), between(min_value=0.02, split="test")
    )
    assert (train.success, train.checked, test.success, test.checked) == (False, 12, True, 4)
    assert test.id == "images.brightness.expect_column_values_to_be_between.test"


def test_figure_of_the_table_is_reported_as_observed(sprint: SprintFolder) -> None:
    mean = {"expect_column_mean_to_be_between": {"table": "objects", "column": "area_px", "max_value": 50}}
    (found,) = results(sprint, mean)
    assert (found.success, found.checked, found.unexpected) == (False, 1, 1)
    assert found.rows == ["objects: observed 200.0"]


def test_quantiles_are_checked(sprint: SprintFolder) -> None:
    ranges = {"quantiles": [0.5, 0.9], "value_ranges": [[0, 1], [0.9, 1]]}
    block = {
        "expect_column_quantile_values_to_be_between": {
            "table": "images",
            "column": "brightness",
            "quantile_ranges": ranges,
        }
    }
    (found,) = results(sprint, block)
    assert found.rows == ["images: observed {'quantiles': [0.5, 0.9], 'values': [0.5, 0.5]}"]


def test_pair_of_columns_is_named_with_both_values(sprint: SprintFolder) -> None:
    pair = {
        "expect_column_pair_values_a_to_be_greater_than_b": {
            "table": "images",
            "column_A": "width",
            "column_B": "height",
        }
    }
    sprint.images[TRAIN]["height"] = 200
    (found,) = results(sprint, pair)
    assert found.rows == [f"{TRAIN}: width = 100, height = 200"]


def test_null_value_is_named(sprint: SprintFolder) -> None:
    sprint.images[TRAIN]["camera"] = None
    (found,) = results(
        sprint, {"expect_column_values_to_not_be_null": {"table": "images", "column": "camera"}}
    )
    assert found.rows == [f"{TRAIN}: camera = NULL"]


def test_missing_and_unexpected_values_of_a_set_are_named(sprint: SprintFolder) -> None:
    block = {
        "expect_column_distinct_values_to_equal_set": {
            "table": "images",
            "column": "camera",
            "value_set": ["west"],
        }
    }
    (found,) = results(sprint, block)
    assert found.rows == ["images: observed unexpected or missing: east, west"]


def test_same_expectation_twice_has_two_ids(sprint: SprintFolder) -> None:
    found = results(sprint, between(min_value=0), between(max_value=1), between(min_value=0))
    assert [result.id.rsplit(".", 1)[1] for result in found] == [
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_between-2",
        "expect_column_values_to_be_between-3",
    ]
    assert all(result.success for result in found)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            between(),
            "expect_column_values_to_be_between (column: brightness):"
            " min_value and max_value cannot both be None",
        ),
        (
            between(min_valu=1, max_value=2),
            "expect_column_values_to_be_between (column: brightness, min_valu: 1, max_value: 2):"
            " min_valu: extra fields not permitted",
        ),
        (
            between(min_value=5, max_value=2),
            "expect_column_values_to_be_between (column: brightness, min_value: 5, max_value: 2):"
            " min_value cannot be greater than max_value",
        ),
        (
            between(column="brightnes", min_value=5),
            "expect_column_values_to_be_between (column: brightnes, min_value: 5):"
            ' there is no column "brightnes"; did you mean "brightness"?',
        ),
        (
            {"expect_column_values_to_match_regex": {"table": "images", "column": "path", "regex": "("}},
            "expect_column_values_to_match_regex (column: path, regex: ():"
            " Invalid regular expression: missing ): (",
        ),
        (
            {"expect_column_mean_to_be_between": {"table": "images", "column": "path", "min_value": 0}},
            "expect_column_mean_to_be_between (column: path, min_value: 0):"
            " Cannot perform reduction 'mean' with string dtype",
        ),
    ],
)
def test_wrong_arguments_are_told_in_great_expectations_words(
    sprint: SprintFolder, block: dict[str, Any], message: str
) -> None:
    good = between(min_value=0)
    with pytest.raises(FlywheelError) as caught:
        results(sprint, good, block, good)
    assert caught.value.message == message
    assert caught.value.hint == "correct its arguments under `checks` in the sprint's spec"
    assert caught.value.exit_code is ExitCode.INVALID_CONFIGURATION


def test_nothing_is_printed_and_nothing_connects(
    sprint: SprintFolder, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError(f"a network attempt: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    results(sprint, between(min_value=0.9))
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_takes_for_ever_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    from runner.adapters.tables import expectations
    from runner.adapters.tables.expectations import Expectation

    frame = pd.DataFrame({"camera": ["a" * 60, "b"]})  # pandas leaves what looks ahead to Python's `re`
    arguments = {"column": "camera", "regex": "^b$"}
    name = "expect_column_values_to_match_regex"
    expectations.validate(frame, [Expectation(name=name, arguments=arguments)])  # imports once
    monkeypatch.setattr(expectations, "VALIDATION_SECONDS", 1.0)
    with pytest.raises(FlywheelError) as caught:
        expectations.validate(
            frame, [Expectation(name=name, arguments=arguments | {"regex": "^(?=a)(a+)+$!"})]
        )
    assert caught.value.message == "the expectations of one table took longer than 1 s"
    assert caught.value.exit_code is ExitCode.STAGE_FAILED
