"""Values of a configuration on one line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN = 12


def one_line(value: Any) -> str | None:
    """A value as YAML would write it on one line; None where there is none.

    A long list is cut, and ends in a digest of all of it: two that differ never look the same.

    >>> one_line([0, 1]), one_line({"distance": 0, "by": None}), one_line(True), one_line(None)
    ('[0, 1]', '{distance: 0}', 'true', None)
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.12g}"
        case Mapping():
            inside = [f"{key}: {one_line(item)}" for key, item in value.items() if item is not None]
            return f"{{{', '.join(inside)}}}"
        case str():
            return value
        case Sequence():
            return f"[{', '.join(str(one_line(item)) for item in value[:_SHOWN])}{_rest(value)}]"
        case _:
            return str(value)


def _rest(value: Sequence[Any]) -> str:
    if len(value) <= _SHOWN:
        return ""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
    return f", … {len(value) - _SHOWN} more, {digest}"
