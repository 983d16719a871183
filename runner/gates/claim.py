"""What a sprint claims to bring, said before it ran; it is tested like a gate, and decides nothing."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from runner.domain.options import NEUTRAL, NonNegative, Options
from runner.gates.gate import Gate


class Claim(Options, frozen=True, kw_only=True):
    """The hypothesis as a number: by how much a metric is to be better than the champion's, and where."""

    metric: Annotated[str, Meta(description="A quality metric that the task has.", extra=NEUTRAL)]
    slice: Annotated[
        str | None, Meta(description="A slice's name. The whole split when absent.", extra=NEUTRAL)
    ] = None
    class_name: Annotated[
        str | None, Meta(description="A class's name. All classes together when absent.", extra=NEUTRAL)
    ] = field(name="class", default=None)
    min_gain: Annotated[
        NonNegative,
        Meta(
            description="By at least how much it is to be better than the champion's (absolute).",
            extra=NEUTRAL,
        ),
    ] = 0.0

    @property
    def as_gate(self) -> Gate:
        """The gate that would demand it."""
        return Gate(
            metric=self.metric,
            slice=self.slice,
            class_name=self.class_name,
            min_gain=self.min_gain,
            against="champion",
        )
