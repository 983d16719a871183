"""A run that is run again keeps its number: what it reports and what it left belong to one of its attempts."""

from __future__ import annotations

from runner.forges.forge import Artifact, Forge, WorkflowRun


def report_id(run: WorkflowRun) -> str:
    """The `external_id` of the checks on a run's sprints: showing the same report again is no new report.

    >>> from runner.forges.forge import WorkflowRun
    >>> made = dict(path="", event="", head_sha="", head_branch="", head_repository=None, status="", conclusion=None)
    >>> report_id(WorkflowRun(id=100, attempt=2, title="", url="", **made))
    'sprint-100-2'
    """
    return f"sprint-{run.id}-{run.attempt}"


def plan_id(run: WorkflowRun) -> str:
    """The `external_id` of the check on a run's plan."""
    return f"plan-{run.id}-{run.attempt}"


def artifact_of(forge: Forge, run: WorkflowRun, name: str) -> Artifact | None:
    """What the run's last attempt left under a name; None where it left none, whatever an earlier one did.

    Raises:
        FlywheelError: the forge refused.
    """
    found = [each for each in forge.artifacts(run.id) if each.name == name]
    own = [each for each in found if not each.created_at or each.created_at >= run.started_at]
    return max(own, key=lambda each: each.id, default=None)
