"""What the project is to reach, and what that is worth to it: the block `goal` of flywheel.yaml."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runner.domain.options import NEUTRAL, Fraction, NonNegative, Options


class Goal(Options, frozen=True, kw_only=True):
    """Where the project wants to get. It judges nothing: gates do."""

    metric: Annotated[
        str | None,
        Meta(
            description="A quality metric of all test images. The sprint's `evaluate.optimizing` when absent.",
            extra=NEUTRAL,
        ),
    ] = None
    target: Annotated[
        Fraction | None,
        Meta(
            description="What it is to reach: the report says how many labels that takes, with an interval; so does `flywheel next` in phase viability.",
            extra=NEUTRAL,
        ),
    ] = None
    value_per_point: Annotated[
        NonNegative | None,
        Meta(
            description="What a point of the metric (0.01) is worth to the project, in the currency of `costs`. Labels that "
            "cost more than that per point are said not to be worth it.",
            extra=NEUTRAL,
        ),
    ] = None
