"""A piece of the Markdown report that stands or falls as one when space is short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """What stays longest when the report must fit: the smaller, the longer."""

    VERDICT = 0
    FAILURE = 1
    OPEN_GATES = 2
    FAILED_CHECKS = 3
    SLICES = 4
    TARGETS = 5
    REPRODUCE = 6
    DATA = 7
    TRAINING = 8
    COST = 9
    PASSED_GATES = 10
    CLASSES = 11
    CHECK_ROWS = 12
    MORE_SLICES = 13
    MORE_CLASSES = 14
    PASSED_CHECKS = 15
    EPOCHS = 16


@dataclass(frozen=True, kw_only=True)
class Part:
    """Markdown of one part: `head`, then `rows` (a table's, which may be cut from the end), then `tail`.

    Attributes:
        title: what the note calls this part when it is left out.
    """

    title: str
    priority: Priority
    head: str
    rows: tuple[str, ...] = ()
    tail: str = ""

    def text(self, rows: int | None = None) -> str:
        """The part with its first `rows` rows (all when `None`), saying how many are missing."""
        shown = self.rows if rows is None else self.rows[:rows]
        missing = len(self.rows) - len(shown)
        note = f"*… and {missing:,} more, left out to fit.*" if missing else ""
        table = "\n".join([self.head, *shown])
        return "\n\n".join(text for text in (table, note, self.tail) if text)


def table_head(columns: Sequence[str], *, numbers: Sequence[int] = ()) -> str:
    """A table's first two lines; `numbers` are the columns aligned right."""
    rules = ["---:" if position in numbers else "---" for position in range(len(columns))]
    return f"{table_row(columns)}\n{table_row(rules)}"


def table_row(cells: Sequence[str]) -> str:
    """One row of cells that are Markdown already (without pipes or newlines)."""
    return f"| {' | '.join(cells)} |"


def folded(title: str, priority: Priority, summary: str, head: str, rows: Sequence[str]) -> Part:
    """A part behind a click. `summary` is HTML: GitHub reads no Markdown there."""
    return Part(
        title=title,
        priority=priority,
        # GitHub reads Markdown inside HTML only after an empty line.
        head=f"<details><summary>{summary}</summary>\n" + (f"\n{head}" if head else ""),
        rows=tuple(rows),
        tail="</details>",
    )
