"""The learning curve over all sprints: which of them are its points, what lies ahead, and what the target would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.assessment.past_sprints import PastSprint, differing
from runner.domain.worth import POINT, Ahead, Curve, CurvePoint, FamilyCurve, TargetNeeds
from runner.evaluation.learning_curve import LearningCurve, Point, fit, missing_points

AHEAD = (1.5, 2.0, 4.0)
"""Times today's labels, for which the report says what the curve promises."""

_LINE = 24  # numbers of labels at which the curve is told
_DRAWN_TO = 4.0
_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of the curve.

    Attributes:
        target: of the metric; None where the project names none.
        price: of one label. `value_per_point`: what 0.01 of the metric is worth. None where nobody entered one.
        shared: see `Curve.shared`.
        ceiling: see `Curve.ceiling`.
    """

    metric: str
    level: float
    target: float | None = None
    price: float | None = None
    value_per_point: float | None = None
    shared: float = 0.0
    ceiling: float | None = None


def curve(own: PastSprint, earlier: Sequence[PastSprint], wanted: Wanted) -> Curve:
    """The points in the order of the sprints, and the curve where there are enough of them."""
    points = _points(own, earlier, wanted)
    fitted = [
        Point(labels=point.labels, value=point.value, deviation=point.deviation)
        for point in points
        if point.fitted
    ]
    empty = Curve(
        metric=wanted.metric,
        points=points,
        missing=missing_points(fitted),
        shared=round(wanted.shared, _DIGITS),
        ceiling=wanted.ceiling,
    )
    return empty if empty.missing else _told(empty, fit(fitted), own.labels, wanted)


def _points(own: PastSprint, earlier: Sequence[PastSprint], wanted: Wanted) -> list[CurvePoint]:
    """Comparable sprints are fitted; where those of this sprint's recipe are enough, they alone."""
    sprints = [
        sprint
        for sprint in (*earlier, own)
        if sprint.measured(wanted.metric) is not None and sprint.labels > 0
    ]
    against = {sprint.name: _incomparable(own, sprint) for sprint in sprints}
    recipes = {sprint.name: differing(sprint.recipe, own.recipe) for sprint in sprints}
    alike = {sprint.labels for sprint in sprints if not against[sprint.name] and not recipes[sprint.name]}
    strict = not missing_points([Point(labels=labels, value=0.0) for labels in alike])
    if strict:
        against |= {
            name: against[name] or f"another recipe: {', '.join(found[:2])}"
            for name, found in recipes.items()
            if found
        }
    return [_point(sprint, against[sprint.name], wanted) for sprint in sprints]


def _incomparable(own: PastSprint, sprint: PastSprint) -> str:
    """Why its number and this sprint's are not of the same thing; empty where they are."""
    if not sprint.same_test(own):
        return "another test split"
    if sorted(sprint.classes) != sorted(own.classes):
        return "other classes"
    return ""


def _point(sprint: PastSprint, why_not: str, wanted: Wanted) -> CurvePoint:
    measured = sprint.measured(wanted.metric)
    assert measured is not None  # noqa: S101  `_points` asked
    deviation = sprint.deviation(wanted.metric)
    return CurvePoint(
        sprint=sprint.name,
        labels=sprint.labels,
        value=measured[0],
        interval=measured[1],
        deviation=None if deviation is None else round(deviation * (1 - wanted.shared) ** 0.5, 6),
        fitted=not why_not,
        why_not=why_not,
    )


def _told(empty: Curve, fitted: LearningCurve, labels: int, wanted: Wanted) -> Curve:
    import msgspec

    at = np.geomspace(fitted.first, max(fitted.most, labels) * _DRAWN_TO, _LINE).tolist()
    line = [fitted.predict(number, level=wanted.level) for number in at]
    families = [
        FamilyCurve(
            family=name,
            share=round(share, 3),
            values=[round(fitted.predict(number, family=name).value, _DIGITS) for number in at],
        )
        for name, share in fitted.shares.items()
        if share > 0
    ]
    return msgspec.structs.replace(
        empty,
        at=[round(number, 1) for number in at],
        median=[round(one.value, _DIGITS) for one in line],
        low=[round(one.low, _DIGITS) for one in line],
        high=[round(one.high, _DIGITS) for one in line],
        families=families,
        ahead=[_ahead(fitted, labels, times, wanted.level) for times in AHEAD],
        target=_target(fitted, labels, wanted),
    )


def _ahead(fitted: LearningCurve, labels: int, times: float, level: float) -> Ahead:
    total = round(labels * times)
    there = fitted.predict(total, level=level)
    rise = fitted.gained(labels, total - labels, level=level)
    return Ahead(
        labels=total,
        value=round(there.value, _DIGITS),
        low=round(there.low, _DIGITS),
        high=round(there.high, _DIGITS),
        rise=round(rise.value, _DIGITS),
        rise_low=round(rise.low, _DIGITS),
        rise_high=round(rise.high, _DIGITS),
    )


def _target(fitted: LearningCurve, labels: int, wanted: Wanted) -> TargetNeeds | None:
    if wanted.target is None:
        return None
    needed = fitted.needed(wanted.target, level=wanted.level)
    middle, low, high = (_three_digits(number) for number in (needed.labels, needed.low, needed.high))
    costs = [_cost(number, labels, wanted.price) for number in (middle, low, high)]
    points = max(0.0, wanted.target - fitted.predict(labels).value) / POINT
    return TargetNeeds(
        target=wanted.target,
        chance=round(needed.chance, 3),
        labels=middle,
        low=low,
        high=high,
        cost=costs[0],
        cost_low=costs[1],
        cost_high=costs[2],
        worth_it=_worth_it(costs[1], costs[2], points, wanted.value_per_point),
    )


def _three_digits(number: float | None) -> int | None:
    """No more is known of it, and it is the same on every machine."""
    return None if number is None else int(float(f"{number:.3g}"))


def _cost(labels: int | None, there: int, price: float | None) -> float | None:
    return None if labels is None or price is None else round(max(0, labels - there) * price, 2)


def _worth_it(low: float | None, high: float | None, points: float, value: float | None) -> bool | None:
    """Whether the way costs less than it is worth, by both ends of the interval; None where they do not agree."""
    if value is None or low is None:
        return None
    if low > points * value:
        return False
    return True if high is not None and high <= points * value else None
