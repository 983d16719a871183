"""Is the data sound?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.domain.records import CheckResult, Severity
from runner.record.report import SprintReport
from runner.report.ansi import BOLD, DIM, END, RED, YELLOW
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import Part, folded, table_head, table_row
from runner.report.sections.section import Fold, Section, Shown
from runner.report.wording import NOT_MEASURED, count

_OFFENDERS = 5  # in a terminal
_CHECK_HEAD = table_head(
    ["", "Check", "What it expects", "Offending", "Checked", "What to do"], numbers=(3, 4)
)


def _checks(report: SprintReport, _: Shown) -> list[Part]:
    """The checks that found something, with the rows they found."""
    if report.checks is None:
        return [Part(title="checks", head=f"### Checks\n\n{NOT_MEASURED}")]
    results = report.checks.results
    if not results:
        head = "### Checks\n\nNone: the spec names no `checks`."
        return [Part(title="checks", head=head)]
    errors = [result for result in results if not result.success and result.severity is Severity.ERROR]
    warnings = [result for result in results if not result.success and result.severity is not Severity.ERROR]
    passed = [result for result in results if result.success]
    found = [*errors, *warnings]
    summary = f"{len(passed)} of {count(len(results), 'check')} passed"
    if found:
        summary += f"; {count(len(errors), 'error')}, {count(len(warnings), 'warning')}"
    head = f"### Checks\n\n{summary}."
    if found:
        head = f"{head}\n\n{_CHECK_HEAD}"
    summed = Part(title="checks", head=head, rows=tuple(_check_rows(found)))
    return [summed, *(_offenders(result) for result in found if result.rows)]


def _passed(report: SprintReport, _: Shown) -> list[Part]:
    passed = [result for result in report.checks.results if result.success] if report.checks else []
    if not passed:
        return []
    return [folded("passed checks", f"{len(passed)} passed", _CHECK_HEAD, _check_rows(passed))]


def _check_rows(results: Iterable[CheckResult]) -> list[str]:
    return [
        table_row(
            [
                _icon(result),
                code(result.id, 100),
                markdown(result.description, 200),
                f"{result.unexpected:,}",
                f"{result.checked:,}",
                "–" if result.success or not result.fix else markdown(result.fix, 200),
            ]
        )
        for result in results
    ]


def _icon(result: CheckResult) -> str:
    if result.success:
        return "✓"
    return "✗ error" if result.severity is Severity.ERROR else "⚠ warning"


def _offenders(result: CheckResult) -> Part:
    shown = len(result.rows)
    of = f" of {result.unexpected:,}" if result.unexpected > shown else ""
    summary = f"<code>{markdown(result.id, 100)}</code>: {count(shown, 'row')}{of}"
    rows = [f"- {_offender(row)}" for row in result.rows]
    return folded("offending rows", summary, "", rows)


def _offender(row: str) -> str:
    """`path: what`, the path as code."""
    path, separator, what = row.partition(": ")
    return f"{code(path, 200)}: {markdown(what)}" if separator else code(row)


def _terminal(report: SprintReport) -> list[str]:
    """Every finding of a sprint that its checks stopped; else how many there are, at the end."""
    results = report.checks.results if report.checks else []
    unmet = sorted((result for result in results if not result.success), key=lambda result: result.severity)
    if not any(result.severity is Severity.ERROR for result in unmet):
        return []
    lines = [f"{BOLD}Checks with findings{END} ({len(unmet)} of {len(results)})"]
    for result in unmet:
        lines += _terminal_rows(result)
    return lines


def _terminal_rows(result: CheckResult) -> Sequence[str]:
    tint = RED if result.severity is Severity.ERROR else YELLOW
    rate = f"{result.unexpected:,} of {result.checked:,}"
    head = f"  {tint}{result.severity.value:<8}{END} {plain(result.description, 120)}: {rate}"
    if result.severity is not Severity.ERROR:
        return [head]
    rows = [f"           {DIM}{plain(row, 160)}{END}" for row in result.rows[:_OFFENDERS]]
    return [head, *rows, *([f"           fix: {plain(result.fix, 160)}"] if result.fix else [])]


def _foot(report: SprintReport) -> str:
    found = [result for result in report.checks.results if not result.success] if report.checks else []
    return (
        f"{YELLOW}{count(len(found), 'data check')} with findings{END}"
        if found and not _terminal(report)
        else ""
    )


def _checked(report: SprintReport) -> str:
    if report.checks is None or not report.checks.results:
        return ""
    passed = sum(result.success for result in report.checks.results)
    return f": {passed} of {count(len(report.checks.results), 'check')} passed"


def _stopped(report: SprintReport) -> bool:
    """Then the checks say more than what could not be measured."""
    return report.failure is not None


def _found_errors(report: SprintReport) -> bool:
    return report.checks is not None and not report.checks.success


FOLD = Fold(line=lambda report: f"Data and checks{_checked(report)}")
CHECKS = Section(
    parts=_checks, leads=_stopped, fold=FOLD, in_sight=_found_errors, terminal=_terminal, foot=_foot
)
PASSED_CHECKS = Section(parts=_passed, leads=_stopped, fold=FOLD, in_sight=_found_errors)
