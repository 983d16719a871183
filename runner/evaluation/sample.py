"""One number with what its bootstrap resamples gave, and the paired difference of two.

What is made of them: runner/evaluation/intervals.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Ends: TypeAlias = tuple[float, float]

NO_SPREAD = 1e-12
"""Standard errors below it are rounding."""

_SMALLEST_SHARE = 0.5  # of resamples that could be measured; below it the bootstrap says nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One number, with what its bootstrap resamples gave.

    Attributes:
        estimate: the number on the test split itself; NaN is not measured.
        replicates: `(B,)` float64, one per resample, NaN where a resample could not be measured.
        groups: independent units (scenes, or images) that the number rests on.
        seeds: the same number of the other training seeds' models.
        bounds: the least and the greatest value that the number can have.
        degrees: degrees of freedom of the spread over groups; `group_degrees` of `groups` where nothing else is known.
        unseen: a further standard error: of classes in a mean that were all right, or all wrong.
        grid: a further standard error: of reading AP at 101 recalls (`runner.evaluation.certainty.grid_error`). Two models on
            the same images are read alike, and their difference has none.
        rarest: of a mean over classes, on how many groups the class with the fewest rests.
        trials: each group is one trial (an image that is right or wrong), and not a scene or an image with many objects.
        pair: of a difference in trials, the two sides.
    """

    estimate: float
    replicates: NDArray[np.float64]
    groups: int
    seeds: tuple[float, ...] = ()
    bounds: Ends = (0.0, 1.0)
    degrees: float | None = None
    unseen: float = 0.0
    grid: float = 0.0
    rarest: int | None = None
    trials: bool = True
    pair: tuple[Sample, Sample] | None = None

    @property
    def centre(self) -> float:
        """What the interval is around: the estimate, or the mean of all training seeds where there are several.

        It is kept within the bounds: what an export changed is added to every seed's number, which may lead beyond.
        """
        mean = math.fsum((self.estimate, *self.seeds)) / (1 + len(self.seeds))
        return min(max(mean, self.bounds[0]), self.bounds[1])

    @cached_property
    def spread(self) -> Spread | None:
        """How far the number may be from what it estimates; None where the resamples cannot say.

        That is with fewer than two groups, without an estimate, and where at most half of the resamples could be
        measured.
        """
        measured = self.replicates[np.isfinite(self.replicates)]
        enough = len(measured) > max(1, _SMALLEST_SHARE * len(self.replicates))
        if self.groups < 2 or not math.isfinite(self.estimate) or not enough:
            return None
        drawn = float(np.std(measured, ddof=1))
        trainings = [self.estimate, *self.seeds]
        seeds = float(np.var(trainings, ddof=1)) / len(trainings) if self.seeds else 0.0
        return Spread(
            drawn=drawn,
            images=math.hypot(drawn * math.sqrt(self.groups / (self.groups - 1)), self.unseen, self.grid),
            seeds=math.sqrt(seeds),
            image_degrees=group_degrees(self.groups) if self.degrees is None else self.degrees,
            seed_degrees=len(self.seeds),
        )

    @property
    def unvaried(self) -> bool:
        """Whether every resample gave the same, or the estimate is at a bound: the images show no spread then."""
        low, high = self.bounds
        at_bound = any(min(value - low, high - value) < NO_SPREAD for value in (self.estimate, self.centre))
        return at_bound or (self.spread is not None and self.spread.images < NO_SPREAD)

    def at_groups(self, groups: int) -> Spread | None:
        """The spread that so many groups of the same kind would give."""
        spread, times = self.spread, groups / max(1, self.groups)
        if spread is None:
            return None
        return replace(
            spread,
            images=spread.images / math.sqrt(times),
            image_degrees=spread.image_degrees * max(1.0, times),
        )


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard errors of one number.

    Attributes:
        drawn: standard deviation of the replicates.
        images: the standard error from having only these images: `drawn` × √(G / (G − 1)), since the bootstrap's
            variance of G groups is too small by (G − 1) / G. Source: Efron & Tibshirani (1993), An Introduction to
            the Bootstrap, §5.3.
        seeds: the standard error of the mean over training seeds, 0 where there is one.
    """

    drawn: float
    images: float
    seeds: float
    image_degrees: float
    seed_degrees: int

    @property
    def total(self) -> float:
        return math.hypot(self.images, self.seeds)

    def reach(self, critical: float) -> float:
        """Half an interval that reaches `critical` standard errors on the normal scale.

        Where there are several seeds, t is the mean of both parts' t by their variances. Welch's and Satterthwaite's degrees of
        freedom, which are more usual, cover 89 % with two seeds: two that are alike by chance hide the luck there is.
        Source: Cochran & Cox (1957), Experimental Designs, §4.14.
        """
        t = t_critical(critical, self.image_degrees)
        if self.seeds:
            share = (self.seeds / self.total) ** 2
            t += share * (t_critical(critical, self.seed_degrees) - t)
        return t * self.total


def t_critical(critical: float, degrees: float) -> float:
    """The value that Student's t exceeds as often as a normal variable exceeds `critical`.

    Example:
        >>> round(t_critical(1.96, 9), 3)
        2.262
    """
    from scipy.special import ndtr, stdtrit

    return max(critical, -float(stdtrit(degrees, ndtr(-critical))))


def group_degrees(groups: float) -> float:
    """Degrees of freedom of a standard error from two or more groups, at least 1.

    A variance from G normal contributions has G − 1. Those of images and scenes are far from normal (most change little,
    a few much), and with a kurtosis κ the same matching of moments gives 2 G / (κ − 1): half of G − 1 (κ = 5) is what
    covers best where there are many. Of up to six groups half is far too careful, and G − 1 covers; in between the
    number stays at 5. Groups of different sizes count as fewer (`runner.evaluation.counting.GroupCounts.effective`).
    Source: Satterthwaite (1946), Biometrics 2; Carter, Schnepel & Steigerwald (2017), Asymptotic behavior of a t-test
    robust to cluster heterogeneity, Review of Economics and Statistics 99 (the effective number of groups).

    Example:
        >>> [group_degrees(groups) for groups in (2, 5, 9, 41)]
        [1.0, 4.0, 5.0, 20.0]
    """
    return float(max(1.0, (groups - 1) / 2, min(groups - 1, 5.0)))


def mean_degrees(errors: NDArray[np.float64], degrees: NDArray[np.float64]) -> float:
    """Degrees of freedom of a mean whose parts have standard errors `(K,)` and `degrees` `(K,)`; infinite without spread.

    Source: Satterthwaite (1946), Biometrics 2; Welch (1947), Biometrika 34.

    Example:
        >>> mean_degrees(np.array([0.1, 0.1]), np.array([5.0, 5.0]))
        10.0
    """
    squares = (errors / errors.max(initial=0.0) if errors.max(initial=0.0) > 0 else errors) ** 2
    among = float((squares**2 / degrees).sum())
    return float(squares.sum()) ** 2 / among if among > 0 else math.inf


def difference(one: Sample, other: Sample) -> Sample:
    """`one − other`, paired: the same resamples of the same images.

    Seeds are carried on: where both have some, seed by seed (two artefacts of one training), else
    each against the estimate of the side that has none (a recipe against a shipped model).

    Raises:
        ValueError: the two were not resampled equally often.

    Example:
        >>> one = Sample(estimate=0.75, replicates=np.array([0.75, 0.5]), groups=9, seeds=(0.5,))
        >>> gain = difference(one, Sample(estimate=0.25, replicates=np.array([0.5, 0.25]), groups=9))
        >>> gain.estimate, gain.replicates.tolist(), gain.seeds, gain.bounds
        (0.5, [0.25, 0.25], (0.25,), (-1.0, 1.0))
    """
    if one.replicates.shape != other.replicates.shape:
        raise ValueError(f"{len(one.replicates)} and {len(other.replicates)} resamples are not paired")
    trials = one.trials and other.trials and one.pair is None and other.pair is None
    return Sample(
        estimate=one.estimate - other.estimate,
        replicates=one.replicates - other.replicates,
        groups=min(one.groups, other.groups),
        seeds=_paired_seeds(one, other),
        bounds=(one.bounds[0] - other.bounds[1], one.bounds[1] - other.bounds[0]),
        degrees=_fewest(one.degrees, other.degrees),
        unseen=max(one.unseen, other.unseen),
        rarest=_fewest(one.rarest, other.rarest),
        trials=trials,
        pair=(replace(one, seeds=()), replace(other, seeds=())) if trials else None,
    )


_Number = TypeVar("_Number", int, float)


def _fewest(one: _Number | None, other: _Number | None) -> _Number | None:
    return min((number for number in (one, other) if number is not None), default=None)


def _paired_seeds(one: Sample, other: Sample) -> tuple[float, ...]:
    if one.seeds and other.seeds:
        return tuple(mine - theirs for mine, theirs in zip(one.seeds, other.seeds, strict=False))
    return tuple(mine - other.estimate for mine in one.seeds) + tuple(
        one.estimate - theirs for theirs in other.seeds
    )
