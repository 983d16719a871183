"""Is it good enough, and if not, which gate says so?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.records import QUALITY_METRICS, GateResult, Outcome, StageFailure
from runner.report.escape import code, markdown, paragraphs, plain
from runner.report.record import SprintReport
from runner.report.sections.part import Part, Priority, folded, table_head, table_row
from runner.report.tables import gates_worst_first, judged, optimizing, slice_rows, target_rows
from runner.report.wording import (
    ICONS,
    NOT_MEASURED,
    WORDS,
    change,
    count,
    duration,
    label,
    limit,
    measured,
    money,
    number,
    quality,
)

_FOLD_PASSED = 10  # more gates than this, and the passed ones are folded


def status(report: SprintReport) -> tuple[str, str]:
    """The verdict as an icon and a word or two."""
    if report.failure is not None:
        return "❌", "STAGE FAILED"
    if report.verdict is None:
        return "⚪", "NOT JUDGED"
    return ICONS[report.verdict.outcome], WORDS[report.verdict.outcome]


def because(report: SprintReport) -> str:
    """One sentence of plain text: why the verdict is what it is."""
    if report.failure is not None:
        message = plain(report.failure.message.partition("\n")[0]).rstrip(".")
        return f"The stage {plain(report.failure.stage, 40)} failed: {message}."
    if report.verdict is None:
        return "The gates have not been judged."
    gates = gates_worst_first(report.verdict)
    if not gates:
        return "No gate is set: nothing was judged."
    open_gates = [gate for gate in gates if gate.outcome is not Outcome.PASS]
    if not open_gates:
        return f"{_all(len(gates))} met{_achieved(report)}."
    worst = [gate for gate in open_gates if gate.outcome is open_gates[0].outcome]
    verb = {
        Outcome.FAIL: "failed",
        Outcome.NOT_MEASURED: "could not be measured",
        Outcome.INCONCLUSIVE: f"{'is' if len(worst) == 1 else 'are'} undecided",
    }[worst[0].outcome]
    named = "; ".join(_named(gate, report.cost.currency) for gate in worst[:3])
    more = f"; and {len(worst) - 3} more" if len(worst) > 3 else ""
    return f"{len(worst)} of {count(len(gates), 'gate')} {verb}: {named}{more}."


def _achieved(report: SprintReport) -> str:
    """The optimizing metric, and the slice to look at next."""
    metric = optimizing(report)
    evaluation = judged(report)
    value = quality(evaluation.overall if evaluation else None, metric)
    if value is None:
        return ""
    weakest = next((row for row in slice_rows(report) if row.value is not None and row.value < value), None)
    where = f", weakest on {plain(weakest.name, 80)} ({number(weakest.value)})" if weakest else ""
    return f"; {label(metric)} is {number(value)}{where}"


def _all(gates: int) -> str:
    return "The only gate is" if gates == 1 else f"All {gates} gates are"


def _named(gate: GateResult, currency: str) -> str:
    place = ", ".join(part for part in (gate.slice, gate.class_name, gate.target) if part)
    value = "" if gate.value is None else f": {measured(gate.metric, gate.value, gate.threshold, currency)}"
    return f"{plain(gate.gate, 120)}{f' on {plain(place, 120)}' if place else ''}{value}"


def parts(report: SprintReport) -> list[Part]:
    """The verdict, and the stage failure if there is one."""
    return [_headline(report), *_failure(report.failure)]


def _headline(report: SprintReport) -> Part:
    icon, word = status(report)
    lines = [f"## {icon} {word} — {markdown(report.sprint, 80)}: {markdown(report.title, 200)}", ""]
    lines += [f"**{markdown(because(report), 700)}**", ""]
    if report.hypothesis:
        lines += [f"*Hypothesis:* {markdown(report.hypothesis, 1000)}", ""]
    lines += [_facts(report), ""]
    if report.failure is None or report.evaluation is not None:
        lines.append(_at_a_glance(report))
    return Part(title="verdict", priority=Priority.VERDICT, head="\n".join(lines).rstrip("\n"))


def _facts(report: SprintReport) -> str:
    named = (("project", report.project), ("phase", report.phase), ("owner", report.owner))
    facts = [f"{name} {markdown(text, 120)}" for name, text in named if text]
    champion = report.champion
    if champion is None:
        return " · ".join([*facts, "no champion yet"])
    how = (
        f"its {code(champion.target, 80)}"
        if champion.target
        else f"not compared: {markdown(champion.why_not)}"
    )
    return " · ".join([*facts, f"champion {markdown(champion.name, 120)} ({how})"])


def _at_a_glance(report: SprintReport) -> str:
    """One row of the judged target's key figures."""
    metric = optimizing(report)
    evaluation = judged(report)
    overall = evaluation.overall if evaluation else None
    row = next((row for row in target_rows(report) if row.judged), None)
    value = quality(overall, metric)
    theirs = quality(report.champion.overall, metric) if report.champion else None
    size = count(overall.images, "image") if overall else NOT_MEASURED
    columns = ["Judged artefact", label(metric)]
    cells = [code(report.primary_target, 80), f"**{number(value)}**"]
    if report.champion is not None and report.champion.overall is not None:
        columns.append("against champion")
        cells.append(change(value - theirs if value is not None and theirs is not None else None))
    columns += ["Precision", "Recall", "Test set", "Latency p95", "Size", "Cost", "Time"]
    cells += [
        number(quality(overall, "precision")),
        number(quality(overall, "recall")),
        size,
        number(row.speed.latency_p95_ms if row and row.speed else None, 1, " ms"),
        number(row.size_mb if row else None, 1, " MB"),
        money(report.cost.total, markdown(report.cost.currency, 3)),
        duration(report.cost.seconds),
    ]
    return f"{table_head(columns)}\n{table_row(cells)}"


def _failure(failure: StageFailure | None) -> list[Part]:
    if failure is None:
        return []
    lines = [f"### Stage {markdown(failure.stage, 40)} failed", "", f"> {paragraphs(failure.message)}"]
    if failure.where:
        lines.append(f"> at {code(failure.where)}")
    if failure.hint:
        lines += ["", f"**What to do:** {paragraphs(failure.hint)}"]
    lines += ["", "What follows is what the stages before it wrote; the rest was not measured."]
    return [Part(title="stage failure", priority=Priority.FAILURE, head="\n".join(lines))]


def gate_parts(report: SprintReport) -> list[Part]:
    """The gates, the worst first."""
    if report.verdict is None or not report.verdict.gates:
        why = "not measured" if report.verdict is None else "The spec and the policy set none."
        return [Part(title="gates", priority=Priority.OPEN_GATES, head=f"### Gates\n\n{why}")]
    gates = gates_worst_first(report.verdict)
    currency = report.cost.currency
    unmet = [gate for gate in gates if gate.outcome is not Outcome.PASS]
    passed = [gate for gate in gates if gate.outcome is Outcome.PASS]
    if len(gates) <= _FOLD_PASSED or not passed:
        return [_gate_table("### Gates", gates, currency)]
    summary = f"{count(len(passed), 'gate')} met"
    fold = folded("met gates", Priority.PASSED_GATES, summary, _GATE_HEAD, _gate_rows(passed, currency))
    if not unmet:
        head = f"### Gates\n\n{_all(len(gates))} met."
        return [Part(title="gates", priority=Priority.OPEN_GATES, head=head), fold]
    return [_gate_table("### Gates", unmet, currency), fold]


_GATE_HEAD = table_head(["", "Gate", "Slice", "Target", "Value", "Threshold", "Why"], numbers=(4, 5))


def _gate_table(heading: str, gates: Sequence[GateResult], currency: str) -> Part:
    rows = tuple(_gate_rows(gates, currency))
    return Part(title="gates", priority=Priority.OPEN_GATES, head=f"{heading}\n\n{_GATE_HEAD}", rows=rows)


def _gate_rows(gates: Sequence[GateResult], currency: str) -> list[str]:
    return [_gate_row(gate, plain(currency, 3)) for gate in gates]


def _gate_row(gate: GateResult, currency: str) -> str:
    everywhere = "all images" if gate.metric in QUALITY_METRICS else "–"
    place = markdown(gate.slice, 100) if gate.slice else everywhere
    if gate.class_name:
        place = f"{place}, class {markdown(gate.class_name, 100)}"
    value = markdown(measured(gate.metric, gate.value, gate.threshold, currency))
    if gate.reference is not None:
        value = f"{value} (reference {markdown(measured(gate.metric, gate.reference, None, currency))})"
    why = markdown(gate.explanation, 400)
    if gate.source and gate.outcome is not Outcome.PASS:
        why = f"{why} ({code(gate.source, 160)})"
    return table_row(
        [
            f"{ICONS[gate.outcome]} {WORDS[gate.outcome]}",
            markdown(gate.gate, 160) + (" *(policy)*" if gate.origin == "policy" else ""),
            place,
            code(gate.target, 80) if gate.target else "–",
            value,
            markdown(limit(gate.metric, gate.threshold, currency)),
            why,
        ]
    )
