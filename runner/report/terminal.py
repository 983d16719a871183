"""The report's essence for a terminal: what `flywheel run` ends with."""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.records import CheckResult, GateResult, Outcome, Severity
from runner.report.escape import plain
from runner.report.record import SprintReport
from runner.report.sections.verdict import because, status
from runner.report.tables import gates_worst_first, optimizing, overall_row, slice_rows, target_rows
from runner.report.wording import (
    NOT_MEASURED,
    WORDS,
    bar,
    change,
    count,
    duration,
    label,
    measured,
    money,
    number,
)

_WEAKEST = 6
_OPEN_GATES = 12
_OFFENDERS = 5
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _END = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"


def render(report: SprintReport, *, color: bool) -> str:
    """Verdict, open gates, weakest slices, artefacts.

    Args:
        report: what to render; no control character of its texts reaches the terminal.
        color: adds ANSI codes (off for NO_COLOR and pipes).
    """
    blocks = [
        _head(report),
        _gates(report),
        _checks(report),
        _slices(report),
        _targets(report),
        _foot(report),
    ]
    text = "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"
    if color:
        return text
    for code in (_BOLD, _DIM, _RED, _GREEN, _YELLOW, _END):
        text = text.replace(code, "")  # every text of the report went through plain(): the codes are ours
    return text


def _head(report: SprintReport) -> list[str]:
    _, word = status(report)
    passed = report.failure is None and report.verdict is not None and report.verdict.outcome is Outcome.PASS
    failed = report.failure is not None or (
        report.verdict is not None and report.verdict.outcome is Outcome.FAIL
    )
    tint = _GREEN if passed else _RED if failed else _YELLOW
    lines = [
        f"{_BOLD}{tint}{word}{_END}  {_BOLD}{plain(report.sprint, 80)}{_END}: {plain(report.title, 200)}"
    ]
    lines.append(plain(because(report), 700))
    if report.failure is not None and report.failure.where:
        lines.append(f"at {plain(report.failure.where)}")
    if report.failure is not None and report.failure.hint:
        lines += [f"hint: {plain(line)}" for line in report.failure.hint.splitlines() if line.strip()]
    return lines


def _gates(report: SprintReport) -> list[str]:
    gates = gates_worst_first(report.verdict) if report.verdict else []
    unmet = [gate for gate in gates if gate.outcome is not Outcome.PASS]
    if not unmet:
        return []
    lines = [f"{_BOLD}Gates not met{_END} ({len(unmet)} of {len(gates)})"]
    lines += [_gate(gate, report.cost.currency) for gate in unmet[:_OPEN_GATES]]
    if len(unmet) > _OPEN_GATES:
        lines.append(f"  … and {len(unmet) - _OPEN_GATES} more")
    return lines


def _gate(gate: GateResult, currency: str) -> str:
    tint = _RED if gate.outcome is Outcome.FAIL else _YELLOW
    value = measured(gate.metric, gate.value, gate.threshold, plain(currency, 3))
    place = ", ".join(plain(part, 60) for part in (gate.slice, gate.class_name, gate.target) if part)
    on = f" on {place}" if place else ""
    return f"  {tint}{WORDS[gate.outcome]:<12}{_END} {plain(gate.gate, 100)}{on}: {value}"


def _checks(report: SprintReport) -> list[str]:
    results = report.checks.results if report.checks else []
    found = sorted((result for result in results if not result.success), key=lambda result: result.severity)
    if not found:
        return []
    lines = [f"{_BOLD}Checks with findings{_END} ({len(found)} of {len(results)})"]
    for result in found:
        lines += _check(result)
    return lines


def _check(result: CheckResult) -> Sequence[str]:
    tint = _RED if result.severity is Severity.ERROR else _YELLOW
    found = f"{result.unexpected:,} of {result.checked:,}"
    head = f"  {tint}{result.severity.value:<8}{_END} {plain(result.description, 120)}: {found}"
    if result.severity is not Severity.ERROR:
        return [head]
    rows = [f"           {_DIM}{plain(row, 160)}{_END}" for row in result.rows[:_OFFENDERS]]
    return [head, *rows, *([f"           fix: {plain(result.fix, 160)}"] if result.fix else [])]


def _slices(report: SprintReport) -> list[str]:
    everything = overall_row(report)
    if everything is None:
        return [f"{_BOLD}Slices{_END}: {NOT_MEASURED}"]
    slices = slice_rows(report)
    of = f", the weakest {_WEAKEST} of {len(slices)}" if len(slices) > _WEAKEST else ""
    rows = [(plain(row.name, 40), row) for row in [everything, *slices[:_WEAKEST]]]
    wide = max(len(name) for name, _ in rows)
    lines = [f"{_BOLD}{label(optimizing(report))} by slice{_END}{of}"]
    for name, row in rows:
        value = f"{number(row.value)} {bar(row.value, 20)}"
        delta = change(row.delta) if row is not everything else ""
        few = f"  {_YELLOW}small sample{_END}" if row.few else ""
        lines.append(
            f"  {name:<{wide}}  {value:<26}  {row.metrics.images:>6,} images  {delta:>6}{few}".rstrip()
        )
    return lines


def _targets(report: SprintReport) -> list[str]:
    rows = target_rows(report)
    if not rows:
        return [f"{_BOLD}Artefacts{_END}: {NOT_MEASURED}"]
    table = [["", label(optimizing(report)), "against torch", "p50 ms", "p95 ms", "images/s", "MB"]]
    for row in rows:
        speed = row.speed
        table.append(
            [
                plain(row.target, 32) + (" *" if row.judged else ""),
                number(row.value),
                change(row.delta, 4),
                number(speed.latency_p50_ms if speed else None, 1),
                number(speed.latency_p95_ms if speed else None, 1),
                number(speed.throughput_ips if speed else None, 1),
                number(row.size_mb, 1),
            ]
        )
    wide = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = [
        f"  {line[0]:<{wide[0]}}"
        + "".join(f"  {cell:>{width}}" for cell, width in zip(line[1:], wide[1:], strict=True))
        for line in table
    ]
    star = " (* the one that gates judge)" if any(row.judged for row in rows) else ""
    return [f"{_BOLD}Artefacts{_END}{star}", *lines]


def _foot(report: SprintReport) -> list[str]:
    cost = report.cost
    passed = sum(gate.outcome is Outcome.PASS for gate in report.verdict.gates) if report.verdict else 0
    total = len(report.verdict.gates) if report.verdict else 0
    gates = f"{passed} of {count(total, 'gate')} met · " if total else ""
    return [f"{gates}{duration(cost.seconds)} of compute · {money(cost.total, plain(cost.currency, 3))}"]
