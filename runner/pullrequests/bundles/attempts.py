"""A run that is run again keeps its number: what it reports and what it left belong to one of its attempts."""

from __future__ import annotations

from runner.forges.forge import Artifact, Forge, PullRequest, WorkflowRun


def report_id(run: WorkflowRun) -> str:
    """The `external_id` of the checks on a run's sprints: showing the same report again is no new report.

    >>> from runner.forges.forge import WorkflowRun
    >>> made = dict(path="", event="", head_sha="", head_branch="", head_repository=None, status="", conclusion=None)
    >>> report_id(WorkflowRun(id=100, attempt=2, title="", url="", **made))
    'sprint-100-2'
    """
    return f"{_of(run)}{run.attempt}"


def _of(run: WorkflowRun) -> str:
    return f"sprint-{run.id}-"


def plan_id(run: WorkflowRun) -> str:
    """The `external_id` of the check on a run's plan."""
    return f"plan-{run.id}-{run.attempt}"


def is_report_of(run: WorkflowRun, pull: PullRequest, external_id: str) -> bool:
    """Whether a check is on what the run's attempt that counts reported."""
    return external_id.startswith(_of(run)) if is_after_merge(run, pull) else external_id == report_id(run)


def began(run: WorkflowRun, pull: PullRequest) -> str:
    """When the attempt that counts began, at the earliest: before, there was no report of it."""
    return run.created_at if is_after_merge(run, pull) else run.started_at


def artifact_of(forge: Forge, run: WorkflowRun, pull: PullRequest, name: str) -> Artifact | None:
    """What the run's attempt that counts left under a name; None where it left none, whatever an earlier one did.

    Raises:
        FlywheelError: the forge refused.
    """
    named = [artifact for artifact in forge.artifacts(run.id) if artifact.name == name]
    if pull.merged_at is not None and is_after_merge(run, pull):
        own = [artifact for artifact in named if artifact.created_at <= pull.merged_at]
    else:
        own = [
            artifact for artifact in named if not artifact.created_at or artifact.created_at >= run.started_at
        ]
    return max(own, key=lambda artifact: artifact.id, default=None)


def is_after_merge(run: WorkflowRun, pull: PullRequest) -> bool:
    """What was started again when it was merged already had nothing to run: the attempts before it are what counts."""
    return pull.merged_at is not None and run.started_at > pull.merged_at
