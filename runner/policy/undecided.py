"""Gates that are INCONCLUSIVE: each can be accepted knowingly, by name and with a reason, on the evidence that there is.

Never one that failed or was not measured, and never one without an interval: a test split that is worn out, or too few groups
to say anything, is no evidence to accept.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import GateResult, Outcome, Verdict
from runner.gates.judge import asked_of

REASON_LENGTH = 300
_LEAST_LETTERS = 3


def undecided_findings(sprint: str, verdict: Verdict | None) -> list[Finding]:
    """One finding per gate that can be accepted; none where accepting would not help, since another gate is not met.

    Gates that were kept for a finding are accepted by approving that one.
    """
    if verdict is None or verdict.outcome_under(verdict.kept_for) is not Outcome.INCONCLUSIVE:
        return []
    return [found for gate in verdict.gates if (found := undecided_finding(sprint, gate)) is not None]


def undecided_finding(sprint: str, gate: GateResult) -> Finding | None:
    """The finding of one gate; its id changes with the evidence: what was accepted is this interval, and no later one."""
    if gate.outcome is not Outcome.INCONCLUSIVE or gate.interval is None or gate.finding is not None:
        return None
    whose = "policy gate" if gate.origin == "policy" else "gate"
    target = f" for {gate.target}" if gate.target else ""
    beside = f" beside {gate.reference:.4f}" if gate.reference is not None else ""
    measured = f"{gate.value:.4f}" if gate.value is not None else "nothing"
    return Finding(
        kind=FindingKind.INCONCLUSIVE,
        sprint=sprint,
        subject=f"{whose} {asked_of(gate).words}{target}",
        after=f"{measured}{beside}, interval {gate.interval.low:.4f} to {gate.interval.high:.4f}",
        message=f"undecided: {gate.explanation}",
        where=gate.source,
    )


def takes_reason(finding: Finding) -> bool:
    """Whether it is approved only with a reason, and only by name: a review says neither."""
    return finding.kind is FindingKind.INCONCLUSIVE


def is_reason(text: str) -> bool:
    """Whether a text says anything: the dots of our own examples do not.

    >>> is_reason("the dock is dark two nights a year"), is_reason("…"), is_reason("")
    (True, False, False)
    """
    return sum(letter.isalnum() for letter in text) >= _LEAST_LETTERS


def approve_command(finding: Finding) -> str:
    """The comment that approves a finding."""
    return f"/flywheel approve {finding.id}" + (" because …" if takes_reason(finding) else "")


def approve_options(findings: Iterable[Finding]) -> str:
    """The options of `flywheel promote` that approve findings."""
    found = list(findings)
    reason = ' --reason "…"' if any(takes_reason(each) for each in found) else ""
    return "".join(f" --approve {each.id}" for each in found) + reason
