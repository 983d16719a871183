"""Duplicates and near-duplicates: of each set of them one image is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from runner.domain.errors import FlywheelError
from runner.domain.options import CHANGES_A_SPLIT, Options
from runner.selectors.candidates import Candidates, Drops, Standing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["exact", "perceptual", "embedding"]
Repeats = dict[int, "Repeat"]
FEW = 5_000  # images that are compared one by one sooner than a search for pairs is loaded: a plan asks too


class Repeat(Struct, frozen=True, kw_only=True):
    """What an image repeats.

    Attributes:
        of: the position of the image that is kept.
        bits: in how many their hashes differ; 0 for the same file and where no hash was asked.
        changes: what was done to the one to get the other, where pixels were compared.
    """

    of: int
    bits: int = 0
    changes: str = ""


class Dedupe(Options, frozen=True, kw_only=True):
    """Keeps one image of each set of duplicates: the sharpest; of equals, the first by path.

    With `method: embedding` it is the largest; of equally large ones the sharpest: a small copy has sharper edges.
    """

    # Unset, not perceptual: what a spec does not say stands in no params.yaml, and what was selected stays cached.
    method: (
        Annotated[
            Method,
            Meta(
                description="`exact`: files of the same content. `perceptual` (when absent): images whose perceptual hashes "
                "differ in at most `distance` bits. `embedding`: images that show the same pixels, mirrored, cropped or turned "
                "ones too: the vectors of lite0 (the extra `embed`) propose pairs, and laying one picture upon the other "
                "confirms them.",
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
        match self.way:
            case "exact":
                return ("sharpness",)
            case "perceptual":
                return ("phash", "sharpness")
            case "embedding":
                return ("sharpness", "width", "height")

    def describe(self) -> str:
        match self.way:
            case "exact":
                return "the same file as one that is kept"
            case "perceptual":
                return f"near-duplicate (distance at most {self.distance})"
            case "embedding":
                return "shows the same pixels as one that is kept"

    def drop(self, candidates: Candidates) -> Drops:
        """Drops every image that repeats one that is kept, looking at the sharpest first.

        Raises:
            FlywheelError: the images have to be looked at, and are not at hand.
        """
        repeats = self._repeats(candidates)
        return Drops.each({at: self._reason(candidates, at, repeat) for at, repeat in repeats.items()})

    def standing(self, candidates: Candidates, position: int) -> Standing:
        repeat = self._repeats(candidates).get(position)
        if repeat is None:
            none = {
                "exact": "is the same file",
                "perceptual": f"is within {self.distance} bits of it",
                "embedding": "shows the same pixels",
            }
            return Standing(said=f"no image that is kept {none[self.way]}", facts={})
        said = f"{self._reason(candidates, position, repeat)}, which is {self._better(candidates, position, repeat.of)}"
        of = candidates.paths[repeat.of]
        if self.way == "embedding":
            return Standing(said=said, facts={"duplicate_of": of, "changes": repeat.changes})
        return Standing(said=said, facts={"duplicate_of": of, "distance": repeat.bits})

    def _better(self, candidates: Candidates, position: int, other: int) -> str:
        """Why the other one is kept."""
        if self.way == "embedding":
            pixels = candidates.columns["width"] * candidates.columns["height"]
            if pixels[other] > pixels[position]:
                return f"larger ({pixels[other]:,.0f} px, this {pixels[position]:,.0f})"
        sharpness = candidates.columns["sharpness"]
        by = "sharper" if sharpness[other] > sharpness[position] else "as sharp, and first by path"
        return f"{by} ({sharpness[other]:.4g}, this {sharpness[position]:.4g})"

    def _reason(self, candidates: Candidates, position: int, repeat: Repeat) -> str:
        path = candidates.paths[repeat.of]
        if candidates.image_ids[position] == candidates.image_ids[repeat.of] and self.way != "perceptual":
            return f"the same file as {path}"
        if self.way == "perceptual":
            return f"near-duplicate of {path} (distance {repeat.bits})"
        return f"shows the same pixels as {path}" + (f" ({repeat.changes})" if repeat.changes else "")

    def _repeats(self, candidates: Candidates) -> Repeats:
        """What each image repeats that is not kept; of several the nearest, of equally near ones the first that was kept."""
        import numpy as np

        columns = {
            name: candidates.columns[name].astype(np.float64) for name in self.needs if name != "phash"
        }
        sharpness = columns["sharpness"]
        pixels = columns["width"] * columns["height"] if "width" in columns else np.zeros(len(sharpness))
        order = sorted(
            range(len(sharpness)), key=lambda at: (-pixels[at], -sharpness[at], candidates.paths[at])
        )
        match self.way:
            case "exact":
                return _alike(candidates.image_ids, order, {})
            case "perceptual":
                return _near(candidates.columns["phash"].astype(np.uint64), order, self.distance)
            case "embedding":
                return _alike(candidates.image_ids, order, _confirmed(candidates))


def _confirmed(candidates: Candidates) -> dict[str, dict[str, str]]:
    """By content, the contents that show the same pixels, with what was done to the one."""
    if candidates.finder is None:
        raise FlywheelError(
            "`dedupe: {method: embedding}` looks at the images themselves, which a plan does not",
            hint="flywheel run, or flywheel select",
        )
    first = {image_id: at for at, image_id in reversed(list(enumerate(candidates.image_ids)))}
    contents = sorted(first)  # so that the same pairs are proposed whatever the files are called
    paths = [candidates.paths[first[content]] for content in contents]
    alike: dict[str, dict[str, str]] = {}
    for one, other, changes in candidates.finder.pairs(paths, contents):
        alike.setdefault(contents[one], {})[contents[other]] = changes
        alike.setdefault(contents[other], {})[contents[one]] = changes
    return alike


def _alike(image_ids: Sequence[str], order: Sequence[int], alike: Mapping[str, Mapping[str, str]]) -> Repeats:
    """What repeats a kept content, or one that is alike."""
    kept: dict[str, int] = {}
    rank: dict[str, int] = {}  # which was kept first
    repeats: Repeats = {}
    for position in order:
        content = image_ids[position]
        near = alike.get(content, {})
        if content in kept:
            repeats[position] = Repeat(of=kept[content])
        elif found := [other for other in near if other in kept]:
            first = min(found, key=rank.__getitem__)
            repeats[position] = Repeat(of=kept[first], changes=near[first])
        else:
            kept[content], rank[content] = position, len(kept)
    return repeats


def _near(hashes: NDArray[np.uint64], order: Sequence[int], distance: int) -> Repeats:
    """By each position that is near one that is kept: the nearest of those, the first kept of equals, and the bits between."""
    if len(hashes) <= FEW:
        return _compared(hashes, order, distance)
    try:
        return _paired(hashes, order, distance)
    except FlywheelError:  # nearly all are alike, as of a still camera: then few are kept
        return _compared(hashes, order, distance)


def _paired(hashes: NDArray[np.uint64], order: Sequence[int], distance: int) -> Repeats:
    """The same by all pairs that are near: quick for any number of images.

    Raises:
        FlywheelError: there are too many pairs.
    """
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
    repeats: Repeats = {}
    for rank, (position, own) in enumerate(zip(ranked.tolist(), which.tolist(), strict=True)):
        if kept[own]:
            repeats[position] = Repeat(of=int(ranked[first[own]]))
            continue
        near = slice(begin[own], begin[own + 1])
        found = np.flatnonzero(kept[other[near]])
        if len(found):
            at = int(begin[own]) + int(found[0])
            repeats[position] = Repeat(of=int(ranked[first[other[at]]]), bits=int(bits[at]))
        elif rank == first[own]:
            kept[own] = True
    return repeats


def _compared(hashes: NDArray[np.uint64], order: Sequence[int], distance: int) -> Repeats:
    """The same by comparing each with all that are kept: quick where those are few."""
    import numpy as np

    kept_hashes = np.empty(len(hashes), dtype=np.uint64)
    kept: list[int] = []
    repeats: Repeats = {}
    for position in order:
        distances = np.bitwise_count(kept_hashes[: len(kept)] ^ hashes[position])
        nearest = int(distances.argmin()) if kept else 0
        if kept and distances[nearest] <= distance:
            repeats[position] = Repeat(of=kept[nearest], bits=int(distances[nearest]))
        else:
            kept_hashes[len(kept)] = hashes[position]
            kept.append(position)
    return repeats
