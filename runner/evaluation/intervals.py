"""Confidence intervals from bootstrap replicates: of one number, of a paired difference, and of many at once.

An interval is a t-interval on the logit scale of the number's bounds, with the bootstrap's standard error. Which
interval, and why: docs/statistics.md; how well it covers: benchmarks/interval_coverage.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ends: TypeAlias = tuple[float, float]

_SMALLEST_SHARE = 0.5  # of resamples that could be measured; below it the bootstrap says nothing
_HELD_BACK = 0.2
_NO_SPREAD = 1e-12  # standard errors below it are rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One number, with what its bootstrap resamples gave.

    Attributes:
        estimate: the number on the test split itself; NaN is not measured.
        replicates: `(B,)` float64, one per resample, NaN where a resample could not be measured.
        groups: independent units (scenes, or images) that the number rests on.
        seeds: the same number of the other training seeds' models.
        bounds: the least and the greatest value that the number can have.
    """

    estimate: float
    replicates: NDArray[np.float64]
    groups: int
    seeds: tuple[float, ...] = ()
    bounds: Ends = (0.0, 1.0)

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
        seeds = float(np.var([self.estimate, *self.seeds], ddof=1)) if self.seeds else 0.0
        return Spread(
            drawn=drawn,
            images=drawn * math.sqrt(self.groups / (self.groups - 1)),
            seeds=math.sqrt(seeds),
            image_degrees=group_degrees(self.groups),
            seed_degrees=len(self.seeds),
        )

    @property
    def unvaried(self) -> bool:
        """Whether every resample gave the same, or the estimate is at a bound: the images show no spread then."""
        low, high = self.bounds
        at_bound = min(self.estimate - low, high - self.estimate) < _NO_SPREAD
        return at_bound or (self.spread is not None and self.spread.images < _NO_SPREAD)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard errors of one number.

    Attributes:
        drawn: standard deviation of the replicates.
        images: the standard error from having only these images: `drawn` × √(G / (G − 1)), since the bootstrap's
            variance of G groups is too small by (G − 1) / G. Source: Efron & Tibshirani (1993), An Introduction to
            the Bootstrap, §5.3.
        seeds: the standard deviation over training seeds, 0 where there is one.
    """

    drawn: float
    images: float
    seeds: float
    image_degrees: float
    seed_degrees: int

    @property
    def total(self) -> float:
        return math.hypot(self.images, self.seeds)

    @property
    def degrees(self) -> float:
        """Degrees of freedom of `total`. Source: Satterthwaite (1946), Welch (1947)."""
        if self.seeds == 0 or self.total == 0:
            return self.image_degrees
        image_share, seed_share = (self.images / self.total) ** 2, (self.seeds / self.total) ** 2
        return 1 / (image_share**2 / self.image_degrees + seed_share**2 / self.seed_degrees)


def group_degrees(groups: int) -> float:
    """Degrees of freedom of a standard error from two or more groups: half of G − 1, at least 1.

    A variance from G normal contributions has G − 1. Those of images and scenes are far from normal (most change little,
    a few much; scenes differ in length), and with a kurtosis κ the same matching of moments gives 2 G / (κ − 1). Half
    (κ = 5) is what covers best in benchmarks/interval_coverage.py. Source: Satterthwaite (1946), Biometrics 2.
    """
    return max(1.0, (groups - 1) / 2)


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
    return Sample(
        estimate=one.estimate - other.estimate,
        replicates=one.replicates - other.replicates,
        groups=min(one.groups, other.groups),
        seeds=_paired_seeds(one, other),
        bounds=(one.bounds[0] - other.bounds[1], one.bounds[1] - other.bounds[0]),
    )


def _paired_seeds(one: Sample, other: Sample) -> tuple[float, ...]:
    if one.seeds and other.seeds:
        return tuple(mine - theirs for mine, theirs in zip(one.seeds, other.seeds, strict=False))
    return tuple(mine - other.estimate for mine in one.seeds) + tuple(
        one.estimate - theirs for theirs in other.seeds
    )


def interval(sample: Sample, level: float) -> Ends | None:
    """The interval that covers what `sample` estimates with confidence `level`, for this number alone.

    None with fewer than two groups, or where at most half of the resamples could be measured. It never leaves the
    bounds, and never has zero width: see `unseen_bound` for all right, all wrong, and no variation.
    """
    alone = Family(level=level, critical=_normal_quantile((1 + level) / 2), significance=1 - level)
    return alone.interval(sample)


def simultaneous(samples: Sequence[Sample], level: float) -> list[Ends | None]:
    """Intervals of all samples that hold together with confidence `level`. None as in `interval`.

    All must have been resampled with the same draws. None of them is narrower than `interval` would be.
    """
    family = Family.of(samples, level)
    return [family.interval(sample) for sample in samples]


@dataclass(frozen=True, kw_only=True)
class Family:
    """How far intervals must reach to hold together with confidence `level`.

    Attributes:
        critical: in standard errors, on the normal scale.
        significance: two-sided, of each number that does not vary.
    """

    level: float
    critical: float
    significance: float

    @classmethod
    def of(cls, samples: Sequence[Sample], level: float) -> Family:
        """The family of these samples, which must have been resampled with the same draws.

        `critical` is the quantile of the greatest |t| of all samples within one resample (single step max-|t|), which
        knows that overlapping slices err together; never beyond Bonferroni's. Of several samples together a
        fifth of the significance is held back, for the tails that a bootstrap of few images does not see
        (benchmarks/false_alarms.py). What does not vary has no part in that
        maximum: each such number takes 1 / m of the significance (Bonferroni), and the others share what is left.

        Raises:
            ValueError: samples differ in the number of resamples.

        Source:
            Romano & Wolf (2005), Exact and approximate stepdown methods for multiple hypothesis testing, JASA 100;
            Westfall & Young (1993), Resampling-based multiple testing.
        """
        judged = [sample for sample in samples if sample.spread is not None]
        varied = [sample for sample in judged if not sample.unvaried]
        spent = 1 - level if len(judged) < 2 else (1 - level) * (1 - _HELD_BACK)
        each = spent / max(1, len(judged))
        left = each * max(1, len(varied))
        alone = _normal_quantile(1 - left / 2)
        if len(varied) < 2:
            return cls(level=level, critical=alone, significance=each)
        greatest = np.sort(_greatest_deviations(varied))
        rank = min(len(greatest), math.ceil((1 - left) * (len(greatest) + 1)))
        bonferroni = _normal_quantile(1 - each / 2)
        critical = float(np.clip(greatest[rank - 1], alone, bonferroni))
        return cls(level=level, critical=critical, significance=each)

    def interval(self, sample: Sample) -> Ends | None:
        """One sample's interval. None as in `interval`."""
        spread = sample.spread
        if spread is None:
            return None
        if sample.unvaried:
            return self._unvaried_interval(sample, spread)
        return _logit_interval(sample, t_critical(self.critical, spread.degrees) * spread.total)

    def _unvaried_interval(self, sample: Sample, spread: Spread) -> Ends:
        ends = unseen_bound(sample, self.significance)
        if spread.seeds == 0:
            return ends
        luck = t_critical(self.critical, spread.seed_degrees) * spread.seeds
        low, high = (math.hypot(end - sample.estimate, luck) for end in ends)
        return max(sample.bounds[0], sample.estimate - low), min(sample.bounds[1], sample.estimate + high)


def _greatest_deviations(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """`(B,)`: per resample, the largest |deviation| of any sample, in its standard errors.

    The deviation over seeds is not resampled: it is drawn from a normal distribution, independently per sample, which is
    the conservative side. Source: Šidák (1967), JASA 62.
    """
    lengths = {len(sample.replicates) for sample in samples}
    if len(lengths) > 1:
        raise ValueError(f"samples with {sorted(lengths)} resamples do not share their draws")
    spreads = [sample.spread for sample in samples if sample.spread is not None]
    drawn = np.array([spread.drawn for spread in spreads])[:, None]
    seeds = np.array([spread.seeds / (spread.total or 1) for spread in spreads])[:, None]
    replicates = np.stack([sample.replicates for sample in samples])  # (m, B)
    centred = replicates - np.nanmean(replicates, axis=1, keepdims=True)
    deviations = np.divide(centred, drawn, out=np.zeros_like(centred), where=drawn > 0)
    deviations[~np.isfinite(deviations)] = 0
    if seeds.any():
        luck = np.random.default_rng(0).standard_normal(deviations.shape)
        deviations = deviations * np.sqrt(1 - seeds**2) + luck * seeds
    return np.asarray(np.abs(deviations).max(axis=0))


def _logit_interval(sample: Sample, reach: float) -> Ends:
    """± `reach` by the delta method on the logit scale: like ± `reach` in the middle, and never beyond the bounds."""
    low, high = sample.bounds
    place = to_logit(sample.estimate, sample.bounds)
    around = reach / logit_slope(sample.estimate, sample.bounds)
    return low + (high - low) * _expit(place - around), low + (high - low) * _expit(place + around)


def to_logit(value: float, bounds: Ends) -> float:
    """`log((value − low) / (high − value))`; infinite at a bound."""
    below, above = value - bounds[0], bounds[1] - value
    if below <= 0 or above <= 0:
        return -math.inf if below <= 0 else math.inf
    return math.log(below / above)


def logit_slope(value: float, bounds: Ends) -> float:
    """By how much the value changes for one unit on its logit scale; inside the bounds only."""
    return (value - bounds[0]) * (bounds[1] - value) / (bounds[1] - bounds[0])


def _expit(place: float) -> float:
    return 1 / (1 + math.exp(-place)) if place > -700 else 0.0


def unseen_bound(sample: Sample, significance: float) -> Ends:
    """The interval of a number that was the same in every resample, for all G groups gave the same.

    With confidence 1 − `significance` / 2, no more than a share q = 1 − (significance / 2)^(1 / G) of all groups is of a
    kind that was not seen; these may be as bad, or as good, as the bounds allow. At a bound this is the exact
    binomial interval of 0 or G successes.

    Source: Clopper & Pearson (1934), Biometrika 26; Hanley & Lippman-Hand (1983), If nothing goes wrong, is
        everything all right?, JAMA 249.

    Example:
        >>> all_right = Sample(estimate=1.0, replicates=np.ones(100), groups=36)
        >>> [round(end, 3) for end in unseen_bound(all_right, 0.05)]
        [0.903, 1.0]
    """
    low, high = sample.bounds
    share = unseen_share(sample.groups, significance)
    estimate = min(max(sample.estimate, low), high)
    return estimate - share * (estimate - low), estimate + share * (high - estimate)


def unseen_share(groups: int, significance: float) -> float:
    """The greatest share of groups of which none would be among `groups` with probability `significance` / 2."""
    return 1 - float((significance / 2) ** (1 / groups))


def t_critical(critical: float, degrees: float) -> float:
    """The value that Student's t exceeds as often as a normal variable exceeds `critical`.

    Example:
        >>> round(t_critical(1.96, 9), 3)
        2.262
    """
    from scipy.special import ndtr, stdtrit

    return max(critical, -float(stdtrit(degrees, ndtr(-critical))))


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
