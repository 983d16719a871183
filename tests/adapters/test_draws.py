"""Draws of many images are those that hashlib gives one by one, and tables are the same whether they are whole or in pieces."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.adapters.tables import parquet, stored
from runner.adapters.tables.draws import MOST_BYTES, first_words
from runner.adapters.tables.duckdb import opened
from runner.adapters.tables.owners import StoredTable, owners
from runner.adapters.tables.stored import StoredColumn
from runner.selectors import ranks
from runner.selectors.ranks import draw_words, value_codes


def one_by_one(texts: list[str], seed: int) -> list[int]:
    return [int.from_bytes(hashlib.sha256(f"{seed}:{text}".encode()).digest()[:8]) for text in texts]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=13), max_size=40), st.integers(0, 99))
def test_words_are_the_first_bytes_of_sha_256(texts: list[str], seed: int) -> None:
    encoded = [text.encode() for text in texts if text < "\ud800" or text.isascii()]
    texts = [text.decode() for text in encoded]
    offsets = np.cumsum([0, *map(len, encoded)])
    data = np.frombuffer(b"".join(encoded), np.uint8)
    assert first_words(f"{seed}:".encode(), data, offsets).tolist() == one_by_one(texts, seed)


def test_a_text_that_takes_two_blocks_is_refused_not_cut() -> None:
    data = np.zeros(MOST_BYTES, np.uint8)
    assert len(first_words(b"", data, np.array([0, MOST_BYTES]))) == 1
    with pytest.raises(ValueError, match="at most 55 bytes"):
        first_words(b"0", data, np.array([0, MOST_BYTES]))


@pytest.mark.parametrize("length", [16, 64])
def test_many_are_drawn_as_few_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, length: int) -> None:
    ids = [hashlib.sha256(str(number).encode()).hexdigest()[:length] for number in range(300)]
    expected = one_by_one(ids, 7)
    assert draw_words(ids, 7).tolist() == expected
    monkeypatch.setattr(ranks, "FEW", 10)
    assert draw_words(ids, 7).tolist() == expected
    assert draw_words(in_pieces(monkeypatch, tmp_path, ids), 7).tolist() == expected


def in_pieces(monkeypatch: pytest.MonkeyPatch, folder: Path, values: list[Any]) -> StoredColumn:
    parquet.write_table(folder / "t.parquet", {"value": values})
    monkeypatch.setattr(stored, "PIECE", 7)
    return StoredColumn(folder / "t.parquet", "value", len(values))


def test_a_column_in_a_file_is_what_it_is_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = [None if number % 5 == 0 else f"v{number % 3}" for number in range(50)]
    column = in_pieces(monkeypatch, tmp_path, values)
    rows = np.array([0, 6, 7, 8, 20, 49])
    assert list(column) == values
    assert len(column) == 50
    assert (column[49], column[-2], column[3:6]) == (values[49], values[-2], values[3:6])
    assert list(column.of(rows)) == [values[row] for row in rows]
    assert list(column.of(rows).of(np.array([1, 3]))) == [values[6], values[8]]
    codes, names = value_codes(column)
    expected, expected_names = value_codes(np.array(values, object))
    assert (codes.tolist(), names) == (expected.tolist(), expected_names)


def test_pieces_are_written_as_the_whole_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    columns = {
        "path": [f"{number}.jpg" for number in range(20)],
        "split": ["train"] * 9 + [None] * 11,  # of the last piece nothing is known
        "selected": np.arange(20) % 2 == 0,
    }
    monkeypatch.setattr(parquet, "PIECE", 8)
    parquet.write_pieces(
        tmp_path / "pieces.parquet",
        ({name: values[start : start + 8] for name, values in columns.items()} for start in (0, 8, 16)),
    )
    written = parquet.read_table(tmp_path / "pieces.parquet")
    assert {name: values.tolist() for name, values in written.items()} == {
        name: list(values) for name, values in columns.items()
    }
    monkeypatch.undo()
    whole = {name: list(values) for name, values in columns.items()}
    parquet.write_table(tmp_path / "whole.parquet", columns)
    parquet.write_pieces(tmp_path / "one.parquet", [whole])
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert parquet.read_table(tmp_path / "pieces.parquet", ["path"], [17, 2, 8])["path"].tolist() == [
        "17.jpg",
        "2.jpg",
        "8.jpg",
    ]


@pytest.mark.parametrize("few", [0, 100])
def test_owners_are_found_by_their_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, few: int) -> None:
    monkeypatch.setattr("runner.adapters.tables.owners.FEW", few)
    monkeypatch.setattr("runner.adapters.tables.owners.PIECE", 2)
    parquet.write_table(tmp_path / "images.parquet", {"path": ["c", "a", "b"]})
    parquet.write_table(
        tmp_path / "objects.parquet", {"path": ["a", "b", "a", "x", "c"], "number": [0, 1, 2, 3, 4]}
    )
    codes = np.array([1, 0, -1], np.int8)
    found = owners(tmp_path / "objects.parquet", tmp_path / "images.parquet", "path", codes)
    assert found.tolist() == [0, -1, 0, -1, 1]
    pieces = StoredTable(tmp_path / "objects.parquet", ["number"]).pieces(["number"])
    assert [(start, piece["number"].tolist()) for start, piece in pieces] == [
        (0, [0, 1]),
        (2, [2, 3]),
        (4, [4]),
    ]


def test_a_condition_reads_its_own_table_and_no_other_file(tmp_path: Path) -> None:
    """Conditions are checked before; that the connection reaches nothing else holds even so."""
    import duckdb

    parquet.write_table(tmp_path / "own.parquet", {"row_of_file": [3, 4]})
    parquet.write_table(tmp_path / "other.parquet", {"secret": [1]})
    with opened({"own": tmp_path / "own.parquet"}) as tables:
        assert tables.fetch("SELECT row_of_file_ FROM own WHERE row_of_file = 4")[
            "row_of_file_"
        ].tolist() == [1]
        with pytest.raises(duckdb.Error, match="disabled by configuration"):
            tables.fetch(f"SELECT * FROM read_parquet('{tmp_path / 'other.parquet'}')")  # noqa: S608
