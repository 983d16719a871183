"""Which gate says what, how sure is it, and what would decide the open ones?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.domain.evaluation import QUALITY_METRICS, Resampling
from runner.domain.verdict import FurtherEvidence, GateResult, Outcome, Wear
from runner.policy.undecided import undecided_findings
from runner.record.report import SprintReport
from runner.report.ansi import BOLD, END, GREEN, RED, YELLOW
from runner.report.escape import code, markdown, plain
from runner.report.sections.holdout import keeps_open
from runner.report.sections.part import FOLDED_ROWS, Part, folded, table_head, table_row, unbroken
from runner.report.sections.section import DECIDED, UNSURE, Section, Shown
from runner.report.tables import gates_worst_first, place_of, undecided
from runner.report.wording import (
    ICONS,
    NOT_MEASURED,
    WORDS,
    changed,
    count,
    limit,
    measured,
    money,
    percent,
    spread,
)

_FOLD_PASSED = 10  # more gates than this, and the passed ones are folded
_OPEN_ROWS = 30
_TERMINAL_ROWS = 8
_DEEP = " " * 15  # under a gate's text in a terminal
POINT = "decided by the number alone"


def _gates(report: SprintReport, _: Shown) -> list[Part]:
    """The gates, the worst first: all, or those that are not met."""
    if report.verdict is None or not report.verdict.gates:
        why = NOT_MEASURED if report.verdict is None else "The spec and the policy set none."
        return [Part(title="gates", head=f"### Gates\n\n{why}")]
    return [part for part in _tables(report, report.verdict.gates) if not part.more]


def _further(report: SprintReport, _: Shown) -> list[Part]:
    """The other gates, behind a click."""
    gates = report.verdict.gates if report.verdict else []
    return [part for part in _tables(report, gates) if part.more] if gates else []


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Which columns the gates need: a target only where not all are of the same."""

    currency: str
    target: bool

    @classmethod
    def of(cls, gates: Sequence[GateResult], report: SprintReport) -> _Columns:
        targets = {gate.target or report.primary_target for gate in gates}
        return cls(currency=plain(report.cost.currency, 3), target=targets != {report.primary_target})

    @property
    def head(self) -> str:
        target = ["Target"] if self.target else []
        names = ["", "Gate", "Slice", *target, "Value (interval)", "Threshold"]
        return table_head(names, numbers=(len(names) - 1,))

    def row(self, gate: GateResult) -> str:
        whose = " *(the base's, kept)*" if gate.finding else " *(policy)*" if gate.origin == "policy" else ""
        asked = markdown(gate.gate, 160) + whose
        if gate.source and gate.outcome is not Outcome.PASS:
            asked = f"{asked}<br><sub>{code(gate.source, 160)}</sub>"
        target = [code(gate.target, 80) if gate.target else "–"] if self.target else []
        threshold = unbroken(markdown(limit(gate.metric, gate.threshold, self.currency)))
        outcome = unbroken(f"{ICONS[gate.outcome]} {WORDS[gate.outcome]}")
        return table_row([outcome, asked, _place(gate), *target, _value(gate, self.currency), threshold])


def _tables(report: SprintReport, gates: Sequence[GateResult]) -> list[Part]:
    """All gates, or those that are not met, and the others behind a click."""
    ordered = gates_worst_first(gates)
    unmet = [gate for gate in ordered if gate.outcome is not Outcome.PASS]
    passed = [gate for gate in ordered if gate.outcome is Outcome.PASS]
    if len(ordered) <= _FOLD_PASSED or not passed:
        return _gate_tables(ordered, report)
    fold = _folded_gates("met gates", f"{count(len(passed), 'gate')} met", passed, report)
    if not unmet:
        head = f"### Gates\n\nAll {len(ordered)} gates are met."
        return [Part(title="gates", head=head), fold]
    return [*_gate_tables(unmet, report), fold]


def _gate_tables(gates: Sequence[GateResult], report: SprintReport) -> list[Part]:
    columns = _Columns.of(gates, report)
    all_of_one = (
        "" if columns.target else f"All of {code(report.primary_target, 80)}, the judged artefact.\n\n"
    )
    head = f"### Gates\n\n{all_of_one}{columns.head}"
    rows = tuple(columns.row(gate) for gate in gates[:_OPEN_ROWS])
    first = Part(title="gates", head=head, rows=rows)
    others = gates[_OPEN_ROWS:]
    summary = f"{len(others):,} further gates that are not met"
    return [first, _folded_gates("further gates", summary, others, report)] if others else [first]


def _folded_gates(title: str, summary: str, gates: Sequence[GateResult], report: SprintReport) -> Part:
    columns = _Columns.of(gates, report)
    cut = len(gates) - FOLDED_ROWS
    more = f", {cut:,} of them in report.json only" if cut > 0 else ""
    rows = [columns.row(gate) for gate in gates[:FOLDED_ROWS]]
    return folded(title, f"{summary}{more}", columns.head, rows)


def _why(gate: GateResult) -> str:
    """The whole sentence, where value and threshold do not say it all."""
    told = gate.value is not None and (gate.interval is not None or gate.decided_by != "interval")
    return "" if told else markdown(gate.explanation, 400)


def _place(gate: GateResult) -> str:
    if gate.metric not in QUALITY_METRICS and not gate.slice and not gate.class_name:
        return "–"
    return markdown(place_of(gate), 200)


def _value(gate: GateResult, currency: str) -> str:
    """What was measured and what it may be: the value, or its difference to the reference."""
    value = unbroken(markdown(measured(gate.metric, gate.value, gate.threshold, currency)))
    if gate.value is not None and gate.reference is not None:
        beside = unbroken(markdown(measured(gate.metric, gate.reference, None, currency)))
        value = f"{value} against {beside}"
        if gate.metric in QUALITY_METRICS:
            change = changed(gate.value - gate.reference, gate.interval, gate.threshold)
            value = f"{unbroken(change)}<br>{value}"
    elif gate.interval is not None:
        value = unbroken(f"{value} ({spread(gate.interval, beside=gate.threshold)})")
    if gate.decided_by == "point":
        value = f"{value}<br>*{POINT}*"
    why = _why(gate)
    return f"{value}<br><sub>{why}</sub>" if why else value


def said_of_value(gate: GateResult, currency: str) -> str:
    """`: 0.510 (0.46 to 0.56)`, or the difference to the reference; plain text, empty where nothing was measured."""
    if gate.value is None:
        return ""
    if gate.reference is not None and gate.metric in QUALITY_METRICS:
        return f": {changed(gate.value - gate.reference, gate.interval, gate.threshold)}"
    sure = f" ({spread(gate.interval, beside=gate.threshold)})" if gate.interval else ""
    return f": {measured(gate.metric, gate.value, gate.threshold, currency)}{sure}"


def advice(gate: GateResult, wear: Wear | None) -> str:
    """How many further test images, of which slice; plain text."""
    further = gate.further
    if keeps_open(gate, wear):
        return "a new test split: the budget of this one is spent"
    if further is None:
        return "not known: there is no interval to reckon from"
    if further.more_seeds:
        return "more training seeds: their spread is wider than any number of images could mend"
    if further.images is None:
        return "no realistic number: the value lies too close to the threshold"
    text = count(further.images, "image")
    if further.groups is not None:
        text += f" ({count(further.groups, 'group')})"
    return f"{text} of {plain(further.slice, 100)}" if further.slice else text


def _deciding(report: SprintReport, _: Shown) -> list[Part]:
    gates = undecided(report)
    if not gates:
        return []
    columns = _Columns.of(gates, report)
    target = ["Target"] * columns.target
    names = ["Gate", "Slice", *target, "Further test images", "Labelling"]
    lines = [
        "### What would decide the open gates",
        "",
        "Further test images, labelled and added to those there are: with so many, four of five such gates are "
        "decided (80 % power, averaged over where the true value may lie).",
        "",
        table_head(names, numbers=(len(names) - 1,)),
    ]
    rows = [
        table_row(
            [
                markdown(gate.gate, 160),
                _place(gate),
                *([code(gate.target, 80) if gate.target else "–"] if columns.target else []),
                markdown(advice(gate, report.verdict.wear if report.verdict else None), 300),
                _labelling(gate.further),
            ]
        )
        for gate in gates
    ]
    cut = len(rows) - _OPEN_ROWS
    note = f"*… and {cut:,} more in report.json.*" if cut > 0 else ""
    return [
        Part(
            title="what would decide the open gates",
            head="\n".join(lines),
            rows=tuple(rows[:_OPEN_ROWS]),
            tail=note,
        )
    ]


def _labelling(further: FurtherEvidence | None) -> str:
    if further is None or further.images is None:
        return "–"
    return (
        "no price set"
        if further.cost is None
        else unbroken(money(further.cost, markdown(further.currency, 3)))
    )


def _intervals(report: SprintReport, _: Shown) -> list[Part]:
    """What the intervals mean, in a sentence or three."""
    verdict, evaluation = report.verdict, report.evaluation
    if verdict is None or evaluation is None:
        return []
    if evaluation.resampling is None:
        text = "No intervals were computed: the measured numbers alone decided."
    else:
        resampling = evaluation.resampling
        text = (
            f"*How to read the intervals.* {_together(verdict.level or resampling.level, verdict.family)} "
            f"Intervals come from {count(resampling.resamples, 'resample')} of {drawn(resampling)}. "
            "A gate passes or fails only when its whole interval does; otherwise it is INCONCLUSIVE. "
            f"Intervals of slices and classes that no gate judges are each at {percent(resampling.level)} by itself."
        )
    points = sum(gate.decided_by == "point" for gate in verdict.gates)
    if points:
        are = "says" if points == 1 else "say"
        text += f" {count(points, 'gate')} {are} `decide: point`: *{POINT}*, however uncertain."
    return [Part(title="how to read the intervals", head=f"<sub>{text}</sub>")]


def _together(level: float, family: int) -> str:
    if family <= 1:
        return f"The gate's interval holds with {percent(level)} confidence."
    return (
        f"The {family:,} intervals of the gates hold together with {percent(level)} confidence (family-wise): "
        "judging many slices does not make a false alarm likelier."
    )


def drawn(resampling: Resampling) -> str:
    """`41 groups by scene`, or `120 images`; Markdown."""
    if resampling.unit == "image":
        return f"{count(resampling.groups, 'test image')}, drawn with replacement"
    return f"{count(resampling.groups, 'group')} of test images by {code(resampling.unit, 60)}, drawn whole with replacement"


def _terminal(report: SprintReport) -> list[str]:
    """The gates worst first, under each undecided one what would decide it."""
    verdict = report.verdict
    if verdict is None or not verdict.gates:
        return []
    gates = gates_worst_first(verdict.gates)
    passed = sum(gate.outcome is Outcome.PASS for gate in gates)
    lines = [f"{BOLD}Gates{END}: {passed} of {len(gates)} met"]
    shown = 0
    for gate in gates:
        more = _terminal_rows(gate, report.cost.currency, verdict.wear)
        if shown + len(more) > _TERMINAL_ROWS:
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


def _terminal_rows(gate: GateResult, currency: str, wear: Wear | None) -> list[str]:
    tint = {Outcome.PASS: GREEN, Outcome.FAIL: RED}.get(gate.outcome, YELLOW)
    place = ", ".join(plain(part, 60) for part in (gate.slice, gate.class_name, gate.target) if part)
    on = f" on {place}" if place else ""
    value = said_of_value(gate, plain(currency, 3)) or f": {NOT_MEASURED}"
    point = f" ({POINT})" if gate.decided_by == "point" else ""
    line = f"  {tint}{WORDS[gate.outcome]:<12}{END} {plain(gate.gate, 100)}{on}{value}{point}"
    if gate.outcome is not Outcome.INCONCLUSIVE:
        return [line]
    return [line, f"{_DEEP}to decide: {_priced(gate, wear)}"]


def _priced(gate: GateResult, wear: Wear | None) -> str:
    price, further = "", gate.further
    if further is not None and further.images is not None and further.cost is not None:
        price = f", {money(further.cost, plain(further.currency, 3))} to label"
    return f"{advice(gate, wear)}{price}"


GATES = Section(parts=_gates, fold=DECIDED, chapter="Gates", terminal=_terminal)
FURTHER = Section(parts=_further, fold=UNSURE, chapter="Gates")
DECIDING = Section(parts=_deciding, fold=UNSURE, chapter="Gates")
INTERVALS = Section(parts=_intervals, fold=UNSURE, chapter="Gates")
