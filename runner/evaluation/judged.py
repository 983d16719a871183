"""Which classes a mean over classes is judged on. This is the one place that decides it.

A class that rests on fewer than five groups is not known: its average precision may be anything, and a mean that takes it
as measured is too sure of itself. It is left out of the mean that intervals are of, by name; the mean over all classes
is shown beside it. The labels decide, never the predictions: what is compared has the same classes on both sides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEWEST_GROUPS = 5
"""Groups that hold a class, from which on the class counts in judged means (benchmarks/coverage_elsewhere.py)."""


def judged_classes(groups: NDArray[np.integer], among: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """`(K,)` bool: the classes of judged means.

    Args:
        groups: `(K,)` how many groups hold objects of each class.
        among: `(K,)` the classes that may count at all (those that both of two models know); all by default.

    Returns:
        Those that rest on enough groups. Where none does, all that have objects: the mean then rests on
        as few groups as its classes.

    Example:
        >>> judged_classes(np.array([40, 2, 0, 3])).tolist()
        [True, False, False, False]
    """
    known = (groups > 0) & (True if among is None else among)
    enough = known & (groups >= FEWEST_GROUPS)
    return np.asarray(enough if enough.any() else known)


def mean_over(
    values: NDArray[np.float64], objects: NDArray[np.float64], classes: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Means over some of the classes, where they have objects.

    Args:
        values: `(L, K, M)` of each weighting, class and metric; NaN in a class with objects is 0 (a class that is
            never the first has a precision of 0).
        objects: `(L, K)` weighted number of objects.
        classes: `(K,)` which count.

    Returns:
        `(L, M)`, NaN where no such class has objects.
    """
    present = (objects > 0) & classes
    sums = np.where(present[:, :, None], np.nan_to_num(values), 0.0).sum(axis=1)
    number = present.sum(axis=1)[:, None].astype(np.float64)
    return np.asarray(np.divide(sums, number, out=np.full_like(sums, np.nan), where=number > 0))
