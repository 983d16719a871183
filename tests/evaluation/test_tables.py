"""Parquet columns come back as they were written, byte for byte the same file each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.adapters.tables.parquet import read_table, write_table
from runner.domain.errors import FlywheelError


def test_columns_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "number": np.arange(3, dtype=np.int32),
        "hash": np.array([1, 2**63, 3], dtype=np.uint64),
        "ratio": np.array([0.5, np.nan, 1], dtype=np.float32),
        "flag": np.array([True, False, True]),
        "text": ["a", None, "c"],
        "count": [1, None, 3],
        "nothing": [None, None, None],
    }
    write_table(path, columns)
    found = read_table(path)
    assert list(found) == list(columns)
    assert [found[name].dtype.name for name in columns] == [
        "int32",
        "uint64",
        "float32",
        "bool",
        "object",
        "object",
        "object",
    ]
    for name in ("text", "count", "nothing"):
        assert found[name].tolist() == columns[name]
    np.testing.assert_array_equal(found["ratio"], columns["ratio"])
    assert list(read_table(path, ["text", "flag"])) == ["text", "flag"]


def test_the_same_columns_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / name, {"x": np.arange(1000), "y": [str(n) for n in range(1000)]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    write_table(tmp_path / "a", {"x": np.empty(0, dtype=np.float32), "y": []})
    found = read_table(tmp_path / "a")
    assert {name: (len(values), values.dtype.name) for name, values in found.items()} == {
        "x": (0, "float32"),
        "y": (0, "object"),
    }


def test_columns_of_different_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as error:
        write_table(tmp_path / "a", {"x": [1], "y": [1, 2]})
    assert str(error.value) == "columns differ in length: {'x': 1, 'y': 2}"


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (None, None, "file not found"),
        (
            b"not parquet at all",
            None,
            "not a readable Parquet file: Parquet magic bytes not found in footer.",
        ),
        ({"x": [1]}, ["y"], "has no column y; it has x"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, content: bytes | dict[str, list[int]] | None, columns: list[str] | None, message: str
) -> None:
    path = tmp_path / "a.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        write_table(path, content)
    with pytest.raises(FlywheelError) as error:
        read_table(path, columns)
    assert str(error.value).startswith(f"{path}: {message}")
    assert error.value.hint == "delete it and run the sprint again: flywheel run"
