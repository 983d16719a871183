"""How much more evidence would decide what an interval leaves open."""

from __future__ import annotations

import math
from collections.abc import Callable

from runner.evaluation.intervals import (
    Family,
    Sample,
    logit_slope,
    to_logit,
)

MOST = 1000
"""Times the groups there are: beyond it no number of images is realistic, and none is advised."""


def further_groups(sample: Sample, threshold: float, family: Family, *, power: float = 0.8) -> int | None:
    """How many more groups, added to those there are, let the interval exclude `threshold` with probability `power`.

    The probability is predictive: that of an interval which excludes the threshold on either side, averaged over
    where the true value may lie given the groups that were seen (a normal distribution around the estimate). Taking the
    estimate for the truth instead would promise too much, because an estimate that is far from the threshold by luck
    asks for few groups. Over many open questions a share `power` is decided; one whose true value is very close to the
    threshold is decided more rarely.

    Args:
        sample: what the interval is of.
        threshold: in the sample's unit.
        family: how far intervals reach.
        power: probability in (0, 1).

    Returns:
        None where no interval can be given, where the threshold is at a bound, and where more than `MOST` times the
        groups there are would be needed.

    Source:
        Spiegelhalter, Freedman & Blackburn (1986), Monitoring clinical trials: conditional or predictive power?,
        Controlled Clinical Trials 7; O'Hagan, Stevens & Campbell (2005), Assurance in clinical trial design.

    Example:
        >>> import numpy as np
        >>> replicates = 0.65 + 0.04 * np.random.default_rng(0).standard_normal(1000)
        >>> recall = Sample(estimate=0.65, replicates=replicates, groups=140)
        >>> further_groups(recall, 0.70, Family.of([recall], 0.95))
        1387
    """
    spread = sample.spread
    if spread is None:
        return None
    if sample.unvaried:
        return _until_unseen_is_small(sample, threshold, family.significance)
    distance = abs(to_logit(sample.centre, sample.bounds) - to_logit(threshold, sample.bounds))
    if not math.isfinite(distance):
        return None
    away = distance * logit_slope(sample.centre, sample.bounds)  # in the sample's unit again

    def enough(further: int) -> bool:
        return _predictive_power(away, sample, family.critical, further) >= power

    return _least(enough, MOST * sample.groups)


def _predictive_power(distance: float, sample: Sample, critical: float, further: int) -> float:
    """The chance that groups and further ones together put the estimate beyond the interval's reach, on either side.

    With standard error s from g groups, the estimate from g + f groups is normal around today's with variance
    s² f / (g + f): what the true value may be, plus the further groups' own error. Training seeds add to the reach,
    which no number of groups makes smaller.
    """
    from scipy.special import ndtr

    total = sample.groups + further
    now, then = sample.spread, sample.at_groups(total)
    if now is None or then is None:
        return 0.0
    reach = then.reach(critical)
    moves = now.images * math.sqrt(further / total)
    return float(ndtr((distance - reach) / moves) + ndtr((-distance - reach) / moves))


def _least(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number in 1…most that is enough, where all greater ones are; None when even `most` is not."""
    if not enough(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _until_unseen_is_small(sample: Sample, threshold: float, significance: float) -> int | None:
    """Groups until `unseen_bound` excludes the threshold, if all of them go on to give the same."""
    estimate, (low, high) = sample.centre, sample.bounds
    room = estimate - low if threshold < estimate else high - estimate
    distance = abs(estimate - threshold)
    if distance == 0 or distance >= room:
        return None
    needed = math.ceil(math.log(significance / 2) / math.log1p(-distance / room))
    further = max(1, needed - sample.groups)
    return further if further <= MOST * sample.groups else None
