"""Building blocks for options: constrained types whose descriptions become the option reference."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from runner.domain.policy import FindingKind

MAX_COUNT = 1_000_000_000
"""More of anything is a slip of the finger, and would run for ever."""

MAX_AMOUNT = 1e12
"""Of money, time and the like."""

MAX_SEED = 2**32 - 1
"""What NumPy and torch take for a seed."""

PositiveInt = Annotated[int, Meta(ge=1, le=MAX_COUNT)]
NonNegativeInt = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Seed = Annotated[int, Meta(ge=0, le=MAX_SEED)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
NonNegative = Annotated[float, Meta(ge=0, le=MAX_AMOUNT)]
Amount = Annotated[float, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
Condition = Annotated[
    str, Meta(min_length=1, max_length=2000, description="A SQL boolean expression over the image index.")
]
RelativePath = Annotated[
    str,
    Meta(min_length=1, max_length=400, description="Relative to the repository's top; no `..`, no symlink."),
]

DATASET_PATH = r"^(?![/~]|[A-Za-z]:)(?!(.*/)?\.\.(/|$))[^\\\x00-\x1f\x7f]+$"
DatasetPath = Annotated[
    str,
    Meta(
        max_length=400,
        pattern=DATASET_PATH,
        description="Relative to the dataset's folder; no `..`.",
    ),
]


class PolicyClass(Struct, frozen=True):
    """What a change of an option means for the policy; every option says it beside its description.

    Attributes:
        effect: `weakens`: a change may make a verdict easier to reach, and is then a finding. `changes the model`: the result
            is judged, whatever the change. `neutral`: no verdict depends on it.
        kinds: the findings of an option that weakens.
        where: of an option that weakens only there: "the split is frozen".
    """

    effect: Literal["weakens", "changes the model", "neutral"]
    kinds: tuple[FindingKind, ...] = ()
    where: str = ""


POLICY = "policy"
"""The key of an option's `PolicyClass` in the `extra` of its `Meta`."""

NEUTRAL = {POLICY: PolicyClass("neutral")}
CHANGES_THE_MODEL = {POLICY: PolicyClass("changes the model")}


def weakens(*kinds: FindingKind, where: str = "") -> dict[str, PolicyClass]:
    """The `extra` of an option whose change may be one of these findings."""
    return {POLICY: PolicyClass("weakens", kinds, where)}


CHANGES_A_SPLIT = weakens(FindingKind.TEST_CHANGED, where="the split is frozen")
"""Of images in training it is the model that changes."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every block of options has in common: unknown keys are refused, values never change."""
