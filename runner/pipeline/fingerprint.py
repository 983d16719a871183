"""Recognises that nothing changed since the last finished run, without asking DVC.

As git's index does: by path, size, modification time and inode of every file that the pipeline reads or writes. Only
a match is trusted; whatever differs goes to DVC, which compares contents.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.domain.files import write_json
from runner.domain.records import Record


class RunState(Record, frozen=True, kw_only=True):
    """What the last finished run of a sprint looked like on this machine.

    Attributes:
        fingerprint: of what the stages read and wrote.
        reported: of what the report rests on, and of the report.
    """

    fingerprint: str
    reported: str = ""


def state_path(root: Path, sprint: str) -> Path:
    """Where this machine remembers a sprint's last finished run (git-ignored)."""
    return root / ".flywheel" / "state" / f"{sprint}.json"


def fingerprint(paths: Sequence[Path]) -> str:
    """A digest over the files below `paths`; an absent path counts as such."""
    digest = hashlib.sha256()
    for path in paths:
        for line in _entries(path):
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _entries(path: Path) -> Iterator[str]:
    if path.is_dir():
        with os.scandir(path) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        yield f"{path}/\n"
        for entry in ordered:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
            else:
                yield _line(entry.path, entry.stat())
    elif path.exists():
        yield _line(str(path), path.stat())
    else:
        yield f"{path} absent\n"


def _line(path: str, status: os.stat_result) -> str:
    return f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ino}\n"


def remember(root: Path, sprint: str, state: RunState) -> None:
    """Records the state of a finished run."""
    write_json(state_path(root, sprint), state)
