"""What a job leaves with GitHub: step outputs, and the step's summary."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from runner.domain.errors import FlywheelError
from runner.forges.environment import Environment

SUMMARY_BYTES = 2**20  # of one step; GitHub drops the whole summary beyond
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_CUT = "\n*Cut here: a step's summary holds no more. The whole is among the run's artifacts.*\n"
_CLOSING_BYTES = 400  # for `_CUT`, and for what is still open where the text is cut


def set_output(environment: Environment, name: str, value: str) -> None:
    """Hands a value to later steps, whatever is in it; does nothing outside CI.

    The value stands between lines that nobody who made it could know: none of its lines can end it, and none is read
    as another output.

    Raises:
        FlywheelError: `name` is none that a workflow could read.
    """
    if not _NAME.fullmatch(name):
        raise FlywheelError(f"not a step output's name: {name!r}")
    if environment.output_path is None:
        return
    delimiter = f"flywheel_{secrets.token_hex(16)}"
    _append(Path(environment.output_path), f"{name}<<{delimiter}\n{value}\n{delimiter}\n".encode())


def append_summary(environment: Environment, markdown: str, *, max_bytes: int = SUMMARY_BYTES) -> None:
    """Adds to the step's summary as much as it holds, cut at a line, and says so; does nothing outside CI."""
    if environment.summary_path is None:
        return
    path = Path(environment.summary_path)
    there = path.stat().st_size if path.is_file() else 0
    room = max_bytes - there - 2
    content = markdown.encode()
    if len(content) > room:
        content = _cut(content, room).encode()
    if content:
        _append(path, content + (b"\n" if content.endswith(b"\n") else b"\n\n"))


def _cut(content: bytes, room: int) -> str:
    """The whole lines that fit, with what they opened closed, and a note; nothing where not even the note fits."""
    if room < _CLOSING_BYTES:
        return ""
    kept = content[: room - _CLOSING_BYTES]
    text = kept[: kept.rfind(b"\n") + 1].decode()
    fences = sum(line.startswith("```") for line in text.splitlines())
    # Folds do not lie within one another in what is written here, but a fence may lie in one.
    folds = text.count("<details") - text.count("</details>")
    closing = "```\n" * (fences % 2) + "\n</details>\n" * max(0, min(folds, 10))
    return f"{text}{closing}{_CUT}"


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
