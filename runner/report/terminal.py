"""The report's essence for a terminal: what `flywheel run` ends with."""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.records import CheckResult, Severity
from runner.domain.verdict import GateResult, Outcome, Wear
from runner.policy.undecided import undecided_findings
from runner.record.report import SprintReport
from runner.report.escape import plain
from runner.report.sections import claim
from runner.report.sections.champion import gain_within, tally
from runner.report.sections.gates import POINT
from runner.report.sections.gates import advice as further_images
from runner.report.sections.verdict import because, found, status
from runner.report.sections.wear import glance
from runner.report.tables import (
    differences,
    found_rows,
    gates_worst_first,
    optimizing,
    overall_row,
    seed_spread,
    slice_rows,
    target_rows,
)
from runner.report.wording import (
    NOT_MEASURED,
    WORDS,
    change,
    changed,
    count,
    duration,
    label,
    money,
    number,
    with_interval,
)

_WEAKEST = 2
_GATES = 8
_OFFENDERS = 5
_DEEP = " " * 15  # under a gate's text
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _END = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"


def render(report: SprintReport, *, color: bool) -> str:
    """Verdict, gates, the champion, the weakest slices, the judged artefact: about 25 lines.

    Args:
        report: what to render; no control character of its texts reaches the terminal.
        color: adds ANSI codes (off for NO_COLOR and pipes).
    """
    blocks = [
        _head(report),
        _gates(report),
        _checks(report),
        _champion(report),
        _slices(report),
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
    lines += [said for said in (claim.sentence(report), plain(because(report), 700)) if said]
    if report.failure is not None and report.failure.where:
        lines.append(f"at {plain(report.failure.where)}")
    if report.failure is not None and report.failure.hint:
        lines += [f"hint: {plain(line)}" for line in report.failure.hint.splitlines() if line.strip()]
    return lines


def _gates(report: SprintReport) -> list[str]:
    """The gates worst first, under each undecided one what would decide it."""
    verdict = report.verdict
    if verdict is None or not verdict.gates:
        return []
    gates = gates_worst_first(verdict.gates)
    passed = sum(gate.outcome is Outcome.PASS for gate in gates)
    lines = [f"{_BOLD}Gates{_END}: {passed} of {len(gates)} met"]
    shown = 0
    for gate in gates:
        more = _gate(gate, report.cost.currency, verdict.wear)
        if shown + len(more) > _GATES:
            break
        lines += more
        shown += len(more)
    listed = sum(not line.startswith(_DEEP) for line in lines) - 1
    more_gates = [f"  … and {len(gates) - listed} more"] if listed < len(gates) else []
    return [*lines, *more_gates, *_acceptable(report)]


def _acceptable(report: SprintReport) -> list[str]:
    """How an INCONCLUSIVE is accepted knowingly; nothing where another gate is not met."""
    found = undecided_findings(report.sprint, report.verdict)
    if not found:
        return []
    are = "1 undecided gate" if len(found) == 1 else f"{len(found)} undecided gates"
    sprint = plain(report.sprint, 80)
    return [f"  to accept {are}, with a reason: flywheel promote {sprint} --dry-run names what to type"]


def _gate(gate: GateResult, currency: str, wear: Wear | None) -> list[str]:
    tint = {Outcome.PASS: _GREEN, Outcome.FAIL: _RED}.get(gate.outcome, _YELLOW)
    place = ", ".join(plain(part, 60) for part in (gate.slice, gate.class_name, gate.target) if part)
    on = f" on {place}" if place else ""
    value = found(gate, plain(currency, 3)) or f": {NOT_MEASURED}"
    point = f" ({POINT})" if gate.decided_by == "point" else ""
    line = f"  {tint}{WORDS[gate.outcome]:<12}{_END} {plain(gate.gate, 100)}{on}{value}{point}"
    if gate.outcome is not Outcome.INCONCLUSIVE:
        return [line]
    return [line, f"{_DEEP}to decide: {_advice(gate, wear)}"]


def _advice(gate: GateResult, wear: Wear | None) -> str:
    price, further = "", gate.further
    if further is not None and further.images is not None and further.cost is not None:
        price = f", {money(further.cost, plain(further.currency, 3))} to label"
    return f"{further_images(gate, wear)}{price}"


def _checks(report: SprintReport) -> list[str]:
    """Every finding of a sprint that its checks stopped; else how many there are, at the end."""
    results = report.checks.results if report.checks else []
    unmet = sorted((result for result in results if not result.success), key=lambda result: result.severity)
    if not any(result.severity is Severity.ERROR for result in unmet):
        return []
    lines = [f"{_BOLD}Checks with findings{_END} ({len(unmet)} of {len(results)})"]
    for result in unmet:
        lines += _check(result)
    return lines


def _check(result: CheckResult) -> Sequence[str]:
    tint = _RED if result.severity is Severity.ERROR else _YELLOW
    rate = f"{result.unexpected:,} of {result.checked:,}"
    head = f"  {tint}{result.severity.value:<8}{_END} {plain(result.description, 120)}: {rate}"
    if result.severity is not Severity.ERROR:
        return [head]
    rows = [f"           {_DIM}{plain(row, 160)}{_END}" for row in result.rows[:_OFFENDERS]]
    return [head, *rows, *([f"           fix: {plain(result.fix, 160)}"] if result.fix else [])]


def _champion(report: SprintReport) -> list[str]:
    """Whether it is better than the champion, in a line or two."""
    if report.champion is None:
        return []
    name = f"{_BOLD}Champion{_END} {plain(report.champion.name, 80)}"
    rows = differences(report)
    whole = next((row for row in rows if row.slice is None and row.class_name is None), None)
    if whole is None:
        return [f"{name}: not compared: {plain(report.champion.why_not) or NOT_MEASURED}"]
    tint = {"gained": _GREEN, "lost": _RED}.get(whole.outcome, _YELLOW)
    metric = label(optimizing(report))
    lines = [
        f"{name}: {metric} {changed(whole.difference, whole.interval)}, {tint}{whole.outcome}{_END}; {tally(rows).lower()}"
    ]
    seeds = seed_spread(report)
    return [*lines, f"  {within}"] if seeds is not None and (within := gain_within(report, seeds)) else lines


def _slices(report: SprintReport) -> list[str]:
    everything = overall_row(report)
    if everything is None:
        return [f"{_BOLD}Slices{_END}: {NOT_MEASURED}"]
    slices = [row for row in slice_rows(report) if row.readable]
    regions = found_rows(report)
    of = f", the weakest {_WEAKEST} of {len(slices)}" if len(slices) > _WEAKEST else ""
    rows = [(plain(row.name, 40), row) for row in [everything, *slices[:_WEAKEST], *regions[:1]]]
    wide = max(len(name) for name, _ in rows)
    lines = [f"{_BOLD}{label(optimizing(report))} by slice{_END}{of}"]
    for name, row in rows:
        value = with_interval(row.value, row.interval)
        delta = "" if row is everything else change(row.delta)
        notes = [f"{_YELLOW}{row.unsure}{_END}"] if row.unsure else []
        notes += ["found by the search"] if row.found is not None else []
        images = f"{row.metrics.images:>6,} {'image' if row.metrics.images == 1 else 'images':<6}"
        lines.append(f"  {name:<{wide}}  {value:<22}  {images}  {delta:>6}  {', '.join(notes)}".rstrip())
    return lines


def _foot(report: SprintReport) -> list[str]:
    """The judged artefact's speed and size, wear of the test split, effort."""
    row = next((row for row in target_rows(report) if row.judged and row.speed is not None), None)
    effort = _effort(report)
    if row is not None and row.speed is not None:
        effort = (
            f"{plain(row.target, 40)}: {number(row.speed.latency_p95_ms, 1, ' ms')} p95, "
            f"{number(row.speed.throughput_ips, 1, ' images/s')}, {number(row.size_mb, 1, ' MB')} · {effort}"
        )
    findings = (
        [] if _checks(report) or not report.checks else [r for r in report.checks.results if not r.success]
    )
    lines = [f"{_YELLOW}{count(len(findings), 'data check')} with findings{_END}"] if findings else []
    return [*lines, *([worn] if (worn := glance(report)) else []), effort]


def _effort(report: SprintReport) -> str:
    cost = report.cost
    if cost.seconds is None:
        # The run cache keeps what a stage wrote, not how long that took.
        taken = ": no stage ran for this sprint, all are from earlier runs" if report.failure is None else ""
        return f"time and cost {NOT_MEASURED}{taken}"
    return f"{duration(cost.seconds)} of compute · {money(cost.total, plain(cost.currency, 3))}"
