"""Messages about JSON files without their lines: for tests of what is said, not of where."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINE = re.compile(r"(?<=\.json):\d+(?::\d+)?(?=: )")


def without_lines(messages: Iterable[str]) -> tuple[str, ...]:
    """The messages, each of which must have a line if it begins with an element of a JSON file.

    >>> without_lines(["a.json:1:20: annotation 7: no box"])
    ('a.json: annotation 7: no box',)
    """
    return tuple(_LINE.sub("", message, count=1) for message in messages)
