"""Confidence intervals from bootstrap replicates: of one number, of a paired difference, and of many at once.

An interval is a t-interval on the logit scale of the number's bounds, with the bootstrap's standard error. Which
interval, and why: docs/statistics.md; how well it covers: benchmarks/interval_coverage.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.sample import (
    NO_SPREAD,
    Ends,
    Sample,
    Spread,
    difference,
    group_degrees,
    mean_degrees,
    t_critical,
)

__all__ = [
    "Ends",
    "Family",
    "Sample",
    "Spread",
    "difference",
    "group_degrees",
    "interval",
    "mean_degrees",
    "simultaneous",
    "t_critical",
    "unseen_bound",
]

_HELD_BACK = 0.2


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
        plain = _logit_interval(sample, spread.reach(self.critical))
        paired = self._of_trials(sample, sample.pair, spread) if sample.pair is not None else None
        return plain if paired is None else (min(plain[0], paired[0]), max(plain[1], paired[1]))

    def _unvaried_interval(self, sample: Sample, spread: Spread) -> Ends:
        ends = unseen_bound(sample, self.significance)
        if spread.seeds == 0:
            return ends
        low, high = (end - sample.estimate for end in ends)
        return self._with_luck(sample, spread, (-low, high))

    def _of_trials(self, sample: Sample, pair: tuple[Sample, Sample], spread: Spread) -> Ends | None:
        """A difference of two shares of the same trials, from the two sides' own intervals and their correlation.

        Where few trials differ, the resamples show less spread than there is: with one in forty, they are sure that it is
        no more than four. The two shares' own intervals know better; where they do not, the plain interval stands
        (benchmarks/false_alarms.py). None where a side has no interval.

        Source: Newcombe (1998), Improved confidence intervals for the difference between binomial proportions based on
            paired data, Statistics in Medicine 17 (method 10); Zou & Donner (2008), Construction of confidence limits
            about effect measures, Statistics in Medicine 27 (the same for any two numbers).
        """
        one, other = pair
        mine, theirs = self.interval(one), self.interval(other)
        if mine is None or theirs is None:
            return None
        together = _correlation(one.replicates, other.replicates)
        low = _recovered(one.estimate - mine[0], theirs[1] - other.estimate, together)
        high = _recovered(mine[1] - one.estimate, other.estimate - theirs[0], together)
        return self._with_luck(sample, spread, (low, high))

    def _with_luck(self, sample: Sample, spread: Spread, reach: Ends) -> Ends:
        """Around the centre: how far the images let it be below and above, and the luck of training."""
        luck = t_critical(self.critical, spread.seed_degrees) * spread.seeds if spread.seeds else 0.0
        low, high = (math.hypot(part, luck) for part in reach)
        return max(sample.bounds[0], sample.centre - low), min(sample.bounds[1], sample.centre + high)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of two samples' replicates, where both could be measured; 0 where one of them does not vary."""
    measured = np.isfinite(one) & np.isfinite(other)
    first, second = (values[measured] - values[measured].mean() for values in (one, other))
    scale = math.sqrt(float(first @ first) * float(second @ second))
    return min(1.0, max(-1.0, float(first @ second) / scale)) if scale > NO_SPREAD else 0.0


def _recovered(mine: float, theirs: float, correlation: float) -> float:
    """How far a difference reaches where its sides reach so far, and vary together."""
    return math.sqrt(max(0.0, mine**2 - 2 * correlation * mine * theirs + theirs**2))


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
    place = to_logit(sample.centre, sample.bounds)
    around = reach / logit_slope(sample.centre, sample.bounds)
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
    share = unseen_share(sample.groups if sample.rarest is None else sample.rarest, significance)
    estimate = min(max(sample.estimate, low), high)
    return estimate - share * (estimate - low), estimate + share * (high - estimate)


def unseen_share(groups: int, significance: float) -> float:
    """The greatest share of groups of which none would be among `groups` with probability `significance` / 2."""
    return 1 - float((significance / 2) ** (1 / groups))


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
