"""From gates and evidence to a verdict. A gate that fails is a result, not an exception."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from runner.domain.records import (
    LOWER_IS_BETTER,
    REFERENCE_TARGET,
    SPRINT_METRICS,
    WORST_FIRST,
    GateResult,
    Outcome,
    Record,
    Verdict,
)
from runner.gates.evidence import (
    Cell,
    ChampionEvidence,
    Evidence,
    Measured,
    champion_reference,
    measured,
    quality,
    torch_reference,
)
from runner.gates.gate import Gate
from runner.gates.text import UNITS, amount, demand, describe, rule, threshold

__all__ = ["ChampionEvidence", "Evidence", "WrittenGate", "describe", "judge", "worst"]

_ROUNDING = 1e-9  # 0.50 − 0.48 must count as a drop of 0.02


class WrittenGate(Record, frozen=True, kw_only=True):
    """A gate and where it is written: `source` is file:line:column."""

    gate: Gate
    origin: Literal["sprint", "policy"]
    source: str


def judge(gates: Sequence[WrittenGate], evidence: Evidence) -> Verdict:
    """Judges every gate on every slice and target it names. Without gates the verdict is PASS."""
    results = [
        _judge_cell(written, cell, evidence) for written in gates for cell in _cells(written.gate, evidence)
    ]
    optimizing = evidence.evaluation.optimizing
    best = quality(evidence.evaluation, optimizing, Cell(target=evidence.primary_target))
    return Verdict(
        outcome=worst([result.outcome for result in results]),
        gates=results,
        optimizing=optimizing,
        optimizing_value=best.value,
        champion=evidence.champion.name if evidence.champion else None,
    )


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """FAIL before NOT_MEASURED before INCONCLUSIVE before PASS, which is also the outcome of none.

    Example:
        >>> worst([Outcome.PASS, Outcome.NOT_MEASURED]).value
        'NOT_MEASURED'
    """
    return min(outcomes, key=WORST_FIRST.index, default=Outcome.PASS)


def _cells(gate: Gate, evidence: Evidence) -> Iterator[Cell]:
    """Where the gate applies: "*" is every exported artefact (torch where there is none), or every slice."""
    if gate.target == "*":
        targets = [export.target for export in evidence.exports] or [REFERENCE_TARGET]
    else:
        targets = [gate.target or evidence.primary_target]
    for target in targets:
        slices: list[str | None] = [gate.slice]
        if gate.slice == "*":
            known = [found for found in evidence.evaluation.targets if found.target == target]
            slices = [part.name for found in known for part in found.slices] or ["*"]
        for name in slices:
            yield Cell(target=target, slice_name=name, class_name=gate.class_name)


def _judge_cell(written: WrittenGate, cell: Cell, evidence: Evidence) -> GateResult:
    gate = written.gate
    value = measured(evidence, gate.metric, cell)
    reference = _reference(gate, cell, evidence) if gate.against is not None else None
    outcome, explanation = _decide(gate, cell, value, reference)
    return GateResult(
        gate=demand(gate),
        metric=gate.metric,
        target=None if gate.metric in SPRINT_METRICS else cell.target,
        slice=cell.slice_name,
        class_name=cell.class_name,
        outcome=outcome,
        value=value.value,
        reference=reference.value if reference else None,
        threshold=rule(gate)[1],
        explanation=explanation,
        source=written.source,
        origin=written.origin,
    )


def _reference(gate: Gate, cell: Cell, evidence: Evidence) -> Measured | None:
    """What the gate compares with; None when no champion exists yet."""
    if gate.against == REFERENCE_TARGET:
        return torch_reference(evidence, gate.metric, cell)
    if evidence.champion is None:
        return None
    return champion_reference(
        evidence.champion, evidence.evaluation, gate.metric, cell, target_named=gate.target is not None
    )


def _decide(gate: Gate, cell: Cell, value: Measured, reference: Measured | None) -> tuple[Outcome, str]:
    of_target = f" of {cell.target}" if gate.target is not None else ""
    subject = f"{gate.metric}{of_target}{cell.words}"
    if value.value is None:
        return Outcome.NOT_MEASURED, f"{subject} was not measured: {value.why_not}"
    if gate.against is None:
        return _absolute(gate, subject, value.value)
    if reference is None:
        shown = amount(gate.metric, value.value)
        return Outcome.PASS, f"{subject} is {shown}; there is no champion yet to compare it with"
    if reference.value is None:
        return Outcome.NOT_MEASURED, f"{subject} could not be compared: {reference.why_not}"
    outcome, difference, demanded = _compared(gate, value.value, reference.value)
    shown = amount(gate.metric, value.value, beside=reference.value)
    theirs = amount(gate.metric, reference.value, beside=value.value)
    return outcome, f"{subject} is {shown}, {difference} {reference.whose} {theirs}; {demanded}"


def _absolute(gate: Gate, subject: str, value: float) -> tuple[Outcome, str]:
    sign, limit, _ = rule(gate)
    distance = value - limit
    passed = distance >= -_ROUNDING if sign == "≥" else distance <= _ROUNDING
    shown = amount(gate.metric, value, beside=limit)
    what = "required" if sign == "≥" else "allowed"
    bound = f"the {what} {_with_unit(gate.metric, limit)}"
    if abs(distance) <= _ROUNDING:
        text = f"{subject} is {shown}, exactly {bound}"
    else:
        apart = amount(gate.metric, abs(distance), beside=0.0)
        text = f"{subject} is {shown}, {apart} {'above' if distance > 0 else 'below'} {bound}"
    return (Outcome.PASS if passed else Outcome.FAIL), text


def _compared(gate: Gate, value: float, reference: float) -> tuple[Outcome, str, str]:
    """The outcome, by how much the value is better or worse, and what the gate demands of that."""
    sign, limit, comparison = rule(gate)
    gain = reference - value if gate.metric in LOWER_IS_BETTER else value - reference
    passed = gain >= limit - _ROUNDING if sign == "≥" else -gain <= limit + _ROUNDING
    outcome = Outcome.PASS if passed else Outcome.FAIL
    verb = "required" if sign == "≥" else "allowed"
    demanded = f"a {comparison.strip()} of {_with_unit(gate.metric, limit)} is {verb}"
    if abs(gain) <= _ROUNDING:
        return outcome, "the same as", demanded
    apart = amount(gate.metric, abs(gain), beside=0.0)
    return outcome, f"{apart} {'better' if gain > 0 else 'worse'} than", demanded


def _with_unit(metric: str, value: float) -> str:
    return f"{threshold(value)}{UNITS.get(metric, '')}"
