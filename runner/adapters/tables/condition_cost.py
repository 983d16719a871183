"""What a condition may cost: how long it is, how much text it makes in one row, and how long its patterns search.

A condition comes from a pull request. DuckDB's own functions are harmless one by one, and unlimited when they are nested: nine
`replace()` around a path made 6 GB, and `(a?){1000}` one automaton of a million states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Node = Mapping[str, Any]

MAX_LENGTH = 10_000
"""Characters of a condition."""

MAX_TEXT = 20_000
"""Characters that one row may make of columns of `COLUMN_TEXT` characters: every thread of DuckDB's makes 2,048 rows at a time."""

COLUMN_TEXT = 1_000
MAX_STATES = 500
"""Of a regular expression, its repetitions written out: below it RE2 keeps to its fast automaton: 1,000 took 41 ms
a row of 1,000 characters, 500 took 0.04."""

MAX_WILDCARDS = 3
"""`%` in a pattern that DuckDB matches by trying every position for each: ILIKE, GLOB, and LIKE with `_`."""

MAX_FIXED = 20
"""`%` in any pattern."""

_REGULAR = frozenset(("regexp_matches", "regexp_full_match", "regexp_extract"))
_LIKE = {"~~": "%", "!~~": "%", "like_escape": "%", "not_like_escape": "%"}
_BACKTRACKS = {"~~*": "%", "!~~*": "%", "ilike_escape": "%", "not_ilike_escape": "%", "~~~": "*"}
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_FIELD_TEXT = 30  # the longest that one field of strftime's format becomes
_PLAIN_TEXT = 40  # a number, date or interval as text


def length_problem(condition: str) -> str | None:
    """Why a condition is not even parsed; None when it is."""
    if len(condition) > MAX_LENGTH:
        return f"{len(condition):,} characters: a condition has at most {MAX_LENGTH:,}; a metadata column can say the same"
    if any("\ud800" <= character <= "\udfff" for character in condition):
        return "half of a surrogate pair is no character"
    return None


def pattern_problem(function: str, pattern: str) -> str | None:
    """Why a pattern would take too long; None when it does not.

    Args:
        function: as DuckDB names it: `~~` is LIKE.

    >>> pattern_problem("~~", "dock%"), pattern_problem("regexp_matches", "^[a-z]{1,20}$")
    (None, None)
    >>> pattern_problem("~~*", "%a%a%a%")
    'the pattern `%a%a%a%` has 4 wildcards: at most 3 are allowed here'
    """
    if function in _REGULAR:
        states = regex_states(pattern)
        if states > MAX_STATES:
            return f"the regular expression `{_short(pattern)}` repeats {states:,} states: at most {MAX_STATES:,} are allowed"
        return None
    wildcard = _LIKE.get(function) or _BACKTRACKS.get(function)
    if wildcard is None:
        return None
    count = len(re.findall(re.escape(wildcard) + "+", pattern))
    most = MAX_WILDCARDS if function in _BACKTRACKS or "_" in pattern else MAX_FIXED
    if function.endswith("_escape"):
        most = MAX_WILDCARDS
    if count > most:
        return f"the pattern `{_short(pattern)}` has {count} wildcards: at most {most} are allowed here"
    return None


def takes_pattern(function: str) -> bool:
    """Whether a function's second argument is a pattern, which must be written out."""
    return function in _REGULAR or function in _LIKE or function in _BACKTRACKS


def regex_states(pattern: str) -> int:
    """About how many states a regular expression has with its counted repetitions written out.

    >>> regex_states("a{3}"), regex_states("(ab){10}c"), regex_states("((a?){100}){100}")
    (3, 21, 10000)
    """
    totals, last, position = [0], 0, 0
    while position < len(pattern):
        character = pattern[position]
        counted = _COUNT.match(pattern, position)
        if counted:
            times = max(int(number) for number in counted.groups() if number)
            totals[-1] += last * (max(times, 1) - 1)
            last *= max(times, 1)
            position = counted.end()
            continue
        if character == "(":
            totals.append(0)
        elif character == ")" and len(totals) > 1:
            last = max(totals.pop(), 1)
            totals[-1] += last
        elif character not in "*+?|^$)":
            last = 1
            totals[-1] += 1
        position = _after(pattern, position)
        if max(totals) > 1_000_000_000:
            break
    return sum(totals)


def _after(pattern: str, position: int) -> int:
    """Where the next part of a regular expression begins: an escape and a class are one."""
    if pattern[position] == "\\":
        return position + 2
    if pattern[position] == "[":
        end = pattern.find("]", position + 2)
        return len(pattern) if end < 0 else end + 1
    return position + 1


def text_bound(node: Node, children: Sequence[int]) -> int:
    """How long a text a node of DuckDB's syntax tree makes, from how long its children are; 0 for what makes none.

    Args:
        children: of each child, in the order of the tree.
    """
    match node["class"]:
        case "COLUMN_REF":
            return COLUMN_TEXT
        case "CONSTANT":
            return len(str(node["literal"].get("text", "")))
        case "CAST":
            return max([*children, _PLAIN_TEXT])
        case "FUNCTION":
            return _of_function(node["function_name"].lower(), children, node)
        case _:
            return max(children, default=0)


def _of_function(name: str, children: Sequence[int], node: Node) -> int:
    if name in ("||", "concat"):
        return sum(children)
    if name == "replace" and len(children) == 3:
        found = node["arguments"][1]["expression"]
        least = max(len(str(found["literal"].get("text", ""))), 1) if found["class"] == "CONSTANT" else 1
        return children[0] * max(-(-children[2] // least), 1)
    if name == "strftime":
        written = zip(children, node["arguments"], strict=True)
        formats = [size for size, argument in written if argument["expression"]["class"] == "CONSTANT"]
        return max(formats or children, default=0) * _FIELD_TEXT
    return max(children, default=0)


def _short(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else f"{pattern[:60]}…"
