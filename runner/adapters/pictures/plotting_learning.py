"""The plot of a learning curve: sprints with their intervals, what several families of curves make of them, and its limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.adapters.pictures.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    VERMILION,
    Picture,
    blank,
    drawing,
    encoded,
)

_SMALL = 9  # points


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One sprint. `own`: the report is about it; `fitted`: the curve goes by it, else it is hollow."""

    label: str
    labels: float
    value: float
    low: float | None = None
    high: float | None = None
    fitted: bool = True
    own: bool = False


@dataclass(frozen=True, kw_only=True)
class Fan:
    """What the curve says at `labels`: the median, the ends of `interval`, and each family's own line, by its name with its share."""

    interval: str
    labels: Sequence[float]
    median: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    families: Sequence[tuple[str, float, Sequence[float]]]


def learning_curve(
    title: str,
    points: Sequence[Measured],
    fan: Fan | None,
    *,
    axes_labels: tuple[str, str],
    target: float | None = None,
    ceiling: float | None = None,
) -> Picture:
    """The metric by the number of labels, on an axis of logarithms.

    Args:
        fan: None where there are too few points for a curve.
        axes_labels: of labels, and of the metric.
        ceiling: what no further label can pass.
    """
    with drawing():
        figure = blank(4.2)
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.grid(axis="y", color=PALE, linewidth=0.8)
        axes.set_axisbelow(True)
        if fan is not None:
            axes.fill_between(
                fan.labels, fan.low, fan.high, color=PALE, alpha=0.7, linewidth=0, label=fan.interval
            )
            for place, (_, share, line) in enumerate(fan.families):
                named = {"label": "single families"} if place == 0 else {}
                axes.plot(fan.labels, line, color=GREY, linewidth=0.6 + 1.6 * share, alpha=0.7, **named)
            axes.plot(fan.labels, fan.median, color=BLUE, linewidth=2.2, label="all families, by weight")
        for point in points:
            _draw(axes, point)
        if not all(point.fitted for point in points):
            hollow = {"color": INK, "markerfacecolor": "white", "markersize": 6, "linestyle": "none"}
            axes.plot([], [], "o", label="cannot be compared", **hollow)
        for height, color, words, dash in (
            (ceiling, VERMILION, "ceiling by agreement", (0, (6, 2))),
            (target, GREEN, "target", (0, (2, 2))),
        ):
            if height is not None:
                axes.axhline(
                    height, color=color, linewidth=1.4, linestyle=dash, label=f"{words} {height:.3f}"
                )
        _scale(axes, points, fan, [end for end in (target, ceiling) if end is not None])
        axes.set_xlabel(axes_labels[0])
        axes.set_ylabel(axes_labels[1])
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=_SMALL, loc="lower right", handlelength=2.2)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def _draw(axes: Any, point: Measured) -> None:
    color = VERMILION if point.own else INK
    if point.low is not None and point.high is not None:
        axes.plot([point.labels] * 2, [point.low, point.high], color=color, linewidth=1.8, zorder=3)
    face = color if point.fitted else "white"
    axes.plot(point.labels, point.value, "o", color=color, markerfacecolor=face, markersize=6, zorder=4)
    place = {"xytext": (6, -10), "textcoords": "offset points", "fontsize": _SMALL, "color": color}
    axes.annotate(point.label, (point.labels, point.value), **place)


def _scale(axes: Any, points: Sequence[Measured], fan: Fan | None, lines: Sequence[float]) -> None:
    """An axis from a little below what was measured to a little above what may come; ticks of whole numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    reached = [end for point in points for end in (point.value, point.low, point.high) if end is not None]
    ends = [*reached, *lines, *([fan.median[-1], fan.high[0], fan.low[-1]] if fan is not None else [])]
    margin = 0.08 * max(0.02, max(ends) - min(ends))
    axes.set_ylim(max(0.0, min(ends) - margin), min(1.005, max(ends) + 2 * margin))
    numbers = [point.labels for point in points] + (list(fan.labels) if fan is not None else [])
    axes.set_xlim(min(numbers) / 1.1, max(numbers) * 1.15)
    axes.xaxis.set_major_locator(
        FixedLocator(_ticks(min(numbers), max(numbers), [point.labels for point in points]))
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _ticks(low: float, high: float, measured: Sequence[float]) -> list[float]:
    """1, 2 and 5 times powers of ten, as far as they lie in the range, no more than eight; what was measured where that is hardly any.

    >>> _ticks(90, 1200, [90, 1200]), _ticks(1087, 1225, [1225, 1087])
    ([100.0, 200.0, 500.0, 1000.0], [1087, 1225])
    """
    decades = range(math.floor(math.log10(max(low, 1))) - 1, math.ceil(math.log10(max(high, 1))) + 1)
    found = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    inside = [number for number in found if low <= number <= high]
    if len(inside) < 2:
        return sorted(set(measured))
    return inside if len(inside) <= 8 else inside[::2]
