"""A number that is not one (NaN) is unknown to a condition, as NULL is: no comparison with it holds.

DuckDB holds NaN to be greater than every number and equal to itself, so `a / b > 0.5` would be true where both
are 0. Division by zero gives NULL by the connection's settings (`SETTINGS`); what else can make a NaN of numbers
(infinity minus infinity, a fractional power of a negative number, a cast of the text 'nan') is wrapped here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from runner.adapters.tables.conditions import syntax_tree, written_sql
from runner.adapters.tables.plain_conditions import plain_uses
from runner.domain.errors import FlywheelError

Node = dict[str, Any]

# Division by zero, of whole numbers too, is NULL instead of NaN, infinity or an error. A file's statistics leave NaN
# out, and DuckDB would conclude from them that `isnan` is never true.
SETTINGS: dict[str, bool | str] = {
    "ieee_floating_point_ops": False,
    "error_on_division_by_zero": False,
    "disabled_optimizers": "statistics_propagation",
}
_PREFIX = "SELECT 1 FROM images WHERE "
_MAKING = frozenset(["+", "-", "*", "/", "//", "%", "^", "**", "mod", "pow", "power"])
# A NaN goes through these as it came: it is enough to look at the outermost of them.
_PASSING = _MAKING | frozenset(
    ["abs", "ceil", "ceiling", "exp", "floor", "ln", "log", "log10", "log2", "round", "sqrt", "trunc"]
)
_FLOATING = frozenset(("DOUBLE", "FLOAT", "REAL"))
# Arithmetic within arithmetic, with another function between: each level is written twice.
_MAX_LEVELS = 6


@lru_cache(maxsize=1024)
def nan_is_null(condition: str) -> str:
    """The condition, which `conditions.analyse` accepts, with NULL where a part of it would be NaN.

    >>> nan_is_null("a < 1")
    'a < 1'

    Raises:
        FlywheelError: arithmetic is nested in more than six levels of other functions.
    """
    if plain_uses(condition) is not None:  # columns and literals: those hold no NaN
        return condition
    tree = syntax_tree(f"{_PREFIX}{condition}\n")
    select = tree["statements"][0]["node"]
    try:
        select["where_clause"] = _wrapped(select["where_clause"], 0)
    except _TooDeepError:
        raise FlywheelError(
            f"condition `{condition}`: arithmetic is nested too deeply",
            hint=f"write it with at most {_MAX_LEVELS} functions around one another that have sums or quotients in them",
        ) from None
    return written_sql(tree).removeprefix(_PREFIX)


class _TooDeepError(Exception):
    pass


def _wrapped(node: Any, level: int) -> Any:
    """The tree with each outermost NaN taken for NULL."""
    guarded = _may_be_nan(node)
    if level + guarded > _MAX_LEVELS:
        raise _TooDeepError
    inner = _inside(node, level + guarded)
    return _guarded(inner) if guarded else inner


def _inside(node: Any, level: int) -> Any:
    """The tree with what lies inside `node` wrapped; of arithmetic, what lies inside all of it."""
    if isinstance(node, list):
        return [_wrapped(item, level) for item in node]
    if not isinstance(node, dict):
        return node
    passing = _function(node) in _PASSING
    return {
        key: [{**argument, "expression": _inside(argument["expression"], level)} for argument in value]
        if passing and key == "arguments"
        else _wrapped(value, level)
        for key, value in node.items()
    }


def _function(node: Any) -> str | None:
    if isinstance(node, dict) and node.get("class") == "FUNCTION":
        return str(node["function_name"]).lower()
    return None


def _may_be_nan(node: Any) -> bool:
    name = _function(node)
    if name in _PASSING:
        return name in _MAKING or any(_may_be_nan(argument["expression"]) for argument in node["arguments"])
    if isinstance(node, dict) and node.get("class") == "CAST":
        return str(node["type_expr"].get("type_name", "")).upper() in _FLOATING
    return False


def _guarded(node: Node) -> Node:
    """`CASE WHEN isnan(x) THEN NULL ELSE x END`, for an x of whatever type."""
    guard: Node = syntax_tree(f"{_PREFIX}CASE WHEN isnan(TRY_CAST(0 AS DOUBLE)) THEN NULL ELSE 0 END\n")[
        "statements"
    ][0]["node"]["where_clause"]
    guard["case_checks"][0]["when_expr"]["arguments"][0]["expression"]["child"] = node
    guard["else_expr"] = node
    return guard
