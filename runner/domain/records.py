"""The records that stages hand on. All are frozen and JSON-serialisable.

A metric without data is `None` ("not measured"), never 0, 1 or -1.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import UNSET, UnsetType

from runner.domain.bias import DataBias
from runner.domain.record import Record as Record

# --- benchmark, export, training ------------------------------------------------------------------


class Device(Record, frozen=True, kw_only=True):
    """Where something was measured."""

    kind: str  # cpu, cuda
    name: str
    threads: int
    cpu_count: int


class TargetBenchmark(Record, frozen=True, kw_only=True):
    """Speed and size of one artefact: batch 1, preprocessed input, warm. Times are wall-clock milliseconds."""

    target: str
    runtime: str  # e.g. "openvino 2026.4.1"
    precision: str  # what the runtime computed in, e.g. "f32"
    input_hw: tuple[int, int]
    iterations: int
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    throughput_ips: float
    size_mb: float
    peak_memory_mb: float


class Benchmark(Record, frozen=True, kw_only=True):
    """What the benchmark stage writes."""

    device: Device
    targets: list[TargetBenchmark]


class ExportedTarget(Record, frozen=True, kw_only=True):
    """One exported artefact. `path` is relative to the sprint folder; `digest` is of its content."""

    target: str  # "<format>-<precision>"
    path: str
    size_mb: float
    digest: str
    calibration_images: int | None = None
    calibration_split: str | None = None


class Epoch(Record, frozen=True, kw_only=True):
    """One epoch's losses and validation metrics, by the framework's own names (`runner.trainers.TERMS`)."""

    epoch: int
    values: dict[str, float]


class TrainedModel(Record, frozen=True, kw_only=True):
    """One seed's model. `state_digest` hashes the tensors, since `.pt` bytes always differ."""

    seed: int
    path: str
    state_digest: str
    parameters: int
    epochs: list[Epoch]
    seconds: float
    warnings: list[str] = []


class Ancestry(Record, frozen=True, kw_only=True):
    """Whose weights a training started from.

    Attributes:
        line: the sprints, the nearest first: the one that was fine-tuned, then those that it came from.
        digest: DVC's hash of the nearest one's weights.
        carried: the classes whose weights were taken over, by name; `new` start from random ones.
    """

    line: list[str]
    digest: str
    carried: list[str]
    new: list[str]


class Training(Record, frozen=True, kw_only=True):
    """What the train stage writes: one model per seed, the first of which is exported.

    `ancestor` is written only where another sprint's model was fine-tuned.
    """

    framework: str
    framework_version: str
    base_model: str
    class_names: list[str]
    imgsz: int
    device: Device
    images: int
    models: list[TrainedModel]
    ancestor: Ancestry | UnsetType = UNSET


# --- data and checks ------------------------------------------------------------------------------


SPLITS = ("train", "val", "test")
JUDGED = "test"  # the split that sprints are judged on
POOL = "pool"  # images that are not labelled yet


class SplitCounts(Record, frozen=True, kw_only=True):
    """What was selected for one split."""

    images: int
    objects: int
    per_class: dict[str, int] = {}


class SelectionStep(Record, frozen=True, kw_only=True):
    """Images that one rule dropped, with the rule as a person would say it."""

    split: str
    reason: str
    dropped: int


class LabelFaultCount(Record, frozen=True, kw_only=True):
    """Wrong labels of one kind that became the same.

    Attributes:
        kind: its name in `dataset.labels`.
        treatment: `refuse`, `drop` or `clip`.
        labels: how many, in the whole dataset.
        splits: how many of them in each split's selected images.
        examples: the first few, `labels/train/x.txt:3: what is wrong`.
    """

    kind: str
    treatment: str
    labels: int
    splits: dict[str, int]
    examples: list[str]


class LabelFaults(Record, frozen=True, kw_only=True):
    """What became of wrong labels; `emptied`: how many images of each split have no object since theirs were dropped."""

    kinds: list[LabelFaultCount]
    emptied: dict[str, int]


class Selection(Record, frozen=True, kw_only=True):
    """What the select stage writes beside its manifest (Parquet).

    Attributes:
        split_digests: per split, of its images and their labels.
        group_digests: per split, of its images and their groups; empty where nothing groups them.
        test_images: the test split's images by their bytes, as `image_set.packed`: what tells whether two splits share some.
        group_parts: the same of parts of each split: an image is in the same part whatever other images are there, so that
            what became of its group shows beside new ones. "images groups", a digest of each; empty for an empty part.
        metadata_digests: per split, of each metadata column's values.
        label_faults: what became of wrong labels; unset where flywheel.yaml says nothing of them.
    """

    splits: dict[str, SplitCounts]
    dropped: list[SelectionStep]
    digest: str
    split_digests: dict[str, str]
    group_digests: dict[str, str] = {}
    test_images: str = ""
    group_parts: dict[str, list[str]] = {}
    metadata_digests: dict[str, dict[str, str]] = {}
    label_faults: LabelFaults | UnsetType = UNSET


class Severity(StrEnum):
    """An `error` stops the sprint, a `warning` is reported."""

    ERROR = "error"
    WARNING = "warning"


class CheckResult(Record, frozen=True, kw_only=True):
    """One expectation's outcome. `rows` name up to 20 offending rows as `path: what`."""

    id: str
    description: str
    severity: Severity
    success: bool
    checked: int
    unexpected: int
    rows: list[str] = []
    fix: str = ""


class Checks(Record, frozen=True, kw_only=True):
    """What the check stage writes. `bias` is there where a preset was given."""

    results: list[CheckResult]
    bias: DataBias | UnsetType = UNSET

    @property
    def success(self) -> bool:
        return all(result.success or result.severity is Severity.WARNING for result in self.results)


# --- timing ---------------------------------------------------------------------------------------


class StageTiming(Record, frozen=True, kw_only=True):
    """How long a stage took when it last really ran, with what it scales with."""

    stage: str
    seconds: float
    work: float  # images, or images × epochs × seeds for train
    device: str
    finished_at: str  # ISO 8601, UTC


class StageFailure(Record, frozen=True, kw_only=True):
    """Why a stage failed; the report shows it."""

    stage: str
    message: str
    hint: str | None = None
    where: str | None = None
    exit_code: int = 3


class LastFailure(Record, frozen=True, kw_only=True):
    """A run that failed after the sprint was judged: the record is of the last verdict, and stays what is agreed.

    Attributes:
        spec_sha256: of the spec that ran.
    """

    spec_sha256: str
    failure: StageFailure
