"""The records that stages hand on. All are frozen and JSON-serialisable.

A metric without data is `None` ("not measured"), never 0, 1 or -1.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

from runner.domain.task import TaskName


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every record has in common."""


# --- evaluation -----------------------------------------------------------------------------------

REFERENCE_TARGET = "torch"
"""The trained model before any export: what artefacts are compared with."""


def seed_target(seed: int) -> str:
    """The name of a further training seed's model among predictions; the first seed's is `REFERENCE_TARGET`."""
    return f"{REFERENCE_TARGET}-seed-{seed}"


class Interval(Record, frozen=True, kw_only=True):
    """A confidence interval, ends included."""

    low: float
    high: float


class Metrics(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Quality of one cell (the whole split, a slice, a class). Ratios are in [0, 1]; `None` is not measured.

    detect, segment, pose, obb: `map*` and `ar` follow the COCO protocol (101 recall points, 100 detections per
    image and class (20 for pose); `ar` is COCO's AR at that many), by the task's own similarity; `precision`,
    `recall` and `f1` are at similarity 0.5 and the operating confidence, all classes counted together.

    classify: `top1` and `top5` are the share of images whose class is first, or among the first five;
    `balanced_accuracy` is the mean recall of the classes that occur; `precision`, `recall` and `f1` are of the
    first class, and macro averages where the cell is not one class.

    Attributes:
        groups: independent units of the bootstrap (scenes, or images) that the cell rests on.
        intervals: per metric, its interval at the evaluation's confidence level for this cell alone.
    """

    images: int
    objects: int
    map50_95: float | None = None
    map50: float | None = None
    map75: float | None = None
    ar: float | None = None
    top1: float | None = None
    top5: float | None = None
    balanced_accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    groups: int | None = None
    intervals: dict[str, Interval] = {}


RANKED_METRICS = ("map50_95", "map50", "map75", "ar", "precision", "recall", "f1")
CLASSIFY_METRICS = ("top1", "top5", "balanced_accuracy", "precision", "recall", "f1")
TASK_METRICS: dict[TaskName, tuple[str, ...]] = {
    "detect": RANKED_METRICS,
    "segment": RANKED_METRICS,
    "pose": RANKED_METRICS,
    "obb": RANKED_METRICS,
    "classify": CLASSIFY_METRICS,
}
QUALITY_METRICS = tuple(dict.fromkeys((*RANKED_METRICS, *CLASSIFY_METRICS)))
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

    Attributes:
        found: why a slice that nobody named is here; None for slices of the project and the spec.
    """

    name: str
    kind: Literal["images", "objects"]
    condition: str
    overall: Metrics
    per_class: dict[str, Metrics]
    found: FoundSlice | None = None


class FoundSlice(Record, frozen=True, kw_only=True):
    """What the search for weak slices says of one of them.

    Attributes:
        p_value: of this region being no worse than the rest, corrected for all regions that were looked at.
        searched: how many regions were looked at.
        loss: 1 - f1 inside, at the operating confidence (classify: the share of images whose first class is wrong);
            `loss_elsewhere` outside.
    """

    p_value: float
    searched: int
    loss: float
    loss_elsewhere: float


class TargetEvaluation(Record, frozen=True, kw_only=True):
    """One artefact (`torch`, `onnx-fp32`, …) on the test split."""

    target: str
    overall: Metrics
    per_class: dict[str, Metrics]
    slices: list[SliceMetrics]


class Resampling(Record, frozen=True, kw_only=True):
    """How intervals were made. `unit` is what was drawn: `image`, or the column that groups images."""

    level: float
    resamples: int
    unit: str
    groups: int


class Difference(Record, frozen=True, kw_only=True):
    """This sprint's judged artefact beside the champion's in one cell, on the same images and resamples.

    `interval` holds for all differences of the report together (family-wise); `outcome` is what it shows.
    `seed_deviation` is the standard deviation over training seeds, where there are several.
    """

    slice: str | None
    class_name: str | None = field(name="class", default=None)
    metric: str
    value: float
    reference: float
    difference: float
    interval: Interval | None
    outcome: Literal["gained", "lost", "unclear"]
    seed_deviation: float | None = None


class ChampionModel(Record, frozen=True, kw_only=True):
    """Whose predictions the champion stage wrote (champion/champion.json).

    Attributes:
        tag: the registry's git tag. `target`: the artefact that ran; `digest` is of its content.
        class_names: what it knows; classes of the project that it lacks count as never detected.
    """

    sprint: str
    tag: str
    target: str
    class_names: list[str]
    digest: str


class ChampionEvaluation(Record, frozen=True, kw_only=True):
    """The champion's shipped artefact, run anew on this sprint's test split. `target` is its name in its sprint.

    `unknown_classes` are the project's that it never learnt: they count as never detected.
    """

    sprint: str
    tag: str
    target: str
    unknown_classes: list[str] = []
    evaluation: TargetEvaluation
    differences: list[Difference]


class Evaluation(Record, frozen=True, kw_only=True):
    """What the evaluate stage writes. `split_digest` identifies the test images and their labels."""

    task: TaskName
    evaluator: str
    split: str
    split_digest: str
    operating_confidence: float
    optimizing: str
    resampling: Resampling | None = None
    targets: list[TargetEvaluation]
    seeds: list[TargetEvaluation] = []  # torch, per further training seed; without intervals
    champion: ChampionEvaluation | None = None
    searched_regions: int | None = None  # looked at for weak slices; None without an `auto` slice


# --- errors ---------------------------------------------------------------------------------------


class ErrorType(Record, frozen=True, kw_only=True):
    """One kind of error: how often, and how much map50 would rise if it were mended (TIDE's dAP)."""

    name: Literal["classification", "localisation", "both", "duplicate", "background", "missed"]
    count: int
    ap_cost: float | None


class ConfusionMatrix(Record, frozen=True, kw_only=True):
    """Rows are the truth, columns the prediction, in the order of `labels`; at the operating confidence.

    Attributes:
        background: the last label is no class (ranked tasks): a row of false detections, a column of misses.
    """

    labels: list[str]
    counts: list[list[int]]
    background: bool = False


class RecommendedPoint(Record, frozen=True, kw_only=True):
    """The confidence with the highest f1, and what it gives there."""

    confidence: float
    precision: float | None
    recall: float | None
    f1: float | None


class CalibrationBin(Record, frozen=True, kw_only=True):
    """Predictions whose confidence lies in [low, high): how many, their mean confidence, how many are right."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


class Calibration(Record, frozen=True, kw_only=True):
    """How far confidence can be believed; `ece` is the expected calibration error in [0, 1]."""

    ece: float | None
    bins: list[CalibrationBin]


class Errors(Record, frozen=True, kw_only=True):
    """What the judged artefact gets wrong (errors.json). `point` per class is under the class's name."""

    target: str
    types: list[ErrorType]
    confusion: ConfusionMatrix
    recommended: RecommendedPoint | None
    recommended_per_class: dict[str, RecommendedPoint]
    calibration: Calibration


class GalleryImage(Record, frozen=True, kw_only=True):
    """One of the worst test images, drawn with truth and prediction. Paths are relative to the sprint folder."""

    image: str  # relative to the dataset
    picture: str
    cam: str | None = None  # class activation map of the torch model on its worst error
    loss: float
    errors: dict[str, int]  # error type → how many
    caption: str


class Gallery(Record, frozen=True, kw_only=True):
    """What the inspect stage writes (gallery.json); worst first."""

    target: str
    images: list[GalleryImage]


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


class FurtherEvidence(Record, frozen=True, kw_only=True):
    """What would decide an INCONCLUSIVE gate at 80 % power.

    Attributes:
        images: further test images, of `slice` (None: of any kind); None when no realistic number would do.
        groups: the groups (scenes) that these images come from, where images are grouped.
        cost: of labelling them, in `currency`; None without a price.
        more_seeds: no number of images would do, since it is the spread over training seeds that is too wide.
    """

    images: int | None
    groups: int | None = None
    more_seeds: bool = False
    slice: str | None = None
    cost: float | None = None
    currency: str = ""


class GateResult(Record, frozen=True, kw_only=True):
    """One gate, on one slice and one target.

    Attributes:
        interval: of what the gate judges (the value, or its difference to the reference), family-wise.
        decided_by: `interval` for quality metrics; `point` where the gate says `decide: point`; `measurement`
            for what has no sampling error that we know (latency, size, cost).
    """

    gate: str  # the gate as written: "recall ≥ 0.70"
    metric: str
    target: str | None
    slice: str | None
    class_name: str | None = field(name="class", default=None)
    outcome: Outcome
    value: float | None
    reference: float | None = None  # the champion's, or the torch model's value
    interval: Interval | None = None
    decided_by: Literal["interval", "point", "measurement"] = "measurement"
    further: FurtherEvidence | None = None
    threshold: float
    explanation: str
    source: str = ""  # file:line:column of the gate
    origin: Literal["sprint", "policy"] = "sprint"


class Verdict(Record, frozen=True, kw_only=True):
    """The sprint's verdict: PASS only when every gate passes.

    Attributes:
        family: how many intervals were judged together; `level` is the confidence that all of them hold.
        wear: how often the test split has been used to decide, this time included.
    """

    outcome: Outcome
    gates: list[GateResult]
    optimizing: str
    optimizing_value: float | None
    optimizing_interval: Interval | None = None
    champion: str | None = None
    level: float | None = None
    family: int = 0
    wear: Wear | None = None


# --- wear of the test split -----------------------------------------------------------------------


class SplitUse(Record, frozen=True, kw_only=True):
    """One decision that was taken on a held-out split (an entry of reports/<sprint>/uses.json).

    Attributes:
        split_digest: the images and their labels.
        evaluation_digest: SHA-256 of evaluation.json: the same result judged again is the same use.
        significance: what this use spent: 1 − the confidence level, divided by 2 (one side makes a false winner).
        uses_before, spent_before: what other decisions had used when this one was first taken.
    """

    split_digest: str
    evaluation_digest: str
    significance: float
    uses_before: int
    spent_before: float


class Wear(Record, frozen=True, kw_only=True):
    """How worn a held-out split is. `left` is None without a budget; it bounds the chance of a false winner, for models
    made without looking at the split's earlier results."""

    split: str
    uses: int
    spent: float
    budget: float | None = None
    left: float | None = None
    exhausted: bool = False
    refresh: Literal["advised", "required"] = "advised"


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
