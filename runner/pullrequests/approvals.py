"""The approvals that were given on a pull request, and since when they count. Whether they do is `policy.approvals`' business."""

from __future__ import annotations

from runner.domain.policy import Approval
from runner.forges.forge import Comment, Forge, PullRequest, Review
from runner.pullrequests.bundles.attempts import began, is_report_of
from runner.pullrequests.comment_commands import ApproveCommand, parse
from runner.pullrequests.trusted_runs import newest_run
from runner.report.check import POLICY

_DECISIVE = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
JUDGED_AGAIN = "judged-again-"  # what the `external_id` of a check on such a record begins with
CHECKS = "flywheel / "  # what the names of our checks begin with


def approvals_given(forge: Forge, pull: PullRequest, bot: str) -> list[Approval]:
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
    if not isinstance(command, ApproveCommand) or comment.updated_at != comment.created_at:
        return None
    return Approval(
        finding=command.finding,
        by=comment.author,
        at=comment.created_at,
        channel="comment",
        reason=command.reason,
    )


def _ordered(reviews: list[Review]) -> list[Review]:
    """Those that say something, the oldest first: a remark takes no approval back."""
    return sorted(
        (review for review in reviews if review.state in _DECISIVE), key=lambda review: review.submitted_at
    )


def last_report(forge: Forge, pull: PullRequest) -> str | None:
    """When the newest run's last report of the proposed commit came: what was approved before was another report.

    A plan is no report: who approves it has not seen what the sprint came to. Any workflow that may write checks can make
    one of ours, with a time of its own. So only those count that report on the newest run's last attempt or, after the merge,
    on a record that was judged again; and before that attempt began there was no report, whatever a check says.

    Raises:
        FlywheelError: the forge refused.
    """
    ours = [
        check
        for check in forge.check_runs(pull.head_sha)
        if check.name.startswith(CHECKS) and check.name != POLICY and check.completed_at is not None
    ]
    newest = newest_run(forge, pull, "sprint.yml") if ours else None
    if newest is None:
        return None
    times = [
        str(check.completed_at)
        for check in ours
        if is_report_of(newest, pull, check.external_id)
        or (pull.merged and check.external_id.startswith(JUDGED_AGAIN))
    ]
    return max([*times, began(newest, pull)]) if times else None
