"""A sprint's spec, as a team writes it in specs/NNNN-name.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from runner.config.annotation import Annotation
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.options import (
    CHANGES_A_SPLIT,
    CHANGES_THE_MODEL,
    NEUTRAL,
    Condition,
    Fraction,
    Name,
    Options,
    PositiveInt,
    Text,
    weakens,
)
from runner.domain.policy import FindingKind
from runner.domain.task import TaskName
from runner.exporters import ExportOptions
from runner.gates import Claim, Gate
from runner.selectors.dedupe import Dedupe
from runner.selectors.quota import Quota
from runner.selectors.sample import Sample
from runner.tasks import TASKS
from runner.trainers import TrainerOptions

SPEC_NAME = r"^[0-9]{4}-[a-z0-9-]{1,60}$"


class SplitSelection(Options, frozen=True, kw_only=True):
    """Narrows one of the project's splits for this sprint; the steps are taken in this order."""

    where: Annotated[
        Condition | None, Meta(description="Only the split's images that satisfy it.", extra=CHANGES_A_SPLIT)
    ] = None
    dedupe: Annotated[
        Dedupe | None, Meta(description="Drops duplicates and near-duplicates.", extra=CHANGES_A_SPLIT)
    ] = None
    # Unset, not None: what a spec does not say stands in no params.yaml, and what was selected stays cached.
    quota: (
        Annotated[Quota, Meta(description="At most so many images per value.", extra=CHANGES_A_SPLIT)]
        | UnsetType
    ) = UNSET
    sample: Annotated[Sample | None, Meta(description="Takes a random sample.", extra=CHANGES_A_SPLIT)] = None


class DataSelection(Options, frozen=True, kw_only=True):
    """Data selection rules, on top of the project's splits."""

    train: Annotated[SplitSelection, Meta(description="What to train on.")] = SplitSelection()
    val: Annotated[SplitSelection, Meta(description="What training is watched on.")] = SplitSelection()
    test: Annotated[SplitSelection, Meta(description="What the sprint is judged on.")] = SplitSelection()
    exclude: Annotated[
        Condition | None,
        Meta(description="Images that are used in neither train nor val.", extra=CHANGES_A_SPLIT),
    ] = None


CheckBlock = dict[
    str, Any
]  # {preset: detection, …} or {expect_…: {table: images | objects, …}}: see config.schema


Column = Annotated[str, Meta(min_length=1)]
MOST_VALUES, MOST_FOUND, MIN_IMAGES = 20, 5, 20  # of a slice that does not say


class SliceSpec(Options, frozen=True, kw_only=True):
    """A part of the test split to look at by itself: `name` with `where` or `objects`, or `by`, or `auto`."""

    name: Annotated[
        Name | None,
        Meta(description="What gates and the report call it.", extra=weakens(FindingKind.SLICE_REMOVED)),
    ] = None
    where: Annotated[
        Condition | None,
        Meta(
            description="Images that belong to it (a condition over `images`).",
            extra=weakens(FindingKind.SLICE_CHANGED),
        ),
    ] = None
    objects: Annotated[
        Condition | None,
        Meta(
            description="Labelled objects that belong to it (a condition over `objects`); others are ignored.",
            extra=weakens(FindingKind.SLICE_CHANGED),
        ),
    ] = None
    by: Annotated[
        Column | Annotated[list[Column], Meta(min_length=1, max_length=3)] | None,
        Meta(
            description="An index column: one slice per value, called `column=value`. Several columns are crossed: "
            "`a=x, b=y`.",
            extra=weakens(FindingKind.SLICE_REMOVED),
        ),
    ] = None
    auto: Annotated[
        Literal["weakest"] | None,
        Meta(
            description="Slices that are searched for: the weakest regions of metadata and image properties.",
            extra=weakens(FindingKind.SLICE_REMOVED),
        ),
    ] = None
    max: Annotated[
        Annotated[int, Meta(ge=1, le=200)] | None,
        Meta(
            description="With `by`: at most so many slices, those with the most images (20 when absent). With `auto`: "
            "at most so many (5 when absent).",
            extra=weakens(FindingKind.SLICE_REMOVED),
        ),
    ] = None
    min_images: Annotated[
        PositiveInt | None,
        Meta(
            description="With `auto`: regions of fewer images are not looked at (20 when absent).",
            extra=weakens(FindingKind.MIN_SIZE_RAISED),
        ),
    ] = None

    @property
    def columns(self) -> list[str]:
        """The columns of `by`."""
        return [self.by] if isinstance(self.by, str) else self.by or []


class Confidence(Options, frozen=True, kw_only=True):
    """How sure a statement must be."""

    level: Annotated[
        float,
        Meta(
            ge=0.5,
            le=0.999,
            description="Of the intervals, and of all gates of the sprint together.",
            extra=weakens(FindingKind.CONFIDENCE_LOWERED),
        ),
    ] = 0.95
    resamples: Annotated[
        int,
        Meta(
            ge=100,
            le=100_000,
            description="Bootstrap resamples of the test images (or their groups).",
            extra=weakens(FindingKind.CONFIDENCE_LOWERED),
        ),
    ] = 1000


class Evaluate(Options, frozen=True, kw_only=True):
    """What is measured on the test split."""

    optimizing: Annotated[
        str | None,
        Meta(
            description="The one number to push: a quality metric. map50_95, or top1 for classification.",
            extra=weakens(FindingKind.METRIC_CHANGED),
        ),
    ] = None
    operating_confidence: Annotated[
        Fraction,
        Meta(
            description="Score threshold of precision, recall and f1.",
            extra=weakens(FindingKind.OPERATING_POINT_CHANGED),
        ),
    ] = 0.25
    slices: Annotated[
        list[SliceSpec], Meta(description="Added to the project's.", extra=weakens(FindingKind.SLICE_REMOVED))
    ] = field(default_factory=list)
    confidence: Annotated[Confidence, Meta(description="How sure a statement must be.")] = Confidence()
    # Unset, not None: what a spec does not say stands in no params.yaml.
    folds: (
        Annotated[
            int,
            Meta(
                ge=2,
                le=20,
                description="Cross-validates the recipe: so many models, each trained without one part of the train split, on "
                "which it then predicts. What they say of the labels ranks the suspected ones. Nothing is judged by it.",
                extra=NEUTRAL,
            ),
        ]
        | UnsetType
    ) = UNSET

    def optimizing_for(self, task: TaskName) -> str:
        """The metric to push: the one named, or the task's usual one."""
        return self.optimizing or TASKS[task].optimizing


class BenchmarkOptions(Options, frozen=True, kw_only=True):
    """How latency is measured."""

    warmup: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Runs before the measured ones.",
            extra=weakens(FindingKind.BENCHMARK_WEAKENED),
        ),
    ] = 5
    iterations: Annotated[
        int,
        Meta(ge=10, le=100_000, description="Measured runs.", extra=weakens(FindingKind.BENCHMARK_WEAKENED)),
    ] = 50


class Variant(Options, frozen=True, kw_only=True):
    """What one variant says over the spec. Blocks are merged with the spec's as those of a spec that `extends` another.

    A variant without any of these is the spec itself, under a name.
    """

    # Unset, not None: to say nothing is not to take the block away. Each is checked as the spec's own block, once it is merged.
    train: (
        Annotated[dict[str, Any], Meta(description="Over the spec's `train`.", extra=NEUTRAL)] | UnsetType
    ) = UNSET
    data: (
        Annotated[
            dict[str, Any],
            Meta(
                description="Over the spec's `data`: `train`, `val` and `exclude`. The test split is the spec's.",
                extra=NEUTRAL,
            ),
        ]
        | UnsetType
    ) = UNSET

    annotation: (
        Annotated[
            dict[str, Any],
            Meta(
                description="`strategy: boxes` trains a detector on the boxes of the project's masks, key points or rotated boxes: what "
                "labels that cost less would have done. Both are measured on boxes. `train.model` is then a detector.",
                extra=NEUTRAL,
            ),
        ]
        | UnsetType
    ) = UNSET

    @property
    def patch(self) -> dict[str, Any]:
        """What it says."""
        given = {"train": self.train, "data": self.data, "annotation": self.annotation}
        return {key: value for key, value in given.items() if value is not UNSET and value}

    @property
    def strategy(self) -> str | None:
        """What its labels are, where it says that they are others."""
        return self.annotation.get("strategy") if self.annotation is not UNSET else None


class Additions(Options, frozen=True, kw_only=True):
    """Entries that are added to inherited lists, whose own entries stay."""

    checks: Annotated[
        list[CheckBlock], Meta(description="Added to `checks`.", extra=weakens(FindingKind.CHECK_WEAKENED))
    ] = field(default_factory=list)
    export: Annotated[
        list[ExportOptions], Meta(description="Added to `export`.", extra=weakens(FindingKind.TARGET_CHANGED))
    ] = field(default_factory=list)
    slices: Annotated[
        list[SliceSpec],
        Meta(description="Added to `evaluate.slices`.", extra=weakens(FindingKind.SLICE_REMOVED)),
    ] = field(default_factory=list)
    gates: Annotated[
        list[Gate], Meta(description="Added to `gates`.", extra=weakens(FindingKind.GATE_REMOVED))
    ] = field(default_factory=list)


class Sprint(Options, frozen=True, kw_only=True):
    """One sprint: a hypothesis, the data, the training, and what the model must reach."""

    # The field's name in Kubernetes-style files.
    apiVersion: Annotated[  # noqa: N815
        Literal["flywheel/v1"], Meta(description="The version of this language.", extra=NEUTRAL)
    ]
    kind: Annotated[Literal["Sprint"], Meta(description="What this file is.", extra=NEUTRAL)]
    title: Annotated[Text, Meta(description="The sprint in one line.", extra=NEUTRAL)]
    train: Annotated[TrainerOptions, Meta(description="How the model is trained.", extra=CHANGES_THE_MODEL)]
    hypothesis: Annotated[Text | None, Meta(description="What the sprint is to show.", extra=NEUTRAL)] = None
    expect: Annotated[
        Claim | None,
        Meta(
            description="The hypothesis as a number. The report tests it first; it decides nothing. It is the spec's own: "
            "what another spec `extends` does not inherit it.",
            extra=NEUTRAL,
        ),
    ] = None
    owner: Annotated[Text | None, Meta(description="Who answers for it.", extra=NEUTRAL)] = None
    extends: Annotated[
        Annotated[str, Meta(pattern=SPEC_NAME)] | None,
        Meta(description="Start from that sprint's spec; only what differs is written here.", extra=NEUTRAL),
    ] = None
    annotation: Annotated[
        Annotation | None,
        Meta(description="How the labels were or will be made.", extra=weakens(FindingKind.CHECK_WEAKENED)),
    ] = None
    data: Annotated[DataSelection, Meta(description="Data selection rules.")] = DataSelection()
    checks: Annotated[
        list[CheckBlock],
        Meta(
            description="Great Expectations checks over the tables `images` and `objects`.",
            extra=weakens(FindingKind.CHECK_WEAKENED),
        ),
    ] = field(default_factory=list)
    export: Annotated[
        list[ExportOptions],
        Meta(
            description="Artefacts to ship; the first is the one gates judge unless they name a target.",
            extra=weakens(FindingKind.TARGET_CHANGED),
        ),
    ] = field(default_factory=list)
    evaluate: Annotated[Evaluate, Meta(description="What is measured on the test split.")] = Evaluate()
    benchmark: Annotated[BenchmarkOptions, Meta(description="How latency is measured.")] = BenchmarkOptions()
    gates: Annotated[
        list[Gate],
        Meta(
            description="Satisficing metrics: good enough, or not.", extra=weakens(FindingKind.GATE_REMOVED)
        ),
    ] = field(default_factory=list)
    variants: (
        Annotated[
            dict[str, Variant],
            Meta(
                description="Further models that are made and measured beside the sprint's, on the same test images: each by its name, "
                "with what it says over the spec. The spec itself alone is judged. They are the spec's own: what another spec `extends` "
                "does not inherit them.",
                extra=NEUTRAL,
            ),
        ]
        | UnsetType
    ) = UNSET
    add: Annotated[
        Additions | None,
        Meta(
            description="Beside `extends`: entries added to inherited lists, in place of lists of one's own.",
            extra=weakens(
                FindingKind.GATE_REMOVED,
                FindingKind.SLICE_REMOVED,
                FindingKind.CHECK_WEAKENED,
                FindingKind.TARGET_CHANGED,
            ),
        ),
    ] = None

    @property
    def asks_for_labels(self) -> bool:
        """Whether images of the pool are to be labelled for it."""
        return self.annotation is not None and self.annotation.batch is not None

    @property
    def primary_target(self) -> str:
        """The artefact that gates judge when they name none: the first export, else the torch model."""
        return self.export[0].name if self.export else REFERENCE_TARGET
