"""Which regions a model is weak in, corrected for having looked at many.

Every region is scored by how far its errors exceed what would be expected of as many images with as many objects,
relative to how much that varies between groups. Flipping the signs of whole groups, at random, for all regions at once, shows how high the best
score of all regions gets by chance alone: what is not above 95 % of that is not reported. A model with no weak
region is so reported to have one in at most 5 % of searches.

Source: Westfall and Young, "Resampling-Based Multiple Testing", 1993 (the maximum over all tests); Chernozhukov,
Chetverikov and Kato, "Gaussian approximations and multiplier bootstrap for maxima of sums", 2013.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.regions import Regions

SIGNIFICANCE = 0.05
FLIPS = 1000

_MIN_GROUPS = 5
_LEAST_GAP = 0.02  # of the loss; what is nearer to the rest is not worth a name
_ALIKE = 0.8  # share of common images (Jaccard) from which on two regions are two descriptions of one
_NEARLY_AS_WEAK = 0.9  # of the best score, for the simpler of two descriptions
_OWN_IMAGES = 0.5  # share of a region that none of the weaker ones may hold
_AT_ONCE = 4_000_000  # entries of a portion of (regions, images)


@dataclass(frozen=True, kw_only=True)
class Losses:
    """How wrong the model is on each of I images.

    Attributes:
        wrong: `(I,)` float64. `weight`: `(I,)` float64, so that `wrong.sum() / weight.sum()` is the loss of any images.
        objects: `(I,)` float64, how many objects an image holds. Errors are expected per object and per image: else
            every region of images with few objects would look weak for its false detections alone.
        groups: `(I,)` int, the number of the group (scene) that each belongs to; groups are independent.
    """

    wrong: NDArray[np.float64]
    weight: NDArray[np.float64]
    objects: NDArray[np.float64]
    groups: NDArray[np.int64]

    def loss(self, images: NDArray[np.bool_]) -> float:
        """Of some images; NaN where there is nothing to be right or wrong about."""
        weight = float(self.weight[images].sum())
        return float(self.wrong[images].sum()) / weight if weight else float("nan")

    def of(self, images: NDArray[np.bool_] | NDArray[np.int64]) -> Losses:
        """Of some images alone, or in another order."""
        return Losses(
            wrong=self.wrong[images],
            weight=self.weight[images],
            objects=self.objects[images],
            groups=self.groups[images],
        )


@dataclass(frozen=True, kw_only=True)
class WeakRegion:
    """A region where the model is weak.

    Attributes:
        number: the region's, among the regions searched.
        score: how far its errors exceed the others', in standard deviations.
        p_value: of a score as high anywhere, if the model were nowhere weaker.
        loss, elsewhere: in [0, 1].
    """

    number: int
    score: float
    p_value: float
    loss: float
    elsewhere: float


@dataclass(frozen=True, kw_only=True)
class WeakSearch:
    """What a search gave: the weak regions, the clearest first, and how many regions were looked at."""

    found: list[WeakRegion]
    searched: int


def weakest_regions(
    regions: Regions,
    losses: Losses,
    *,
    min_images: int,
    most: int,
    named: Sequence[NDArray[np.bool_]] = (),
) -> WeakSearch:
    """Searches for weak regions; there are none where chance would explain them.

    After one is found its images are put aside, and the next must be weak without them. Of several descriptions of
    nearly the same images the simpler one is taken.

    Args:
        regions: what is looked at.
        losses: of every image.
        min_images: how large a region is at least.
        most: how many are wanted at most.
        named: `(I,)` masks of regions that have a name already: they are not reported, nor what is weak because of
            them.
    """
    by_group = np.argsort(losses.groups, kind="stable")
    family = _Family.of(regions, named, by_group)
    losses = losses.of(by_group)
    numbers = _large_enough(family, losses, min_images)
    if not len(numbers):
        return WeakSearch(found=[], searched=0)
    scores, highest = _scores_and_chance(family, numbers, losses)
    critical = np.quantile(highest, 1 - SIGNIFICANCE, method="higher")
    search = _Search(
        family=family,
        numbers=numbers[scores > critical],
        losses=losses,
        min_images=min_images,
        critical=critical,
    )
    found: list[WeakRegion] = []
    while len(found) < most and (choice := search.next()) is not None:
        number, score = choice
        inside = family.masks(np.array([number]))[0]
        search = search.without(inside)
        if number < len(regions.pair):
            found.append(
                WeakRegion(
                    number=number,
                    score=score,
                    p_value=float((1 + np.count_nonzero(highest >= score)) / (1 + len(highest))),
                    loss=losses.loss(inside),
                    elsewhere=losses.loss(~inside),
                )
            )
    return WeakSearch(found=found, searched=len(numbers))


@dataclass(frozen=True, kw_only=True)
class _Family:
    """All regions that compete: those looked at, and behind them those that have a name.

    Attributes:
        matrix: `(A, I)` bool, terms, with images in the order of their groups.
        pair: `(R, 2)` int64. `simplicity`: `(R,)` int, lower is simpler.
    """

    matrix: NDArray[np.bool_]
    pair: NDArray[np.int64]
    simplicity: NDArray[np.int64]

    @classmethod
    def of(cls, regions: Regions, named: Sequence[NDArray[np.bool_]], order: NDArray[np.int64]) -> _Family:
        masks = [*(term.images for term in regions.terms), *named]
        own = np.arange(len(regions.terms), len(masks))
        return cls(
            matrix=np.array(masks, dtype=bool).reshape(len(masks), len(order))[:, order],
            pair=np.vstack([regions.pair, np.stack([own, own], axis=1)]),
            simplicity=np.append(1 + (regions.pair[:, 0] != regions.pair[:, 1]), np.zeros_like(own)),
        )

    def masks(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`(P,)` -> `(P, I)`."""
        return np.asarray(self.matrix[self.pair[numbers, 0]] & self.matrix[self.pair[numbers, 1]])

    def portions(self, numbers: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
        """Masks `(P, I)` of some regions after the other, as many as fit in memory."""
        step = max(1, _AT_ONCE // max(1, self.matrix.shape[1]))
        for start in range(0, len(numbers), step):
            yield self.masks(numbers[start : start + step])


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Regions that may still be found, and what has been put aside."""

    family: _Family
    numbers: NDArray[np.int64]
    losses: Losses
    min_images: int
    critical: float
    aside: NDArray[np.bool_] | None = None

    def without(self, inside: NDArray[np.bool_]) -> _Search:
        """With these images put aside."""
        return replace(self, aside=inside if self.aside is None else self.aside | inside)

    def next(self) -> tuple[int, float] | None:
        """The number and the score of the weakest region on what is not put aside; None when there is none."""
        if not len(self.numbers):
            return None
        masks = self.family.masks(self.numbers)
        left = np.ones(masks.shape[1], dtype=bool) if self.aside is None else ~self.aside
        rest, part = self.losses.of(left), masks[:, left]
        contributions = _contributions(part, rest)
        scores = np.where(self._eligible(masks, part, rest), _scores(contributions), -np.inf)
        best = int(np.argmax(scores))
        if not scores[best] > self.critical:
            return None
        common = (part & part[best]).sum(axis=1)
        alike = common >= _ALIKE * (part | part[best]).sum(axis=1)
        same = np.flatnonzero(alike & (scores >= _NEARLY_AS_WEAK * scores[best]) & (scores > self.critical))
        numbers = self.numbers[same]
        chosen = same[np.lexsort((numbers, -scores[same], self.family.simplicity[numbers]))[0]]
        return int(self.numbers[chosen]), float(scores[chosen])

    def _eligible(self, masks: NDArray[np.bool_], part: NDArray[np.bool_], rest: Losses) -> NDArray[np.bool_]:
        size = part.sum(axis=1)
        weight, wrong = part @ rest.weight, part @ rest.wrong
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = wrong / weight - (rest.wrong.sum() - wrong) / (rest.weight.sum() - weight)
        enough = (size >= self.min_images) & (size >= _OWN_IMAGES * masks.sum(axis=1))
        return np.asarray(enough & (gap >= _LEAST_GAP))


def _large_enough(family: _Family, losses: Losses, min_images: int) -> NDArray[np.int64]:
    """Numbers of the regions with enough images and groups."""
    starts = _starts(losses.groups)
    numbers = np.arange(len(family.pair))
    enough = [
        (masks.sum(axis=1) >= min_images)
        & (np.logical_or.reduceat(masks, starts, axis=1).sum(axis=1) >= _MIN_GROUPS)
        for masks in (family.portions(numbers) if len(starts) else ())
    ]
    return np.flatnonzero(np.concatenate([np.empty(0, dtype=bool), *enough]))


def _scores_and_chance(
    family: _Family, numbers: NDArray[np.int64], losses: Losses
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(R,)` scores, and `(FLIPS,)` the highest of them when the signs of groups are random.

    Contributions are rounded to whole numbers so small that sums of them are exact in single precision: the same on
    any machine, in whatever order its matrix product adds.
    """
    n_groups = len(_starts(losses.groups))
    signs = np.random.default_rng(0).integers(0, 2, (FLIPS, n_groups), dtype=np.int8)
    flips = signs.astype(np.float32) * 2 - 1
    scale = (2**24 - n_groups) / np.sqrt(
        n_groups
    )  # the absolute sum of G entries of a unit vector is at most √G
    highest = np.full(FLIPS, -np.inf)
    scores = []
    for masks in family.portions(numbers):
        contributions = _contributions(masks, losses)
        scores.append(_scores(contributions))
        whole = np.rint(_unit(contributions) * scale).astype(np.float32)
        np.maximum(highest, (flips @ whole.T).max(axis=1) / scale, out=highest)
    return np.concatenate(scores), highest


def _contributions(masks: NDArray[np.bool_], losses: Losses) -> NDArray[np.float64]:
    """`(P, I)` masks -> `(P, G)` what each group adds to a region's excess of errors.

    An image's excess is what least squares leave of its errors, expected to be so many per image and so many per object.
    The share that a group has in that fit itself is taken off.
    """
    starts = _starts(losses.groups)
    basis = np.stack([np.ones_like(losses.objects), losses.objects], axis=1)  # (I, 2)
    inverse = np.linalg.pinv(basis.T @ basis)
    excess = losses.wrong - basis @ (inverse @ (basis.T @ losses.wrong))
    inside = masks.astype(np.float64)
    share = inside @ basis @ inverse  # (P, 2)
    inside *= excess
    if len(starts) < len(excess):
        inside = np.add.reduceat(inside, starts, axis=1)  # (P, I) -> (P, G)
    of_fit = np.add.reduceat(basis * excess[:, None], starts, axis=0)  # (G, 2)
    inside -= share @ of_fit.T
    return inside


def _scores(contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(P, G)` -> `(P,)`."""
    return np.asarray(_unit(contributions).sum(axis=1))


def _unit(contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1; of zeros where nothing varies."""
    length = np.sqrt(np.einsum("pg,pg->p", contributions, contributions))[:, None]
    return np.asarray(
        np.divide(contributions, length, out=np.zeros_like(contributions), where=length > 1e-12)
    )


def _starts(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each group begins, of groups in order."""
    return np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))
