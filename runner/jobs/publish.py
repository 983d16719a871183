"""`flywheel ci publish`: puts a finished run's plan or reports on its pull request."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from runner.domain.errors import ExitCode, FlywheelError
from runner.forges import open_forge
from runner.forges.environment import Environment, read_environment
from runner.forges.forge import Forge
from runner.jobs.outputs import append_summary
from runner.pullrequests.publishing.publish import publish
from runner.pullrequests.publishing.publisher import Publisher
from runner.pullrequests.trusted_runs import HeadMoved, git_access
from runner.report.escape import paragraphs

_FINISHED = ("success", "failure")


def run(
    root: Path,
    *,
    run_id: int | None,
    forge: Forge | None = None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Publishes one run, once or again: comments are edited in place and checks are updated.

    Args:
        root: a clone of the default branch.
        run_id: the run; the event's when None.
        forge: the environment's when None.
        variables: the job's environment; this process's when None.

    Returns:
        0; also where nothing is to be published: a cancelled run, or one whose pull request has moved on.

    Raises:
        FlywheelError: the run is not believed, what it left is refused, or the forge refuses (exit code 5).
    """
    environment = read_environment(os.environ if variables is None else variables)
    known = forge or open_forge(environment)
    finished = known.workflow_run(_run_id(run_id, environment))
    if finished.status != "completed" or finished.conclusion not in _FINISHED:
        print(f"run {finished.id}: {finished.conclusion or finished.status}: nothing to publish")
        return int(ExitCode.PASS)
    publisher = Publisher(forge=known, environment=environment, root=root, access=git_access(environment))
    try:
        publish(publisher, finished)
    except HeadMoved as moved:
        print(f"run {finished.id}: {moved.message}: nothing to publish")
    except FlywheelError as error:
        append_summary(environment, f"### Not published\n\n{paragraphs(str(error))}\n")
        raise
    return int(ExitCode.PASS)


def _run_id(run_id: int | None, environment: Environment) -> int:
    if run_id is not None:
        return run_id
    finished = environment.event.get("workflow_run")
    found = finished.get("id") if isinstance(finished, dict) else None
    if not isinstance(found, int):
        raise FlywheelError("the event names no run", hint="flywheel ci publish --run-id RUN")
    return found
