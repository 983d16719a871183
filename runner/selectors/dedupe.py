"""Near-duplicate removal by perceptual hash."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runner.domain.options import Options


class Dedupe(Options, frozen=True, kw_only=True):
    """Keeps one image of each set of near-duplicates."""

    distance: Annotated[int, Meta(ge=0, le=16, description="Largest Hamming distance of two 64-bit perceptual hashes that still counts as a duplicate.")] = 0
