"""The approvals that were given on a pull request, and since when they count. Whether they do is `policy.approvals`' business."""

from __future__ import annotations

from runner.domain.policy import Approval
from runner.forges.forge import Comment, Forge, PullRequest, Review
from runner.loop.believed import newest_run
from runner.loop.chat import Approve, parse
from runner.report.check import POLICY

_DECISIVE = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
CHECKS = "flywheel / "  # what the names of our checks begin with


def given(forge: Forge, pull: PullRequest, bot: str) -> list[Approval]:
    """Approvals by comment and by review, the oldest first.

    A comment that was edited is none: who reads it cannot know what it said when others saw it. A review is one if it is
    its author's last word and of exactly the proposed commit.

    Args:
        bot: whose comments are ours; they quote others.

    Raises:
        FlywheelError: the forge refused.
    """
    by_comment = [
        approval
        for comment in forge.comments(pull.number)
        if comment.author != bot and (approval := _of_comment(comment)) is not None
    ]
    last = {review.author: review for review in _ordered(forge.reviews(pull.number))}
    by_review = [
        Approval(finding=None, by=review.author, at=review.submitted_at, channel="review")
        for review in last.values()
        if review.state == "APPROVED" and review.commit == pull.head_sha
    ]
    return sorted([*by_comment, *by_review], key=lambda approval: approval.at)


def _of_comment(comment: Comment) -> Approval | None:
    command = parse(comment.body)
    if not isinstance(command, Approve) or comment.updated_at != comment.created_at:
        return None
    return Approval(finding=command.finding, by=comment.author, at=comment.created_at, channel="comment")


def _ordered(reviews: list[Review]) -> list[Review]:
    """Those that say something, the oldest first: a remark takes no approval back."""
    return sorted(
        (review for review in reviews if review.state in _DECISIVE), key=lambda review: review.submitted_at
    )


def last_report(forge: Forge, pull: PullRequest) -> str | None:
    """When the last sprint's check of the proposed commit was completed: what was approved before was another report.

    A plan is no report: who approves it has not seen what the sprint came to. Any workflow that may write checks can make
    one of ours, with a time of its own: before the newest run began there was no report of it, whatever a check says.

    Raises:
        FlywheelError: the forge refused.
    """
    times = [
        check.completed_at
        for check in forge.check_runs(pull.head_sha)
        if check.name.startswith(CHECKS) and check.name != POLICY and check.completed_at is not None
    ]
    if not times:
        return None
    newest = newest_run(forge, pull, "sprint.yml")
    return max([*times, *([newest.created_at] if newest is not None else [])])
