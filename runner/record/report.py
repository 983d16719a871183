"""The report as data: everything its renderings need, and nothing that changes between machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType, field

from runner.domain.annotation_quality import AgreementMetric
from runner.domain.error_analysis import Errors, Gallery
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import Evaluation
from runner.domain.policy import Finding
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

if TYPE_CHECKING:
    from runner.record.catalogue import RecordFile

T = TypeVar("T")


class FileDigest(Record, frozen=True, kw_only=True):
    """A file of the repository, and the SHA-256 of its bytes (hex)."""

    path: str
    sha256: str


class ChampionNote(Record, frozen=True, kw_only=True):
    """The registry's champion. What was measured of it is `SprintReport.evaluation.champion`.

    Attributes:
        target: the artefact it ships, where it was run on this test split.
        why_not: why there is nothing to compare with, when `target` is `None`.
    """

    name: str
    target: str | None = None
    why_not: str = ""


class PrecisionRecall(Record, frozen=True, kw_only=True):
    """A precision-recall curve at similarity 0.5; both lists have one length, recall ascending, values in [0, 1]."""

    name: str  # whose curve: a target, or a class
    recall: list[float]
    precision: list[float]


class ConfidenceCurve(Record, frozen=True, kw_only=True):
    """F1 by the confidence from which on a prediction counts; lists of one length, confidence ascending."""

    name: str  # whose curve: a target, or a class
    confidence: list[float]
    f1: list[float]


class LabelWork(Record, frozen=True, kw_only=True):
    """How the sprint's labels were or will be made. `budget` is money; `agreement` what annotators must reach, where the spec says it."""

    strategy: str
    guidelines: FileDigest | None = None
    guidelines_path: str | None = None  # named in the spec, though the file may be missing
    budget: float | None = None
    agreement: tuple[AgreementMetric, float] | UnsetType = UNSET


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


class ToApprove(Record, frozen=True, kw_only=True):
    """A finding and who may approve it, by the base branch's policy; empty: whoever may maintain the repository."""

    finding: Finding
    approvers: list[str] = []


class BaseTerms(Record, frozen=True, kw_only=True):
    """The base branch's terms that a proposal's sprint was judged under. `reference`: see `Terms`."""

    base_commit: str
    reference: str | None
    findings: list[ToApprove]


class SprintReport(Record, frozen=True, kw_only=True):
    """One sprint's report. What did not happen is `None` or empty, and shown as "not measured".

    `terms` and `records` are written only where there are some: a report without is the same as before there were any.

    Attributes:
        records: what further stages wrote, by the names of their files: `record` reads one.
    """

    schema_version: Literal[2] = 2
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
    errors: Errors | None = None
    precision_recall: list[PrecisionRecall] = field(default_factory=list)
    confidence_curves: list[ConfidenceCurve] = field(default_factory=list)
    gallery: Gallery | None = None
    benchmark: Benchmark | None = None
    champion: ChampionNote | None = None
    annotation: LabelWork | None = None
    cost: Cost
    timings: list[StageTiming] = field(default_factory=list)
    reproduction: Reproduction
    terms: BaseTerms | UnsetType = UNSET
    records: dict[str, Any] | UnsetType = UNSET

    def record(self, file: RecordFile[T]) -> T | None:
        """What a file held that the catalogue calls `reported`; None where its stage did not get so far.

        Raises:
            FlywheelError: it holds something else.
        """
        if self.records is UNSET or file.name not in self.records:
            return None
        try:
            return msgspec.convert(self.records[file.name], file.type)
        except msgspec.ValidationError as error:
            raise FlywheelError(
                f"what it has of {file.name} cannot be read: {error}",
                where=Where(f"report.json of {self.sprint}"),
                hint=f"flywheel report {self.sprint}",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error

    @property
    def findings(self) -> list[ToApprove]:
        """What needs approval before the sprint's model can be promoted."""
        return self.terms.findings if self.terms is not UNSET else []
