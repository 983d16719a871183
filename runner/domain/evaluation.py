"""The records of what was measured on the test split: metrics, slices, the champion beside them, errors.

A metric without data is `None` ("not measured"), never 0, 1 or -1.
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType, field

from runner.domain.leaking import LeakKind, LeakPair, NearPair
from runner.domain.records import Record
from runner.domain.task import TaskName

REFERENCE_TARGET = "torch"
"""The trained model before any export: what artefacts are compared with."""


CHAMPION_TARGET = "champion"
"""The champion's artefact, run on this sprint's test split."""


_COMMON = "common/"


def common_target(target: str) -> str:
    """The name of an artefact's numbers on the classes that the champion knows too, where it does not know all."""
    return f"{_COMMON}{target}"


def is_common_target(target: str) -> bool:
    """Whether `common_target` gave this name.

    Example:
        >>> is_common_target(common_target("torch")), is_common_target("torch")
        (True, False)
    """
    return target.startswith(_COMMON)


def seed_target(seed: int) -> str:
    """The name of a further training seed's model among predictions; the first seed's is `REFERENCE_TARGET`."""
    return f"{REFERENCE_TARGET}-seed-{seed}"


def is_seed_target(target: str) -> bool:
    """Whether `seed_target` gave this name.

    Example:
        >>> is_seed_target(seed_target(2)), is_seed_target(REFERENCE_TARGET)
        (True, False)
    """
    return target.removeprefix(_COMMON).startswith(f"{REFERENCE_TARGET}-seed-")


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
        images: of the cell; for one class, those that hold it.
        groups: independent units of the bootstrap (scenes, or images) that hold an object which counts.
        groups_of: the same for metrics that count something else, where the number differs: precision rests on groups
            that hold a detection at the operating confidence, f1 on those that hold either.
        judged: means over classes without those that `Evaluation.left_out` names, where there are some: what intervals
            are of, and gates judge.
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
    groups_of: dict[str, int] = {}
    judged: dict[str, float] = {}
    intervals: dict[str, Interval] = {}


RANKED_METRICS = ("map50_95", "map50", "map75", "ar", "precision", "recall", "f1")
CLASSIFY_METRICS = ("top1", "top5", "balanced_accuracy", "precision", "recall", "f1")
RANKED_MEANS = frozenset(("map50_95", "map50", "map75", "ar"))
CLASSIFY_MEANS = frozenset(("balanced_accuracy", "precision", "recall", "f1"))
"""Means over classes where a cell is of all classes; the other metrics count all classes together."""
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
        class_names: what it knows; it is compared on the project's classes among them alone.
        recorded: the predictions are those of its own sprint's record, on the same images; it was not run again.
    """

    sprint: str
    tag: str
    target: str
    class_names: list[str]
    digest: str
    recorded: bool = False


class ChampionEvaluation(Record, frozen=True, kw_only=True):
    """The champion's shipped artefact, run anew on this sprint's test split. `target` is its name in its sprint.

    Attributes:
        unknown_classes: the project's that it never learnt. Objects of these, and what is found of them, do not count in any
            comparison: neither in `evaluation` nor in `differences` nor for gates.
        beside: this sprint's artefacts measured without them too; empty where it knows all classes.
    """

    sprint: str
    tag: str
    target: str
    unknown_classes: list[str] = []
    evaluation: TargetEvaluation
    differences: list[Difference]
    beside: list[TargetEvaluation] = []


class LeftOut(Record, frozen=True, kw_only=True):
    """Classes that judged means leave out (`runner.evaluation.judged`) on a slice (None: all images), and on how many groups each is."""

    slice: str | None
    classes: dict[str, int]


class NearDuplicates(Record, frozen=True, kw_only=True):
    """Test images that nearly repeat images of train or val.

    Attributes:
        distance: hashes that differ in so many bits or fewer count, where the thumbnails agree.
        images: how many test images there are. `pairs`: the first of them, by path.
        without: the judged artefact on the other test images; None where there are no such images, or no others.
    """

    distance: int
    images: int
    pairs: list[NearPair] = []
    without: Metrics | None = None


class Leaks(Record, frozen=True, kw_only=True):
    """The test images that training or choosing the model may have seen, and everything measured without them.

    Attributes:
        images: how many there are, of each kind in `kinds`, in how many `groups` (what the bootstrap draws).
        pairs: the first of them, by path.
        left: how many test images there are besides.
        targets: every artefact on those; empty where there are none. `champion`, `left_out`: see `Evaluation`.
    """

    images: int
    groups: int
    kinds: dict[LeakKind, int]
    pairs: list[LeakPair]
    left: int
    targets: list[TargetEvaluation] = []
    champion: ChampionEvaluation | None = None
    left_out: list[LeftOut] = []


class Evaluation(Record, frozen=True, kw_only=True):
    """What the evaluate stage writes.

    Attributes:
        split_digest: identifies the test images and their labels.
        slice_members: of each slice that somebody named, a digest of which of them belong to it.
        searched_regions: looked at for weak slices; None without an `auto` slice.
        left_out: where judged means over classes are without some.
        near_duplicates: of records of before there were `leaks`, which tell of more.
        leaks: written only where there are some.
    """

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
    slice_members: dict[str, str] = {}
    searched_regions: int | None = None
    left_out: list[LeftOut] = []
    near_duplicates: NearDuplicates | UnsetType | None = UNSET
    leaks: Leaks | UnsetType = UNSET
