"""The project: flywheel.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runner.config.sprint import SliceSpec
from runner.domain.options import Condition, Name, NonNegative, Options, PositiveInt, RelativePath
from runner.gates import Gate


class Dataset(Options, frozen=True, kw_only=True):
    """Where the data lies and how its labels are written."""

    path: Annotated[RelativePath, Meta(description="A folder tracked by `<path>.dvc`.")]
    layout: Annotated[Literal["yolo", "coco"], Meta(description="yolo: images/<split>/, labels/<split>/*.txt. coco: annotations/*.json.")]
    metadata: Annotated[RelativePath | None, Meta(description="CSV joined to the index by its `path` column (relative to the dataset).")] = None
    group_by: Annotated[str | None, Meta(description="A metadata column; images of one group never straddle splits.")] = None


class Splits(Options, frozen=True, kw_only=True):
    """Conditions over the image index that assign each image to at most one split."""

    train: Condition = "split = 'train'"
    val: Condition = "split = 'val'"
    test: Condition = "split = 'test'"
    pool: Annotated[Condition | None, Meta(description="Images that are not labelled yet.")] = None


class Policy(Options, frozen=True, kw_only=True):
    """What no sprint may drop: gates added to every sprint's own."""

    gates: list[Gate] = []


class Model(Options, frozen=True, kw_only=True):
    """The champion's name in the registry (git tags, as GTO reads them)."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-/]*[a-z0-9]$")]
    stage: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$")] = "prod"


class LabelCosts(Options, frozen=True, kw_only=True):
    """Money per label."""

    box: NonNegative = 0
    polygon: NonNegative = 0
    class_label: NonNegative = 0
    review: NonNegative = 0


class Costs(Options, frozen=True, kw_only=True):
    """Prices, for the forecast and the report."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "EUR"
    gpu_hour: NonNegative = 0
    cpu_hour: NonNegative = 0
    label: LabelCosts = LabelCosts()


class Compute(Options, frozen=True, kw_only=True):
    """Where stages run."""

    device: Annotated[str, Meta(pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$", description="auto: CUDA when present.")] = "auto"
    threads: Annotated[PositiveInt | None, Meta(description="CPU threads; all cores when absent. Weights are bit-identical for the same number.")] = None


class Project(Options, frozen=True, kw_only=True):
    """The project that all sprints share."""

    apiVersion: Literal["flywheel/v1"]  # noqa: N815
    kind: Literal["Project"]
    name: Name
    task: Annotated[Literal["detect"], Meta(description="What the model does.")]
    classes: Annotated[list[Annotated[str, Meta(min_length=1, max_length=80)]], Meta(min_length=1, max_length=10000, description="The class map, locked.")]
    dataset: Dataset
    phase: Literal["feasibility", "viability", "scale", "maintenance"] | None = None
    splits: Splits = Splits()
    slices: Annotated[list[SliceSpec], Meta(description="Every sprint is judged on these.")] = []
    policy: Policy = Policy()
    model: Model | None = None
    costs: Costs = Costs()
    compute: Compute = Compute()
