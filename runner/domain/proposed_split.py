"""What `flywheel split` proposes."""

from __future__ import annotations

from runner.domain.record import Record


class StratumShares(Record, frozen=True, kw_only=True):
    """How the images, the objects of a class or the images of a slice are spread.

    Attributes:
        total: over all splits. `shares`: of each split, in [0, 1]; empty where there is nothing of it.
        clusters: in how many clusters some of it is.
        deviation: the largest distance of a share from the share of all images that the split has; None without anything.
    """

    name: str
    total: float
    shares: dict[str, float] = {}
    clusters: int
    deviation: float | None = None


class ProposedSplit(Record, frozen=True, kw_only=True):
    """A proposal, and how even it is.

    Attributes:
        asked: the share of images that was asked of each split.
        images, objects: how many each split gets.
        clusters: what stays together: groups and near-duplicates, joined. `largest`: images of the largest one.
        near_duplicates: how many pairs of images are near-duplicates.
        left_out: images that are proposed for no split, by the reason.
        kept: images that stay where they are, by split.
        judged: test images that a sprint was judged on already.
        strata: the first is of all images.
        unbalanced: strata that could not be spread as asked, in words.
        written: the file that was written; empty where none was. `lines`: of flywheel.yaml, to use it.
    """

    asked: dict[str, float]
    images: dict[str, int]
    objects: dict[str, int]
    clusters: int
    largest: int
    near_duplicates: int
    left_out: dict[str, int]
    kept: dict[str, int]
    judged: int
    strata: list[StratumShares]
    unbalanced: list[str]
    seed: int
    written: str = ""
    lines: str = ""
