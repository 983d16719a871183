"""The processes that this one started, and how they are ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import psutil


class Started:
    """Processes below this one whose environment names it, with everything that they started themselves.

    Args:
        variable: the environment variable that holds this process's number.
    """

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self._asked: set[psutil.Process] = set()

    def end(self, *, force: bool) -> None:
        """Asks each to end, once; with `force` the system ends it, whatever it is doing."""
        for process in self._running():
            with suppress(psutil.NoSuchProcess):
                if force:
                    process.kill()
                elif process not in self._asked:
                    self._asked.add(process)
                    process.terminate()

    def _running(self) -> list[psutil.Process]:
        """Those that were asked, even where what started them is gone, and those that came since."""
        known = {process for process in self._asked if process.is_running()}
        return [*known, *(process for process in self._found() if process not in known)]

    def _found(self) -> Iterator[psutil.Process]:
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if child.environ().get(self._variable) == str(os.getpid()):
                    yield from [child, *child.children(recursive=True)]
