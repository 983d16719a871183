"""What a check is, and how checks become results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from runner.adapters.tables.expectations import Expectation, ExpectationResult, Row, validate
from runner.domain.records import CheckResult, Severity

if TYPE_CHECKING:
    import pandas as pd

    from runner.adapters.tables.data_docs import DataDocs

MAX_ROW_LENGTH = 300
_NOTHING = ExpectationResult(success=True, checked=0, unexpected=0, rows=[], observed=None)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One check: an expectation over a table, what it means, and what to do when it is not met.

    Attributes:
        id: unique within a sprint, `detection.empty_split`; the documents have an anchor of that name.
        table: one of `checks.tables`.
        split: only the rows of that split; all rows when None.
        describe: an offending row as `path: what`.
        may_be_empty: a table without rows meets it.
    """

    id: str
    description: str
    severity: Severity
    fix: str
    table: str
    expectation: Expectation
    describe: Callable[[Row], str]
    split: str | None = None
    may_be_empty: bool = False


def expect(name: str, **arguments: object) -> Expectation:
    """An expectation and its arguments."""
    return Expectation(name=name, arguments=arguments)


def run_rules(
    frames: Mapping[str, pd.DataFrame], rules: Sequence[Rule], docs: DataDocs | None = None
) -> list[CheckResult]:
    """Runs all rules, one suite per table and split; results are in the order of the rules.

    Args:
        docs: take up each suite.

    Raises:
        FlywheelError: an expectation's arguments are wrong.
    """
    outcomes: dict[str, ExpectationResult] = {}
    ordered = sorted(rules, key=_suite)
    for (table, split), members in groupby(ordered, key=_suite):
        frame = frames[table]
        if split:
            frame = frame[frame["split"] == split].reset_index(drop=True)
        suite = list(members)
        if frame.empty and all(rule.may_be_empty for rule in suite):
            found = [_NOTHING] * len(suite)
        else:
            seen = None if docs is None else partial(docs.add, f"{table}, split {split}" if split else table)
            found = validate(frame, [rule.expectation for rule in suite], seen)
        outcomes.update((rule.id, outcome) for rule, outcome in zip(suite, found, strict=True))
    return [result_of(rule, outcomes[rule.id]) for rule in rules]


def _suite(rule: Rule) -> tuple[str, str]:
    return rule.table, rule.split or ""


def result_of(rule: Rule, outcome: ExpectationResult) -> CheckResult:
    """What a check's result says of an expectation's outcome."""
    rows = [_short(rule.describe(row)) for row in outcome.rows]
    if outcome.observed is not None and not outcome.success:
        rows = [_short(f"{rule.table}: observed {outcome.observed}")]
    return CheckResult(
        id=rule.id,
        description=rule.description,
        severity=rule.severity,
        success=outcome.success,
        checked=outcome.checked,
        unexpected=outcome.unexpected,
        rows=rows,
        fix=rule.fix,
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_ROW_LENGTH else f"{line[: MAX_ROW_LENGTH - 1]}…"
