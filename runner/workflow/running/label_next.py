"""The pool scored by the champion at the end of a run, so that its report can say which images to label next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.workflow.holder import known_champion
from runner.workflow.scoring import outdated, run_scoring


def score_for_next(root: Path, project: Project, *, pull: bool, say: Callable[[str], None]) -> None:
    """Scores the pool where there is one, and a champion that has not scored it as it is. What goes wrong is said, and fails nothing."""
    if project.splits.pool is None:
        return
    try:
        champion = known_champion(root, project)
        if champion is not None and outdated(root, project, champion):
            say(f"the champion {champion.sprint} ({champion.tag}) scores the pool, for what to label next")
            run_scoring(root, project, champion, pull=pull, say=say)
    except FlywheelError as error:
        say(
            f"warning: the pool was not scored, so the report does not say what to label next: {error.message}"
        )
