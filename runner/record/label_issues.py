"""label_issues.csv: the suspected labels of a sprint, worth most first; and cleaning.csv: what became of those that were reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.domain.cleaning import KEEP, CleanedLabel
from runner.domain.files import write_text
from runner.domain.label_issues import LabelIssue
from runner.record.catalogue import CLEANING, LABEL_ISSUES
from runner.record.rows import read_rows, table_text


def read_label_issues(folder: Path) -> list[LabelIssue] | None:
    """Those of the sprint whose folder this is; None where nobody looked for them.

    Raises:
        FlywheelError: label_issues.csv is none (exit code 3).
    """
    path = folder / LABEL_ISSUES.name
    return read_rows(path, LabelIssue) if path.is_file() else None


def label_issues_text(issues: Sequence[LabelIssue]) -> str:
    """label_issues.csv: a line each, in the given order."""
    return table_text(LabelIssue, issues)


def write_label_issues(folder: Path, issues: Sequence[LabelIssue]) -> None:
    """Writes label_issues.csv."""
    write_text(folder / LABEL_ISSUES.name, label_issues_text(issues))


def read_cleaning(folder: Path) -> list[CleanedLabel]:
    """The rows of cleaning.csv; none where no label was reviewed.

    Raises:
        FlywheelError: it is none (exit code 3).
    """
    return read_rows(folder / CLEANING.name, CleanedLabel)


def write_cleaning(folder: Path, rows: Sequence[CleanedLabel]) -> None:
    """Writes cleaning.csv."""
    write_text(folder / CLEANING.name, table_text(CleanedLabel, rows))


def is_settled(issue: LabelIssue, rows: Sequence[CleanedLabel]) -> bool:
    """Whether it was decided already, or somebody looked at the same label and found it right."""
    name = _content(issue.object_id)
    return any(
        row.issue == issue.issue
        or (
            row.decision == KEEP
            and row.image_id == issue.image_id
            and row.kind == issue.kind
            and name != ""
            and _content(row.object_id) == name
        )
        for row in rows
    )


def _content(object_id: str | None) -> str:
    """Of an object's id, what its label says, whatever its image is called."""
    return (object_id or "").rpartition("#")[2]
