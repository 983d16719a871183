"""Sampling a fixed number of images, balanced over a column if asked."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runner.domain.options import NonNegativeInt, Options, PositiveInt


class Sample(Options, frozen=True, kw_only=True):
    """A seeded random sample."""

    size: Annotated[PositiveInt, Meta(description="How many images at most.")]
    balance: Annotated[str | None, Meta(description="An index column whose values get equal shares as far as they go.")] = None
    seed: NonNegativeInt = 0
