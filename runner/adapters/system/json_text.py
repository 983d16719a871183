"""Where in a JSON text the elements of its arrays stand: what no JSON reader says, and whoever corrects a file has to know.

It takes about as long as `json` takes to read the text, and is meant for files that something is wrong with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class JsonElement(NamedTuple):
    """An element of an array.

    Attributes:
        key: of the array in its object; empty where the text is an array itself.
        at: its position in the array, from 0.
        value: as `json` reads it.
        start: the index of its first character.
    """

    key: str
    at: int
    value: Any
    start: int


def json_elements(text: str, start: int = 0) -> Iterator[JsonElement]:
    """The elements of the array that stands in a text, or of each array in the object that does, in the text's order.

    Args:
        text: valid JSON; what `json` reads besides (NaN, Infinity) may be in it.
        start: where the array or the object begins, spaces before it included.

    Raises:
        ValueError: it is no JSON.

    >>> [(item.key, item.at, item.start) for item in json_elements('{"a": [7, {}], "b": 2}')]
    [('a', 0, 7), ('a', 1, 10)]
    """
    start = _after_space(text, start)
    if text.startswith("[", start):
        yield from _of_array(text, start, "")
    if not text.startswith("{", start):
        return
    position = _after_space(text, start + 1)
    while text[position : position + 1] not in ("}", ""):
        key, position = _DECODER.raw_decode(text, position)
        position = _after_space(text, _after_space(text, position) + 1)  # behind the colon
        if text.startswith("[", position):
            position = yield from _of_array(text, position, str(key))
        else:
            _, position = _DECODER.raw_decode(text, position)
        position = _after_comma(text, position)


def _of_array(text: str, start: int, key: str) -> Generator[JsonElement, None, int]:
    """Returns the position behind the array."""
    position, at = _after_space(text, start + 1), 0
    while text[position : position + 1] not in ("]", ""):
        value, end = _DECODER.raw_decode(text, position)
        yield JsonElement(key, at, value, position)
        position, at = _after_comma(text, end), at + 1
    return position + 1


def _after_comma(text: str, position: int) -> int:
    position = _after_space(text, position)
    return _after_space(text, position + 1) if text.startswith(",", position) else position


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


class TextLines:
    """The lines of a text, asked for in ascending order of positions: each character is looked at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = 1
        self._begin = 0  # of the line
        self._counted = 0

    def place(self, position: int) -> tuple[int, int | None]:
        """The line of a position; the column too, both from 1, where something else stands before it on its line.

        >>> lines = TextLines("[1,\\n 2, 3]")
        >>> lines.place(5), lines.place(8)
        ((2, None), (2, 5))
        """
        last = self._text.rfind("\n", self._counted, position)
        if last >= 0:
            self._line += self._text.count("\n", self._counted, position)
            self._begin = last + 1
        self._counted = position
        first = _after_space(self._text, self._begin) >= position
        return self._line, None if first else position - self._begin + 1
