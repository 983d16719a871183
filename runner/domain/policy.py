"""The records of a proposal's policy: what changed, and what of it needs somebody's approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, TypeAlias

from runner.domain.records import Record

# What a finding's message ends with while a gate is kept for it.
SPRINT_KEPT = "; it judges as before until this is approved"
PROJECT_KEPT = "; the base's judges this proposal"
ID_DIGITS, SHORT_ID_DIGITS = 32, 8  # of a finding's id, in hex
# What it ends with where it came to the branch that way.
CARRIED = "; it came to the base branch without approval, and waits for it until it is put back"

Status: TypeAlias = Literal["added", "changed", "affected", "removed"]  # how a proposal is about a sprint


class FindingKind(StrEnum):
    """Ways in which a proposal can weaken a verdict; `policy.approvals` names who may approve each.

    Each has an anchor of its name in docs/policy.md.
    """

    GATE_LOOSENED = "gate_loosened"
    GATE_REMOVED = "gate_removed"
    POLICY_LOOSENED = "policy_loosened"
    SLICE_REMOVED = "slice_removed"
    SLICE_CHANGED = "slice_changed"
    MIN_SIZE_RAISED = "min_size_raised"
    TEST_CHANGED = "test_changed"
    CLASS_MAP_CHANGED = "class_map_changed"
    TASK_CHANGED = "task_changed"
    GROUPING_CHANGED = "grouping_changed"
    METRIC_CHANGED = "metric_changed"
    CONFIDENCE_LOWERED = "confidence_lowered"
    OPERATING_POINT_CHANGED = "operating_point_changed"
    CHECK_WEAKENED = "check_weakened"
    SEEDS_REDUCED = "seeds_reduced"
    TARGET_CHANGED = "target_changed"
    BENCHMARK_WEAKENED = "benchmark_weakened"
    PRICE_LOWERED = "price_lowered"
    LIMIT_RAISED = "limit_raised"
    APPROVALS_WEAKENED = "approvals_weakened"
    REGISTRY_CHANGED = "registry_changed"
    SPRINT_REMOVED = "sprint_removed"
    RECORD_CHANGED = "record_changed"
    STALE = "stale"
    INCONCLUSIVE = "inconclusive"


class SpecChange(Record, frozen=True, kw_only=True):
    """One difference between two specs, as a person says it.

    Attributes:
        path: of the option, `train.freeze` or `gates[recall on dark]`.
        before, after: as YAML would write them on one line; None where there is nothing.
        effect: `loosened` and `tightened` are of gates, policies and limits.
        text: the whole change in words: "freeze 10 → 0", "gate recall on dark ≥ 0.70 → ≥ 0.65 loosened".
        where: the line of the new spec, `specs/0003-low-light.yaml:41:5`; empty for what was removed.
    """

    path: str
    before: str | None
    after: str | None
    effect: Literal["added", "removed", "changed", "loosened", "tightened"]
    text: str
    where: str = ""


class Finding(Record, frozen=True, kw_only=True):
    """Something that weakens a verdict and needs approval. Its id changes with its content.

    Attributes:
        sprint: None when it is about the project.
        subject: what it is about: "gate recall on dark", "slice dark".
        message: one sentence: what was changed, and why it matters.
        where: file:line:column in the proposal, or in the base for what was removed.
        kept: the base's version judges until the finding is approved (gates), or until it is merged (policy, slices).
    """

    kind: FindingKind
    sprint: str | None = None
    subject: str
    before: str | None = None
    after: str | None = None
    message: str
    where: str = ""
    kept: bool = False

    @property
    def content(self) -> tuple[str | None, ...]:
        """What it says, wherever and in whichever words: findings that differ in it are two."""
        return (self.kind, self.sprint, self.subject, self.before, self.after)

    @property
    def weakness(self) -> tuple[str | None, ...]:
        """What was weakened, whichever sprint's spec does it: what was approved for one and merged is agreed for the next."""
        return (self.kind, self.subject, self.before, self.after)

    @property
    def outcome(self) -> tuple[str | None, ...]:
        """What it came to, from whatever it was before."""
        return (self.kind, self.subject, self.after)

    @property
    def id(self) -> str:
        """What `/flywheel approve` names: the kind, and 128 bits of the content's SHA-256 in hex.

        The sprint is part of the content, so that one approval is of one finding of one sprint. Long, although people
        type it: who writes a spec can try names and thresholds until two findings share a short one.
        """
        return f"{self.kind}-{self._digest[:ID_DIGITS]}"

    @property
    def short_id(self) -> str:
        """What it was called in records of versions before ids had 128 bits. Nothing is approved by it."""
        return f"{self.kind}-{self._digest[:SHORT_ID_DIGITS]}"

    @property
    def _digest(self) -> str:
        import hashlib  # each takes milliseconds, and `flywheel --help` imports this module
        import json

        return hashlib.sha256(json.dumps(self.content).encode()).hexdigest()


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once, in order."""
    first: dict[tuple[str | None, ...], Finding] = {}
    for finding in findings:
        first.setdefault(finding.content, finding)
    return list(first.values())


def recorded_ids(findings: Iterable[Finding]) -> frozenset[str]:
    """The ids by which records name these findings: an older version's short one too, where only one of them has it."""
    known = {finding.content: finding for finding in findings}.values()
    short = Counter(finding.short_id for finding in known)
    return frozenset((*(each.id for each in known), *(name for name, count in short.items() if count == 1)))


class Agreed(Record, frozen=True, kw_only=True):
    """One approval that counted, in reports/<sprint>/agreed.json: whose sprint need not have been promoted for it.

    Attributes:
        by, at, channel: as of the approval.
    """

    finding: Finding
    by: str
    at: str
    channel: str


class Approval(Record, frozen=True, kw_only=True):
    """Somebody's approval of a finding. Whether it counts is `policy.approvals`' business.

    Attributes:
        at: ISO 8601, UTC.
        channel: `comment`: `/flywheel approve ID`; `review`: an approving review of the judged commit (`finding` is
            None: it covers all); `terminal`: `flywheel promote --approve ID`.
        reason: why, in the approver's words; empty where none was given.
    """

    finding: str | None
    by: str
    at: str
    channel: Literal["comment", "review", "terminal"]
    reason: str = ""
