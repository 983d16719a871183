"""Near-duplicate removal by perceptual hash."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runner.domain.options import CHANGES_A_SPLIT, Options
from runner.selectors.candidates import Candidates


class Dedupe(Options, frozen=True, kw_only=True):
    """Keeps one image of each set of near-duplicates: the sharpest; of equals, the first by path."""

    distance: Annotated[
        int,
        Meta(
            ge=0,
            le=16,
            description="Largest Hamming distance of two 64-bit perceptual hashes "
            "that still counts as a duplicate.",
            extra=CHANGES_A_SPLIT,
        ),
    ] = 0

    @property
    def needs(self) -> tuple[str, ...]:
        return ("phash", "sharpness")

    def describe(self) -> str:
        return f"near-duplicate (distance at most {self.distance})"

    def drop(self, candidates: Candidates) -> dict[int, str]:
        """Drops every image within the distance of one that is kept, looking at the sharpest first."""
        import numpy as np

        hashes = candidates.columns["phash"].astype(np.uint64)
        sharpness = candidates.columns["sharpness"].astype(np.float64)
        order = sorted(
            range(len(hashes)), key=lambda position: (-sharpness[position], candidates.paths[position])
        )
        kept_hashes = np.empty(len(hashes), dtype=np.uint64)
        kept: list[int] = []
        dropped: dict[int, str] = {}
        for position in order:
            distances = np.bitwise_count(kept_hashes[: len(kept)] ^ hashes[position])
            nearest = int(distances.argmin()) if kept else 0
            if kept and distances[nearest] <= self.distance:
                original, distance = candidates.paths[kept[nearest]], int(distances[nearest])
                dropped[position] = f"near-duplicate of {original} (distance {distance})"
            else:
                kept_hashes[len(kept)] = hashes[position]
                kept.append(position)
        return dropped
