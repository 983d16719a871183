"""The canvas that plots are drawn on with matplotlib: bytes that depend on the data alone.

No pyplot, no matplotlibrc, no timestamps; text is drawn as paths in the DejaVu font that matplotlib carries,
and never read as a formula. Colours: Okabe and Ito's palette, distinguishable with colour-blindness.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from runner.adapters.system.private_folders import out_of_reach

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
SERIES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
INK, GREY, PALE = "#222222", "#767676", "#E4E4E4"
WIDTH = 8.0  # inches
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


@contextmanager
def drawing() -> Iterator[None]:
    """matplotlib with our style only: no user's or folder's matplotlibrc, no noise, no home folder needed."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it reports building its font cache, and a home folder it cannot write to
    with out_of_reach():  # a `matplotlibrc` in the working folder would be read
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


def blank(height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")


def encoded(figure: Any) -> Picture:
    """Both formats, without dates or versions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    png, svg = io.BytesIO(), io.BytesIO()
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(svg, metadata=nothing)
    return Picture(svg=svg.getvalue(), png=png.getvalue())
