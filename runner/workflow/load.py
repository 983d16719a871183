"""Loads one sprint for a command: the named one, or the newest."""

from __future__ import annotations

from pathlib import Path

from runner.config.load import list_sprints, load_project, load_sprint
from runner.domain.errors import FlywheelError, Where
from runner.planning.situation import Situation
from runner.workflow.terms import under_terms


def load(root: Path, name: str | None) -> Situation:
    """The sprint as it is judged: under the terms of a base branch, where a run recorded some.

    Raises:
        ConfigurationErrors: either file is not valid; all errors at once.
        FlywheelError: the project has no sprint yet, or its terms cannot be read.
    """
    written = load_written(root, name)
    return Situation(root, *under_terms(root, written.project, written.loaded))


def load_written(root: Path, name: str | None) -> Situation:
    """The sprint as it and flywheel.yaml are written here.

    Raises:
        ConfigurationErrors: either file is not valid; all errors at once.
        FlywheelError: the project has no sprint yet.
    """
    project = load_project(root)
    if name is None:
        sprints = list_sprints(root)
        if not sprints:
            raise FlywheelError(
                "there is no sprint yet",
                where=Where("specs/"),
                hint="write specs/0001-first-model.yaml, or: flywheel init --help",
            )
        name = sprints[-1]
    return Situation(root, project, load_sprint(root, name, project))
