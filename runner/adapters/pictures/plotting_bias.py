"""Plots of what may bias a sprint: one row per column, class, slice or value; one colour per split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.adapters.pictures.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    VERMILION,
    Picture,
    blank,
    drawing,
    encoded,
)

COLORS = {"train": GREY, "val": ORANGE, "test": BLUE, "pool": GREEN, "champion": PURPLE, "score": VERMILION}
_ROW = 0.34  # inches
_SMALL = 9  # points
_LEAST = 0.5  # of the least share that is drawn, an axis of logarithms begins


@dataclass(frozen=True, kw_only=True)
class DotRow:
    """One row.

    Attributes:
        values: a dot for each, by the name of its series (a key of `COLORS`).
        marks: where a short line stands, by the same names: what chance explains, or the end of an interval.
    """

    label: str
    values: Mapping[str, float]
    marks: Mapping[str, float] = field(default_factory=dict)


def dots(
    title: str,
    rows: Sequence[DotRow],
    x_label: str,
    legend: Mapping[str, str],
    *,
    mark: str = "",
    limit: tuple[str, float] | None = None,
    from_zero: bool = False,
    logarithmic: bool = False,
) -> Picture:
    """Dots from 0 on, the first row at the top.

    Args:
        legend: of each series what it is, in words.
        mark: what the short lines are; empty where there are none.
        limit: a vertical line and what it is called.
        from_zero: short lines are ends of ranges that begin at 0, and not of intervals that begin at the dots.
        logarithmic: the axis; what is 0 is drawn at its left end, hollow.
    """
    with drawing():
        figure = blank(1.65 + _ROW * len(rows))
        axes = figure.add_subplot()
        positive = [value for row in rows for value in row.values.values() if value > 0]
        start = _LEAST * min(positive, default=1.0) if logarithmic else 0.0
        for place, row in enumerate(rows):
            _row(axes, place, row, start, from_zero=from_zero)
        if limit is not None:
            axes.axvline(limit[1], color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
        if logarithmic:
            axes.set_xscale("log")
            _plain_ticks(axes)
        ends = [
            *positive,
            *(end for row in rows for end in row.marks.values()),
            *([limit[1]] if limit else []),
        ]
        axes.set_xlim(start, 1.08 * max(ends, default=1.0))
        none = any(value == 0 for row in rows for value in row.values.values())
        axes.set_xlabel(f"{x_label}; hollow: none" if none and logarithmic else x_label)
        _rows(axes, [row.label for row in rows])
        _legend(axes, legend, mark, limit)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def bars(title: str, rows: Sequence[DotRow], x_label: str, legend: Mapping[str, str]) -> Picture:
    """Stacked bars, the first row at the top, each with its sum at the right."""
    with drawing():
        figure = blank(1.45 + _ROW * len(rows))
        axes = figure.add_subplot()
        widest = max(sum(row.values.values()) for row in rows)
        for place, row in enumerate(rows):
            left = 0.0
            for name, value in row.values.items():
                axes.barh(place, value, left=left, height=0.62, color=COLORS[name])
                left += value
            axes.text(left + 0.01 * widest, place, f"{left:,.0f}", va="center", fontsize=_SMALL, color=INK)
        axes.set_xlim(0, 1.12 * widest)
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)
        axes.set_xlabel(x_label)
        _rows(axes, [row.label for row in rows])
        _legend(axes, legend, "", None, marker="s")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def _row(axes: Any, place: int, row: DotRow, start: float, *, from_zero: bool) -> None:
    between = 0.15 if len(row.values) > 1 else 0.0  # inside a row, so that equal values are all seen
    first = place - between * (len(row.values) - 1) / 2
    for number, (name, value) in enumerate(row.values.items()):
        at, color = first + number * between, COLORS[name]
        if name in row.marks:
            ends = [0 if from_zero else value, row.marks[name]]
            axes.plot(ends, [at, at], color=color, linewidth=1.2, alpha=0.5)
            axes.plot(row.marks[name], at, "|", color=color, markersize=8, markeredgewidth=1.8)
        hollow = {} if value > 0 else {"markerfacecolor": "white", "markeredgewidth": 1.5}
        axes.plot(max(value, start), at, "o", color=color, markersize=6, zorder=4, clip_on=False, **hollow)


def _plain_ticks(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5), numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _rows(axes: Any, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _legend(
    axes: Any, legend: Mapping[str, str], mark: str, limit: tuple[str, float] | None, marker: str = "o"
) -> None:
    """What the colours, the short lines and the dashed line are, above the plot."""
    handles = [
        axes.plot([], [], marker, color=COLORS[name], markersize=6, label=words)[0]
        for name, words in legend.items()
    ]
    if mark:
        style = {"color": INK, "markersize": 8, "markeredgewidth": 1.8}
        handles += axes.plot([], [], "|", label=mark, **style)
    if limit is not None:
        handles += axes.plot([], [], color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label=limit[0])
    where = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": min(len(handles), 3)}
    axes.legend(
        handles=handles, fontsize=_SMALL, borderaxespad=0.2, handletextpad=0.4, columnspacing=1.2, **where
    )
