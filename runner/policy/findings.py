"""What of a proposal weakens a verdict: one finding each, with who must look at it left to the policy."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from runner.config.project import Policy
from runner.config.root import PROJECT_FILE
from runner.domain.policy import CARRIED, PROJECT_KEPT, SPRINT_KEPT, Finding, FindingKind, distinct
from runner.policy.project_rules import project_rules
from runner.policy.reference import references, unknown_references
from runner.policy.snapshot import Snapshot
from runner.policy.sprint_rules import Comparison, sprint_rules


def project_findings(base: Snapshot, head: Snapshot) -> list[Finding]:
    """Findings about flywheel.yaml, and about sprints that are gone; none where the base has no project yet."""
    return distinct([*_without_project(base, head), *project_rules(base, head), *_removed(base, head)])


def sprint_findings(base: Snapshot, head: Snapshot, sprint: str) -> list[Finding]:
    """Findings about one sprint's spec beside each of its references; none where it is not valid."""
    found = [
        finding
        for pair in comparisons(base, head, sprint)
        for finding in sprint_rules(pair)
        if finding.weakness not in pair.settled
    ]
    return distinct([*_unreadable(base, head, sprint), *found])


def carried_findings(base: Snapshot, head: Snapshot, sprint: str) -> list[Finding]:
    """What came to the base without anybody's approval, and is so in the proposal still."""
    own = {
        finding.content for finding in (*project_findings(base, head), *sprint_findings(base, head, sprint))
    }
    found = [
        finding
        for state in base.bindings
        for finding in (*project_findings(state, head), *sprint_findings(state, head, sprint))
        if finding.content not in own and finding.weakness not in base.approved
    ]
    return [_carried(finding) for finding in distinct(found)]


def approving_policy(base: Snapshot) -> Policy | None:
    """The base's policy, by the approvers that were agreed: who got in by a merge that nobody approved approves nothing.

    None where the base has no valid project.
    """
    if base.project is None:
        return None
    for state in base.bindings:
        weakened = [
            each for each in project_findings(state, base) if each.kind is FindingKind.APPROVALS_WEAKENED
        ]
        if state.project is not None and any(each.weakness not in base.approved for each in weakened):
            agreed = state.project.policy
            return replace(base.project.policy, approvals=agreed.approvals, teams=agreed.teams)
    return base.project.policy


def _carried(finding: Finding) -> Finding:
    of_project = finding.message.endswith(PROJECT_KEPT)
    message = finding.message.removesuffix(PROJECT_KEPT).removesuffix(SPRINT_KEPT)
    return replace(finding, message=f"{message}{CARRIED}", kept=finding.kept and not of_project)


def comparisons(base: Snapshot, head: Snapshot, sprint: str) -> list[Comparison]:
    """The sprint beside each of the sprints on the base that it must not be laxer than."""
    if base.project is None or sprint not in head.sprints:
        return []
    names = references(base, head, sprint)
    return [
        Comparison(
            base=base,
            head=head,
            old=base.sprints[name],
            new=head.sprints[sprint],
            is_newest=name == max(names),
            settled=_settled(base, name, names[0]),
        )
        for name in names
    ]


def _settled(base: Snapshot, name: str, first: str) -> frozenset[tuple[str | None, ...]]:
    """What needs no approval beside one reference, since somebody approved it after that one.

    A sprint before the one that was promoted last is a reference still where it was run again: what was dropped with approval
    since is not agreed once more by that.
    """
    promoted = base.promoted
    is_older = promoted is not None and name <= promoted and name != base.names[-1] and name != first
    return base.approved if is_older else frozenset()


def _without_project(base: Snapshot, head: Snapshot) -> Iterator[Finding]:
    if base.document is None:
        return
    if base.project is None:
        yield Finding(
            kind=FindingKind.POLICY_LOOSENED,
            subject=PROJECT_FILE,
            message="the base branch's flywheel.yaml is not valid, so the proposal's own policy judges it",
            where=str(base.errors[0].where or PROJECT_FILE) if base.errors else PROJECT_FILE,
        )
    if head.document is None:
        yield Finding(
            kind=FindingKind.POLICY_LOOSENED,
            subject=PROJECT_FILE,
            before=PROJECT_FILE,
            message="flywheel.yaml is gone, and with it the policy, the slices and the class map that were agreed",
            where=PROJECT_FILE,
        )


def _removed(base: Snapshot, head: Snapshot) -> Iterator[Finding]:
    for name in base.names:
        if name not in head.names:
            yield Finding(
                kind=FindingKind.SPRINT_REMOVED,
                subject=f"sprint {name}",
                before=name,
                message=f"the spec of {name} is gone or has another name: what it demanded is agreed no more",
                where=f"specs/{name}.yaml",
            )


def _unreadable(base: Snapshot, head: Snapshot, sprint: str) -> Iterator[Finding]:
    """References whose spec is not valid on the base: the gates that they demand cannot be kept."""
    if base.document is None:
        return
    for name in unknown_references(base, head, sprint):
        yield Finding(
            kind=FindingKind.GATE_REMOVED,
            sprint=sprint,
            subject=f"all gates of {name}",
            before=name,
            message=f"the spec of {name} is not valid on the base branch, so what {name} demanded is not known",
            where=str(head.sprints[sprint].path),
        )
