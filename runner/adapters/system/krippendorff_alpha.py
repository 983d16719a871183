"""Krippendorff's alpha, through the library of that name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nominal_alpha(counts: NDArray[np.int64]) -> float | None:
    """How far annotators agree beyond chance about units that each is put into one category.

    Args:
        counts: `(N, V)`, how many annotators put each of N units into each of V categories. A unit of fewer than two says nothing.

    Returns:
        1 where all agree, 0 where they agree as often as chance would; below it where they disagree systematically. None where no
        unit has two annotators, or only one category occurs: chance would then agree as well.

    Source: Krippendorff (2018), Content Analysis, 4th edition, chapter 12.

    Example:
        >>> nominal_alpha(np.array([[2, 0], [0, 2], [1, 1], [2, 0]]))
        0.5333333333333333
        >>> nominal_alpha(np.array([[2, 0], [2, 0]])) is None
        True
    """
    pairable = counts[counts.sum(axis=1) >= 2]
    used = pairable[:, pairable.sum(axis=0) > 0]
    if used.shape[1] < 2:
        return None
    from krippendorff import alpha

    return float(alpha(value_counts=used, level_of_measurement="nominal"))
