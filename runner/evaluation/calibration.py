"""How far a confidence can be believed: reliability bins and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True, kw_only=True)
class ReliabilityBins:
    """Predictions in `BINS` bins of equal width over [0, 1]; the last includes 1.

    Attributes:
        edges: `(bins + 1,)`.
        count: `(bins,)` int64, predictions in it.
        confidence: `(bins,)` their mean confidence; NaN in an empty bin.
        accuracy: `(bins,)` the share that is right; NaN in an empty bin.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float | None:
        """Expected calibration error in [0, 1]: the mean gap between confidence and accuracy, weighted by count.

        None without predictions. Source: Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian
        Binning", 2015.
        """
        total = int(self.count.sum())
        if not total:
            return None
        filled = self.count > 0
        gaps = np.abs(self.accuracy[filled] - self.confidence[filled])
        return float(gaps @ self.count[filled] / total)


def reliability(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], *, bins: int = BINS
) -> ReliabilityBins:
    """Sorts predictions into bins of equal width.

    Args:
        confidence: `(P,)` in [0, 1].
        right: `(P,)` whether each prediction is right.
        bins: how many.

    Example:
        >>> found = reliability(np.array([0.9, 0.9, 0.2]), np.array([True, False, False]))
        >>> round(found.ece, 6)
        0.333333
    """
    values = np.clip(confidence.astype(np.float64), 0, 1)
    edges = np.arange(bins + 1) / bins
    place = np.minimum(np.searchsorted(edges, values, side="right") - 1, bins - 1)
    count = np.bincount(place, minlength=bins)
    none = np.full(bins, np.nan)
    sums = np.bincount(place, weights=values, minlength=bins)
    hits = np.bincount(place, weights=right.astype(np.float64), minlength=bins)
    return ReliabilityBins(
        edges=edges,
        count=count.astype(np.int64),
        confidence=np.divide(sums, count, out=none.copy(), where=count > 0),
        accuracy=np.divide(hits, count, out=none, where=count > 0),
    )
