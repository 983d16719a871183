"""By how much a number is higher for what some images give away."""

from __future__ import annotations

from dataclasses import replace

from runner.evaluation.sample import Sample, difference


def inflated(every: Sample, left: Sample, leaked: int) -> Sample:
    """The number on all images less that on those that did not leak, from the same resamples.

    It rests on the groups that leaked: of few of them the bootstrap knows little, however many others there are, so that
    the spread has one degree of freedom less than there are of these. One alone says nothing of its spread.

    Args:
        every: on all images. `left`: on the others.
        leaked: how many groups leaked.

    >>> import numpy as np
    >>> sample = Sample(estimate=0.5, replicates=np.array([0.4, 0.6]), groups=90)
    >>> found = inflated(sample, sample, 7)
    >>> found.groups, found.degrees
    (7, 6.0)
    """
    higher = difference(every, left)
    degrees = float(leaked - 1)
    known = degrees if higher.degrees is None else min(degrees, higher.degrees)
    return replace(higher, groups=min(leaked, higher.groups), degrees=known, trials=False, pair=None)
