"""The suspected labels that a sprint can clean, and what was reviewed before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.config.load import list_sprints
from runner.domain.cleaning import CleanedLabel
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.label_issues import LabelIssue
from runner.record.catalogue import LABEL_ISSUES, sprint_folder
from runner.record.label_issues import read_cleaning, read_label_issues


@dataclass(frozen=True, kw_only=True)
class Suspected:
    """Issues as a sprint's models found them, worth most first.

    Attributes:
        found_by: that sprint.
    """

    found_by: str
    issues: list[LabelIssue]

    @property
    def by_name(self) -> dict[str, LabelIssue]:
        return {issue.issue: issue for issue in self.issues}


def suspected(root: Path, sprint: str) -> Suspected:
    """Those that the sprint found itself, else those of the newest one before it that looked for any.

    Raises:
        FlywheelError: none did.
    """
    names = [name for name in list_sprints(root) if name <= sprint]
    for name in reversed(names):
        issues = read_label_issues(sprint_folder(root, name))
        if issues is not None:
            return Suspected(found_by=name, issues=issues)
    raise FlywheelError(
        "no sprint has looked for wrong labels yet",
        where=Where(LABEL_ISSUES.of(sprint)),
        hint=f"add `evaluate: {{folds: 5}}` to specs/{sprint}.yaml, then: flywheel run {sprint}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def reviewed_before(root: Path, sprint: str) -> list[CleanedLabel]:
    """What was decided for this sprint and those before it, the oldest first.

    Raises:
        FlywheelError: a cleaning.csv cannot be read.
    """
    names = [name for name in list_sprints(root) if name <= sprint]
    return [row for name in names for row in read_cleaning(sprint_folder(root, name))]
