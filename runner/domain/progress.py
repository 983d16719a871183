"""A progress bar on stderr: real on a terminal, silent elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What long work reports to."""

    def update(self, n: int = 1) -> bool | None: ...

    def set_postfix_str(self, s: str) -> None: ...


@contextmanager
def progress_bar(description: str, total: int, unit: str) -> Iterator[Progress]:
    """Shows `description` and how many of `total` are done while the block runs."""
    from tqdm import tqdm

    quiet = not sys.stderr.isatty() and not os.environ.get("FLYWHEEL_PROGRESS")
    with tqdm(
        total=total, desc=f"  {description}", unit=unit, leave=False, disable=quiet, file=sys.stderr
    ) as bar:
        yield bar
