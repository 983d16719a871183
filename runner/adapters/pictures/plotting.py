"""Plots of curves and of artefacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.adapters.pictures.canvas import (
    BLUE,
    GREY,
    INK,
    PALE,
    SERIES,
    VERMILION,
    Picture,
    blank,
    drawing,
    encoded,
)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One curve; both sequences have one length."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    color: int = 0  # position in SERIES


@dataclass(frozen=True, kw_only=True)
class CurveMark:
    """A vertical line at `x`, named in the legend."""

    label: str
    x: float
    faint: bool = False


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """One row of the artefact plot: latency in ms, quality in [0, 1]; what was not measured is `None`."""

    label: str
    quality: float | None
    p50_ms: float | None
    p95_ms: float | None
    judged: bool = False


def two_panels(
    title: str, left: Sequence[Curve], right: Sequence[Curve], labels: tuple[str, str, str]
) -> Picture:
    """Curves side by side; `labels` are the left panel's y, the right panel's y, and the common x.

    The left panel's y starts at 0; the right panel's is a ratio.
    """
    with drawing():
        figure = blank(3.4)
        panels = figure.subplots(1, 2)
        corners = ("upper right", "lower right")
        for axes, lines, label, corner in zip(panels, (left, right), labels[:2], corners, strict=True):
            _draw_lines(axes, lines, corner)
            axes.set_title(label, fontsize=10)
            axes.set_xlabel(labels[2])
            axes.set_ylim(bottom=0)
            axes.xaxis.get_major_locator().set_params(integer=True)
        panels[1].set_ylim(0, 1)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def unit_square(
    title: str, lines: Sequence[Curve], x_label: str, y_label: str, marks: Sequence[CurveMark] = ()
) -> Picture:
    """Curves whose axes both span [0, 1], with vertical marks."""
    with drawing():
        figure = blank(3.9)
        axes = figure.add_subplot()
        for mark in marks:
            style = {"color": GREY if mark.faint else INK, "linestyle": (0, (4, 2)) if mark.faint else "-"}
            axes.axvline(mark.x, linewidth=1.2, label=mark.label, **style)
        _draw_lines(axes, lines, "lower left")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.set_title(title)
        return encoded(figure)


def _draw_lines(axes: Any, lines: Sequence[Curve], legend: str) -> None:
    axes.grid(axis="y", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    for line in lines:
        axes.plot(
            line.x,
            line.y,
            color=SERIES[line.color % len(SERIES)],
            linestyle=(0, (3, 2)) if line.dashed else "-",
            marker="o" if len(line.x) == 1 else None,
            label=line.label,
        )
    if lines:
        # Not "best": its search warns when the machine is slow.
        axes.legend(fontsize=9, loc=legend, handlelength=2.2)


def artefacts(title: str, rows: Sequence[Artefact], quality_label: str) -> Picture:
    """Two aligned panels, one row per artefact: latency from p50 to p95, and quality.

    Aligned rows, not a scatter plot: exports differ by fractions of a point, and their labels would collide.
    """
    with drawing():
        figure = blank(1.5 + 0.42 * len(rows))
        speed, score = figure.subplots(1, 2, sharey=True)
        for position, row in enumerate(rows):
            _draw_artefact(speed, score, position, row)
        speed.set_yticks(range(len(rows)), [f"{row.label}{' (judged)' * row.judged}" for row in rows])
        speed.set_ylim(len(rows) - 0.4, -0.6)
        slowest = max((row.p95_ms or row.p50_ms or 0 for row in rows), default=0)
        speed.set_xlim(0, slowest * 1.25 or 1)
        speed.set_xlabel("latency in ms: ● p50  | p95")
        values = [row.quality for row in rows if row.quality is not None]
        if values:
            margin = max(0.02, 0.25 * (max(values) - min(values)))
            score.set_xlim(max(0.0, min(values) - margin), min(1.08, max(values) + 2 * margin))
        score.set_xlabel(f"{quality_label} (axis cut off)")
        for axes in (speed, score):
            axes.grid(axis="x", color=PALE, linewidth=0.8)
            axes.set_axisbelow(True)
            axes.xaxis.get_major_locator().set_params(nbins=5)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def _draw_artefact(speed: Any, score: Any, position: int, row: Artefact) -> None:
    color = VERMILION if row.judged else BLUE
    beside = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
    if row.p50_ms is not None:
        p95 = row.p95_ms if row.p95_ms is not None else row.p50_ms
        speed.plot([row.p50_ms, p95], [position, position], color=color, linewidth=2.5)
        speed.plot(row.p50_ms, position, "o", color=color, markersize=7)
        speed.plot(p95, position, "|", color=color, markersize=12, markeredgewidth=2.5)
        speed.annotate(f"{row.p50_ms:.1f} – {p95:.1f}", (p95, position), **beside)
    if row.quality is not None:
        score.plot(row.quality, position, "o", color=color, markersize=7)
        score.annotate(f"{row.quality:.3f}", (row.quality, position), **beside)
