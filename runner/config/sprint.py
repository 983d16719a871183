"""A sprint's spec, as a team writes it in specs/NNNN-name.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from runner.domain.options import Condition, Fraction, Name, NonNegative, NonNegativeInt, Options, PositiveInt, RelativePath, Text
from runner.exporters import ExportTarget
from runner.gates import Gate
from runner.selectors.dedupe import Dedupe
from runner.selectors.sample import Sample
from runner.trainers import Trainer

SPEC_NAME = r"^[0-9]{4}-[a-z0-9-]{1,60}$"


class AnnotationBudget(Options, frozen=True, kw_only=True):
    """What the sprint may spend on labels."""

    money: Annotated[NonNegative, Meta(description="In the project's currency.")]


class Annotation(Options, frozen=True, kw_only=True):
    """How this sprint's labels were or will be made."""

    strategy: Annotated[Literal["boxes", "polygons", "masks", "obb", "keypoints", "class"], Meta(description="What annotators draw.")]
    guidelines: Annotated[RelativePath | None, Meta(description="The annotators' instructions; their hash is in the report.")] = None
    budget: AnnotationBudget | None = None


class SplitSelection(Options, frozen=True, kw_only=True):
    """Narrows one of the project's splits for this sprint."""

    where: Condition | None = None
    dedupe: Dedupe | None = None
    sample: Sample | None = None


class DataSelection(Options, frozen=True, kw_only=True):
    """Data selection rules, on top of the project's splits."""

    train: SplitSelection = SplitSelection()
    val: SplitSelection = SplitSelection()
    test: SplitSelection = SplitSelection()
    exclude: Annotated[Condition | None, Meta(description="Images that are used in neither train nor val.")] = None


CheckBlock = dict[str, Any]  # {preset: detection, …} or {expect_…: {table: images | objects, …}}: see config.schema


class SliceSpec(Options, frozen=True, kw_only=True):
    """A part of the test split to look at by itself: `name` with `where` or `objects`, or `by`."""

    name: Name | None = None
    where: Annotated[Condition | None, Meta(description="Images that belong to it.")] = None
    objects: Annotated[Condition | None, Meta(description="Ground-truth objects that belong to it; the others are ignored.")] = None
    by: Annotated[str | None, Meta(description="An index column: one slice per value.")] = None
    max: Annotated[PositiveInt, Meta(le=200, description="With `by`: at most so many values, the most frequent.")] = 20


class Evaluate(Options, frozen=True, kw_only=True):
    """What is measured on the test split."""

    optimizing: Annotated[str, Meta(description="The one number to push: a quality metric.")] = "map50_95"
    operating_confidence: Annotated[Fraction, Meta(description="Score threshold of precision, recall and f1.")] = 0.25
    slices: Annotated[list[SliceSpec], Meta(description="Added to the project's.")] = []


class BenchmarkOptions(Options, frozen=True, kw_only=True):
    """How latency is measured."""

    warmup: NonNegativeInt = 5
    iterations: Annotated[int, Meta(ge=10)] = 50


class Sprint(Options, frozen=True, kw_only=True):
    """One sprint: a hypothesis, the data, the training, and what the model must reach."""

    apiVersion: Literal["flywheel/v1"]  # noqa: N815 - the field's name in Kubernetes-style files
    kind: Literal["Sprint"]
    title: Text
    train: Trainer
    hypothesis: Text | None = None
    owner: Text | None = None
    extends: Annotated[Annotated[str, Meta(pattern=SPEC_NAME)] | None, Meta(description="Start from that sprint's spec; only what differs is written here.")] = None
    annotation: Annotation | None = None
    data: DataSelection = DataSelection()
    checks: Annotated[list[CheckBlock], Meta(description="Great Expectations checks over the tables `images` and `objects`.")] = []
    export: Annotated[list[ExportTarget], Meta(description="Artefacts to ship; the first is the one gates judge unless they name a target.")] = []
    evaluate: Evaluate = Evaluate()
    benchmark: BenchmarkOptions = BenchmarkOptions()
    gates: Annotated[list[Gate], Meta(description="Satisficing metrics: good enough, or not.")] = []
