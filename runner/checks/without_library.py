"""One expectation without Great Expectations: that numbers do not exceed a limit. What its library says is said here too.

A job that judges a sprint again has the light installation (docs/adr/0014), and a test holds both to the same results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.adapters.tables.expectations import MAX_ROWS, ExpectationResult, Row, plain
from runner.checks.rule import Rule, result_of
from runner.domain.records import CheckResult

LIMIT = "expect_column_values_to_be_between"


def run_limits(tables: Mapping[str, Mapping[str, Sequence[Any]]], rules: Sequence[Rule]) -> list[CheckResult]:
    """The results of rules that all say how large the numbers of a column may be; what is missing is not looked at.

    Raises:
        ValueError: a rule says something else.
    """
    return [result_of(rule, _judged(tables[rule.table], rule)) for rule in rules]


def _judged(table: Mapping[str, Sequence[Any]], rule: Rule) -> ExpectationResult:
    arguments = dict(rule.expectation.arguments)
    column, limit = arguments.pop("column"), arguments.pop("max_value")
    if rule.expectation.name != LIMIT or arguments or rule.split is not None:
        raise ValueError(f"{rule.id} is no limit")
    values = table[column]
    above = [row for row, value in enumerate(values) if value is not None and value > limit]
    rows: list[Row] = [{name: plain(cells[row]) for name, cells in table.items()} for row in above[:MAX_ROWS]]
    return ExpectationResult(
        success=not above, checked=len(values), unexpected=len(above), rows=rows, observed=None
    )
