"""What the values of one image make of conditions: of each part of them whether it holds, and by which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.adapters.tables import duckdb
from runner.adapters.tables.condition_parts import condition_parts
from runner.adapters.tables.conditions import analyse
from runner.domain.records import Record
from runner.domain.values import Value, plain_value


class ConditionPart(Record, frozen=True, kw_only=True):
    """A part of a condition that AND, OR and NOT do not divide.

    Attributes:
        holds: None where a value is missing, so that nobody knows.
        values: of the columns that it names.
    """

    condition: str
    holds: bool | None
    values: dict[str, Value]


def decided_parts(table: Path, conditions: Sequence[str], row: int) -> dict[str, list[ConditionPart]]:
    """By condition, its parts for one row of a table.

    Raises:
        FlywheelError: a condition is refused.
    """
    known = {name.casefold(): name for name in reversed(duckdb.column_names(table))}
    parts = {condition: condition_parts(condition) for condition in conditions}
    texts = list(dict.fromkeys(text for found in parts.values() for text in found))
    asked = [each for text in texts for each in (text, f"({text}) IS NULL")]
    named = {text: [known[name.casefold()] for name in sorted(analyse(text).columns)] for text in texts}
    columns, masks = duckdb.load(table, sorted({name for names in named.values() for name in names}), asked)
    held = {text: bool(masks[2 * at][row]) for at, text in enumerate(texts)}
    missing = {text for at, text in enumerate(texts) if masks[2 * at + 1][row]}
    return {
        condition: [
            ConditionPart(
                condition=text,
                holds=None if text in missing else held[text],
                values=values_of(columns, named[text], row),
            )
            for text in found
        ]
        for condition, found in parts.items()
    }


def values_of(columns: Mapping[str, Any], names: Sequence[str], row: int) -> dict[str, Value]:
    """The values of one row, as JSON can hold them; None for what is missing."""
    return {name: plain_value(columns[name][row]) for name in names}
