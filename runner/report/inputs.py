"""What a report is made from."""

from __future__ import annotations

from typing import Any

from msgspec import field

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.error_analysis import Errors, Gallery
from runner.domain.evaluation import Evaluation
from runner.domain.records import (
    Benchmark,
    Checks,
    ExportedTarget,
    Record,
    Selection,
    StageFailure,
    StageTiming,
    Training,
)
from runner.domain.verdict import Verdict
from runner.record.report import BaseTerms, ConfidenceCurve, FileDigest, PrecisionRecall


class ReportInputs(Record, frozen=True, kw_only=True):
    """What `build` reads: the resolved configuration, and the records that the stages have written so far.

    Attributes:
        sprint_name: the spec's name, `0001-first-model`.
        data_pointer: the dataset's DVC file, relative to the repository; `data_md5` is the hash inside it.
        guidelines: digest of `sprint.annotation.guidelines`, when that file exists.
        errors: errors.json. `gallery`: gallery.json.
        precision_recall, confidence_curves: plots/precision_recall.csv and plots/f1_confidence.csv.
        champion_name: what the registry calls the champion, when it is another sprint's model.
        champion_why_not: why it was not run on this test split, when `evaluation` has no champion.
        terms: the base branch's, when the sprint is a proposal's.
        records: what further stages wrote, by the names of their files.
    """

    project: Project
    sprint: Sprint
    sprint_name: str
    spec: FileDigest
    data_pointer: str = "data.dvc"
    data_md5: str | None = None
    guidelines: FileDigest | None = None
    verdict: Verdict | None = None
    failure: StageFailure | None = None
    selection: Selection | None = None
    checks: Checks | None = None
    training: Training | None = None
    exports: list[ExportedTarget] = field(default_factory=list)
    evaluation: Evaluation | None = None
    errors: Errors | None = None
    precision_recall: list[PrecisionRecall] = field(default_factory=list)
    confidence_curves: list[ConfidenceCurve] = field(default_factory=list)
    gallery: Gallery | None = None
    benchmark: Benchmark | None = None
    champion_name: str | None = None
    champion_why_not: str = ""
    timings: list[StageTiming] = field(default_factory=list)
    terms: BaseTerms | None = None
    records: dict[str, Any] = field(default_factory=dict)
