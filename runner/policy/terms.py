"""The terms that a sprint is judged under: the base branch's policy, slices and gates, not the proposal's copy of them."""

from __future__ import annotations

from runner.config.load import LoadedSprint
from runner.config.project import Compute, Policy, Project
from runner.config.sprint import SliceSpec
from runner.domain.policy import Finding
from runner.domain.records import Record
from runner.gates import Gate

FILE = "terms.json"  # in reports/<sprint>/


class KeptGate(Record, frozen=True, kw_only=True):
    """A gate of the reference that the proposal dropped or loosened. It judges until `finding` is approved."""

    gate: Gate
    source: str
    finding: str


class Terms(Record, frozen=True, kw_only=True):
    """What judges one sprint of a proposal (reports/<sprint>/terms.json).

    Attributes:
        base_commit: the commit of the base branch that the terms come from.
        reference: the sprint on the base that this one is compared with: itself, the one it extends, or the newest
            earlier one; None for a project's first.
        policy: the base's, as a whole; the proposal's takes effect once it is merged.
        compute: the base's limits of time and cost.
        slices: the base's project slices, then new ones of the proposal.
        sprint_slices: the proposal's own, with those of the reference that it dropped or changed.
        kept_gates: the reference's gates that the proposal dropped or loosened.
        findings: what the specs show. What only the data shows is in `evidence`.
        evidence: findings that became known when the sprint ran (another test split, other members of a slice).
    """

    base_commit: str
    reference: str | None
    policy: Policy
    compute: Compute
    slices: list[SliceSpec]
    sprint_slices: list[SliceSpec]
    kept_gates: list[KeptGate] = []
    findings: list[Finding] = []
    evidence: list[Finding] = []


def judged(project: Project, loaded: LoadedSprint, terms: Terms) -> tuple[Project, LoadedSprint]:
    """The configuration with the terms in place of the proposal's own copies; gates that are kept are added last."""
    raise NotImplementedError
