"""What the cells of a CSV column mean: truth values, numbers, dates and times, or text.

A column is of one type. Where a single cell does not fit it is text, so that nothing is changed by guessing:
`08` keeps its zero, `1_000` and `02.01.2026` stay what they are.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# How programs write "not known". Of these, a column of text keeps all.
MISSING = frozenset(("nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "none"))
_INT64 = 2**63
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
# Letters are codes of many things: they mean truth where both stand in the column.
_LETTERS = ({"y": True, "n": False}, {"t": True, "f": False})
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,18})")
_DIGITS = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:,[0-9]+)?")
# Year first, as ISO 8601 and EXIF write it: other orders are ambiguous.
_DATE = r"([0-9]{4})([-/:])([0-9]{2})\2([0-9]{2})"
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_DAY = re.compile(_DATE)
_MOMENT = re.compile(rf"{_DATE}[ T]({_CLOCK})( ?Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)?")
_TIME = re.compile(_CLOCK)


@dataclass(frozen=True, kw_only=True)
class TypedColumn:
    """A column's values, None where one is not known, and what a reader should know of the reading."""

    values: list[Any]
    note: str | None = None


def typed(texts: Sequence[str | None], separator: str = ",") -> TypedColumn:
    """A column's values: bool, int, float, date, datetime (zoned ones in UTC), time, or text.

    A number that is not finite is not known. Where cells are not separated by commas, one may mark decimals.

    >>> typed(["yes", "No", None]).values, typed(["8", "nan"]).values, typed(["08", "11"]).values
    ([True, False, None], [8, None], ['08', '11'])
    >>> typed(["0,5", "1"], ";").values, typed(["none", "scratch"]).values
    ([0.5, 1.0], ['none', 'scratch'])
    """
    known = [text for text in texts if text is not None and text.lower() not in MISSING]
    if not known:
        return TypedColumn(values=list(texts))
    for reading in (_booleans, _integers, _floats, _moments, _times):
        if (read := reading(known)) is not None:
            return _finished(texts, read)
    if separator != "," and (commas := _with_decimal_commas(known)) is not None:
        return _finished(texts, commas, note="a comma is read as the decimal point")
    return TypedColumn(values=list(texts))


_Reading = Callable[[str], Any]


def _finished(texts: Sequence[str | None], read: _Reading, note: str | None = None) -> TypedColumn:
    values, infinite = [], 0
    for text in texts:
        value = None if text is None or text.lower() in MISSING else read(text)
        if isinstance(value, float) and not math.isfinite(value):
            value, infinite = None, infinite + 1
        values.append(value)
    if infinite:
        note = f"{infinite} infinite {'value is' if infinite == 1 else 'values are'} taken as not known"
    return TypedColumn(values=values, note=note)


def _booleans(known: Sequence[str]) -> _Reading | None:
    found = {text.lower() for text in known}
    for words in (_WORDS, *_LETTERS):
        if found <= words.keys() and (words is _WORDS or len(found) == len(words)):
            return lambda text, words=words: words[text.lower()]  # type: ignore[misc]
    return None


def _integers(known: Sequence[str]) -> _Reading | None:
    fits = all(_INTEGER.fullmatch(text) and -_INT64 <= int(text) < _INT64 for text in known)
    return int if fits else None


def _floats(known: Sequence[str]) -> _Reading | None:
    if all(_DIGITS.fullmatch(text) for text in known):  # too long for an integer: an identifier
        return None
    fits = all(_FLOAT.fullmatch(text) or _INFINITE.fullmatch(text) for text in known)
    return float if fits else None


def _with_decimal_commas(known: Sequence[str]) -> _Reading | None:
    fits = any("," in text for text in known) and all(_DECIMAL_COMMA.fullmatch(text) for text in known)
    return (lambda text: float(text.replace(",", "."))) if fits else None


def _moments(known: Sequence[str]) -> _Reading | None:
    """Dates, or dates with a time; of both in one column, dates are midnights."""
    try:
        values = [_moment(text) for text in known]
    except ValueError:
        return None
    if all(not isinstance(value, datetime.datetime) for value in values):
        return _moment
    zoned = {value.tzinfo is not None for value in values if isinstance(value, datetime.datetime)}
    if len(zoned) > 1:  # nobody knows what one without a zone means beside one with it
        return None
    try:
        for text in known:
            _as_utc(text)
    except OverflowError:  # in UTC it would be in the year 0 or 10000
        return None
    return _as_utc


def _moment(text: str) -> datetime.date:
    if day := _DAY.fullmatch(text):
        return datetime.date(int(day[1]), int(day[3]), int(day[4]))
    moment = _MOMENT.fullmatch(text)
    if moment is None:
        raise ValueError(text)
    year, _, month, date, clock, zone = moment.groups()
    return datetime.datetime.fromisoformat(f"{year}-{month}-{date}T{clock}{(zone or '').strip()}")


def _as_utc(text: str) -> datetime.datetime:
    value = _moment(text)
    if not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value


def _times(known: Sequence[str]) -> _Reading | None:
    if not all(_TIME.fullmatch(text) for text in known):
        return None
    try:
        for text in known:
            datetime.time.fromisoformat(text)
    except ValueError:
        return None
    return datetime.time.fromisoformat
