"""What the stages wrote, read and judged: the report's inputs. Nothing is run and nothing is written."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from runner.adapters.dvc.metafiles import pointer_md5
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.domain.evaluation import Evaluation
from runner.domain.records import StageFailure
from runner.domain.verdict import SplitUse, Verdict
from runner.gates.evidence import Evidence, LabelPrice
from runner.gates.judge import judge
from runner.planning.holdout import evaluation_digest, wear_of_verdict
from runner.record.catalogue import (
    BENCHMARK,
    CHECKS,
    ERRORS,
    EVALUATION,
    EXPORTS,
    F1_CONFIDENCE,
    GALLERY,
    OUTCOMES_FOLDER,
    PRECISION_RECALL,
    REPORT,
    REPORTED,
    SELECTION,
    TRAINING,
    RecordFile,
)
from runner.record.digests import guidelines_file
from runner.record.report import BaseTerms, ConfidenceCurve, FileDigest, PrecisionRecall, ToApprove
from runner.report.build import sprint_cost
from runner.report.inputs import ReportInputs
from runner.stages import evaluate
from runner.stages.timings import read_timings
from runner.tasks import TASKS
from runner.workflow.judging.without_leaks import without_leaks
from runner.workflow.judging.written_gates import written_claim, written_gates
from runner.workflow.terms import read_terms

if TYPE_CHECKING:
    from runner.record.terms import Terms

T = TypeVar("T")

ANNOTATE = "annotate"
SAMPLES = f"{OUTCOMES_FOLDER.name}/resamples.parquet"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where a report's inputs are found.

    Attributes:
        folder: the sprint's folder, or one laid out as it is.
        fresh: the stages whose records count.
        champion: the sprint that this one is compared with. `champion_unknown`: why that could not be looked up.
        uses: of the test split, by this sprint.
    """

    root: Path
    folder: Path
    project: Project
    loaded: LoadedSprint
    fresh: frozenset[str]
    failure: StageFailure | None = None
    champion: str | None = None
    champion_unknown: str = ""
    uses: Sequence[SplitUse] = ()

    @property
    def terms(self) -> Terms | None:
        """The base branch's terms, where the sprint was judged under some."""
        return read_terms(self.folder)

    def record(self, file: RecordFile[T]) -> T | None:
        """A stage's record, or None where the stage did not get so far; what the report writes, of a sprint that was judged. What
        annotators left is there before any stage."""
        judged = "evaluate" in self.fresh and self.failure is None
        there = judged if file.written_by == "report" else file.written_by in (*self.fresh, ANNOTATE)
        return file.read_if_there(self.folder) if there else None

    @property
    def reported(self) -> dict[str, Any]:
        """What further stages wrote for the report, by the names of their files."""
        contents = {file.name: self._reported(file) for file in REPORTED}
        return {
            name: msgspec.to_builtins(content) for name, content in contents.items() if content is not None
        }

    def _reported(self, file: RecordFile[T]) -> T | None:
        """A record for the report. What the report itself writes is written anew: that it is spoiled is no reason to stop."""
        try:
            return self.record(file)
        except FlywheelError:
            if file.written_by != REPORT.written_by:
                raise
            return None

    @property
    def evaluation(self) -> Evaluation | None:
        """What the evaluate stage wrote."""
        return self.record(EVALUATION)


def collect(sources: Sources) -> ReportInputs:
    """Reads the records of the stages that count, and judges them.

    Raises:
        FlywheelError: a record or the samples behind the evaluation cannot be read.
    """
    root, project, loaded = sources.root, sources.project, sources.loaded
    pointer = f"{project.dataset.path}.dvc"
    evaluated = evaluate.STAGE.name in sources.fresh
    inputs = ReportInputs(
        project=project,
        sprint=loaded.sprint,
        sprint_name=loaded.name,
        spec=FileDigest(path=f"specs/{loaded.name}.yaml", sha256=loaded.raw_sha256),
        data_pointer=pointer,
        data_md5=pointer_md5(root / pointer),
        guidelines=_guidelines(root, loaded),
        failure=sources.failure,
        selection=sources.record(SELECTION),
        checks=sources.record(CHECKS),
        training=sources.record(TRAINING),
        exports=sources.record(EXPORTS) or [],
        evaluation=sources.evaluation,
        errors=sources.record(ERRORS),
        precision_recall=_precision_recall(sources.folder) if evaluated else [],
        confidence_curves=_confidence_curves(sources.folder) if evaluated else [],
        gallery=sources.record(GALLERY),
        benchmark=sources.record(BENCHMARK),
        champion_name=_champion_name(sources),
        champion_why_not=sources.champion_unknown,
        timings=read_timings(sources.folder).stages,
        terms=_terms(sources.terms),
        records=sources.reported,
    )
    return msgspec.structs.replace(inputs, verdict=_judge(sources, inputs))


def _judge(sources: Sources, inputs: ReportInputs) -> Verdict | None:
    """The verdict on what was measured; None when a stage failed or nothing was evaluated."""
    if inputs.evaluation is None or inputs.failure is not None:
        return None
    from runner.assessment.samples import read_samples

    project, loaded = sources.project, sources.loaded
    cost = sprint_cost(inputs.timings, project.costs)
    evidence = Evidence(
        evaluation=inputs.evaluation,
        benchmark=inputs.benchmark,
        exports=inputs.exports,
        primary_target=loaded.sprint.primary_target,
        samples=read_samples(sources.folder / SAMPLES),
        champion=sources.champion,
        champion_unknown=sources.champion_unknown,
        wear=wear_of_verdict(
            project, inputs.evaluation.split, sources.uses, evaluation_digest(sources.folder)
        ),
        label_price=label_price(project),
        cost=cost.total,
        duration_min=cost.seconds / 60 if cost.seconds is not None else None,
    )
    gates = written_gates(project, loaded)
    verdict = judge(gates, evidence, written_claim(loaded))
    return msgspec.structs.replace(verdict, without_leaks=without_leaks(sources.folder, gates, evidence))


def _champion_name(sources: Sources) -> str | None:
    """Where it is not known who holds the stage, the evaluation may still tell of the one of then."""
    measured = sources.evaluation is not None and sources.evaluation.champion is not None
    return "not known" if sources.champion_unknown and not measured else sources.champion


def _terms(terms: Terms | None) -> BaseTerms | None:
    """What the report says of the terms."""
    if terms is None:
        return None
    from runner.policy.project_rules import approvers

    return BaseTerms(
        base_commit=terms.base_commit,
        reference=terms.reference,
        findings=[
            ToApprove(finding=finding, approvers=approvers(terms.policy, finding.kind) or [])
            for finding in terms.all_findings
        ],
    )


def _guidelines(root: Path, loaded: LoadedSprint) -> FileDigest | None:
    path = guidelines_file(root, loaded)
    if path is None:
        return None
    return FileDigest(path=path, sha256=hashlib.sha256((root / path).read_bytes()).hexdigest())


def label_price(project: Project) -> LabelPrice:
    """What one more labelled object costs (image, for classify); a price of 0 is one that nobody entered."""
    price: float = getattr(project.costs.label, TASKS[project.task].label)
    return LabelPrice(per_object=price or None, currency=project.costs.currency)


def _precision_recall(folder: Path) -> list[PrecisionRecall]:
    curves = _curves(folder / PRECISION_RECALL.name, "recall", "precision")
    return [PrecisionRecall(name=name, recall=x, precision=y) for name, (x, y) in curves.items()]


def _confidence_curves(folder: Path) -> list[ConfidenceCurve]:
    curves = _curves(folder / F1_CONFIDENCE.name, "confidence", "f1")
    return [ConfidenceCurve(name=name, confidence=x, f1=y) for name, (x, y) in curves.items()]


def _curves(path: Path, x: str, y: str) -> dict[str, tuple[list[float], list[float]]]:
    points: dict[str, tuple[list[float], list[float]]] = {}
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                xs, ys = points.setdefault(row["target"], ([], []))
                xs.append(float(row[x]))
                ys.append(float(row[y]))
    return points
