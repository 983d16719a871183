"""The first place where what is stored and what was rebuilt differ, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import inspect

from runner.domain.errors import FlywheelError
from runner.domain.records import Record
from runner.record.schemas import came_later, is_gone
from runner.record.versions import fields_of, member_of

_ABSENT = object()
_SHOWN = 60
_LED_UP = 20  # characters before a difference that are shown with it
# What is said for people: another version may word it otherwise. What decides is compared beside it.
_WORDED = frozenset(
    ("explanation", "hint", "message", "description", "fix", "caption", "commands", "why_not")
)
# What a method of resampling gives, which `version` of the stage `evaluate` counts: outcomes and estimates are compared beside it.
_RESAMPLED = frozenset(
    (
        "interval",
        "intervals",
        "optimizing_interval",
        "resampling",
        "p_value",
        "further",
        "level",
        "family",
    )
)


class Difference(Record, frozen=True, kw_only=True):
    """One place where a stored record and the rebuilt one differ.

    Attributes:
        rendered: only in how it is said, or in what one of two versions does not record: no number that both have, no count, no
            outcome and nothing else that decides.
    """

    detail: str
    rendered: bool


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
            start = _before_the_difference(old, new)
            return f"line {number} is {_text(old, start)}, rebuilt {_text(new, start)}"
    if len(before) != len(after):
        return f"{len(before)} lines, rebuilt {len(after)}"
    return "written differently"


def record_differences(
    stored: Any, rebuilt: Any, kind: inspect.Type, *, resampled_otherwise: bool, path: str = ""
) -> Iterator[Difference]:
    """Where two records of one type differ, and which of the differences decide.

    Args:
        stored, rebuilt: JSON; `stored` may be of an earlier version.
        resampled_otherwise: another version of the stage `evaluate` wrote it, whose intervals may be others.
    """
    kind = member_of(kind, rebuilt if isinstance(rebuilt, dict | list) else stored)
    if isinstance(stored, dict) and isinstance(rebuilt, dict):
        fields = fields_of(kind) if isinstance(kind, inspect.StructType) else {}
        for name in dict.fromkeys([*rebuilt, *stored]):
            old, new = stored.get(name, _ABSENT), rebuilt.get(name, _ABSENT)
            place = f"{path}.{name}".removeprefix(".")
            if isinstance(kind, inspect.StructType) and _of_one_version(kind.cls.__name__, name, old, new):
                yield Difference(detail=str(json_difference(old, new, place)), rendered=True)
                continue
            told = name in _WORDED or (resampled_otherwise and name in _RESAMPLED)
            inside = fields[name].type if name in fields else getattr(kind, "value_type", inspect.AnyType())
            for found in record_differences(
                old, new, inside, resampled_otherwise=resampled_otherwise, path=place
            ):
                yield Difference(detail=found.detail, rendered=found.rendered or (told and bool(fields)))
    elif isinstance(stored, list) and isinstance(rebuilt, list) and len(stored) == len(rebuilt):
        inside = getattr(kind, "item_type", inspect.AnyType())
        for number, (old, new) in enumerate(zip(stored, rebuilt, strict=True)):
            place = f"{path}[{number}]"
            yield from record_differences(
                old, new, inside, resampled_otherwise=resampled_otherwise, path=place
            )
    elif (detail := json_difference(stored, rebuilt, path)) is not None:
        yield Difference(detail=detail, rendered=False)


def _of_one_version(record: str, field: str, stored: Any, rebuilt: Any) -> bool:
    """Whether a field that one side lacks is one that the version that wrote it did not have."""
    return (stored is _ABSENT and came_later(record, field)) or (
        rebuilt is _ABSENT and is_gone(record, field)
    )


def common_difference(stored: Any, rebuilt: Any, path: str = "") -> str | None:
    """The first value that differs of those that both have: what only one version asks for is passed over.

    >>> common_difference({"a": 1, "old": 2}, {"a": 1, "new": [3]}), common_difference({"a": {"b": 1}}, {"a": {"b": 2}})
    (None, 'a.b is 1, rebuilt 2')
    """
    if isinstance(stored, Mapping) and isinstance(rebuilt, Mapping):
        names = [name for name in stored if name in rebuilt]
        places = [(stored[name], rebuilt[name], f"{path}.{name}".removeprefix(".")) for name in names]
    elif isinstance(stored, list) and isinstance(rebuilt, list) and len(stored) == len(rebuilt):
        places = [
            (*pair, f"{path}[{number}]") for number, pair in enumerate(zip(stored, rebuilt, strict=True))
        ]
    else:
        return json_difference(stored, rebuilt, path)
    return next((found for place in places if (found := common_difference(*place)) is not None), None)


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


def table_difference(stored: Path, rebuilt: Path, *, common: bool = False) -> str | None:
    """The first column and row in which two Parquet tables differ; None when they hold the same.

    Args:
        common: compare the columns that both have: another version wrote others besides.
    """
    from runner.adapters.tables.parquet import read_table

    try:
        before = read_table(stored)
    except FlywheelError as error:
        return error.message
    after = read_table(rebuilt)
    if common:
        before = {name: values for name, values in before.items() if name in after}
    elif list(before) != list(after):
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


def _text(text: str, start: int = 0) -> str:
    """What is shown of a text, from a place on."""
    left = text[start:]
    return ("…" if start else "") + (left if len(left) <= _SHOWN else f"{left[:_SHOWN]}…")


def _before_the_difference(one: str, other: str) -> int:
    """From where on two lines are shown, such that what differs is among it.

    >>> _before_the_difference("arm,random", "arm,gold"), _before_the_difference("x" * 200 + "1", "x" * 200 + "2")
    (0, 180)
    """
    pairs = zip(one, other, strict=False)
    same = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    return max(0, same - _LED_UP) if same >= _SHOWN // 2 else 0
