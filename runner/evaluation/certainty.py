"""How far the spread of a number's resamples can be believed: degrees of freedom, and what no resample showed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.counting import Counts, GroupCounts, counts_of
from runner.evaluation.sample import NO_SPREAD, Sample, group_degrees, mean_degrees

_READ_AT_RECALLS = frozenset(("map50_95", "map50", "map75"))
_RECALLS = 101  # Source: COCOeval's `Params.setDetParams`


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """What `Sample` calls the same."""

    degrees: float
    unseen: float = 0.0
    grid: float = 0.0
    rarest: int | None = None
    trials: bool = False

    def applied(self, sample: Sample) -> Sample:
        """The sample with what is known of its spread."""
        return replace(
            sample,
            degrees=self.degrees,
            unseen=self.unseen,
            grid=self.grid,
            rarest=self.rarest,
            trials=self.trials,
        )

    def of_mean(
        self, values: NDArray[np.float64], groups: NDArray[np.int64], classes: NDArray[np.bool_]
    ) -> Certainty:
        """That of the mean over some classes, which is no surer than its classes are.

        Each class has the degrees of freedom of its own groups (Welch and Satterthwaite), and one that was the same in every
        resample, since all its groups were right or all were wrong, has the spread that Laplace's rule of succession
        leaves to its share: of five groups that were right, 0.86 ± 0.12.

        Args:
            values: `(1 + B, K)` of each class, the estimate first; NaN is not measured.
            groups: `(K,)` how many groups hold each class.
            classes: `(K,)` those of the mean; all others are left out.
        """
        number = np.flatnonzero(classes)
        if len(number) < 2 or len(values) < 3:
            return self
        held = groups[number].astype(np.float64)
        spread = _deviations(values[1:, number]) * np.sqrt(held / np.maximum(held - 1, 1))
        constant = spread < NO_SPREAD
        share = (held * np.nan_to_num(values[0, number]) + 1) / (held + 2)
        hidden = np.where(constant, np.sqrt(share * (1 - share) / (held + 3)), 0.0)
        degrees = np.array([group_degrees(of_class) for of_class in held.tolist()])
        return replace(
            self,
            degrees=max(1.0, min(self.degrees, mean_degrees(np.hypot(spread, hidden), degrees))),
            unseen=float(math.sqrt(float((hidden**2).sum())) / len(number)),
            rarest=int(held.min()),
            trials=False,
        )


def certainty(counts: Mapping[Counts, GroupCounts], row: int, metric: str) -> Certainty:
    """That of one metric of one class, or of all classes counted together (row −1).

    Precision and F1 are about what was found right, which only groups with objects can hold: they are no surer than those
    groups are many.
    """
    what = counts_of(metric)
    counted, objects = counts[what], counts["objects"]
    effective = min(float(counted.effective[row]), max(1.0, float(objects.effective[row])))
    return Certainty(
        degrees=group_degrees(effective),
        trials=bool(what == "objects" and counted.rows[row] == counted.groups[row]),
    )


def grid_error(metric: str, estimate: float) -> float:
    """The standard error of an AP near 1 from being read at 101 recalls; 0 for what is no AP, and from 0.8 down.

    Precision at the last recalls is read, or counts as 0, by whether a single object was missed: AP moves by up to one step of
    the grid, 1/101, which resamples of the same objects do not show. This is the spread of a number that is uniform
    within a step. Further down the curve has lost its precision before it ends, and the last steps weigh little.

    Example:
        >>> round(grid_error("map50", 1.0), 5), grid_error("map50", 0.6), grid_error("recall", 1.0)
        (0.00286, 0.0, 0.0)
    """
    if metric not in _READ_AT_RECALLS:
        return 0.0
    return min(1.0, max(0.0, (estimate - 0.8) / 0.2)) / (_RECALLS * math.sqrt(12))


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(K,)` standard deviations of `(B, K)`, where measured; 0 for a class that never was."""
    measured = np.isfinite(values)
    number = measured.sum(axis=0).astype(np.float64)
    filled = np.where(measured, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(number, 1)
    squares = (np.where(measured, values - mean, 0.0) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(number - 1, 1)))
