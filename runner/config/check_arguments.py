"""What is wrong with a spec's expectations: their names, their arguments, and the columns they name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from runner.checks.expectation_names import EXPECTATIONS, Arguments
from runner.checks.expectations import OWN_KEYS, REFUSED_ARGUMENTS
from runner.config.columns import Columns, column_problems
from runner.config.explain import SchemaProblem, describe
from runner.config.node import Node
from runner.domain.nearest import nearest, suggestion

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
_COLUMN_LISTS = ("column_list", "column_set")
_LISTS = (
    *("value_set", "value_pairs_set", "regex_list", "type_list"),
    *_COLUMN_LISTS,
)
_BOOLEANS = ("strict_min", "strict_max", "or_equal", "strictly", "double_sided", "ties_okay", "exact_match")
_TEXTS = (*_COLUMN_ARGUMENTS, "regex", "strftime_format", "type_", "match_on", "ignore_row_if")
_NUMBERS = ("threshold", "sum_total", "multiplier", "value")
_LIMITS = ("min_value", "max_value")


def check_problems(check: Node, images: Columns, objects: Columns) -> Iterator[SchemaProblem]:
    """Everything that is wrong with one block of `checks` beyond its schema.

    Great Expectations itself says the rest when the check stage runs: it takes seconds to import.
    """
    for name, arguments in check.items():
        if not name.startswith("expect_"):
            continue
        if name in EXPECTATIONS:
            yield from _arguments(arguments, EXPECTATIONS[name])
        else:
            meant = nearest(name, EXPECTATIONS)
            ending = f'; did you mean "{meant}"?' if meant else "; docs/reference.md lists them"
            yield SchemaProblem(path=arguments.path, message=f"unknown expectation{ending}", at_key=True)
        yield from _columns(arguments, images, objects)


def _arguments(arguments: Node, known: Arguments) -> Iterator[SchemaProblem]:
    if not isinstance(arguments.value, dict):
        return
    allowed = (*known.required, *known.optional)
    unused = [name for name in allowed if name not in arguments.value]
    meant: set[str | None] = set()
    for key, value in arguments.items():
        if key in allowed:
            yield from _wrong_value(key, value)
        elif key not in OWN_KEYS and key not in REFUSED_ARGUMENTS:
            meant.add(nearest(key, unused))
            ending = suggestion(
                key, unused or allowed, plural="arguments not used yet" if unused else "arguments"
            )
            yield SchemaProblem(path=value.path, message=f"unknown argument{ending}", at_key=True)
    for name in known.required:
        if name in unused and name not in meant:
            yield SchemaProblem(path=arguments.path, message=f'missing key "{name}"', at_key=True)
    # "between" nothing and nothing would always be so
    between = str(arguments.path[-1]).endswith("_to_be_between")
    if between and not meant and set(_LIMITS) <= set(unused):
        yield SchemaProblem(path=arguments.path, message="needs min_value, max_value or both", at_key=True)


def _wrong_value(key: str, node: Node) -> Iterator[SchemaProblem]:
    expected = _expected(key, node.value)
    if expected:
        yield SchemaProblem(path=node.path, message=f"expected {expected}, found {describe(node.value)}")


def _expected(key: str, value: Any) -> str | None:
    """What the argument should be instead; None when the value will do, or is for the schema to judge."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if key in _LISTS:
        return None if isinstance(value, list) else "a list"
    if key in _BOOLEANS:
        return None if isinstance(value, bool) else "true or false"
    if key in _TEXTS and key != "column":
        return None if isinstance(value, str) else "text"
    if key in _NUMBERS:
        return None if is_number else "a number"
    if key in _LIMITS:
        return None if is_number or _is_date(value) else "a number or a date"
    return None


def _is_date(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _columns(arguments: Node, images: Columns, objects: Columns) -> Iterator[SchemaProblem]:
    table = arguments.get("table").text
    seen = images if table == "images" else objects if table == "objects" else None
    if seen is None:
        return
    # As checks see a table, `split` is the assigned one and `layout_split` the layout's own.
    columns = replace(seen, names=(*seen.names, "layout_split"))
    named = [arguments.get(key) for key in _COLUMN_ARGUMENTS]
    named += [entry for key in _COLUMN_LISTS for entry in arguments.get(key).entries()]
    for column in named:
        yield from column_problems(column, columns)
