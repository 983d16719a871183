"""Cells of tables as JSON can hold them."""

from __future__ import annotations

import datetime
from typing import Any

Value = str | float | int | bool | None


def plain_value(value: Any) -> Value:
    """A cell as JSON can hold it: NaN is None, times and dates are ISO 8601."""
    value = value.item() if hasattr(value, "item") else value
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return None if value != value else value
        case datetime.datetime():
            return value.isoformat(" ")
        case _:
            return str(value)
