"""What a spec writes in an expectation, as the column's own kind of value: YAML has no dates, and a truth value has many words."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_LIMITS = ("min_value", "max_value")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def fitted(arguments: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    """The arguments of an expectation, with limits and sets of values fitted to the type of its column.

    Dates and times that are written as text become such; of a zoned one, the time in UTC, which columns hold. In a set for a
    column of truth values `yes` and `no` are such. What cannot be read is left as it is.
    """
    column = arguments.get("column")
    if not isinstance(column, str) or column not in frame.columns:
        return dict(arguments)
    values = frame[column]
    if values.dtype.kind == "M":
        read = _moment
    elif _is_truth(values):
        read = _truth
    else:
        return dict(arguments)
    found = {key: read(arguments[key]) for key in _LIMITS if key in arguments}
    if isinstance(given := arguments.get("value_set"), list):
        found["value_set"] = [read(value) for value in given]
    return {**arguments, **found}


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        read = datetime.datetime.fromisoformat(value)
    except ValueError:
        return value
    return read.astimezone(datetime.UTC).replace(tzinfo=None) if read.tzinfo else read


def _truth(value: Any) -> Any:
    return _WORDS.get(value.lower(), value) if isinstance(value, str) else value


def _is_truth(values: pd.Series[Any]) -> bool:
    if values.dtype.kind == "b":
        return True
    known = values.dropna().tolist() if values.dtype.kind == "O" else []
    return bool(known) and all(isinstance(value, bool) for value in known)


def shown_moment(value: Any) -> Any:
    """A timestamp as people write it, a midnight as its day; None for a missing one; anything else as it is."""
    if not isinstance(value, datetime.datetime):
        return value
    if value != value:  # pandas' NaT
        return None
    text = value.isoformat(" ", timespec="auto")
    return text.removesuffix(" 00:00:00")
