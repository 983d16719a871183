"""Resamples of the test images: whole groups, drawn with replacement, counted with multiplicity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST = np.iinfo(np.uint8).max
_HALF = np.uint64(32)


def multiplicities(groups: NDArray[np.integer], resamples: int, seed: int = 0) -> NDArray[np.uint8]:
    """How many times each image counts in each bootstrap resample.

    As many groups are drawn as there are, with replacement; an image counts as often as its group was drawn. The
    same groups and seed give the same resamples on any machine and with any NumPy, and more resamples only add to
    fewer. With one group, every resample is the whole set: nothing is learnt about its spread.

    Args:
        groups: `(I,)` the group of each image (any whole numbers): its scene, or its own number.
        resamples: B.
        seed: of the PCG64 generator.

    Returns:
        `(B, I)` uint8; without images `(B, 0)`.

    Raises:
        OverflowError: a group was drawn more than 255 times, which is less likely than 1e-300.

    Source: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8 (drawing whole groups).

    Example:
        >>> multiplicities(np.array([7, 7, 9]), 3).tolist()
        [[1, 1, 1], [2, 2, 0], [0, 0, 2]]
    """
    names, group = np.unique(groups, return_inverse=True)
    drawn = np.zeros((resamples, len(names)), dtype=np.uint8)
    bits = np.random.PCG64(seed)
    for resample in range(resamples if len(names) else 0):
        # the generator's raw bits never change with NumPy's version, as its distributions may
        fraction = np.asarray(bits.random_raw(len(names)), dtype=np.uint64) >> _HALF
        which = (fraction * np.uint64(len(names))) >> _HALF
        drawn[resample] = fitting(np.bincount(which.astype(np.int64), minlength=len(names)))
    return drawn[:, group]


def fitting(counts: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Counts as weights.

    Raises:
        OverflowError: one is above 255.
    """
    if counts.max(initial=0) > _MOST:
        raise OverflowError(f"an image would count {counts.max()} times; weights hold at most {_MOST}")
    return counts.astype(np.uint8)
