"""The detection preset."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runner.domain.options import Fraction, NonNegativeInt, Options


class DetectionPreset(Options, frozen=True, kw_only=True):
    """Corrupt files, label errors, degenerate or out-of-image boxes, empty splits, leakage, class balance."""

    preset: Annotated[Literal["detection"], Meta(description="Which preset.")]
    max_unreadable: Annotated[Fraction, Meta(description="Share of unreadable files in the index that is still accepted (they are never selected).")] = 0.05
    min_objects_per_class: Annotated[NonNegativeInt, Meta(description="Fewer training objects of a class than this is a warning.")] = 10
