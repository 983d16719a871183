"""When two conditions say the same: up to white space, the case of words, and how a number is written."""

from __future__ import annotations

import re

from runner.adapters.plain_conditions import plain_uses

_TOKEN = re.compile(
    r"""
      '(?:[^']|'')*'            # text
    | "(?:[^"]|"")*"            # a quoted name
    | [\w.]+                    # a word or a number
    | <= | >= | <> | != | == | [<>=(),+-]
    | [^\w\s'"<>=(),+-]+        # any other operator, in one piece
    | ['"]                      # one that is never closed
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SAME = {"!=": "<>", "==": "="}


def normal(condition: str) -> str:
    """The condition in one way of writing it: two that have the same say the same (not the other way round).

    DuckDB takes words and names that are not quoted for the same in either case.

    >>> normal("Brightness  <\\n0.30 and (camera='Dock')")
    "brightness < 0.3 and ( camera = 'Dock' )"
    >>> normal("(brightness < 0.3)") == normal("brightness < 0.3")
    True
    """
    tokens = [_SAME.get(token, token) for token in _TOKEN.findall(condition)]
    tokens = [token if token[0] in "'\"" else token.lower() for token in tokens]
    while _is_wrapped(tokens):
        tokens = tokens[1:-1]
    if plain_uses(condition) is not None:  # nothing but comparisons: the digits of a number cannot matter
        tokens = [_number(token) for token in tokens]
    return " ".join(tokens)


def same(one: str | None, other: str | None) -> bool:
    """Whether both are the same condition, or both are absent."""
    if one is None or other is None:
        return one is other
    return one == other or normal(one) == normal(other)


def _number(token: str) -> str:
    if not _NUMBER.fullmatch(token) or "." not in token:
        return token
    return token.rstrip("0").rstrip(".")


def _is_wrapped(tokens: list[str]) -> bool:
    """Whether one pair of parentheses is around all of it."""
    if len(tokens) < 3 or tokens[0] != "(" or tokens[-1] != ")":
        return False
    depth = 0
    for position, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")  # noqa: S105 - a token of SQL
        if depth == 0:
            return position == len(tokens) - 1
    return False
