"""Class names as the dataset's files write them, and as they are compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

MAX_LENGTH = 80
_SHOWN = 40


@lru_cache(4096)  # asked for every label
def plain_name(name: str) -> str:
    """A class's name with what nobody sees evened out: composed (NFC), ordinary single spaces, no byte order mark.

    >>> plain_name("\\ufefftraffic\\u00a0 light "), plain_name("cafe\\u0301") == "café"
    ('traffic light', True)
    """
    composed = unicodedata.normalize("NFC", name)
    seen = "".join(
        " " if unicodedata.category(letter) == "Zs" or letter == "\t" else letter
        for letter in composed
        if unicodedata.category(letter) != "Cf"
    )
    return " ".join(part for part in seen.split(" ") if part)


def class_ids(classes: Sequence[str]) -> dict[str, int]:
    """The position of each of the project's classes, by its plain name."""
    return {plain_name(name): number for number, name in enumerate(classes)}


def class_problem(names: Sequence[str]) -> str | None:
    """Why names cannot be those of a project's classes: the first reason; None when they can."""
    first: dict[str, int] = {}
    folded: dict[str, int] = {}
    for number, name in enumerate(names):
        if not name:
            return f"class {number} has no name"
        if name == "*":
            return f'class {number} is called "*", which is every class in a gate'
        if len(name) > MAX_LENGTH:
            return (
                f"class {number}, {name[:_SHOWN]!r}…, has {len(name)} characters; {MAX_LENGTH} are accepted"
            )
        if not name.isprintable():
            letter = next(letter for letter in name if not letter.isprintable())
            return f"class {number}, {name!r}, holds the control character U+{ord(letter):04X}"
        if name in first:
            return f"{name!r} is there twice, as class {first[name]} and as class {number}"
        if (other := folded.get(name.casefold())) is not None:
            return (
                f"{names[other]!r} and {name!r} (classes {other} and {number}) differ in case only: "
                "conditions could not tell their columns apart"
            )
        first[name] = folded[name.casefold()] = number
    return None
