"""The report as data: everything its renderings need, and nothing that changes between machines."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.records import (
    Benchmark,
    Checks,
    Evaluation,
    ExportedTarget,
    Metrics,
    Record,
    Selection,
    SliceMetrics,
    StageFailure,
    StageTiming,
    Training,
    Verdict,
)


class FileDigest(Record, frozen=True, kw_only=True):
    """A file of the repository, and the SHA-256 of its bytes (hex)."""

    path: str
    sha256: str


class ChampionMetrics(Record, frozen=True, kw_only=True):
    """The champion, and the metrics of the artefact it ships where it was measured on the same test split.

    Attributes:
        why_not: why there is nothing to compare with, when `overall` is `None`.
        slices: those that mean the same as this sprint's slices of their names.
    """

    name: str
    target: str | None = None
    why_not: str = ""
    overall: Metrics | None = None
    per_class: dict[str, Metrics] = field(default_factory=dict)
    slices: list[SliceMetrics] = field(default_factory=list)


class PrecisionRecall(Record, frozen=True, kw_only=True):
    """A precision-recall curve at IoU 0.5; both lists have one length, recall ascending, values in [0, 1]."""

    name: str  # whose curve: a target, or a class
    recall: list[float]
    precision: list[float]


class LabelWork(Record, frozen=True, kw_only=True):
    """How the sprint's labels were or will be made. `budget` is money."""

    strategy: str
    guidelines: FileDigest | None = None
    guidelines_path: str | None = None  # named in the spec, though the file may be missing
    budget: float | None = None


class StageCost(Record, frozen=True, kw_only=True):
    """A stage's time and what it cost at `price_per_hour`."""

    stage: str
    seconds: float
    device: str
    price_per_hour: float
    money: float


class Cost(Record, frozen=True, kw_only=True):
    """What the sprint took. Sums are `None` when no stage has run."""

    currency: str
    seconds: float | None
    compute: float | None
    total: float | None  # compute only, until labels are bought through the runner
    stages: list[StageCost]


class Reproduction(Record, frozen=True, kw_only=True):
    """How to get these numbers again, and the digests that say whether one did."""

    commands: list[str]
    data_pointer: str
    data_md5: str | None  # of data.dvc
    selection_digest: str | None
    test_digest: str | None
    weights: dict[str, str]  # seed → digest of the state dict
    libraries: dict[str, str]  # name → version


class SprintReport(Record, frozen=True, kw_only=True):
    """One sprint's report. What did not happen is `None` or empty, and shown as "not measured"."""

    schema_version: Literal[1] = 1
    project: str
    sprint: str
    title: str
    hypothesis: str | None = None
    owner: str | None = None
    phase: str | None = None
    spec: FileDigest
    primary_target: str
    verdict: Verdict | None = None
    failure: StageFailure | None = None
    selection: Selection | None = None
    checks: Checks | None = None
    training: Training | None = None
    exports: list[ExportedTarget] = field(default_factory=list)
    evaluation: Evaluation | None = None
    precision_recall: list[PrecisionRecall] = field(default_factory=list)
    benchmark: Benchmark | None = None
    champion: ChampionMetrics | None = None
    annotation: LabelWork | None = None
    cost: Cost
    timings: list[StageTiming] = field(default_factory=list)
    reproduction: Reproduction


class ReportInputs(Record, frozen=True, kw_only=True):
    """What `build` reads: the resolved configuration, and the records that the stages have written so far.

    Attributes:
        sprint_name: the spec's name, `0001-first-model`.
        data_pointer: the dataset's DVC file, relative to the repository; `data_md5` is the hash inside it.
        guidelines: digest of `sprint.annotation.guidelines`, when that file exists.
        champion_name: the champion's sprint, when it is another one.
        champion: its evaluation as it was promoted; perhaps on another test split.
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
    precision_recall: list[PrecisionRecall] = field(default_factory=list)
    benchmark: Benchmark | None = None
    champion_name: str | None = None
    champion: Evaluation | None = None
    timings: list[StageTiming] = field(default_factory=list)
