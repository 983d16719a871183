"""Plots of numbers with their intervals: values per slice, differences, training seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.adapters.pictures.canvas import BLUE, GREY, INK, PALE, VERMILION, Picture, blank, drawing, encoded

_ROW = 0.34  # inches
_SMALL = 9  # points


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One row: a value and the ends of its interval (None where there is none).

    Attributes:
        reference: drawn as a diamond.
        color: the dot's and the interval's; see `canvas`.
        text: what stands at the right; the value when empty.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    color: str = BLUE
    text: str = ""


def values(
    title: str, rows: Sequence[Estimate], *, overall: Estimate | None, reference_label: str = ""
) -> Picture:
    """Values in [0, 1] with intervals, the first row at the top; `overall` is a line with its interval as a band."""
    shown = [*rows, *([overall] if overall else [])]
    with drawing():
        figure = blank(1.15 + _ROW * len(rows))
        axes = figure.add_subplot()
        if overall is not None:
            if overall.low is not None and overall.high is not None:
                axes.axvspan(overall.low, overall.high, color=PALE, alpha=0.55, linewidth=0)
            axes.axvline(overall.value, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
            where = {"ha": "center", "va": "bottom", "fontsize": _SMALL}
            axes.text(overall.value, -0.68, f"{overall.label} {overall.value:.3f}", **where)
        least = min(end for row in shown for end in (row.value, row.low, row.reference) if end is not None)
        start = 0.0 if least < 0.5 else math.floor(10 * least - 0.5) / 10
        _rows(axes, rows, text_at=1 + 0.02 * (1 - start))
        diamonds = [(row.reference, place) for place, row in enumerate(rows) if row.reference is not None]
        if diamonds:
            style = {"color": INK, "markersize": 5, "markerfacecolor": "white", "markeredgewidth": 1.3}
            axes.plot(
                *zip(*diamonds, strict=True), "D", label=reference_label, clip_on=False, zorder=3, **style
            )
            below = (0.0, -0.03 - 0.4 / len(rows))
            axes.legend(
                loc="upper left", bbox_to_anchor=below, fontsize=_SMALL, borderaxespad=0, handletextpad=0.3
            )
        axes.set_xlim(start, 1)
        axes.xaxis.get_major_locator().set_params(nbins=6)
        if start:
            axes.set_xlabel("axis cut off")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def differences(
    title: str, rows: Sequence[Estimate], labels: tuple[str, str], legend: Mapping[str, str]
) -> Picture:
    """A forest plot: differences with intervals around a line at zero.

    Args:
        title: above the plot.
        rows: the first at the top.
        labels: what lies left of zero, and what lies right of it.
        legend: what each colour means: color → words.
    """
    with drawing():
        figure = blank(1.2 + _ROW * len(rows))
        axes = figure.add_subplot()
        ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
        reach = 1.08 * max([0.01, *map(abs, ends)])
        axes.axvline(0, color=INK, linewidth=1.2)
        _rows(axes, rows, text_at=reach * 1.04)
        axes.set_xlim(-reach, reach)
        axes.xaxis.get_major_locator().set_params(nbins=6, symmetric=True)
        axes.set_xlabel(f"← {labels[0]}      {labels[1]} →")
        handles = [
            axes.plot([], [], "o-", color=color, linewidth=2.2, markersize=6, label=words)[0]
            for color, words in legend.items()
            if any(row.color == color for row in rows)
        ]
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": len(handles)}
        axes.legend(handles=handles, fontsize=_SMALL, borderaxespad=0.2, handlelength=1.6, **place)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def points(title: str, rows: Sequence[Estimate], x_label: str, line: tuple[str, float] | None) -> Picture:
    """One dot per row on an axis that is cut to what there is, and a named vertical line."""
    with drawing():
        figure = blank(1.25 + _ROW * len(rows))
        axes = figure.add_subplot()
        ends = [row.value for row in rows] + ([line[1]] if line else [])
        margin = max(0.01, 0.15 * (max(ends) - min(ends)))
        low, high = max(0.0, min(ends) - margin), min(1.0, max(ends) + margin)
        seen = [row.value for row in rows]
        axes.axvspan(min(seen), max(seen), color=PALE, alpha=0.55, linewidth=0)
        if line is not None:
            axes.axvline(line[1], color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
            axes.text(line[1], -0.68, f"{line[0]} {line[1]:.3f}", ha="center", va="bottom", fontsize=_SMALL)
        _rows(axes, rows, text_at=high + 0.02 * (high - low))
        axes.set_xlim(low, high)
        axes.set_xlabel(f"{x_label} (axis cut off; shaded: the spread)")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def _rows(axes: Any, rows: Sequence[Estimate], *, text_at: float) -> None:
    """Dots with whiskers, labels at the left, numbers at the right."""
    for place, row in enumerate(rows):
        if row.low is not None and row.high is not None:
            axes.plot(
                [row.low, row.high], [place, place], color=row.color, linewidth=2.2, solid_capstyle="butt"
            )
            axes.plot(
                [row.low, row.high], [place, place], "|", color=row.color, markersize=8, markeredgewidth=1.6
            )
        # A hollow dot: nobody knows how sure it is.
        fill = {} if row.low is not None else {"markerfacecolor": "white", "markeredgewidth": 1.6}
        axes.plot(row.value, place, "o", color=row.color, markersize=6.5, zorder=4, **fill)
        text = row.text or f"{row.value:.3f}"
        axes.text(text_at, place, text, va="center", fontsize=_SMALL, color=INK, clip_on=False)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


OUTCOME_COLORS = {"gained": BLUE, "lost": VERMILION, "unclear": GREY}
