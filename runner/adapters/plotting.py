"""Plots with matplotlib, drawn to bytes that depend on the data alone.

No pyplot, no matplotlibrc, no timestamps; text is drawn as paths in the DejaVu font that matplotlib carries,
and never read as a formula. Colours: Okabe and Ito's palette, distinguishable with colour-blindness.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
SERIES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
INK, GREY, PALE = "#222222", "#767676", "#E4E4E4"
_WIDTH = 8.0  # inches
_STYLE = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "flywheel",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "path.simplify": False,
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One plot in both formats."""

    svg: bytes
    png: bytes


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One horizontal bar. `reference` is drawn as a diamond, `faint` marks a small sample."""

    label: str
    value: float
    reference: float | None = None
    faint: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve; both sequences have one length."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    color: int = 0  # position in SERIES


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """One row of the artefact plot: latency in ms, quality in [0, 1]; what was not measured is `None`."""

    label: str
    quality: float | None
    p50_ms: float | None
    p95_ms: float | None
    judged: bool = False


@contextmanager
def _drawing() -> Iterator[None]:
    """matplotlib with our style only: no user's or folder's matplotlibrc, no noise, no home folder needed."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it reports building its font cache, and a home folder it cannot write to
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name in a script that DejaVu lacks is drawn as boxes: no reason to fail a report.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        try:
            yield
        finally:
            logger.setLevel(level)


def _figure(height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height), layout="constrained", facecolor="white")


def _encoded(figure: Any) -> Picture:
    """Both formats, without dates or versions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    png, svg = io.BytesIO(), io.BytesIO()
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(svg, metadata=nothing)
    return Picture(svg=svg.getvalue(), png=png.getvalue())


def horizontal_bars(
    title: str, bars: Sequence[Bar], *, overall: float | None, overall_label: str, reference_label: str = ""
) -> Picture:
    """Values in [0, 1], the first bar at the top; a line at `overall`, and what is below it in vermilion."""
    with _drawing():
        figure = _figure(1.1 + 0.34 * len(bars))
        axes = figure.add_subplot()
        for position, bar in enumerate(bars):
            _draw_bar(axes, position, bar, weak=overall is not None and bar.value < overall)
        diamonds = [(bar.reference, row) for row, bar in enumerate(bars) if bar.reference is not None]
        if diamonds:
            style = {"color": INK, "markersize": 5.5, "markeredgecolor": "white", "clip_on": False}
            axes.plot(*zip(*diamonds, strict=True), "D", label=reference_label, **style)
            below = (0.0, -0.02 - 0.35 / len(bars))
            axes.legend(loc="upper left", bbox_to_anchor=below, fontsize=9, borderaxespad=0)
        axes.set_yticks(range(len(bars)), [bar.label for bar in bars])
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xlim(0, 1.08)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if overall is not None:
            axes.axvline(overall, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
            axes.text(overall, -0.68, f"{overall_label} {overall:.3f}", ha="center", va="bottom", fontsize=9)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return _encoded(figure)


def _draw_bar(axes: Any, position: int, bar: Bar, *, weak: bool) -> None:
    color, alpha = VERMILION if weak else BLUE, 0.45 if bar.faint else 1.0
    axes.barh(position, bar.value, height=0.62, color=color, alpha=alpha)
    end = max(bar.value, bar.reference or 0.0) + 0.015
    axes.text(end, position, f"{bar.value:.3f}", va="center", fontsize=9)


def two_panels(
    title: str, left: Sequence[Line], right: Sequence[Line], labels: tuple[str, str, str]
) -> Picture:
    """Curves side by side; `labels` are the left panel's y, the right panel's y, and the common x.

    The left panel's y starts at 0; the right panel's is a ratio.
    """
    with _drawing():
        figure = _figure(3.4)
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
        return _encoded(figure)


def unit_square(title: str, lines: Sequence[Line], x_label: str, y_label: str) -> Picture:
    """Curves whose axes both span [0, 1]."""
    with _drawing():
        figure = _figure(4.4)
        axes = figure.add_subplot()
        _draw_lines(axes, lines, "lower left")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.set_title(title)
        return _encoded(figure)


def _draw_lines(axes: Any, lines: Sequence[Line], legend: str) -> None:
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
    with _drawing():
        figure = _figure(1.5 + 0.42 * len(rows))
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
        return _encoded(figure)


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
