"""Families of learning curves: how a metric may rise with the number of labels.

Each is `a + b g(n; shape)` with g rising. A family with several shapes has a grid of them, so that a curve is fitted by linear
least squares per shape, and no optimizer can fail or stop early.

Sources: Mahmood et al. (2022), How much more data do I need?, CVPR (power law, arctan, logarithm, algebraic root); Viering & Loog
(2023), The shape of learning curves: a review, IEEE TPAMI 45 (exponential, and that no single family fits all).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rise = Callable[[Floats, Floats], Floats]

_EXPONENTS = 24
_SCALES = 30


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family; lengths are labels divided by the most that any point has.

    Attributes:
        rise: `(S, N)` g of `(N,)` labels for each of `(S, P)` shapes.
        labels: its inverse: `(M,)` labels at which g is so high, for `(M,)` heights and `(M, P)` shapes; NaN or infinite
            where it never is.
        shapes: `(S, P)` the grid.
    """

    name: str
    rise: Rise
    labels: Rise
    shapes: Callable[[float], Floats]


def families() -> tuple[Family, ...]:
    """All families that a curve is fitted with, in the order of their names in reports."""
    return (
        Family(
            name="power law",
            rise=_power,
            labels=_power_labels,
            shapes=lambda first: _column(0.05, 3, _EXPONENTS),
        ),
        Family(name="exponential", rise=_exponential, labels=_exponential_labels, shapes=_scales),
        Family(name="logarithm", rise=_logarithm, labels=_logarithm_labels, shapes=_shifts),
        Family(name="arctan", rise=_arctan, labels=_arctan_labels, shapes=_scales),
        Family(name="algebraic", rise=_algebraic, labels=_algebraic_labels, shapes=_roots),
    )


def _column(low: float, high: float, number: int) -> Floats:
    return np.geomspace(low, high, number)[:, None]


def _scales(first: float) -> Floats:
    """From half of what the first point has to ten times what the last has."""
    return _column(first / 2, 10, _SCALES)


def _shifts(first: float) -> Floats:
    """Labels that a model seems to have had before: from none to ten times what the last point has."""
    return np.concatenate([[[0.0]], _column(first / 2, 10, 11)])


def _roots(first: float) -> Floats:
    scales = _scales(first)[::2, 0]
    return np.array([(scale, root) for root in (0.5, 1.0, 2.0) for scale in scales])


def _power(labels: Floats, shapes: Floats) -> Floats:
    return np.asarray(-(labels[None] ** -shapes[:, :1]))


def _power_labels(heights: Floats, shapes: Floats) -> Floats:
    return np.asarray((-heights) ** (-1 / shapes[:, 0]))


def _exponential(labels: Floats, shapes: Floats) -> Floats:
    return np.asarray(-np.exp(-labels[None] / shapes[:, :1]))


def _exponential_labels(heights: Floats, shapes: Floats) -> Floats:
    return np.asarray(-shapes[:, 0] * np.log(-heights))


def _logarithm(labels: Floats, shapes: Floats) -> Floats:
    return np.asarray(np.log(labels[None] + shapes[:, :1]))


def _logarithm_labels(heights: Floats, shapes: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(heights, 700.0)) - shapes[:, 0])


def _arctan(labels: Floats, shapes: Floats) -> Floats:
    return np.asarray(np.arctan(labels[None] / shapes[:, :1]))


def _arctan_labels(heights: Floats, shapes: Floats) -> Floats:
    return np.where(heights < np.pi / 2, shapes[:, 0] * np.tan(heights), np.inf)


def _algebraic(labels: Floats, shapes: Floats) -> Floats:
    scale, root = shapes[:, :1], shapes[:, 1:2]
    return np.asarray(labels[None] / (scale**root + labels[None] ** root) ** (1 / root))


def _algebraic_labels(heights: Floats, shapes: Floats) -> Floats:
    scale, root = shapes[:, 0], shapes[:, 1]
    raised = np.maximum(heights, 0.0) ** root
    return np.where(heights < 1, scale * (raised / (1 - raised)) ** (1 / root), np.inf)
