"""Whose approval of a finding counts: by the base branch's policy, after the last report, never the author's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.config.project import Policy
from runner.domain.policy import Approval, Finding, FindingKind, distinct
from runner.domain.records import Record
from runner.policy.project_rules import approvers
from runner.policy.undecided import approve_command, is_reason, takes_reason

PROGRAM = "[bot]"  # what the logins of a forge's programs end with; people's cannot
MAINTAINERS = ("admin", "maintain")
WRITERS = (*MAINTAINERS, "write")


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What approvals are judged by, beside the policy.

    Attributes:
        author: of the pull request; None where there is none (a terminal).
        permission: what a login may do in the repository, as the forge says; None where there is no forge, and whoever
            may push is trusted.
        last_report: when the last report of the judged commit was published, ISO 8601; None when none was.
    """

    author: str | None = None
    permission: Callable[[str], str] | None = None
    last_report: str | None = None


class Decision(Record, frozen=True, kw_only=True):
    """A finding, and who approved it.

    Attributes:
        by: None while nobody has whose approval counts; `at`, `channel` and `reason` are of that approval.
        may_approve: the logins that the policy names; empty: whoever may maintain the repository.
        refused: approvals of it that do not count, each with the reason.
    """

    finding: Finding
    by: str | None = None
    at: str = ""
    channel: str = ""
    reason: str = ""
    may_approve: list[str] = []
    refused: list[str] = []

    @property
    def approved(self) -> bool:
        return self.by is not None

    @property
    def text(self) -> str:
        """In words: who approved it, or who may and how."""
        if self.by is not None:
            return f"approved by {self.by}" + (f", because {self.reason}" if self.reason else "")
        return "; ".join([f"{self._waits}: {approve_command(self.finding)}", *self.refused])

    @property
    def needs(self) -> str:
        """In words: who may approve it, for where there is another way than a comment."""
        return "; ".join([self._waits, *self.refused])

    @property
    def _waits(self) -> str:
        who = ", ".join(self.may_approve) if self.may_approve else "somebody who may maintain the repository"
        return f"needs the approval of {who}"


def decide(
    findings: Sequence[Finding], approvals: Sequence[Approval], policy: Policy, circumstances: Circumstances
) -> list[Decision]:
    """For each finding, whether it is approved.

    Args:
        approvals: comments that were edited, and reviews of another commit, are the caller's to leave out.
        policy: the base branch's.
    """
    allowed = _Permissions(circumstances)
    shared = _shared(findings)
    decisions = []
    for finding in findings:
        named = approvers(policy, finding.kind)
        refused = []
        decision = Decision(finding=finding, may_approve=named or [])
        for approval in approvals:
            if approval.finding not in (None, finding.id):
                continue
            if approval.finding is None and (finding.kind is FindingKind.STALE or takes_reason(finding)):
                continue  # a review is of the report that it was written under, and gives no reason that is one's own
            reason = _refusal(approval, named, circumstances, allowed)
            if reason is None and takes_reason(finding) and not is_reason(approval.reason):
                reason = "an undecided gate is accepted with a reason"
            if reason is None and approval.finding in shared:
                reason = "another finding has the same id: change one of the two, and they get others"
            if reason is None:
                decision = Decision(
                    finding=finding,
                    by=approval.by,
                    at=approval.at,
                    channel=approval.channel,
                    reason=approval.reason,
                    may_approve=named or [],
                )
                break
            if approval.finding is not None:  # a review says nothing of findings that it may not approve
                refused.append(f"the approval of {approval.by} does not count: {reason}")
        decisions.append(
            decision
            if decision.approved
            else Decision(finding=finding, may_approve=named or [], refused=list(dict.fromkeys(refused)))
        )
    return decisions


def _shared(findings: Sequence[Finding]) -> frozenset[str]:
    """Ids that name more than one finding: what was approved by one of them nobody can tell."""
    counts = Counter(finding.id for finding in distinct(findings))
    return frozenset(name for name, count in counts.items() if count > 1)


def approver_names(policy: Policy, findings: Sequence[Finding]) -> dict[str, list[str]]:
    """Of each kind among the findings, the logins that may approve it; empty: maintainers and admins."""
    kinds = dict.fromkeys(FindingKind(finding.kind) for finding in findings)
    return {str(kind): approvers(policy, kind) or [] for kind in kinds}


class _Permissions:
    """What was asked of the forge once is not asked again."""

    def __init__(self, circumstances: Circumstances) -> None:
        self._ask = circumstances.permission
        self._known: dict[str, str] = {}

    def of(self, login: str) -> str:
        if self._ask is None:
            return "admin"
        if login not in self._known:
            self._known[login] = self._ask(login)
        return self._known[login]


def _refusal(
    approval: Approval, named: Sequence[str] | None, circumstances: Circumstances, allowed: _Permissions
) -> str | None:
    """Why an approval does not count; None when it does."""
    author = circumstances.author
    if approval.channel != "terminal" and approval.by.endswith(PROGRAM):
        return "it is a program's, and any workflow of a pull request can speak as one"
    if author is not None and approval.by.lower() == author.lower():
        return "it is the author's own"
    if approval.channel != "terminal" and (late := _too_early(approval, circumstances.last_report)):
        return late
    if named is not None and approval.by.lower() not in named:
        return "the policy names others"
    needed = MAINTAINERS if named is None else WRITERS  # a name in the policy may since belong to a stranger
    if allowed.of(approval.by) not in needed:
        return f"it takes the permission to {'maintain' if named is None else 'write to'} the repository"
    return None


def _too_early(approval: Approval, last_report: str | None) -> str | None:
    if last_report is None:
        return "nothing was reported yet"
    given, reported = _time(approval.at), _time(last_report)
    if given is None or reported is None or given <= reported:
        return "it is older than the last report"
    return None


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
