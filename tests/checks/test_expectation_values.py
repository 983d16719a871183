"""Expectations about dates and truth values, as a spec can write them: YAML has neither dates nor `yes`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.adapters.tables.expectations import Expectation, ExpectationResult, validate
from runner.adapters.tables.frames import query_frames
from runner.adapters.tables.parquet import write_table
from runner.dataset.csv_values import typed

COLUMNS = {
    "day": ["2026-01-01", "2026-01-02", "2026-01-03", ""],
    "moment": ["2026-01-01T12:00", "2026-01-02T00:00", "2026-01-03T12:00", "2026-01-04T00:00"],
    "wet": ["yes", "no", "yes", ""],
    "dark": ["true", "false", "true", "false"],
}


@pytest.fixture
def frame(tmp_path: Path) -> Any:
    columns = {name: typed([text or None for text in texts]).values for name, texts in COLUMNS.items()}
    write_table(tmp_path / "images.parquet", columns)
    files = {"images": tmp_path / "images.parquet"}
    return query_frames(files, {}, {}, {"images": "SELECT * FROM images"})["images"]


def expected(frame: Any, name: str, **arguments: Any) -> ExpectationResult:
    return validate(frame, [Expectation(name=name, arguments=arguments)])[0]


@pytest.mark.parametrize(
    ("column", "limits", "unexpected"),
    [
        ("day", {"min_value": "2026-01-02"}, ["2026-01-01"]),
        ("day", {"min_value": "2026-01-01", "max_value": "2026-01-02"}, ["2026-01-03"]),
        ("moment", {"min_value": "2026-01-02"}, ["2026-01-01 12:00:00"]),
        ("moment", {"max_value": "2026-01-03 12:00"}, ["2026-01-04"]),
        ("moment", {"max_value": "2026-01-03T14:00:00+02:00"}, ["2026-01-04"]),
    ],
)
def test_dates_are_compared_with_dates(
    frame: Any, column: str, limits: dict[str, str], unexpected: list[str]
) -> None:
    result = expected(frame, "expect_column_values_to_be_between", column=column, **limits)
    assert [row[column] for row in result.rows] == unexpected


def test_sets_hold_dates_and_truth_values(frame: Any) -> None:
    name = "expect_column_values_to_be_in_set"
    days = expected(frame, name, column="day", value_set=["2026-01-01", "2026-01-02"])
    assert [row["day"] for row in days.rows] == ["2026-01-03"]
    assert expected(frame, name, column="wet", value_set=["yes", "no"]).success
    assert expected(frame, name, column="dark", value_set=[True, "no"]).success
    assert expected(frame, name, column="dark", value_set=["yes"]).unexpected == 2


def test_a_figure_of_a_column_of_dates_is_compared_too(frame: Any) -> None:
    result = expected(frame, "expect_column_max_to_be_between", column="day", max_value="2026-01-02")
    assert (result.success, result.observed) == (False, "2026-01-03")


def test_a_missing_date_is_none(frame: Any) -> None:
    result = expected(frame, "expect_column_values_to_not_be_null", column="day")
    assert [row["day"] for row in result.rows] == [None]
