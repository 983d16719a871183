"""The plot of simulated labelling rounds: a line per policy, with what its seeds spread over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.adapters.pictures.canvas import INK, PALE, SERIES, Picture, blank, drawing, encoded

_SMALL = 9  # points


@dataclass(frozen=True, kw_only=True)
class PolicyLine:
    """One policy: after each round the median number of labels, and the metric's median, lowest and highest over seeds."""

    name: str
    labels: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def simulation(
    title: str, lines: Sequence[PolicyLine], *, axes_labels: tuple[str, str], target: float | None = None
) -> Picture:
    """The metric by the number of labels.

    Args:
        axes_labels: of labels, and of the metric.
    """
    with drawing():
        figure = blank(4.2)
        axes = figure.add_subplot()
        axes.grid(axis="y", color=PALE, linewidth=0.8)
        axes.set_axisbelow(True)
        for place, line in enumerate(lines):
            color = SERIES[place % len(SERIES)]
            dash = "--" if place == 0 else "-"
            axes.fill_between(line.labels, line.low, line.high, color=color, alpha=0.12, linewidth=0)
            axes.plot(line.labels, line.middle, dash, marker="o", markersize=4, color=color, label=line.name)
        if target is not None:
            axes.axhline(
                target, color=INK, linewidth=1.2, linestyle=(0, (2, 2)), label=f"target {target:.3f}"
            )
        axes.set_xlabel(axes_labels[0])
        axes.set_ylabel(axes_labels[1])
        axes.legend(fontsize=_SMALL, loc="lower right", handlelength=2.2)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return encoded(figure)
