"""What the folds of a sprint say, made when it is reported: the recipe cross-validated, and the labels that are likely wrong.

Both follow from what the stage `folds` stored; the labels' order from the verdict besides, since it is by what open gates lack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import UnsetType

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.cross_validation import CrossValidation
from runner.domain.evaluation import Evaluation
from runner.domain.files import encode_json, write_bytes
from runner.domain.label_issues import ISSUE_KINDS, LabelIssue, LabelIssues
from runner.domain.verdict import Outcome, Verdict
from runner.record.catalogue import (
    CROSS_VALIDATION,
    EVALUATION,
    FOLDS,
    FOLDS_FOLDER,
    LABEL_ISSUES,
    LABEL_ISSUES_SHEET,
    LABEL_ISSUES_SUMMARY,
)
from runner.record.label_issues import label_issues_text
from runner.report.wording import label, quality
from runner.workflow.recommending.evidence import closes, open_gate

if TYPE_CHECKING:
    from runner.assessment.label_issues import Aim

LEAST = 0.01  # suspicions below it are in no row
MOST = 20_000  # rows
FIRST = 24  # rows that the report has
DRAWN = 24  # images on the sheet
FILES = (CROSS_VALIDATION, LABEL_ISSUES_SUMMARY, LABEL_ISSUES, LABEL_ISSUES_SHEET)


@dataclass(frozen=True, kw_only=True)
class FoldsRecords:
    """What is written of the folds."""

    cross_validation: CrossValidation
    summary: LabelIssues
    issues: list[LabelIssue]

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Each file by its name; without the sheet."""
        yield CROSS_VALIDATION.name, encode_json(self.cross_validation)
        yield LABEL_ISSUES_SUMMARY.name, encode_json(self.summary)
        yield LABEL_ISSUES.name, label_issues_text(self.issues).encode()


def has_folds(folder: Path, loaded: LoadedSprint) -> bool:
    """Whether the spec asks for folds, and they were trained."""
    asked = not isinstance(loaded.sprint.evaluate.folds, UnsetType)
    return asked and (folder / FOLDS.name).is_file()


def stored(folder: Path) -> bool:
    """Whether what the folds predicted is here, and not only in DVC."""
    return (folder / FOLDS_FOLDER.name / "predictions.parquet").is_file()


def folds_records(folder: Path, project: Project, loaded: LoadedSprint, verdict: Verdict) -> FoldsRecords:
    """The records, made anew from the stored tables.

    Args:
        folder: the sprint's, or one laid out as it is.

    Raises:
        FlywheelError: a table is missing or cannot be measured.
    """
    from runner.assessment.cross_validation import cross_validated
    from runner.assessment.label_issues import FoldData, ranked_issues
    from runner.tasks import TASKS

    options = loaded.sprint.evaluate
    task = TASKS[project.task](spec=project.task_spec, operating_confidence=options.operating_confidence)
    found = FoldData.read(folder, task)
    evaluation = EVALUATION.read(folder)
    aims, words, gates = _aims(verdict, evaluation, loaded.sprint.primary_target)
    slices = [spec for spec in (*project.slices, *options.slices) if spec.auto is None]
    issues = ranked_issues(found, aims, slices, least=LEAST)
    kinds = {kind: [one for one in issues if one.kind == kind] for kind in ISSUE_KINDS}
    return FoldsRecords(
        cross_validation=cross_validated(found, verdict.optimizing, verdict.optimizing_value),
        issues=issues[:MOST],
        summary=LabelIssues(
            labels=len(found.data.objects["path"]),
            kinds={kind: len(rows) for kind, rows in kinds.items() if rows},
            expected={
                kind: round(sum(one.suspicion for one in rows), 1) for kind, rows in kinds.items() if rows
            },
            both_wrong=sum(one.both_wrong for one in issues),
            aims=words,
            gates=gates,
            first=issues[:FIRST],
            least=LEAST,
            cut=max(0, len(issues) - MOST),
        ),
    )


def _aims(verdict: Verdict, evaluation: Evaluation, target: str) -> tuple[list[Aim], list[str], bool]:
    """The open gates that better labels may close, by what each lacks; else the optimizing metric."""
    from runner.assessment.label_issues import Aim
    from runner.recommending.goals import distance

    overall = next((each.overall for each in evaluation.targets if each.target == target), None)
    aims, words = [], []
    for gate in verdict.gates:
        if gate.outcome is Outcome.PASS or not closes(gate):
            continue
        found = open_gate(gate)
        whole = quality(overall, gate.metric)
        beyond = 0.0
        if gate.slice and whole is not None and gate.value is not None:
            beyond = max(0.0, 1 - (1 - whole) / max(1 - gate.value, 1e-6))
        aims.append(
            Aim(
                metric=gate.metric,
                class_name=gate.class_name,
                slice=gate.slice,
                most=distance(found),
                beyond=beyond,
            )
        )
        words.append(found.words)
    if aims:
        return aims, words, True
    return [Aim(metric=verdict.optimizing)], [label(verdict.optimizing)], False


def write_folds_records(
    root: Path, folder: Path, project: Project, loaded: LoadedSprint, verdict: Verdict | None
) -> dict[str, object]:
    """Writes them of a sprint that was judged, and gives those that report.json carries, by their names; removes them of one without folds.

    Where the folds' predictions are only in DVC, what is recorded stays.
    """
    if verdict is None or not has_folds(folder, loaded):
        for file in FILES:
            (folder / file.name).unlink(missing_ok=True)
        return {}
    if not stored(folder):
        kept = {file.name: file.read_if_there(folder) for file in (CROSS_VALIDATION, LABEL_ISSUES_SUMMARY)}
        return {name: msgspec.to_builtins(record) for name, record in kept.items() if record is not None}
    found = folds_records(folder, project, loaded, verdict)
    for name, content in found.contents():
        write_bytes(folder / name, content)
    _write_sheet(root / project.dataset.path, folder / LABEL_ISSUES_SHEET.name, found.summary.first[:DRAWN])
    return {
        CROSS_VALIDATION.name: msgspec.to_builtins(found.cross_validation),
        LABEL_ISSUES_SUMMARY.name: msgspec.to_builtins(found.summary),
    }


def _write_sheet(dataset: Path, file: Path, issues: list[LabelIssue]) -> None:
    """In a clone without the images, the one that git has stays."""
    if not issues:
        file.unlink(missing_ok=True)
        return
    if not any((dataset / one.path).is_file() for one in issues):
        return
    from runner.workflow.drawing.issue_sheet import issue_sheet

    write_bytes(file, issue_sheet(dataset, issues))
