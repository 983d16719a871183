"""The records that stages hand on. All are frozen and JSON-serialisable.

A metric without data is `None` ("not measured"), never 0, 1 or -1.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct, field


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every record has in common."""


# --- evaluation -----------------------------------------------------------------------------------

REFERENCE_TARGET = "torch"
"""The trained model before any export: what artefacts are compared with."""


def seed_target(seed: int) -> str:
    """The name of a further training seed's model among predictions; the first seed's is `REFERENCE_TARGET`."""
    return f"{REFERENCE_TARGET}-seed-{seed}"


class Metrics(Record, frozen=True, kw_only=True):
    """Detection metrics of one cell (the whole split, a slice, a class). Ratios are in [0, 1].

    `map*` and `ar` follow the COCO protocol (101 recall points, 100 detections per image and class; `ar` is
    COCO's AR@100). `precision`, `recall` and `f1` are at IoU 0.5 and the operating confidence.
    """

    images: int
    objects: int
    map50_95: float | None = None
    map50: float | None = None
    map75: float | None = None
    ar: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None


QUALITY_METRICS = ("map50_95", "map50", "map75", "ar", "precision", "recall", "f1")
COST_METRICS = (
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "throughput_ips",
    "size_mb",
    "peak_memory_mb",
)
SPRINT_METRICS = ("cost", "duration_min")
LOWER_IS_BETTER = frozenset(
    (
        "latency_p50_ms",
        "latency_p95_ms",
        "latency_p99_ms",
        "size_mb",
        "peak_memory_mb",
        "cost",
        "duration_min",
    )
)


class SliceMetrics(Record, frozen=True, kw_only=True):
    """One slice of the test split.

    `kind` tells what the condition selects: whole images, or ground-truth objects (others are ignored, as COCO
    ignores objects outside an area range).
    """

    name: str
    kind: Literal["images", "objects"]
    condition: str
    overall: Metrics
    per_class: dict[str, Metrics]


class TargetEvaluation(Record, frozen=True, kw_only=True):
    """One artefact (`torch`, `onnx-fp32`, …) on the test split."""

    target: str
    overall: Metrics
    per_class: dict[str, Metrics]
    slices: list[SliceMetrics]


class Evaluation(Record, frozen=True, kw_only=True):
    """What the evaluate stage writes. `split_digest` identifies the test images and their labels."""

    task: str
    evaluator: str
    split: str
    split_digest: str
    operating_confidence: float
    optimizing: str
    targets: list[TargetEvaluation]
    seeds: dict[str, Metrics] = {}  # torch, per further training seed


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
    """One epoch's losses and validation metrics, by Ultralytics' own names (not COCO's evaluator)."""

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


class Training(Record, frozen=True, kw_only=True):
    """What the train stage writes: one model per seed, the first of which is exported."""

    framework: str
    framework_version: str
    base_model: str
    class_names: list[str]
    imgsz: int
    device: Device
    images: int
    models: list[TrainedModel]


# --- data and checks ------------------------------------------------------------------------------


SPLITS = ("train", "val", "test")


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


class Selection(Record, frozen=True, kw_only=True):
    """What the select stage writes beside its manifest (Parquet)."""

    splits: dict[str, SplitCounts]
    dropped: list[SelectionStep]
    digest: str
    split_digests: dict[str, str]  # per split: images, and their labels


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
    """What the check stage writes."""

    results: list[CheckResult]

    @property
    def success(self) -> bool:
        return all(result.success or result.severity is Severity.WARNING for result in self.results)


# --- verdict --------------------------------------------------------------------------------------


class Outcome(StrEnum):
    """A gate's verdict, or a sprint's; `WORST_FIRST` orders them."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_MEASURED = "NOT_MEASURED"


WORST_FIRST = (Outcome.FAIL, Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE, Outcome.PASS)


class GateResult(Record, frozen=True, kw_only=True):
    """One gate, on one slice and one target."""

    gate: str  # the gate as written: "recall ≥ 0.70"
    metric: str
    target: str | None
    slice: str | None
    class_name: str | None = field(name="class", default=None)
    outcome: Outcome
    value: float | None
    reference: float | None = None  # the champion's, or the torch model's value
    threshold: float
    explanation: str
    source: str = ""  # file:line:column of the gate
    origin: Literal["sprint", "policy"] = "sprint"


class Verdict(Record, frozen=True, kw_only=True):
    """The sprint's verdict: PASS only when every gate passes."""

    outcome: Outcome
    gates: list[GateResult]
    optimizing: str
    optimizing_value: float | None
    champion: str | None = None


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
