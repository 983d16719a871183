"""Conditions are evaluated by DuckDB on a connection that reaches nothing else."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.tables import duckdb
from runner.adapters.tables.duckdb import condition_mask, load
from runner.adapters.tables.parquet import write_table
from runner.domain.errors import FlywheelError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "a [strange] name*" / "images.parquet"
    write_table(
        path,
        {
            "path": ["a", "b", "c"],
            "brightness": [0.1, None, 0.9],
            "width": [640, None, 480],
            "camera": ["dock", "gate", None],
            "n_traffic light": np.array([0, 2, 1]),
            "phash": np.array([2**64 - 1, 0, 5], dtype=np.uint64),
        },
    )
    return path


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("brightness < 0.5", [True, False, False]),
        ("NOT brightness < 0.5", [False, False, True]),
        ("BRIGHTNESS IS NULL", [False, True, False]),
        ("camera IN ('dock', 'gate') AND width >= 640", [True, False, False]),
        ('"n_traffic light" > 0', [False, True, True]),
        ("phash > 9223372036854775807", [True, False, False]),
        ("upper(path) = 'B' OR path LIKE 'c%'", [False, True, True]),
        ("true", [True, True, True]),
    ],
)
def test_condition_gives_a_mask_in_file_order(table: Path, condition: str, expected: list[bool]) -> None:
    mask = condition_mask(table, condition)
    assert mask.dtype == np.bool_
    assert mask.tolist() == expected


def test_table_without_rows_gives_an_empty_mask(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", {"a": np.array([], dtype=np.float64)})
    assert condition_mask(tmp_path / "t.parquet", "a > 1").tolist() == []


def test_order_of_a_large_table_is_kept(tmp_path: Path) -> None:
    values = np.arange(400_000)
    write_table(tmp_path / "t.parquet", {"a": values})
    np.testing.assert_array_equal(condition_mask(tmp_path / "t.parquet", "a % 7 = 3"), values % 7 == 3)


def test_columns_and_masks_come_from_one_pass(table: Path) -> None:
    columns, masks = load(table, ["brightness", "width", "camera"], ["width > 500", "camera IS NULL"])
    np.testing.assert_array_equal(columns["brightness"], [0.1, np.nan, 0.9])
    assert columns["width"].tolist() == [640, None, 480]
    assert columns["camera"].tolist() == ["dock", "gate", None]
    assert [mask.tolist() for mask in masks] == [[True, False, False], [False, False, True]]


def test_unknown_column_names_the_nearest(table: Path) -> None:
    with pytest.raises(FlywheelError) as error:
        condition_mask(table, "brightnes < 0.5")
    assert str(error.value) == (
        'condition `brightnes < 0.5`: unknown column "brightnes"; did you mean "brightness"?\n'
        "  hint: columns: path, brightness, width, camera, n_traffic light, phash"
    )
    assert error.value.exit_code == 2


def test_condition_that_is_not_true_or_false_is_refused(table: Path) -> None:
    with pytest.raises(FlywheelError) as error:
        condition_mask(table, "width")
    assert error.value.message == "condition `width`: it gives BIGINT, not true or false"


def test_values_that_do_not_convert_are_reported(table: Path) -> None:
    with pytest.raises(FlywheelError) as error:
        condition_mask(table, "CAST(camera AS INTEGER) > 1")
    assert error.value.message.startswith("condition `CAST(camera AS INTEGER) > 1`: Conversion Error: ")


@pytest.mark.parametrize(
    "condition",
    [
        "1=1) FROM images; DROP TABLE images; SELECT (1",
        "path IN (SELECT content FROM read_text('/etc/passwd'))",
        "read_text('/etc/passwd') IS NULL",
        "random() < 0.5",
        "count(*) > 1",
        "true; ATTACH 'x.db'",
    ],
)
def test_anything_but_one_expression_over_a_row_is_refused(table: Path, condition: str) -> None:
    with pytest.raises(FlywheelError) as error:
        condition_mask(table, condition)
    assert error.value.message.startswith(f"condition `{condition}`: ")


def test_file_that_is_no_parquet_is_reported(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("no")
    for name, message in (("t.parquet", "not a readable Parquet file: "), ("u.parquet", "file not found")):
        with pytest.raises(FlywheelError) as error:
            condition_mask(tmp_path / name, "true")
        assert error.value.message.startswith(message)
        assert error.value.exit_code == 3


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("n_dog / n_objects > 0.5", [False, True, False]),
        ("NOT n_dog / n_objects > 0.5", [False, False, True]),
        ("n_dog / n_objects IS NULL", [True, False, False]),
        ("n_dog // n_objects >= 0 OR n_dog % n_objects >= 0", [False, True, True]),
        ("abs(n_dog / n_objects) + 1 BETWEEN 0 AND 9", [False, True, True]),
        ("coalesce(n_dog / n_objects, 9) = 9", [True, False, False]),
        ("1 / n_objects > 0.1", [False, True, True]),  # not infinity
        ("lux > 1", [False, True, False]),
        ("NOT lux <= 1", [False, True, False]),
        ("lux = lux", [False, True, True]),
        ("power(lux - 5, 0.5) > 0", [False, True, False]),
        ("CAST('nan' AS DOUBLE) > 1", [False, False, False]),
        ("exp(n_objects * 1000) - exp(n_objects * 1000) > -1", [True, False, False]),
    ],
)
def test_what_is_not_a_number_satisfies_nothing(tmp_path: Path, condition: str, expected: list[bool]) -> None:
    columns = {
        "n_dog": np.array([0, 3, 0]),
        "n_objects": np.array([0, 4, 2]),
        "lux": np.array([np.nan, 7.5, 1.0]),
    }
    write_table(tmp_path / "t.parquet", columns)
    assert condition_mask(tmp_path / "t.parquet", condition).tolist() == expected


def test_column_of_zero_and_one_is_a_condition_as_true_and_false_are(tmp_path: Path) -> None:
    columns = {"night": [1, 0, None], "dark": [True, False, None], "cars": [1, 0, 2]}
    write_table(tmp_path / "t.parquet", columns)
    for condition in ("night", "night = 1", "night = true", "dark", "dark = 1", "dark = 'yes'"):
        assert condition_mask(tmp_path / "t.parquet", condition).tolist() == [True, False, False], condition
    with pytest.raises(FlywheelError, match="`cars`: it gives BIGINT, not true or false"):
        condition_mask(tmp_path / "t.parquet", "cars")


def test_text_compared_with_a_number_says_how_to_write_it(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", {"zone": ["08", "x1"]})
    with pytest.raises(FlywheelError) as error:
        condition_mask(tmp_path / "t.parquet", "zone = 8")
    assert "in single quotes, as in zone = '08'" in str(error.value.hint)
    assert condition_mask(tmp_path / "t.parquet", "zone = '08'").tolist() == [True, False]
    assert condition_mask(tmp_path / "t.parquet", "TRY_CAST(zone AS DOUBLE) = 8").tolist() == [True, False]


def test_arithmetic_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", {"a": [1.0]})
    condition = "a + 1"
    for _ in range(40):
        condition = f"greatest({condition} + 1, 1)"
    with pytest.raises(FlywheelError, match="nested too deeply"):
        condition_mask(tmp_path / "t.parquet", f"{condition} > 1")


def test_columns_alone_are_read_as_beside_a_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a condition pyarrow reads them, where it is imported; DuckDB reads what pyarrow gives otherwise."""
    columns: dict[str, Any] = {
        "text": ["a", None, "ü"],
        "number": [0.1, None, np.nan],
        "single": np.array([1, np.nan, 3], dtype=np.float32),
        "count": [1, None, 3],
        "small": np.array([1, 2, 3], dtype=np.uint8),
        "hash": np.array([2**64 - 1, 0, 5], dtype=np.uint64),
        "truth": np.array([True, False, True]),
        "maybe": [True, None, False],
        "day": [datetime.datetime(2026, 11, 30), None, datetime.datetime(2026, 12, 1)],
        "none": [None, None, None],
    }
    table = tmp_path / "t.parquet"
    write_table(table, columns)
    for asked in ([name] for name in columns):
        alone, beside = load(table, asked, [])[0], load(table, asked, ["true"])[0]
        assert alone[asked[0]].dtype == beside[asked[0]].dtype, asked
        np.testing.assert_array_equal(alone[asked[0]], beside[asked[0]])
        assert [type(value) for value in alone[asked[0]]] == [type(value) for value in beside[asked[0]]]
    assert list(load(table, ["truth", "text"], [])[0]) == ["truth", "text"]
    for without in (True, False):
        with pytest.raises(FlywheelError, match="unknown column"):
            load(table, ["texts"], [] if without else ["true"])
        with pytest.raises(FlywheelError, match="file not found"):
            load(tmp_path / "none.parquet", ["text"], [] if without else ["true"])
    monkeypatch.setattr(duckdb, "opened", None)
    load(table, ["text", "number"], [])  # and no connection was opened
