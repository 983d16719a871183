"""DuckDB's masks are those of a three-valued logic written down here: NULL and NaN satisfy nothing."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.adapters.tables.conditions import analyse
from runner.adapters.tables.duckdb import load
from runner.adapters.tables.parquet import write_table

NAN = float("nan")
DAY = datetime.date(2026, 1, 2)
ROWS: dict[str, list[Any]] = {
    "number": [None, 0.5, 2.0, -1.0, 0.5],
    "count": [0, 1, 2, None, 0],
    "text": ["a", "b", None, "08", "nan"],
    "truth": [True, False, None, True, False],
    "day": [DAY, None, datetime.date(2025, 12, 31), DAY, DAY],
    "real": [NAN, 1.0, 2.0, NAN, 0.0],
}
LITERALS: dict[str, list[tuple[str, Any]]] = {
    "number": [("0.5", 0.5), ("-1", -1)],
    "count": [("0", 0), ("1", 1)],
    "real": [("1", 1.0), ("0.0", 0.0)],
    "text": [("'a'", "a"), ("'08'", "08"), ("'nan'", "nan")],
    "truth": [("true", True)],
    "day": [("'2026-01-02'", DAY)],
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">=": operator.ge,
}
Test = tuple[str, list[bool | None]]


def _known(value: Any) -> bool:
    return value is not None and value == value


@st.composite
def comparisons(draw: st.DrawFn) -> Test:
    column = draw(st.sampled_from(sorted(ROWS)))
    (literal, value), sign = (
        draw(st.sampled_from(LITERALS[column])),
        draw(st.sampled_from(sorted(COMPARISONS))),
    )
    return (
        f"{column} {sign} {literal}",
        [COMPARISONS[sign](entry, value) if _known(entry) else None for entry in ROWS[column]],
    )


@st.composite
def quotients(draw: st.DrawFn) -> Test:
    over, sign = (
        draw(st.sampled_from(["number", "count", "real"])),
        draw(st.sampled_from(sorted(COMPARISONS))),
    )
    pairs = zip(ROWS[over], ROWS["count"], strict=True)
    values = [a / b if _known(a) and b else None for a, b in pairs]
    return (
        f"{over} / count {sign} 1",
        [None if value is None else COMPARISONS[sign](value, 1) for value in values],
    )


def _both(one: Test, other: Test, word: str) -> Test:
    def joined(a: bool | None, b: bool | None) -> bool | None:
        decisive = word == "OR"
        if decisive in (a, b):
            return decisive
        return None if None in (a, b) else not decisive

    return f"({one[0]} {word} {other[0]})", [joined(a, b) for a, b in zip(one[1], other[1], strict=True)]


def _negated(one: Test) -> Test:
    return f"NOT ({one[0]})", [None if value is None else not value for value in one[1]]


def _missing(column: str) -> Test:
    return f"{column} IS NULL", [not _known(value) for value in ROWS[column]]


TESTS: st.SearchStrategy[Test] = st.recursive(
    comparisons() | quotients() | st.sampled_from(sorted(ROWS)).map(_missing),
    lambda inner: inner.map(_negated) | st.builds(_both, inner, inner, st.sampled_from(["AND", "OR"])),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("conditions") / "images.parquet"
    write_table(file, ROWS)
    return file


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tests=st.lists(TESTS, min_size=1, max_size=8))
def test_masks_are_those_of_three_valued_logic(table: Path, tests: list[Test]) -> None:
    conditions = list(dict.fromkeys(condition for condition, _ in tests))
    expected = dict(tests)
    for condition, mask in zip(conditions, load(table, [], conditions)[1], strict=True):
        assert analyse(condition).error is None, condition
        assert mask.tolist() == [value is True for value in expected[condition]], condition
