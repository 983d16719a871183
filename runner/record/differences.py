"""The first place where what is stored and what was rebuilt differ, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.domain.errors import FlywheelError

_ABSENT = object()
_SHOWN = 60


def first_difference(name: str, stored: bytes, rebuilt: bytes) -> str:
    """Where two texts of one file differ, and how.

    Args:
        name: the file's name; `.json` is compared by its content.
    """
    if name.endswith(".json"):
        try:
            return json_difference(json.loads(stored), json.loads(rebuilt)) or "written differently"
        except ValueError:
            return "it is not JSON any more"
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (stored, rebuilt))
    for number, (old, new) in enumerate(zip(before, after, strict=False), start=1):
        if old != new:
            return f"line {number} is {_text(old)}, rebuilt {_text(new)}"
    if len(before) != len(after):
        return f"{len(before)} lines, rebuilt {len(after)}"
    return "written differently"


def json_difference(stored: Any, rebuilt: Any, path: str = "") -> str | None:
    """The first value that differs, with its path; None when all are equal.

    >>> json_difference({"gates": [{"value": 0.5}]}, {"gates": [{"value": 0.6}]})
    'gates[0].value is 0.5, rebuilt 0.6'
    >>> json_difference({"a": 1}, {"a": 1, "b": 2})
    'b is absent, rebuilt 2'
    """
    if isinstance(stored, Mapping) and isinstance(rebuilt, Mapping):
        places = [
            (f"{path}.{key}".removeprefix("."), stored.get(key, _ABSENT), rebuilt.get(key, _ABSENT))
            for key in dict.fromkeys([*stored, *rebuilt])
        ]
    elif isinstance(stored, list) and isinstance(rebuilt, list):
        places = [
            (f"{path}[{number}]", *(_at(items, number) for items in (stored, rebuilt)))
            for number in range(max(len(stored), len(rebuilt)))
        ]
    else:
        same = type(stored) is type(rebuilt) and stored == rebuilt
        return None if same else f"{path or 'the content'} is {_value(stored)}, rebuilt {_value(rebuilt)}"
    return next((found for place in places if (found := json_difference(place[1], place[2], place[0]))), None)


def table_difference(stored: Path, rebuilt: Path) -> str | None:
    """The first column and row in which two Parquet tables differ; None when they hold the same."""
    from runner.adapters.tables.parquet import read_table

    try:
        before = read_table(stored)
    except FlywheelError as error:
        return error.message
    after = read_table(rebuilt)
    if list(before) != list(after):
        return f"columns {', '.join(before)}, rebuilt {', '.join(after)}"
    for name, values in before.items():
        old, new = values.tolist(), after[name].tolist()
        if len(old) != len(new):
            return f"{len(old)} rows, rebuilt {len(new)}"
        for row, (one, other) in enumerate(zip(old, new, strict=True)):
            # NaN is itself here: it is what "not measured" is stored as
            if repr(one) != repr(other):
                return f"{name} of row {row} is {_value(one)}, rebuilt {_value(other)}"
    return None


def _at(items: list[Any], number: int) -> Any:
    return items[number] if number < len(items) else _ABSENT


def _value(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    return _text(json.dumps(value, ensure_ascii=False, default=str))


def _text(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
