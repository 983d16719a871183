"""How a sprint's labels are made: the block `annotation` of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runner.domain.options import NEUTRAL, NonNegative, Options, RelativePath


class AnnotationBudget(Options, frozen=True, kw_only=True):
    """What the sprint may spend on labels."""

    money: Annotated[NonNegative, Meta(description="In the project's currency.", extra=NEUTRAL)]


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
    budget: Annotated[
        AnnotationBudget | None, Meta(description="What the sprint may spend on labels.", extra=NEUTRAL)
    ] = None
