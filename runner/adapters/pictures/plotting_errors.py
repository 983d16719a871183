"""Plots of what a model gets wrong: its confusion matrix, and how far its confidence can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.adapters.pictures.canvas import BLUE, GREY, INK, PALE, VERMILION, Picture, blank, drawing, encoded

_LARGE = 9  # more labels than this, and the numbers are set smaller


@dataclass(frozen=True, kw_only=True)
class ConfidenceBin:
    """Predictions of one confidence: how many, their mean confidence, the share that is right; all of [low, high)."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def confusion(
    title: str, labels: Sequence[str], counts: Sequence[Sequence[int]], rows: Sequence[bool]
) -> Picture:
    """Counts as a table of cells: rows are the truth, columns the prediction.

    A cell's colour is its share of its row: blue on the diagonal, vermilion beside it.

    Args:
        title: above the plot.
        labels: of rows and of columns.
        counts: rows of as many integers as there are labels.
        rows: which rows have a diagonal that means "right"; a background's has not.
    """
    from matplotlib.patches import Rectangle

    n = len(labels)
    size = 6.5 if n > _LARGE else 7.5 if n > 6 else 9
    with drawing():
        figure = blank(1.3 + max(2.0, min(6.2, 0.5 * n)))
        axes = figure.add_subplot()
        for i, row in enumerate(counts):
            total = sum(row)
            for j, count in enumerate(row):
                share = count / total if total else 0.0
                color = BLUE if i == j and rows[i] else VERMILION
                place, tint = (j - 0.5, i - 0.5), _tint(color, share)
                axes.add_patch(Rectangle(place, 1, 1, facecolor=tint, edgecolor="white", linewidth=1.0))
                text = {"ha": "center", "va": "center", "fontsize": size + 1.5}
                ink = GREY if not count else "white" if share > 0.55 else INK
                axes.text(j, i, f"{count:,}" if count else "·", color=ink, **text)
        _label_cells(axes, labels, size + 1.5)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def _label_cells(axes: Any, labels: Sequence[str], size: float) -> None:
    n = len(labels)
    axes.set_xlim(-0.5, n - 0.5)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xticks(range(n), labels, rotation=40 if n > 6 else 0, ha="right" if n > 6 else "center")
    axes.set_yticks(range(n), labels)
    axes.tick_params(length=0, labelsize=size)
    axes.set_xlabel("prediction")
    axes.set_ylabel("truth")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _tint(color: str, share: float) -> tuple[float, ...]:
    """From almost white to the whole colour."""
    strength = 0.04 + 0.96 * share if share > 0 else 0.0
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(round(1 - strength * (1 - part), 4) for part in parts)


def reliability(title: str, bins: Sequence[ConfidenceBin]) -> Picture:
    """Above, the share that is right per confidence beside the diagonal; below, how many predictions there are."""
    with drawing():
        figure = blank(4.8)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        upper.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=(0, (4, 2)), label="as it should be")
        _bars(upper, bins)
        upper.set_ylim(0, 1.02)
        upper.set_ylabel("share that is right")
        upper.legend(loc="upper left", fontsize=9)
        middles = [(part.low + part.high) / 2 for part in bins]
        widths = [0.92 * (part.high - part.low) for part in bins]
        lower.bar(middles, [part.count for part in bins], widths, color=GREY)
        lower.set_ylabel("predictions")
        lower.set_xlabel("confidence")
        lower.set_xlim(0, 1)
        lower.yaxis.get_major_locator().set_params(nbins=3, integer=True)
        for axes in (upper, lower):
            axes.grid(axis="y", color=PALE, linewidth=0.8)
            axes.set_axisbelow(True)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)


def _bars(axes: Any, bins: Sequence[ConfidenceBin]) -> None:
    """The share that is right, and the gap to the mean confidence."""
    middles = [(part.low + part.high) / 2 for part in bins]
    widths = [0.92 * (part.high - part.low) for part in bins]
    axes.bar(middles, [part.accuracy for part in bins], widths, color=BLUE, label="share that is right")
    for color, words, over in (
        (VERMILION, "overconfident by", True),
        ("#E69F00", "underconfident by", False),
    ):
        chosen = [i for i, part in enumerate(bins) if (part.confidence > part.accuracy) == over]
        gaps = [abs(bins[i].confidence - bins[i].accuracy) for i in chosen]
        if chosen:
            bottoms = [min(bins[i].confidence, bins[i].accuracy) for i in chosen]
            # Opaque, so that the colour on a blue bar is the legend's.
            style = {"color": _tint(color, 0.45), "linewidth": 0, "label": words}
            axes.bar([middles[i] for i in chosen], gaps, [widths[i] for i in chosen], bottom=bottoms, **style)
