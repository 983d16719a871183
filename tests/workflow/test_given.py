"""Which words on a pull request are approvals, and since when they count."""

from __future__ import annotations

import pytest
from forges.fake_forge import FakeForge, pull_request, workflow_run

from runner.domain.policy import Approval
from runner.forges.forge import CheckRun, Review
from runner.pullrequests.approvals import approvals_given, last_report

FINDING = "gate_loosened-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d"
HEAD = "1" * 40
BOT = "github-actions[bot]"


@pytest.fixture
def forge() -> FakeForge:
    forge = FakeForge(now="2027-01-01T13:00:00Z")
    forge.add_pull(pull_request(7))
    forge.add_run(workflow_run(100))  # at 11:00
    return forge


def check(
    name: str = "flywheel / 0002-small", at: str = "2027-01-01T12:00:00Z", of: str = "sprint-100-1"
) -> CheckRun:
    return CheckRun(
        name=name,
        head_sha=HEAD,
        conclusion="success",
        title="t",
        summary="s",
        completed_at=at,
        external_id=of,
    )


@pytest.mark.parametrize(
    "body",
    [
        f"> /flywheel approve {FINDING}",
        f"    /flywheel approve {FINDING}",
        f"\t/flywheel approve {FINDING}",
        f"```\n/flywheel approve {FINDING}\n```",
        f"Not yet.\n/flywheel approve {FINDING}",
        f"/flywheel approve {FINDING} not",
        f"/flywheel approve {FINDING.upper()}",
        "/flywheel approve",
    ],
)
def test_what_only_talks_about_an_approval_is_none(forge: FakeForge, body: str) -> None:
    forge.add_comment(7, "bob", body)
    assert approvals_given(forge, forge.pulls[7], BOT) == []


def test_an_approval_is_the_first_line_of_a_comment_that_nobody_edited(forge: FakeForge) -> None:
    forge.add_comment(7, "bob", f"/flywheel approve {FINDING}\r\nLooks right.")
    forge.add_comment(7, "carol", f"/flywheel approve {FINDING}", edited_at="2027-01-01T13:00:01Z")
    forge.add_comment(7, BOT, f"/flywheel approve {FINDING}")
    assert approvals_given(forge, forge.pulls[7], BOT) == [
        Approval(finding=FINDING, by="bob", at="2027-01-01T13:00:00Z", channel="comment")
    ]


def test_a_review_that_was_taken_back_or_is_of_another_commit_is_none(forge: FakeForge) -> None:
    def review(author: str, state: str, commit: str = HEAD, minute: int = 0) -> Review:
        at = f"2027-01-01T13:{minute:02}:00Z"
        return Review(author=author, state=state, commit=commit, submitted_at=at)  # type: ignore[arg-type]

    forge.reviewed[7] = [
        review("bob", "APPROVED"),
        review("bob", "CHANGES_REQUESTED", minute=1),
        review("carol", "APPROVED", commit="2" * 40),
        review("dave", "APPROVED"),
        review("dave", "COMMENTED", minute=1),
    ]
    assert [approval.by for approval in approvals_given(forge, forge.pulls[7], BOT)] == ["dave"]


def test_the_last_report_is_the_last_sprints_check_and_no_plan(forge: FakeForge) -> None:
    pull = forge.pulls[7]
    assert last_report(forge, pull) is None
    forge.checks[HEAD] = [check("flywheel / policy", "2027-01-01T12:30:00Z"), check("other")]
    assert last_report(forge, pull) is None
    forge.checks[HEAD].append(check())
    assert last_report(forge, pull) == "2027-01-01T12:00:00Z"


def test_a_check_with_a_time_of_its_own_makes_no_report_older_than_its_run(forge: FakeForge) -> None:
    """Any workflow of a pull request may write checks, in the name of the forge's own program."""
    pull = forge.pulls[7]
    forge.checks[HEAD] = [
        check(at="2020-01-01T00:00:00Z"),
        check(at="2020-01-01T00:00:00Z", of="sprint-101-1"),
    ]
    assert last_report(forge, pull) == "2027-01-01T11:00:00Z"
    by_hand = {"event": "workflow_dispatch", "title": f"sprint #7 {HEAD}"}
    forge.add_run(workflow_run(101, head_branch="main", created_at="2027-01-01T11:30:00Z", **by_hand))
    assert last_report(forge, pull) == "2027-01-01T11:30:00Z"
    forge.add_run(workflow_run(102, head_branch="mine", created_at="2027-01-01T11:45:00Z", **by_hand))
    assert (
        last_report(forge, pull) == "2027-01-01T11:30:00Z"
    )  # of a branch of somebody's own: not of this one


@pytest.mark.parametrize(
    "forged",
    [
        check("flywheel / x", "9999-01-01T00:00:00Z"),
        check("flywheel / x", "9999-01-01T00:00:00Z", of="judged-again-0123456789ab"),
        check("flywheel / x", "2027-01-01T12:59:00Z", of="sprint-99-1"),
        check("flywheel / x", "2027-01-01T12:59:00Z", of="sprint-100-2"),
        check("flywheel / x", "2027-01-01T12:59:00Z", of=""),
        check("flywheel / x", "2027-01-01T12:59:00Z", of="judged-again-0123456789ab"),
    ],
)
def test_nobody_blocks_an_approval_with_a_check_of_a_time_to_come(forge: FakeForge, forged: CheckRun) -> None:
    pull = forge.pulls[7]
    forge.checks[HEAD] = [check(), forged]
    assert last_report(forge, pull) == "2027-01-01T12:00:00Z"


def test_a_record_that_was_judged_again_after_the_merge_is_a_report(forge: FakeForge) -> None:
    pull = forge.change_pull(7, state="closed", merged=True, merge_commit="2" * 40)
    forge.checks[HEAD] = [check(at="2027-01-01T12:30:00Z", of="judged-again-0123456789ab")]
    assert last_report(forge, pull) == "2027-01-01T12:30:00Z"


def test_an_attempt_that_was_started_after_the_merge_takes_no_report_away(forge: FakeForge) -> None:
    pull = forge.change_pull(
        7, state="closed", merged=True, merge_commit="2" * 40, merged_at="2027-01-01T12:10:00Z"
    )
    forge.checks[HEAD] = [check()]
    for conclusion in ("success", "cancelled", None):
        forge.runs = [workflow_run(100, attempt=2, started_at="2027-01-01T12:15:00Z", conclusion=conclusion)]
        assert last_report(forge, pull) == "2027-01-01T12:00:00Z"


def test_a_run_that_was_run_again_has_no_report_until_that_attempts_own(forge: FakeForge) -> None:
    pull = forge.pulls[7]
    forge.checks[HEAD] = [check()]
    forge.runs = [workflow_run(100, attempt=2, started_at="2027-01-01T12:15:00Z")]
    assert last_report(forge, pull) is None
    forge.checks[HEAD] = [check(at="2027-01-01T12:00:00Z", of="sprint-100-2")]
    assert last_report(forge, pull) == "2027-01-01T12:15:00Z"  # none came before the attempt began
    forge.checks[HEAD] = [check(at="2027-01-01T12:30:00Z", of="sprint-100-2")]
    assert last_report(forge, pull) == "2027-01-01T12:30:00Z"
