"""terms.json: what judged one sprint of a proposal."""

from __future__ import annotations

from runner.config.project import Compute, Policy
from runner.config.sprint import SliceSpec
from runner.domain.policy import Finding, distinct
from runner.domain.records import Record
from runner.gates import Gate


class KeptGate(Record, frozen=True, kw_only=True):
    """A gate of the reference that the proposal dropped or loosened. It judges until `finding` is approved."""

    gate: Gate
    source: str
    finding: str


class RecordAt(Record, frozen=True, kw_only=True):
    """A sprint's record in git, at a commit that holds it."""

    sprint: str
    commit: str


class Terms(Record, frozen=True, kw_only=True):
    """What judges one sprint of a proposal (reports/<sprint>/terms.json).

    Attributes:
        base_commit: the commit of the base branch that the terms come from.
        reference: the sprint on the base that this one is compared with: itself, the one it extends, or the newest
            earlier one; None for a project's first.
        recorded_reference: whose record on the base says which test images are agreed: the sprint's own, or the one
            that changed last.
        records: the records that `evidence` is found by: of these, and where something came to the branch without approval
            that of before.
        policy: the base's, as a whole; the proposal's takes effect once it is merged.
        policy_sources: of each of its gates, where the base writes it.
        compute: the base's limits of time and cost.
        slices: the base's project slices, then new ones of the proposal.
        sprint_slices: the proposal's own, with those of the reference that it dropped or changed.
        kept_gates: the reference's gates that the proposal dropped or loosened.
        findings: what the specs show, of the project and of this sprint. What only the data shows is in `evidence`.
        evidence: findings that became known when the sprint ran (another test split, other members of a slice).
    """

    base_commit: str
    reference: str | None
    recorded_reference: str | None = None
    records: list[RecordAt] = []
    policy: Policy
    policy_sources: list[str] = []
    compute: Compute
    slices: list[SliceSpec]
    sprint_slices: list[SliceSpec]
    kept_gates: list[KeptGate] = []
    findings: list[Finding] = []
    evidence: list[Finding] = []

    @property
    def all_findings(self) -> list[Finding]:
        """What the specs show, then what the data shows."""
        return distinct([*self.findings, *self.evidence])
