"""From gates and evidence to a verdict. A gate that fails is a result, not an exception.

Quality is judged on confidence intervals that hold together over all gates of the sprint: docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, structs

from runner.domain.evaluation import (
    CHAMPION_TARGET,
    QUALITY_METRICS,
    REFERENCE_TARGET,
    SPRINT_METRICS,
    Interval,
)
from runner.domain.looks import USUAL_LEVEL, level_of_look
from runner.domain.records import Record
from runner.domain.verdict import GateResult, Outcome, Verdict, worst
from runner.gates import common, explain
from runner.gates.cells import cells_of
from runner.gates.evidence import (
    Cell,
    Evidence,
    LabelPrice,
    Measured,
    Samples,
    champion_reference,
    measured,
    sample,
    torch_reference,
)
from runner.gates.further import further_evidence
from runner.gates.gate import Gate
from runner.gates.text import demand, describe, rule

if TYPE_CHECKING:
    from runner.evaluation.intervals import Family
    from runner.evaluation.intervals import Sample as BootstrapSample

__all__ = [
    "AskedGate",
    "Evidence",
    "LabelPrice",
    "Samples",
    "WrittenGate",
    "asked",
    "asked_of",
    "describe",
    "judge",
    "worst",
]


class WrittenGate(Record, frozen=True, kw_only=True):
    """A gate and where it is written: `source` is file:line:column; `finding`: see `GateResult`."""

    gate: Gate
    origin: Literal["sprint", "policy"]
    source: str
    finding: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Question:
    """One gate on one cell. Either it is `settled`, or the interval of `sample` decides."""

    written: WrittenGate
    cell: Cell
    value: Measured
    reference: Measured | None = None
    settled: tuple[Outcome, str] | None = None
    sample: BootstrapSample | None = None

    @property
    def gate(self) -> Gate:
        return self.written.gate


def judge(gates: Sequence[WrittenGate], evidence: Evidence, claim: WrittenGate | None = None) -> Verdict:
    """Judges every gate on every slice and target it names. Without gates the verdict is PASS.

    Args:
        claim: what the sprint said that it would bring. Its interval holds together with those of the gates; it is no
            part of the outcome.
    """
    from runner.evaluation.intervals import Family

    questions = [
        _question(written, cell, evidence) for written in gates for cell in cells_of(written.gate, evidence)
    ]
    claimed = [_claimed(claim, evidence)] if claim is not None else []
    resampling = evidence.evaluation.resampling
    level, look = resampling.level if resampling else USUAL_LEVEL, evidence.wear.look if evidence.wear else 1
    asked = [question.sample for question in (*questions, *claimed) if question.sample is not None]
    family = Family.of(asked, level_of_look(level, look))
    following = Family.of(asked, level_of_look(level, look + 1))  # by which further images will be judged
    results = [_result(question, evidence, family, following) for question in questions]
    tested = [_result(question, evidence, family, following) for question in claimed]
    optimizing = evidence.evaluation.optimizing
    best = Cell(target=evidence.primary_target)
    return Verdict(
        outcome=worst([result.outcome for result in results]),
        gates=results,
        optimizing=optimizing,
        optimizing_value=measured(evidence, optimizing, best).value,
        optimizing_interval=_alone(sample(evidence, optimizing, best), level),
        champion=evidence.champion,
        champion_unknown=evidence.champion_unknown or UNSET,
        level=family.level if resampling else None,
        family=sum(result.interval is not None for result in (*results, *tested)),
        wear=evidence.wear,
        claim=tested[0] if tested else UNSET,
    )


def _claimed(claim: WrittenGate, evidence: Evidence) -> _Question:
    """The question that the sprint set itself. Where a gate passes for want of a champion, a claim is not measured."""
    gate = claim.gate
    cell = Cell(target=evidence.primary_target, slice_name=gate.slice, class_name=gate.class_name)
    asked = _question(claim, cell, evidence)
    if asked.settled is None or asked.settled[0] is not Outcome.PASS or evidence.champion is not None:
        return asked
    return replace(asked, settled=(Outcome.NOT_MEASURED, asked.settled[1]))


def _question(written: WrittenGate, cell: Cell, evidence: Evidence) -> _Question:
    gate = written.gate
    asked = _Question(
        written=written,
        cell=cell,
        value=common.ours(gate, cell, evidence),
        reference=_reference(gate, cell, evidence) if gate.against is not None else None,
    )
    settled = _settled(asked, evidence)
    if settled is not None:
        return replace(asked, settled=settled)
    found = _sample(gate, cell, evidence)
    if found is None:
        subject = explain.subject(gate, cell)
        why = f"{subject} cannot be judged: what its resamples gave was not recorded"
        return replace(asked, settled=(Outcome.NOT_MEASURED, why))
    return replace(asked, sample=found)


def _reference(gate: Gate, cell: Cell, evidence: Evidence) -> Measured | None:
    """What the gate compares with; None when no champion exists yet, and without a value where that is not known."""
    if gate.against == REFERENCE_TARGET:
        return torch_reference(evidence, gate.metric, cell)
    if evidence.champion_unknown:
        return Measured(why_not=f"it is not known who holds the stage: {evidence.champion_unknown}")
    if evidence.champion is None:
        return None
    return champion_reference(evidence.champion, evidence.evaluation, gate.metric, cell)


def _settled(asked: _Question, evidence: Evidence) -> tuple[Outcome, str] | None:
    """The outcome of what needs no interval; None where an interval decides."""
    gate, value, reference = asked.gate, asked.value, asked.reference
    subject = explain.subject(gate, asked.cell)
    if value.value is None:
        what = "could not be compared" if common.narrowed(gate, evidence) else "was not measured"
        return Outcome.NOT_MEASURED, f"{subject} {what}: {value.why_not}"
    if gate.against is not None:
        if reference is None:
            return Outcome.PASS, explain.no_champion(gate, subject, value.value)
        if reference.value is None:
            return Outcome.NOT_MEASURED, f"{subject} could not be compared: {reference.why_not}"
        if gate.against == "champion" and explain.worn_out(evidence.wear):
            return Outcome.INCONCLUSIVE, explain.worn(gate, subject, value.value, evidence.wear)
    if _decided_by(gate) == "interval":
        return None
    return explain.point(gate, subject, value.value, reference)


def _decided_by(gate: Gate) -> Literal["interval", "point", "measurement"]:
    return gate.decide if gate.metric in QUALITY_METRICS else "measurement"


def _sample(gate: Gate, cell: Cell, evidence: Evidence) -> BootstrapSample | None:
    """What the gate judges in each resample: the value, or by how much it is above the reference's."""
    from runner.evaluation.intervals import difference

    own = common.ours_sampled(gate, cell, evidence)
    if own is None or gate.against is None:
        return own
    there = CHAMPION_TARGET if gate.against == "champion" else REFERENCE_TARGET
    other = sample(evidence, gate.metric, replace(cell, target=there))
    return difference(own, other) if other is not None else None


def _result(question: _Question, evidence: Evidence, family: Family, following: Family) -> GateResult:
    gate, cell = question.gate, question.cell
    result = GateResult(
        gate=demand(gate),
        metric=gate.metric,
        target=None if gate.metric in SPRINT_METRICS else cell.target,
        slice=cell.slice_name,
        class_name=cell.class_name,
        outcome=question.settled[0] if question.settled else Outcome.INCONCLUSIVE,
        value=question.value.value,
        reference=question.reference.value if question.reference else None,
        decided_by=_decided_by(gate),
        threshold=rule(gate)[1],
        explanation=question.settled[1] if question.settled else "",
        source=question.written.source,
        origin=question.written.origin,
        finding=question.written.finding,
    )
    if question.sample is not None:
        result = _by_interval(result, question, evidence, (family, following))
    without = explain.without(gate, question.value, evidence.evaluation)
    if question.value.value is not None:
        without += common.without_new(gate, cell, evidence)
    return structs.replace(result, explanation=result.explanation + without)


def _by_interval(
    result: GateResult, question: _Question, evidence: Evidence, families: tuple[Family, Family]
) -> GateResult:
    """The result with what the interval says.

    Args:
        families: of this look, and of the next one, which would see the further images.
    """
    from runner.evaluation.sample_size import further_groups

    (family, following), found, gate = families, question.sample, question.gate
    if found is None:
        return result
    subject = explain.subject(gate, question.cell)
    ends = family.interval(found)
    if ends is None:
        text = explain.no_interval(gate, subject, question.value, found.groups, evidence.evaluation)
        return structs.replace(result, explanation=text)
    outcome = explain.outcome(gate, ends)
    further = None
    if outcome is Outcome.INCONCLUSIVE:
        groups = further_groups(found, explain.limit(gate), following)
        spread = found.spread
        further = further_evidence(
            groups,
            found.groups,
            question.cell,
            evidence,
            seeds_dominate=spread is not None and spread.seeds > spread.images,
        )
    return structs.replace(
        result,
        outcome=outcome,
        interval=Interval(low=ends[0], high=ends[1]),
        further=further,
        explanation=explain.by_interval(
            gate,
            subject,
            (question.value, question.reference),
            ends,
            explain.asks(further, evidence.evaluation),
        ),
    )


def _alone(found: BootstrapSample | None, level: float) -> Interval | None:
    from runner.evaluation.intervals import interval

    ends = interval(found, level) if found is not None else None
    return Interval(low=ends[0], high=ends[1]) if ends else None


# --- what was asked -------------------------------------------------------------------------------


class AskedGate(Record, frozen=True, kw_only=True):
    """What one result answers, whatever the answer: the gate on one cell, without its place in a file."""

    origin: Literal["sprint", "policy"]
    demand: str
    metric: str
    target: str | None
    slice: str | None
    class_name: str | None
    decided_by: Literal["interval", "point", "measurement"]
    finding: str | None

    @property
    def subject(self) -> tuple[str | None, ...]:
        """What it is about: two that differ only in what they demand are one gate, edited."""
        return self.origin, self.metric, self.target, self.slice, self.class_name, self.finding

    @property
    def words(self) -> str:
        """The demand and where: `recall ≥ 0.70 on slice dark`."""
        cell = Cell(target=self.target or "", slice_name=self.slice, class_name=self.class_name)
        return f"{self.demand}{cell.words}"

    @property
    def full(self) -> str:
        """With what decides it, where that is all that an edit changed."""
        return f"{self.demand}, decided by the {self.decided_by}"


def asked(gates: Sequence[WrittenGate], evidence: Evidence) -> list[AskedGate]:
    """What `judge` would answer, one entry per result, in its order; nothing is judged."""
    return [
        AskedGate(
            origin=written.origin,
            demand=demand(written.gate),
            metric=written.gate.metric,
            target=None if written.gate.metric in SPRINT_METRICS else cell.target,
            slice=cell.slice_name,
            class_name=cell.class_name,
            decided_by=_decided_by(written.gate),
            finding=written.finding,
        )
        for written in gates
        for cell in cells_of(written.gate, evidence)
    ]


def asked_of(result: GateResult) -> AskedGate:
    """What a recorded result was the answer to."""
    return AskedGate(
        origin=result.origin,
        demand=result.gate,
        metric=result.metric,
        target=result.target,
        slice=result.slice,
        class_name=result.class_name,
        decided_by=result.decided_by,
        finding=result.finding,
    )
