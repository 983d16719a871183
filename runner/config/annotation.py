"""How a sprint's labels are made: the block `annotation` of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runner.annotators import AnnotationTool
from runner.domain.options import NEUTRAL, Fraction, NonNegative, Options, RelativePath, weakens
from runner.domain.policy import FindingKind
from runner.strategies.mix import BatchOptions

_WEAKENS = weakens(FindingKind.CHECK_WEAKENED)


class AnnotationBudget(Options, frozen=True, kw_only=True):
    """What the sprint may spend on labels."""

    money: Annotated[NonNegative, Meta(description="In the project's currency.", extra=NEUTRAL)]


class AgreementLimit(Options, frozen=True, kw_only=True):
    """How far annotators must agree."""

    metric: Annotated[
        Literal["iou", "class", "alpha"],
        Meta(
            description="`iou`: the mean overlap of the objects that two annotators drew, one that a single annotator drew counting 0. "
            "`class`: the share of objects that both drew and call the same. `alpha`: Krippendorff's, of classes and of what one "
            "of them left out; 0 is chance.",
            extra=_WEAKENS,
        ),
    ] = "iou"
    min: Annotated[
        Fraction,
        Meta(description="Below it the labels are to be reviewed, and no model is trained.", extra=_WEAKENS),
    ]


class QualityOptions(Options, frozen=True, kw_only=True):
    """What is spent on knowing how good the labels are."""

    double_annotated: Annotated[
        Fraction,
        Meta(description="The share of a batch that two annotators label independently.", extra=_WEAKENS),
    ] = 0
    gold: Annotated[
        Fraction,
        Meta(
            description="Images of the labelled split that are handed out again among the batch's, as a share of the batch. What is "
            "answered measures the annotators; the dataset keeps its labels.",
            extra=NEUTRAL,
        ),
    ] = 0
    agreement: Annotated[
        AgreementLimit | None, Meta(description="How far annotators must agree.", extra=_WEAKENS)
    ] = None


class Prelabels(Options, frozen=True, kw_only=True):
    """What of the champion's predictions annotators are shown."""

    min_confidence: Annotated[
        Fraction, Meta(description="Predictions of a lower score are not shown.", extra=NEUTRAL)
    ] = 0.3


class Annotation(Options, frozen=True, kw_only=True):
    """How this sprint's labels were or will be made."""

    strategy: Annotated[
        Literal["boxes", "polygons", "masks", "obb", "keypoints", "class"],
        Meta(description="What annotators draw.", extra=NEUTRAL),
    ]
    guidelines: Annotated[
        RelativePath | None,
        Meta(description="The annotators' instructions; their hash is in the report.", extra=NEUTRAL),
    ] = None
    batch: Annotated[
        BatchOptions | None,
        Meta(
            description="Which images of the pool are labelled next. It is the spec's own: what another spec `extends` does not inherit "
            "it.",
            extra=NEUTRAL,
        ),
    ] = None
    tool: Annotated[
        str | AnnotationTool | None,
        Meta(
            description="Where annotators work: a tool's name, or a block with its options. Needed for `flywheel annotate`.",
            extra=NEUTRAL,
        ),
    ] = None
    prelabel: Annotated[
        Prelabels | None,
        Meta(
            description="Shows annotators what the champion predicts, to be corrected; nothing is shown when absent.",
            extra=NEUTRAL,
        ),
    ] = None
    quality: Annotated[
        QualityOptions | None,
        Meta(description="Images labelled twice, and images whose labels are known.", extra=_WEAKENS),
    ] = None
    budget: Annotated[
        AnnotationBudget | None, Meta(description="What the sprint may spend on labels.", extra=NEUTRAL)
    ] = None

    @property
    def agreement_limit(self) -> tuple[Literal["iou", "class", "alpha"], float] | None:
        """The agreement that annotators must reach, and how much of it; None where the spec says nothing."""
        limit = self.quality.agreement if self.quality is not None else None
        return (limit.metric, limit.min) if limit is not None else None
