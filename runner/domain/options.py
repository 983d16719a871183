"""Building blocks for options: constrained types whose descriptions become the option reference."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

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


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every block of options has in common: unknown keys are refused, values never change."""
