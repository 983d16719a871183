"""Plots that a process draws once: the same numbers give the same bytes, and drawing takes longer than all else of a report.

Commands in a test's process and the jobs of a simulated forge use it. Tests of the plots call `runner.report.plots`, and draw.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runner.adapters.pictures import plotting, plotting_errors, plotting_intervals
from runner.adapters.pictures.canvas import Picture

KEPT = 500  # pictures of some 100 kB
_PLOTS = {
    plotting: ("two_panels", "unit_square", "artefacts"),
    plotting_errors: ("confusion", "reliability"),
    plotting_intervals: ("values", "differences", "points"),
}
_DRAW: dict[tuple[str, str], Callable[..., Picture]] = {
    (module.__name__, name): getattr(module, name) for module, names in _PLOTS.items() for name in names
}


@contextmanager
def each_plot_drawn_once() -> Iterator[None]:
    """Within it, what was drawn before is not drawn again."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in _PLOTS.items():
            for name in names:
                patch.setattr(module, name, functools.partial(_remembered, module.__name__, name))
        yield


@pytest.fixture(autouse=True)
def plots_drawn_once() -> Iterator[None]:
    """For a conftest.py whose tests look at what becomes of plots, and not at how they are drawn."""
    with each_plot_drawn_once():
        yield


def _remembered(module: str, name: str, *given: Any, **named: Any) -> Picture:
    return _drawn(module, name, pickle.dumps((given, named)))


@functools.lru_cache(maxsize=KEPT)
def _drawn(module: str, name: str, asked: bytes) -> Picture:
    given, named = pickle.loads(asked)  # noqa: S301 - our own
    return _DRAW[module, name](*given, **named)
