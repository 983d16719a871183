"""The learning curve over sprints: a metric by the number of labels, extrapolated by several families of curves at once.

A single family misleads: a power law that fits four sprints well may promise what never comes. Here each family, each of its shapes
and each size of the scatter between trainings is weighed by how well it explains the points (Bayesian model averaging),
and every answer is read from all of them together. Where they disagree, its interval is wide.

How well the intervals cover curves of families that are not among them: benchmarks/learning_curves.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runner.domain.worth import MIN_POINTS, REACH
from runner.evaluation.curve_families import Floats, Rise, families

_AHEAD = 10  # times the labels there are: where the second of a curve's two heights is taken
_DRAWS = 32  # of the two heights, per family, shape and scatter
_KEPT = 6000  # equally likely curves
_SCATTER = np.array([0.0005, 0.002, 0.004, 0.007, 0.011, 0.016, 0.024, 0.036, 0.055, 0.085, 0.13])
_USUAL_SCATTER = 0.01
_NO_CURVE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Point:
    """What one sprint measured.

    Attributes:
        labels: that its model was trained on, above 0.
        value: of the metric.
        deviation: the standard error of `value` that other points do not share: what is hard in a test split that all sprints
            were judged on is no reason for them to scatter. None where it is not known.
    """

    labels: float
    value: float
    deviation: float | None = None


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What the curve says at so many labels: the median over all families, and the interval's ends."""

    labels: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LabelsNeeded:
    """How many labels in all it takes to reach a target.

    Attributes:
        chance: of reaching it with no more than `REACH` times the labels there are, by the curve.
        labels, low, high: the median and the interval's ends; None beyond that reach.
    """

    target: float
    chance: float
    labels: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Fall:
    """Two neighbouring points (by labels) of which the later is lower: places in the order of labels, and by how much.

    `beyond_noise`: by more than both points' intervals explain.
    """

    before: int
    after: int
    drop: float
    beyond_noise: bool


def missing_points(points: Sequence[Point]) -> int:
    """How many further sprints, each with another number of labels, a curve needs; 0 where it can be fitted.

    >>> missing_points([Point(labels=100, value=0.4), Point(labels=100, value=0.5), Point(labels=200, value=0.6)])
    2
    """
    return max(0, MIN_POINTS - len({point.labels for point in points}))


def falls(points: Sequence[Point], level: float = 0.95) -> list[Fall]:
    """Where the metric fell although labels were added: what no curve of these families describes."""
    from scipy.special import ndtri

    critical = float(ndtri((1 + level) / 2))
    ordered = sorted(range(len(points)), key=lambda place: points[place].labels)
    found = []
    for before, after in pairwise(ordered):
        drop = points[before].value - points[after].value
        if drop <= 0 or points[before].labels == points[after].labels:
            continue
        error = math.hypot(points[before].deviation or 0.0, points[after].deviation or 0.0)
        found.append(Fall(before=before, after=after, drop=drop, beyond_noise=drop > critical * error))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningCurve:
    """Curves that explain the points, each with its weight; sum 1. `M` of them.

    Attributes:
        most: the labels of the point with the most.
        names: of the families; `family` `(M,)` is the place of each curve's.
        shapes: `(M, 2)`. `heights`: `(M, 2)` of the curve at the first point and at ten times the last.
        scatter: `(M,)` standard deviation of a training around its curve.
    """

    first: float
    most: float
    bounds: tuple[float, float]
    names: tuple[str, ...]
    family: NDArray[np.int64]
    shapes: Floats
    heights: Floats
    scatter: Floats
    weights: Floats

    @property
    def shares(self) -> dict[str, float]:
        """How much each family has a say; sum 1."""
        sums = np.bincount(self.family, weights=self.weights, minlength=len(self.names))
        return dict(zip(self.names, sums.tolist(), strict=True))

    def predict(
        self, labels: float, *, level: float = 0.95, deviation: float | None = None, family: str | None = None
    ) -> Predicted:
        """The metric at so many labels in all.

        Args:
            deviation: of a measurement there: the interval is then of what would be measured, with the scatter of a training; of
                the curve alone where None.
            family: one of `names`: by that family alone.
        """
        values = self._values(labels)
        weights = self.weights
        if family is not None:
            weights = np.where(self.family == self.names.index(family), weights, 0.0)
        if deviation is not None:
            noise = np.random.default_rng(1).standard_normal(len(values))
            values = values + noise * np.hypot(self.scatter, deviation)
        low, value, high = _quantiles(np.clip(values, *self.bounds), weights, level)
        return Predicted(labels=labels, value=value, low=low, high=high)

    def gained(self, labels: float, further: float, *, level: float = 0.95) -> Predicted:
        """How much the curve rises from so many labels in all by so many `further` ones."""
        rise = np.clip(self._values(labels + further), *self.bounds) - np.clip(
            self._values(labels), *self.bounds
        )
        low, value, high = _quantiles(rise, self.weights, level)
        return Predicted(labels=labels + further, value=value, low=low, high=high)

    def rises(self, labels: float, further: float) -> tuple[Floats, Floats]:
        """`(M,)` how much each curve rises from so many labels in all by so many further ones; and its weight."""
        rise = np.clip(self._values(labels + further), *self.bounds) - np.clip(
            self._values(labels), *self.bounds
        )
        return rise, self.weights

    def needed(self, target: float, *, level: float = 0.95) -> LabelsNeeded:
        """How many labels in all the curve needs to reach a target; those before the first point are not told apart."""
        labels = np.full(len(self.weights), self.first)
        for place, family in enumerate(families()):
            own = self.family == place
            start, end = _ends(family.rise, self.shapes[own], self.first / self.most)
            share = (target - self.heights[own, 0]) / np.maximum(
                self.heights[own, 1] - self.heights[own, 0], _NO_CURVE
            )
            with np.errstate(all="ignore"):
                found = family.labels(start + share * (end - start), self.shapes[own]) * self.most
            found = np.where(np.isfinite(found), found, np.inf)
            labels[own] = np.where(share <= 0, self.first, np.maximum(found, self.first))
        within = labels <= REACH * self.most
        low, middle, high = _quantiles(np.where(within, labels, np.inf), self.weights, level)
        return LabelsNeeded(
            target=target,
            chance=float(self.weights[within].sum()),
            labels=_finite(middle),
            low=_finite(low),
            high=_finite(high),
        )

    def _values(self, labels: float) -> Floats:
        values = np.empty(len(self.weights))
        at = np.array([labels / self.most])
        for place, family in enumerate(families()):
            own = self.family == place
            start, end = _ends(family.rise, self.shapes[own], self.first / self.most)
            share = (family.rise(at, self.shapes[own])[:, 0] - start) / (end - start)
            values[own] = self.heights[own, 0] + share * (self.heights[own, 1] - self.heights[own, 0])
        return values


def fit(points: Sequence[Point], *, bounds: tuple[float, float] = (0.0, 1.0), seed: int = 0) -> LearningCurve:
    """The curves that explain the points.

    A curve is told by its heights at the first point and at ten times the last, any two of which with the first below the second
    are equally likely before a point is seen; so are families, and shapes within one. The scatter of trainings around the
    curve is half-Cauchy with scale 0.01 of the bounds (Gelman 2006), since four points alone cannot tell it.

    Args:
        bounds: of the metric.
        seed: the same points and seed give the same curve.

    Raises:
        ValueError: fewer than `MIN_POINTS` amounts of labels (`missing_points` says how many are missing), or labels below 1.

    Source:
        Domhan, Springenberg & Hutter (2015), Speeding up automatic hyperparameter optimization of deep neural networks by
        extrapolation of learning curves, IJCAI (weighted families, monotone and bounded); Hoeting et al. (1999), Bayesian model
        averaging: a tutorial, Statistical Science 14.
    """
    missing = missing_points(points)
    if missing:
        raise ValueError(f"a curve needs {MIN_POINTS} amounts of labels; {missing} missing")
    ordered = sorted(points, key=lambda point: (point.labels, point.value))
    labels = np.array([point.labels for point in ordered], dtype=np.float64)
    if labels[0] < 1:
        raise ValueError("a point of a learning curve has a label or more")
    low, span = bounds[0], bounds[1] - bounds[0]
    values = (np.array([point.value for point in ordered]) - low) / span
    errors = np.array([point.deviation or 0.0 for point in ordered]) / span
    most = float(labels[-1])
    draws = np.random.default_rng(seed)
    parts = [
        _draws(family.rise, family.shapes(float(labels[0]) / most), labels / most, values, errors, draws)
        for family in families()
    ]
    weights = np.concatenate([part.log_weights for part in parts])
    kept = _kept(np.exp(weights - weights.max()))
    return LearningCurve(
        first=float(labels[0]),
        most=most,
        bounds=bounds,
        names=tuple(family.name for family in families()),
        family=np.repeat(np.arange(len(parts)), [len(part.log_weights) for part in parts])[kept],
        shapes=np.concatenate([part.shapes for part in parts])[kept],
        heights=low + span * np.concatenate([part.heights for part in parts])[kept],
        scatter=span * np.concatenate([part.scatter for part in parts])[kept],
        weights=np.full(_KEPT, 1 / _KEPT),
    )


def _kept(weights: Floats) -> NDArray[np.int64]:
    """`(_KEPT,)` places, each as often as its weight asks. Source: Kitagawa (1996), systematic resampling, JCGS 5."""
    reached = np.cumsum(weights)
    places = np.searchsorted(reached, (np.arange(_KEPT) + 0.5) / _KEPT * reached[-1])
    return np.asarray(places, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class _Draws:
    shapes: Floats  # (M, 2)
    heights: Floats  # (M, 2)
    scatter: Floats  # (M,)
    log_weights: Floats  # (M,)


def _draws(
    rise: Rise, shapes: Floats, labels: Floats, values: Floats, errors: Floats, draws: np.random.Generator
) -> _Draws:
    """Curves of one family: for each shape and scatter the two heights are normal given the points, and drawn from that."""
    start, end = _ends(rise, shapes, float(labels[0]))
    share = (rise(labels, shapes) - start[:, None]) / (end - start)[:, None]  # (S, N)
    design = np.stack([1 - share, share], axis=-1)[:, None]  # (S, 1, N, 2)
    variance = (errors**2)[None, None] + (_SCATTER**2)[None, :, None]  # (1, T, N)
    weighted = design / variance[..., None]  # (S, T, N, 2)
    precision = np.einsum("stni,sunj->stij", weighted, design) + 1e-6 * np.eye(2)
    mean = np.linalg.solve(precision, np.einsum("stni,n->sti", weighted, values)[..., None])[..., 0]
    residual = values - np.einsum("suni,sti->stn", design, mean)
    fitted = -0.5 * (residual**2 / variance + np.log(variance)).sum(axis=-1)
    evidence = fitted - 0.5 * np.linalg.slogdet(precision)[1] + _prior() - math.log(len(shapes))  # (S, T)
    factor = np.linalg.cholesky(np.linalg.inv(precision))
    normal = draws.standard_normal((*mean.shape[:2], _DRAWS, 2))
    heights = mean[:, :, None] + np.einsum("stij,stdj->stdi", factor, normal)
    possible = (heights[..., 0] >= 0) & (heights[..., 0] <= heights[..., 1]) & (heights[..., 1] <= 1)
    log_weights = np.where(possible, evidence[..., None], -np.inf).ravel()
    padded = np.zeros((len(shapes), 2))
    padded[:, : shapes.shape[1]] = shapes
    each = len(_SCATTER) * _DRAWS
    return _Draws(
        shapes=np.repeat(padded, each, axis=0),
        heights=heights.reshape(-1, 2),
        scatter=np.tile(np.repeat(_SCATTER, _DRAWS), len(shapes)),
        log_weights=log_weights,
    )


def _prior() -> Floats:
    """`(T,)` log weights of the scatters: a half-Cauchy density times the width that each stands for."""
    density = 1 / (1 + (_SCATTER / _USUAL_SCATTER) ** 2)
    return np.asarray(np.log(density * np.gradient(_SCATTER)))


def _ends(rise: Rise, shapes: Floats, first: float) -> tuple[Floats, Floats]:
    """`(S,)` how high the family's curve is at the first point and far ahead."""
    heights = rise(np.array([first, float(_AHEAD)]), shapes)
    return heights[:, 0], np.maximum(heights[:, 1], heights[:, 0] + 1e-12)


def _quantiles(values: Floats, weights: Floats, level: float) -> tuple[float, float, float]:
    """The ends of the interval in the middle that holds `level`, and the median between them."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    below /= below[-1]
    places = np.searchsorted(below, [(1 - level) / 2, 0.5, (1 + level) / 2])
    low, middle, high = values[order][np.minimum(places, len(order) - 1)].tolist()
    return low, middle, high


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
