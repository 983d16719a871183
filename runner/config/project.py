"""The project: flywheel.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field
from msgspec.structs import force_setattr

from runner.adapters.system.executors import ExecutorName
from runner.config.goal import Goal
from runner.config.label_rules import LabelRules
from runner.config.sprint import SliceSpec
from runner.domain.options import (
    CHANGES_A_SPLIT,
    NEUTRAL,
    Condition,
    Fraction,
    Name,
    NonNegative,
    Options,
    RelativePath,
    weakens,
)
from runner.domain.policy import FindingKind
from runner.domain.task import Keypoints, TaskName, TaskSpec
from runner.embeddings import AnySource, Lite0
from runner.gates import Gate
from runner.layouts import LAYOUTS, LabelLayout, shortest


class RemoteImages(Options, frozen=True, kw_only=True):
    """Images of a manifest that stay in an object store: a run fetches those that it looks at, by `--pull`."""

    prefixes: Annotated[
        list[Annotated[str, Meta(pattern=r"^(s3|gs|az|file)://[^\s*?]+/$", max_length=500)]],
        Meta(
            min_length=1,
            max_length=100,
            description="Where images may be fetched from: what a URL of the manifest begins with, up to a `/`, as in "
            "s3://bucket/folder/. In a pull request those of the base branch hold.",
            extra=NEUTRAL,
        ),
    ]


class Dataset(Options, frozen=True, kw_only=True):
    """Where the data lies and how its labels are written."""

    path: Annotated[
        RelativePath,
        Meta(
            description="The dataset's folder, tracked by the `.dvc` file beside it.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ]
    layout: Annotated[
        str | LabelLayout,
        Meta(
            description="How labels are written: a layout's name, or a block with its options. "
            + " ".join(f"`{name}`: `{layout.expects}`." for name, layout in LAYOUTS.items()),
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ]
    metadata: Annotated[
        RelativePath | None,
        Meta(
            description="A CSV file, joined to the index by its column `path` (relative to the dataset).",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = None
    group_by: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="A metadata column; images of one group never straddle splits.",
            extra=weakens(FindingKind.GROUPING_CHANGED, FindingKind.TEST_CHANGED),
        ),
    ] = None
    labels: Annotated[LabelRules, Meta(description="What becomes of wrong labels.")] = LabelRules()
    remote: Annotated[
        RemoteImages | None,
        Meta(description="Images that stay in an object store; needs the layout `manifest`.", extra=NEUTRAL),
    ] = None

    def __post_init__(self) -> None:
        force_setattr(self, "layout", shortest(self.layout))  # the same layout is written in one way


class Splits(Options, frozen=True, kw_only=True):
    """Conditions over the image index.

    An image belongs to the split whose condition it satisfies; at most to one.
    """

    train: Annotated[Condition, Meta(description="Images to train on.", extra=CHANGES_A_SPLIT)] = (
        "split = 'train'"
    )
    val: Annotated[
        Condition, Meta(description="Images that training is watched on.", extra=CHANGES_A_SPLIT)
    ] = "split = 'val'"
    test: Annotated[
        Condition,
        Meta(description="Images that every sprint is judged on.", extra=weakens(FindingKind.TEST_CHANGED)),
    ] = "split = 'test'"
    pool: Annotated[
        Condition | None, Meta(description="Images that are not labelled yet.", extra=NEUTRAL)
    ] = None


class Holdout(Options, frozen=True, kw_only=True):
    """How often the test split may decide before it is worn.

    Every decision on any of its images spends (1 − confidence level) / 2, and never less than at 95 %: the chance that a
    model that is no better passes for better. Asking again (the same recipe beside the same champion) spends half of what
    the last time did, and is judged as much more strictly. The sum bounds the chance of one false winner in the images'
    life, for models made without their results.
    """

    significance: Annotated[
        Fraction,
        Meta(
            description="The budget: the accepted chance of a false winner in the split's life.",
            extra=weakens(FindingKind.POLICY_LOOSENED),
        ),
    ] = 0.25
    refresh: Annotated[
        Literal["advised", "required"],
        Meta(
            description="What happens when the budget is spent: `advised` says so, `required` leaves comparisons "
            "with the champion INCONCLUSIVE until the test split is renewed, by images that no decision was taken on.",
            extra=weakens(FindingKind.POLICY_LOOSENED),
        ),
    ] = "advised"


SplitName = Literal["train", "val", "test"]


class Policy(Options, frozen=True, kw_only=True):
    """What no sprint may drop, and who may approve a proposal that drops it: the base branch's copy counts."""

    holdout: Annotated[
        Holdout | None,
        Meta(
            description="How often the test split may decide; uses are only counted when absent.",
            extra=weakens(FindingKind.POLICY_LOOSENED),
        ),
    ] = None

    gates: Annotated[
        list[Gate],
        Meta(description="Gates added to every sprint's own.", extra=weakens(FindingKind.POLICY_LOOSENED)),
    ] = field(default_factory=list)
    frozen: Annotated[
        list[SplitName],
        Meta(
            description="Splits whose images may not change without approval; `test` never may, named here or not.",
            extra=weakens(FindingKind.POLICY_LOOSENED),
        ),
    ] = field(default_factory=lambda: ["test"])
    approvals: Annotated[
        dict[str, Annotated[list[Name], Meta(min_length=1)]],
        Meta(
            description="Who may approve what weakens a verdict: by [kind of finding](policy.md), teams or logins. A "
            "kind that is not named: whoever may maintain the repository. Never a pull request's author.",
            extra=weakens(FindingKind.APPROVALS_WEAKENED),
        ),
    ] = field(default_factory=dict)
    teams: Annotated[
        dict[str, Annotated[list[Name], Meta(min_length=1)]],
        Meta(
            description="Names for several logins, for `approvals`.",
            extra=weakens(FindingKind.APPROVALS_WEAKENED),
        ),
    ] = field(default_factory=dict)

    @property
    def frozen_splits(self) -> tuple[SplitName, ...]:
        """Those named, and `test`: the split that decides is never free."""
        return tuple(dict.fromkeys((*self.frozen, "test")))


class Model(Options, frozen=True, kw_only=True):
    """The champion's name in the registry (git tags, as GTO reads them)."""

    name: Annotated[
        str,
        Meta(
            pattern="^[a-z][a-z0-9-/]*[a-z0-9]$",
            description="The model's name in the registry.",
            extra=weakens(FindingKind.REGISTRY_CHANGED),
        ),
    ]
    stage: Annotated[
        str,
        Meta(
            pattern="^[a-z][a-z0-9-]*$",
            description="The stage whose model is the champion.",
            extra=weakens(FindingKind.REGISTRY_CHANGED),
        ),
    ] = "prod"


class LabelCosts(Options, frozen=True, kw_only=True):
    """Money per label."""

    box: Annotated[NonNegative, Meta(description="One box, rotated or not.", extra=NEUTRAL)] = 0
    polygon: Annotated[NonNegative, Meta(description="One polygon.", extra=NEUTRAL)] = 0
    keypoints: Annotated[
        NonNegative, Meta(description="All keypoints of one object, with its box.", extra=NEUTRAL)
    ] = 0
    class_label: Annotated[NonNegative, Meta(description="One image's class.", extra=NEUTRAL)] = field(
        name="class", default=0
    )
    review: Annotated[NonNegative, Meta(description="The review of one label.", extra=NEUTRAL)] = 0


class Costs(Options, frozen=True, kw_only=True):
    """Prices, for the forecast and the report."""

    currency: Annotated[
        str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217.", extra=weakens(FindingKind.PRICE_LOWERED))
    ] = "EUR"
    gpu_hour: Annotated[
        NonNegative,
        Meta(description="An hour of a stage that runs on a GPU.", extra=weakens(FindingKind.PRICE_LOWERED)),
    ] = 0
    cpu_hour: Annotated[
        NonNegative,
        Meta(
            description="An hour of a stage that runs on the CPU.", extra=weakens(FindingKind.PRICE_LOWERED)
        ),
    ] = 0
    label: Annotated[LabelCosts, Meta(description="Money per label.")] = LabelCosts()


class Compute(Options, frozen=True, kw_only=True):
    """Where stages run, and how long."""

    device: Annotated[
        str,
        Meta(
            pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$",
            description="auto: CUDA when present.",
            extra=weakens(FindingKind.BENCHMARK_WEAKENED),
        ),
    ] = "auto"
    threads: Annotated[
        Annotated[int, Meta(ge=1, le=4096)] | None,
        Meta(
            description="CPU threads; all cores when absent. Weights are bit-identical for the same number.",
            extra=weakens(FindingKind.BENCHMARK_WEAKENED),
        ),
    ] = None
    time_limit: Annotated[
        Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,6}[hms]$")] | None,
        Meta(
            description="A sprint's run is stopped after so long: `6h`, `90m` or `3600s`. No limit when absent.",
            extra=weakens(FindingKind.LIMIT_RAISED),
        ),
    ] = None
    cost_limit: Annotated[
        NonNegative | None,
        Meta(
            description="A sprint's run is stopped when its stages have cost so much, by `costs`, in their currency. No "
            "limit when absent.",
            extra=weakens(FindingKind.LIMIT_RAISED),
        ),
    ] = None

    # Unset, not local: what a project does not say stands in no record, and nothing of it changes.
    executor: (
        Annotated[
            ExecutorName,
            Meta(
                description="`local` (when absent): this machine. `ray`: images are indexed and embedded, and duplicates searched, "
                "on the Ray cluster that RAY_ADDRESS names (the extra `ray`; [large datasets](scale.md)). The results are the same bytes.",
                extra=NEUTRAL,
            ),
        ]
        | UnsetType
    ) = UNSET

    @property
    def executor_name(self) -> ExecutorName | None:
        """`executor`; None where nothing is said of it."""
        return None if isinstance(self.executor, UnsetType) else self.executor

    @property
    def time_limit_s(self) -> float | None:
        """`time_limit` in seconds."""
        if self.time_limit is None:
            return None
        return float(int(self.time_limit[:-1]) * {"h": 3600, "m": 60, "s": 1}[self.time_limit[-1]])


class Project(Options, frozen=True, kw_only=True):
    """The project that all sprints share."""

    apiVersion: Annotated[  # noqa: N815
        Literal["flywheel/v1"], Meta(description="The version of this language.", extra=NEUTRAL)
    ]
    kind: Annotated[Literal["Project"], Meta(description="What this file is.", extra=NEUTRAL)]
    name: Annotated[Name, Meta(description="The project's name, as reports show it.", extra=NEUTRAL)]
    task: Annotated[
        TaskName, Meta(description="What the model does.", extra=weakens(FindingKind.TASK_CHANGED))
    ]
    classes: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=80)]],
        Meta(
            min_length=1,
            max_length=10000,
            description="The class map, locked: names, in the order of the labels' class ids.",
            extra=weakens(FindingKind.CLASS_MAP_CHANGED),
        ),
    ]
    dataset: Annotated[Dataset, Meta(description="Where the data lies and how its labels are written.")]
    keypoints: Annotated[
        Keypoints | None,
        Meta(
            description="The skeleton; needed for `task: pose`, and only there.",
            extra=weakens(FindingKind.TASK_CHANGED),
        ),
    ] = None
    phase: Annotated[
        Literal["feasibility", "viability", "scale", "maintenance"] | None,
        Meta(description="How far the project is.", extra=NEUTRAL),
    ] = None
    goal: Annotated[
        Goal | None, Meta(description="What it is to reach, and what that is worth.", extra=NEUTRAL)
    ] = None
    splits: Annotated[Splits, Meta(description="Conditions that assign images to splits.")] = Splits()
    slices: Annotated[
        list[SliceSpec],
        Meta(description="Every sprint is judged on these.", extra=weakens(FindingKind.SLICE_REMOVED)),
    ] = field(default_factory=list)
    policy: Annotated[Policy, Meta(description="What no sprint may drop.")] = Policy()
    model: Annotated[
        Model | None,
        Meta(description="The champion's name in the registry.", extra=weakens(FindingKind.REGISTRY_CHANGED)),
    ] = None
    costs: Annotated[Costs, Meta(description="Prices, for the forecast and the report.")] = Costs()
    compute: Annotated[Compute, Meta(description="Where stages run, and how long.")] = Compute()
    embeddings: Annotated[
        AnySource,
        Meta(
            description="The network whose vectors say which images look alike; lite0 when absent.",
            extra=NEUTRAL,
        ),
    ] = Lite0()

    @property
    def task_spec(self) -> TaskSpec:
        """What stages need to know of the task."""
        return TaskSpec(name=self.task, classes=self.classes, keypoints=self.keypoints)
