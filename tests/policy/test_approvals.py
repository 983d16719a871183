"""Whose approval counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.config.project import Policy
from runner.domain.policy import Approval, Finding, FindingKind, distinct, recorded_ids
from runner.policy.approvals import Circumstances, approver_names, decide

LOOSE = Finding(kind=FindingKind.GATE_LOOSENED, sprint="0002-night", subject="gate recall", message="m")
TEST = Finding(kind=FindingKind.TEST_CHANGED, subject="splits.test", message="m")
POLICY = Policy(approvals={"gate_loosened": ["ml-leads", "Carla"]}, teams={"ml-leads": ["alice", "mallory"]})
REPORTED = "2026-11-21T10:00:00Z"
LATER, EARLIER = "2026-11-21T10:00:01Z", "2026-11-21T09:59:59Z"
PERMISSIONS = {
    "alice": "write",
    "Carla": "write",
    "mona": "maintain",
    "root": "admin",
    "wolf": "write",
    "mallory": "admin",
    "reader": "read",
}


def permission(login: str) -> str:
    """What the forge says."""
    return PERMISSIONS.get(login, "none")


def comment(by: str, finding: Finding = LOOSE, at: str = LATER) -> Approval:
    """`/flywheel approve ID`."""
    return Approval(finding=finding.id, by=by, at=at, channel="comment")


def review(by: str, at: str = LATER) -> Approval:
    """An approving review."""
    return Approval(finding=None, by=by, at=at, channel="review")


def _by(
    *approvals: Approval,
    findings: tuple[Finding, ...] = (LOOSE,),
    policy: Policy = POLICY,
    last_report: str | None = REPORTED,
    ask: Callable[[str], str] | None = permission,
) -> list[str | None]:
    circumstances = Circumstances(author="mallory", permission=ask, last_report=last_report)
    return [decision.by for decision in decide(findings, approvals, policy, circumstances)]


@pytest.mark.parametrize("by", ["alice", "Carla"])
def test_who_the_policy_names_may_approve(by: str) -> None:
    assert _by(comment(by)) == [by]


@pytest.mark.parametrize("by", ["mona", "root", "wolf", "stranger"])
def test_nobody_else_may_approve_what_the_policy_names_people_for(by: str) -> None:
    assert _by(comment(by)) == [None]


@pytest.mark.parametrize(
    ("by", "counts"), [("mona", True), ("root", True), ("wolf", False), ("reader", False)]
)
def test_what_the_policy_does_not_name_is_for_maintainers(by: str, counts: bool) -> None:
    assert _by(comment(by, TEST), findings=(TEST,)) == [by if counts else None]


def test_a_decision_says_who_may_approve() -> None:
    circumstances = Circumstances(author="mallory", permission=permission, last_report=REPORTED)
    for approvals in ([], [comment("alice")]):
        decisions = decide((LOOSE, TEST), approvals, POLICY, circumstances)
        assert [each.may_approve for each in decisions] == [["alice", "carla", "mallory"], []]


@pytest.mark.parametrize("author", ["mallory", "Mallory"])
def test_an_author_never_approves_the_own_proposal(author: str) -> None:
    assert _by(comment(author), review(author)) == [None]


@pytest.mark.parametrize("by", ["github-actions[bot]", "dependabot[bot]"])
def test_programs_approve_nothing(by: str) -> None:
    """A workflow of a pull request's own can submit a review in the name of the forge's own program."""
    assert _by(comment(by), review(by), ask=lambda login: "admin", policy=Policy()) == [None]


def test_a_short_id_that_two_findings_share_approves_neither() -> None:
    """Made within a second: thresholds have digits enough to search in."""
    one, other = (
        Finding(
            kind=FindingKind.GATE_LOOSENED,
            sprint="0002-x",
            subject=subject,
            before=before,
            after=after,
            message="m",
        )
        for subject, before, after in (
            ("gate recall on dark", "0.9", "0.850003236"),
            ("gate precision", "0.8", "0.100037883"),
        )
    )
    assert one.short_id == other.short_id == "gate_loosened-aa0d5616"
    assert one.id == "gate_loosened-aa0d56161845b83e90e1dd911975b0df"
    assert distinct([one, other, one]) == [one, other]
    assert recorded_ids([one, other, one]) == {one.id, other.id}
    assert recorded_ids([one]) == {one.id, one.short_id}
    assert _by(comment("alice", one), findings=(one, other)) == ["alice", None]
    short = Approval(finding=one.short_id, by="alice", at=LATER, channel="comment")
    assert _by(short, findings=(one, other)) == [None, None]
    assert _by(comment("alice", one), findings=(one, one)) == ["alice", "alice"]
    assert _by(review("alice"), findings=(one, other)) == ["alice", "alice"]  # who looked at all of it


def test_a_review_approves_no_judgement_that_came_after_the_merge() -> None:
    """A workflow may write a check with any time: what was approved by name was seen, whatever the checks say."""
    stale = Finding(kind=FindingKind.STALE, sprint="0002-night", subject="champion a → b", message="m")
    policy = Policy(approvals={"stale": ["alice"]})
    assert _by(review("alice"), findings=(stale, TEST), policy=policy) == [None, None]
    assert _by(review("mona"), findings=(stale, TEST)) == [None, "mona"]
    assert _by(review("mona"), comment("mona", stale), findings=(stale, TEST)) == ["mona", "mona"]


@pytest.mark.parametrize("at", [EARLIER, REPORTED, "2026-11-21T11:59:59+02:00", "yesterday", ""])
def test_an_approval_before_the_last_report_counts_no_more(at: str) -> None:
    assert _by(comment("alice", at=at), review("alice", at=at)) == [None]


def test_times_of_other_zones_are_compared_as_times() -> None:
    assert _by(comment("alice", at="2026-11-21T12:00:01+02:00")) == ["alice"]


def test_nothing_is_approved_before_anything_was_reported() -> None:
    assert _by(comment("alice"), last_report=None) == [None]


def test_a_login_of_the_policy_that_lost_its_rights_approves_nothing() -> None:
    assert _by(comment("alice"), ask=lambda _: "read") == [None]


def test_a_review_covers_what_its_author_may_approve() -> None:
    assert _by(review("alice"), findings=(LOOSE, TEST)) == ["alice", None]
    assert _by(review("mona"), review("Carla"), findings=(LOOSE, TEST)) == ["Carla", "mona"]


def test_an_approval_of_another_finding_is_no_approval() -> None:
    assert _by(comment("alice", TEST)) == [None]


def test_a_terminal_needs_no_report_and_no_forge() -> None:
    given = Approval(finding=LOOSE.id, by="alice", at="", channel="terminal")
    assert _by(given, last_report=None, ask=None) == ["alice"]
    stranger = Approval(finding=LOOSE.id, by="nobody", at="", channel="terminal")
    assert _by(stranger, last_report=None, ask=None) == [None]


def test_the_forge_is_asked_once_for_everybody() -> None:
    asked: list[str] = []

    def ask(login: str) -> str:
        asked.append(login)
        return "read"

    _by(comment("mona", TEST), review("mona"), findings=(TEST, TEST), ask=ask)
    assert asked == ["mona"]


def test_decisions_in_words() -> None:
    circumstances = Circumstances(author="mallory", permission=permission, last_report=REPORTED)
    old = comment("alice", at=EARLIER)
    waiting, for_maintainers = decide([LOOSE, TEST], [old, comment("mallory")], POLICY, circumstances)
    assert waiting.text == (
        f"needs the approval of alice, carla, mallory: /flywheel approve {LOOSE.id}; "
        "the approval of alice does not count: it is older than the last report; "
        "the approval of mallory does not count: it is the author's own"
    )
    assert for_maintainers.text == (
        f"needs the approval of somebody who may maintain the repository: /flywheel approve {TEST.id}"
    )
    (approved,) = decide([LOOSE], [old, comment("Carla")], POLICY, circumstances)
    assert (approved.text, approved.channel, approved.at) == ("approved by Carla", "comment", LATER)
    (refused,) = decide([TEST], [comment("wolf", TEST)], POLICY, circumstances)
    assert refused.refused == [
        "the approval of wolf does not count: it takes the permission to maintain the repository"
    ]


def test_approvers_of_each_kind() -> None:
    assert approver_names(POLICY, [LOOSE, TEST, LOOSE]) == {
        "gate_loosened": ["alice", "carla", "mallory"],
        "test_changed": [],
    }
