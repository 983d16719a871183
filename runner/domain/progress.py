"""How far long work is, and how long it will still take: on stderr, and never in what a program reads.

A bar on a terminal. Elsewhere nothing; or, where FLYWHEEL_PROGRESS is set (in a CI job, say), a line every half minute.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

SECONDS_BETWEEN_LINES = 30.0


class Progress(Protocol):
    """What long work reports to."""

    def update(self, n: int = 1) -> bool | None: ...

    def set_postfix_str(self, s: str) -> None: ...


@contextmanager
def progress_bar(description: str, total: int, unit: str) -> Iterator[Progress]:
    """Shows `description`, how many of `total` are done, and the time left, while the block runs."""
    if not sys.stderr.isatty() and os.environ.get("FLYWHEEL_PROGRESS"):
        yield ProgressLines(description, total, unit)
        return
    from tqdm import tqdm

    with tqdm(
        total=total,
        desc=f"  {description}",
        unit=unit,
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
        file=sys.stderr,
    ) as bar:
        yield bar


class ProgressLines:
    """Progress where a bar cannot be redrawn: `  predict: 120 of 800 images, about 2 min 10 s left`."""

    def __init__(
        self, description: str, total: int, unit: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._description, self._total, self._unit, self._clock = description, total, unit, clock
        self._done, self._started = 0, clock()
        self._said = self._started

    def update(self, n: int = 1) -> None:
        """Counts `n` more as done, and says so when the last line is half a minute old."""
        self._done += n
        now = self._clock()
        if now - self._said < SECONDS_BETWEEN_LINES or not self._done:
            return
        self._said = now
        left = (now - self._started) / self._done * (self._total - self._done)
        units = self._unit if self._total == 1 else f"{self._unit}s"
        print(
            f"  {self._description}: {self._done:,} of {self._total:,} {units}, about {duration(left)} left",
            file=sys.stderr,
            flush=True,
        )

    def set_postfix_str(self, s: str) -> None:
        """A bar shows it; a line has no room."""


def duration(seconds: float) -> str:
    """Time in a person's words.

    >>> duration(4.4), duration(130), duration(7322)
    ('4 s', '2 min 10 s', '2 h 2 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
