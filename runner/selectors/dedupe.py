"""Duplicates and near-duplicates: of each set of them one image is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from runner.domain.options import CHANGES_A_SPLIT, Options
from runner.selectors.candidates import Candidates, Standing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["exact", "perceptual"]


class Dedupe(Options, frozen=True, kw_only=True):
    """Keeps one image of each set of duplicates: the sharpest; of equals, the first by path."""

    # Unset, not perceptual: what a spec does not say stands in no params.yaml, and what was selected stays cached.
    method: (
        Annotated[
            Method,
            Meta(
                description="`exact`: files of the same content. `perceptual` (when absent): images whose perceptual hashes "
                "differ in at most `distance` bits.",
                extra=CHANGES_A_SPLIT,
            ),
        ]
        | UnsetType
    ) = UNSET
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
    def way(self) -> Method:
        """What counts as a duplicate."""
        return "perceptual" if isinstance(self.method, UnsetType) else self.method

    @property
    def needs(self) -> tuple[str, ...]:
        return ("sharpness",) if self.way == "exact" else ("phash", "sharpness")

    def describe(self) -> str:
        if self.way == "exact":
            return "the same file as one that is kept"
        return f"near-duplicate (distance at most {self.distance})"

    def drop(self, candidates: Candidates) -> dict[int, str]:
        """Drops every image that repeats one that is kept, looking at the sharpest first."""
        repeats = self._repeats(candidates)
        return {at: self._reason(candidates.paths[of], bits) for at, (of, bits) in repeats.items()}

    def standing(self, candidates: Candidates, position: int) -> Standing:
        found = self._repeats(candidates).get(position)
        if found is None:
            what = "the same file" if self.way == "exact" else f"within {self.distance} bits of it"
            return Standing(said=f"no image that is kept is {what}", facts={})
        of, bits = found
        sharpness = candidates.columns["sharpness"]
        by = "sharper" if sharpness[of] > sharpness[position] else "as sharp, and first by path"
        said = f"{self._reason(candidates.paths[of], bits)}, which is {by} ({sharpness[of]:.4g}, this {sharpness[position]:.4g})"
        return Standing(said=said, facts={"duplicate_of": candidates.paths[of], "distance": bits})

    def _reason(self, path: str, bits: int) -> str:
        if self.way == "exact":
            return f"the same file as {path}"
        return f"near-duplicate of {path} (distance {bits})"

    def _repeats(self, candidates: Candidates) -> dict[int, tuple[int, int]]:
        """By the position of each image that repeats one: that one, the nearest that is kept, and the bits between."""
        import numpy as np

        sharpness = candidates.columns["sharpness"].astype(np.float64)
        order = sorted(
            range(len(sharpness)), key=lambda position: (-sharpness[position], candidates.paths[position])
        )
        if self.way == "exact":
            return _same(candidates.image_ids, order)
        return _near(candidates.columns["phash"].astype(np.uint64), order, self.distance)


def _same(image_ids: Sequence[str], order: Sequence[int]) -> dict[int, tuple[int, int]]:
    first: dict[str, int] = {}
    repeats = {}
    for position in order:
        kept = first.setdefault(image_ids[position], position)
        if kept != position:
            repeats[position] = (kept, 0)
    return repeats


def _near(hashes: NDArray[np.uint64], order: Sequence[int], distance: int) -> dict[int, tuple[int, int]]:
    import numpy as np

    kept_hashes = np.empty(len(hashes), dtype=np.uint64)
    kept: list[int] = []
    repeats = {}
    for position in order:
        distances = np.bitwise_count(kept_hashes[: len(kept)] ^ hashes[position])
        nearest = int(distances.argmin()) if kept else 0
        if kept and distances[nearest] <= distance:
            repeats[position] = (kept[nearest], int(distances[nearest]))
        else:
            kept_hashes[len(kept)] = hashes[position]
            kept.append(position)
    return repeats
