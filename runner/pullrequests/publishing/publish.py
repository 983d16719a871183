"""`publish`: puts what a run left on its pull request. The run is believed or refused first; what it left is data."""

from __future__ import annotations

from pathlib import PurePosixPath

from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.forge import PullRequest, WorkflowRun
from runner.pullrequests.publishing.plans import publish_plan
from runner.pullrequests.publishing.publisher import PLAN_MARKER, Publisher
from runner.pullrequests.publishing.reports import publish_reports
from runner.pullrequests.trusted_runs import HeadMoved, Workflow, newest_run, require_believed
from runner.report.escape import paragraphs


def workflow_of(run: WorkflowRun) -> Workflow | None:
    """Which of the two workflows a run claims to be of; `require_believed` looks closer."""
    match PurePosixPath(run.path.partition("@")[0]).name:
        case "plan.yml":
            return "plan.yml"
        case "sprint.yml":
            return "sprint.yml"
        case _:
            return None


def publish(publisher: Publisher, run: WorkflowRun) -> None:
    """Publishes a finished run's plan or reports.

    Raises:
        HeadMoved: the pull request has another head by now: nothing is published.
        FlywheelError: the run is not believed, what it left is refused, or the forge refuses (exit code 5). Reports that
            could be published are there all the same.
    """
    workflow = workflow_of(run)
    if workflow is None:
        raise FlywheelError(
            f"run {run.id} is of {run.path!a}: only plan.yml and sprint.yml leave something to publish",
            exit_code=ExitCode.PUBLISH_FAILED,
        )
    try:
        pull = require_believed(publisher.forge, publisher.root, run, workflow, access=publisher.access)
    except HeadMoved:
        raise
    except FlywheelError as refused:
        _tell_refused(publisher, run, workflow, refused)
        raise
    if workflow == "plan.yml":
        publish_plan(publisher, run, pull)
    else:
        publish_reports(publisher, run, pull)


def _tell_refused(publisher: Publisher, run: WorkflowRun, workflow: Workflow, refused: FlywheelError) -> None:
    """Says on the pull request of a plan that is not believed why there is none; nothing of the plan is shown."""
    pulls = publisher.forge.pull_requests_with_head(run.head_sha)
    if workflow != "plan.yml" or run.event != "pull_request" or len(pulls) != 1:
        return
    text = f"## ⚠ No plan is shown\n\n{paragraphs(refused.message)}\n"
    if refused.hint:
        text += f"\n**Next:** {paragraphs(refused.hint)}\n"
    publisher.sticky(pulls[0], PLAN_MARKER, f"{PLAN_MARKER}\n{text}")


def publish_again(publisher: Publisher, pull: PullRequest) -> None:
    """Shows the approvals that were given since: the newest finished runs of the pull request are published once more.

    Raises:
        FlywheelError: as `publish`.
    """
    newest = newest_run(publisher.forge, pull, "sprint.yml") or newest_run(publisher.forge, pull, "plan.yml")
    if newest is not None:
        publish(publisher, newest)
