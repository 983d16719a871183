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
    """By each position that is near one that is kept: the nearest of those, the first kept of equals, and the bits between."""
    import numpy as np

    from runner.adapters.pictures.hash_pairs import pairs_within

    ranked = np.asarray(order, np.intp)
    # Of each hash the image that comes first; whatever comes later has the same neighbours, and that one itself.
    distinct, first, which = np.unique(hashes[ranked], return_index=True, return_inverse=True)
    pairs = pairs_within(distinct, distance)
    one, other = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
    nearest = np.lexsort((first[other], np.tile(pairs.bits, 2), one))
    one, other, bits = one[nearest], other[nearest], np.tile(pairs.bits, 2)[nearest]
    begin = np.searchsorted(one, np.arange(len(distinct) + 1))
    kept = np.zeros(len(distinct), np.bool_)
    repeats = {}
    for rank, (position, own) in enumerate(zip(ranked.tolist(), which.tolist(), strict=True)):
        if kept[own]:
            repeats[position] = (int(ranked[first[own]]), 0)
            continue
        near = slice(begin[own], begin[own + 1])
        found = np.flatnonzero(kept[other[near]])
        if len(found):
            at = int(begin[own]) + int(found[0])
            repeats[position] = (int(ranked[first[other[at]]]), int(bits[at]))
        elif rank == first[own]:
            kept[own] = True
    return repeats
