"""When two conditions say the same: up to white space, the case and quotes of words, and how a number is written."""

from __future__ import annotations

import re

from runner.adapters.tables.plain_conditions import RESERVED_WORDS, plain_uses

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
_FRACTION = re.compile(r"\.\d+")
_QUOTED_NAME = re.compile(r'"([a-z_][a-z0-9_]*)"')
_SAME = {"!=": "<>", "==": "="}
# What a parenthesis may follow that belongs to no call and to no list.
_BEFORE_A_TERM = frozenset(
    ("(", ",", "and", "or", "not", "between", "like", "=", "<>", "<", "<=", ">", ">=", "+", "-")
)


def normal(condition: str) -> str:
    """The condition in one way of writing it: two that have the same say the same (not the other way round).

    DuckDB takes words and names that are not quoted for the same in either case.

    >>> normal("Brightness  <\\n0.30 and (camera='Dock')")
    "brightness < 0.3 and ( camera = 'Dock' )"
    >>> normal("(brightness < 0.3)") == normal("brightness < 0.3")
    True
    """
    tokens = _without_needless_parentheses([_plain(token) for token in _TOKEN.findall(condition)])
    text = " ".join(tokens)
    # nothing but comparisons: the digits of a number cannot matter
    if any(plain_uses(written) is not None for written in (condition, text)):
        text = " ".join(_number(token) for token in tokens)
    return text


def words(condition: str) -> frozenset[str]:
    """The words of a condition that are no text, in lower case: the columns that it asks for are among them.

    >>> sorted(words("abs(Width) > 3 AND camera <> 'group'"))
    ['abs', 'and', 'camera', 'width']
    """
    tokens = [token.strip('"').lower() for token in _TOKEN.findall(condition) if token[0] != "'"]
    return frozenset(token for token in tokens if re.fullmatch(r"[^\W\d]\w*", token))


def same(one: str | None, other: str | None) -> bool:
    """Whether both are the same condition, or both are absent."""
    if one is None or other is None:
        return one is other
    return one == other or normal(one) == normal(other)


def _plain(token: str) -> str:
    quoted = _QUOTED_NAME.fullmatch(token)
    if quoted is not None and quoted[1] not in RESERVED_WORDS:
        return quoted[1]
    if token[0] in "'\"":
        return token
    return f"0{token}" if _FRACTION.fullmatch(token) else _SAME.get(token, token).lower()


def _number(token: str) -> str:
    if not _NUMBER.fullmatch(token) or "." not in token:
        return token
    return token.rstrip("0").rstrip(".")


def _without_needless_parentheses(tokens: list[str]) -> list[str]:
    """Without those around all of it, and those around a single name, number or text."""
    while _is_wrapped(tokens):
        tokens = tokens[1:-1]
    while (at := next((at for at in range(len(tokens) - 2) if _is_around_one(tokens, at)), None)) is not None:
        tokens = [*tokens[:at], tokens[at + 1], *tokens[at + 3 :]]
    return tokens


def _is_around_one(tokens: list[str], at: int) -> bool:
    begins, inside, ends = tokens[at : at + 3]
    parenthesis = (begins, ends) == ("(", ")") and inside not in ("(", ")")
    return parenthesis and (at == 0 or tokens[at - 1] in _BEFORE_A_TERM)


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
