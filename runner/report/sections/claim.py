"""What the sprint said that it would bring: tested before anything else is read, and deciding nothing."""

from __future__ import annotations

from msgspec import UNSET

from runner.domain.verdict import GateResult, Outcome
from runner.gates.text import threshold
from runner.record.report import SprintReport
from runner.report.escape import plain
from runner.report.sections.gates import advice
from runner.report.tables import place_of
from runner.report.wording import CLAIMS, changed, label, measured


def claimed(report: SprintReport) -> GateResult | None:
    """The claim's test; None where the spec has no `expect`, or nothing was judged."""
    if report.verdict is None or report.failure is not None or report.verdict.claim is UNSET:
        return None
    return report.verdict.claim


def sentence(report: SprintReport) -> str:
    """`Claim confirmed: recall on dark gains at least 0.05 over the champion; it is +0.080 (+0.055 to +0.110)`.

    Plain text; empty without a claim.
    """
    claim = claimed(report)
    if claim is None:
        return ""
    where = f" on {plain(place_of(claim), 160)}" if claim.slice or claim.class_name else ""
    said = f"{label(claim.metric)}{where} gains at least {threshold(claim.threshold)} over the champion"
    further = claim.further.images if claim.further else None
    decides = f"; {plain(advice(claim, None), 160)} would decide it" if further else ""
    return f"Claim {CLAIMS[claim.outcome]}: {said}; {_found(claim)}{decides}"


def _found(claim: GateResult) -> str:
    if claim.value is None or claim.outcome is Outcome.NOT_MEASURED:
        return plain(claim.explanation, 300)
    if claim.reference is None:
        return f"it is {measured(claim.metric, claim.value)}"
    return f"it is {changed(claim.value - claim.reference, claim.interval, claim.threshold)}"
