"""What a reviewer reads in half a minute: the number, what got better and worse, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from runner.domain.evaluation import Difference
from runner.domain.verdict import GateResult, Outcome
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, paragraphs
from runner.report.sections import claim
from runner.report.sections.gates import advice
from runner.report.sections.part import unbroken
from runner.report.tables import (
    differences,
    judged,
    optimizing,
    overall_row,
    place_of,
    target_rows,
    undecided,
)
from runner.report.wording import changed, count, label, money, number, spread

_NAMED = 4  # of the parts that got better, or worse
_NOT_PROMOTED = "Merged as it is, it is recorded and not promoted."


def lines(report: SprintReport) -> list[str]:
    """The facts, one Markdown line each; empty where nothing was evaluated."""
    said = claim.sentence(report)
    return [
        *([f"**{markdown(said, 500)}**"] if said else []),
        *_value(report),
        *_champion(report),
        *_price(report),
    ]


def _value(report: SprintReport) -> list[str]:
    row, measured = overall_row(report), judged(report)
    if row is None or measured is None:
        return []
    sure = f" ({unbroken(spread(row.interval))})" if row.interval else ""
    on = count(measured.overall.images, "test image")
    metric = label(optimizing(report))
    return [f"**{metric} {number(row.value)}**{sure}: {code(report.primary_target, 80)} on {on}"]


def _champion(report: SprintReport) -> list[str]:
    """The difference on all images, and the parts that are surely better or worse."""
    if report.champion is None:
        return ["No champion yet to compare with"]
    name = markdown(report.champion.name, 120)
    rows = differences(report)
    if not rows:
        why = markdown(report.champion.why_not, 300) if report.champion.why_not else "nothing to compare"
        return [f"Not compared with the champion {name}: {why}"]
    whole = [row for row in rows if row.slice is None and row.class_name is None]
    parts = [row for row in rows if row not in whole]
    said = [f"against the champion {name}: **{_change(row)}**, {row.outcome}" for row in whole]
    return [
        *(f"{text[:1].upper()}{text[1:]}" for text in said),
        *_sure("▲ Better", [row for row in parts if row.outcome == "gained"]),
        *(_sure("▼ Worse", [row for row in parts if row.outcome == "lost"]) or ["No part got surely worse"]),
    ]


def _sure(word: str, rows: Sequence[Difference]) -> list[str]:
    if not rows:
        return []
    named = ", ".join(f"{markdown(place_of(row), 80)} {_change(row)}" for row in rows[:_NAMED])
    more = f", and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
    return [f"{word}: {named}{more}"]


def _change(row: Difference) -> str:
    return unbroken(changed(row.difference, row.interval))


def _price(report: SprintReport) -> list[str]:
    """What the judged artefact takes, and what the sprint cost."""
    row = next((row for row in target_rows(report) if row.judged), None)
    facts = []
    if row is not None and row.speed is not None:
        facts.append(f"{number(row.speed.latency_p95_ms, 1)} ms latency (p95)")
    if row is not None and row.size_mb is not None:
        facts.append(f"{number(row.size_mb, 1)} MB")
    if report.cost.total is not None:
        facts.append(f"the sprint cost {money(report.cost.total, markdown(report.cost.currency, 3))}")
    text = " · ".join(facts)
    return [f"{text[:1].upper()}{text[1:]}"] if text else []


def next_step(report: SprintReport, open_findings: int = 0) -> str:
    """What to do now; Markdown.

    Args:
        report: what was judged.
        open_findings: how many findings still need somebody's approval.
    """
    if report.failure is not None:
        hint = paragraphs(report.failure.hint, 600, 3) if report.failure.hint else "read why below"
        return f"{hint}. Push the change: the sprint runs again."
    if report.verdict is None:
        return "run the sprint: it has not been judged."
    match report.verdict.outcome:
        case Outcome.PASS if open_findings:
            return f"{count(open_findings, 'finding')} below {_need(open_findings)} before the merge promotes it."
        case Outcome.PASS:
            return "approve and merge. The merge records it and promotes it, without training again."
        case Outcome.FAIL:
            return f"change the spec or the data and push: the sprint runs again. {_NOT_PROMOTED}"
        case Outcome.INCONCLUSIVE:
            return f"{_decide(report)} {_NOT_PROMOTED}"
        case Outcome.NOT_MEASURED:
            return f"give the gates that could not be measured their data. {_NOT_PROMOTED}"
        case never:
            assert_never(never)


def _need(findings: int) -> str:
    return "needs approval" if findings == 1 else "need approval"


def _decide(report: SprintReport) -> str:
    """The open gate that the fewest further images would decide."""

    def images(gate: GateResult) -> tuple[bool, int]:
        needed = gate.further.images if gate.further else None
        return (needed is None, needed or 0)

    gates = sorted(undecided(report), key=images)
    if not gates:
        return "look at the open gates."
    first = gates[0]
    what = markdown(advice(first, report.verdict.wear if report.verdict else None), 200)
    if first.further is None or first.further.images is None:
        return f"what would decide {markdown(first.gate, 120)}: {what}."
    price = (
        f" ({money(first.further.cost, markdown(first.further.currency, 3))})" if first.further.cost else ""
    )
    others = f", and see below for {count(len(gates) - 1, 'further gate')}" if len(gates) > 1 else ""
    return f"label {what}{price} to decide {markdown(first.gate, 120)}{others}."
