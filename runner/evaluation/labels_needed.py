"""How many labels a metric takes to reach a target, and how that is beside labelling at random."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

Outcome = Literal["fewer", "same", "more", "unknown"]


class Beside(NamedTuple):
    """One run beside the run of `random` that began with the same images.

    Attributes:
        outcome: whether it needed fewer labels; unknown where neither reached the target.
        share: labels / labels of `random` − 1; None where one of them did not reach the target.
    """

    outcome: Outcome
    share: float | None


def needed(points: Sequence[tuple[float, float | None]], target: float) -> float | None:
    """The number of labels at which the target is first reached, on straight lines between what was measured.

    Args:
        points: labels and metric, by ascending labels; None: not measured.

    Returns:
        None where no point reaches it. Where the first point does, its own number: fewer were not tried.

    >>> needed([(100, 0.2), (200, 0.4), (300, 0.3)], 0.3)
    150.0
    """
    before: tuple[float, float] | None = None
    for labels, value in points:
        if value is None:
            before = None
            continue
        if value >= target:
            if before is None:
                return float(labels)
            part = (target - before[1]) / (value - before[1])
            return before[0] + part * (labels - before[0])
        before = (labels, value)
    return None


def beside(own: float | None, at_random: float | None) -> Beside:
    """One number of labels beside that of `random`.

    >>> beside(80, 100)
    Beside(outcome='fewer', share=-0.2)
    >>> beside(None, 100)
    Beside(outcome='more', share=None)
    """
    if own is None or at_random is None:
        if own is None and at_random is None:
            return Beside("unknown", None)
        return Beside("more" if own is None else "fewer", None)
    share = round(own / at_random - 1, 9) if at_random else 0.0
    return Beside("fewer" if share < 0 else "more" if share > 0 else "same", share)


def median_share(found: Sequence[Beside]) -> float | None:
    """The median of the shares; a run that did not reach the target is worse than all that did, and one that did alone better.

    Returns:
        `inf` or `-inf` where the median run is such a one; None where no run tells.

    >>> median_share([Beside("fewer", -0.3), Beside("more", None), Beside("fewer", -0.1)])
    -0.1
    """
    known = [_ordered(one) for one in found if one.outcome != "unknown"]
    if not known:
        return None
    middle = (statistics.median_low(known), statistics.median_high(known))
    return (
        None
        if math.isinf(middle[0]) and math.isinf(middle[1]) and middle[0] != middle[1]
        else sum(middle) / 2
    )


def _ordered(one: Beside) -> float:
    if one.share is not None:
        return one.share
    return math.inf if one.outcome == "more" else -math.inf
