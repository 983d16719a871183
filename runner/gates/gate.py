"""What a gate says in a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from runner.domain.options import Amount, NonNegative, Options, weakens
from runner.domain.policy import FindingKind


class Gate(Options, frozen=True, kw_only=True):
    """One condition that a model must meet: exactly one of `min`, `max`, `max_drop`, `min_gain`."""

    metric: Annotated[
        str,
        Meta(
            description="What is judged: a quality metric that the task has, or one of speed, size and cost "
            "(see [Metrics](#metrics)).",
            extra=weakens(FindingKind.GATE_REMOVED, FindingKind.POLICY_LOOSENED),
        ),
    ]
    min: Annotated[
        Amount | None,
        Meta(
            description="PASS when the value is at least this.",
            extra=weakens(FindingKind.GATE_LOOSENED, FindingKind.POLICY_LOOSENED),
        ),
    ] = None
    max: Annotated[
        Amount | None,
        Meta(
            description="PASS when the value is at most this.",
            extra=weakens(FindingKind.GATE_LOOSENED, FindingKind.POLICY_LOOSENED),
        ),
    ] = None
    max_drop: Annotated[
        NonNegative | None,
        Meta(
            description="PASS when the value is at most this much worse than the reference's (absolute).",
            extra=weakens(FindingKind.GATE_LOOSENED, FindingKind.POLICY_LOOSENED),
        ),
    ] = None
    min_gain: Annotated[
        NonNegative | None,
        Meta(
            description="PASS when the value is at least this much better than the reference's (absolute).",
            extra=weakens(FindingKind.GATE_LOOSENED, FindingKind.POLICY_LOOSENED),
        ),
    ] = None
    against: Annotated[
        Literal["champion", "torch"] | None,
        Meta(
            description="The reference of max_drop and min_gain: the registry's champion, or the torch model "
            "before export.",
            extra=weakens(FindingKind.GATE_REMOVED, FindingKind.POLICY_LOOSENED),
        ),
    ] = None
    target: Annotated[
        str | None,
        Meta(
            description='An export target ("openvino-int8"), "torch", or "*" for every artefact. '
            "The first export when absent.",
            extra=weakens(FindingKind.GATE_REMOVED, FindingKind.POLICY_LOOSENED),
        ),
    ] = None
    slice: Annotated[
        str | None,
        Meta(
            description='A slice\'s name, or "*" for every slice. The whole split when absent.',
            extra=weakens(FindingKind.GATE_REMOVED, FindingKind.POLICY_LOOSENED),
        ),
    ] = None
    class_name: Annotated[
        str | None,
        Meta(
            description='A class\'s name, or "*" for every class by itself. All classes together when absent.',
            extra=weakens(FindingKind.GATE_REMOVED, FindingKind.POLICY_LOOSENED),
        ),
    ] = field(name="class", default=None)
    decide: Annotated[
        Literal["interval", "point"],
        Meta(
            description="`interval`: the whole confidence interval must satisfy a quality gate. `point`: the measured "
            "number alone decides, and the report says so.",
            extra=weakens(FindingKind.GATE_LOOSENED, FindingKind.POLICY_LOOSENED),
        ),
    ] = "interval"
