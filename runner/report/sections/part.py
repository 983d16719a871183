"""A piece of the Markdown report that stands or falls as one when space is short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum


class Priority(IntEnum):
    """What stays longest when the report must fit: the smaller, the longer."""

    VERDICT = 0
    FAILURE = 1
    OPEN_GATES = 2
    INTERVALS = 3
    CHAMPION = 4
    FAILED_CHECKS = 5
    SLICES = 6
    FOUND = 7
    WEAR = 8
    TARGETS = 9
    ERRORS = 10
    REPRODUCE = 11
    DATA = 12
    TRAINING = 13
    COST = 14
    CLASSES = 15
    CONFUSION = 16
    OPERATING = 17
    CALIBRATION = 18
    GALLERY = 19
    MORE_GATES = 20
    CHECK_ROWS = 21
    MORE_CHAMPION = 22
    MORE_SLICES = 23
    MORE_CLASSES = 24
    MORE_OPERATING = 25
    PASSED_CHECKS = 26
    EPOCHS = 27


@dataclass(frozen=True, kw_only=True)
class Part:
    """Markdown of one part: `head`, then `rows` (a table's, which may be cut from the end), then `tail`.

    Attributes:
        title: what the note calls this part when it is left out.
    """

    title: str
    priority: IntEnum
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


def unbroken(text: str) -> str:
    """`0.510 (0.41 to 0.62)` in as few lines as its column allows: GitHub breaks a cell at every space.

    >>> unbroken("0.510 (0.41 to 0.62)")
    '0.510\\xa0(0.41\\xa0to\\xa00.62)'
    """
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def table_row(cells: Sequence[str]) -> str:
    """One row of cells that are Markdown already (without pipes or newlines)."""
    return f"| {' | '.join(cells)} |"


ROWS = 20  # of a table in plain sight
FOLDED_ROWS = 60  # behind a click; report.json has all


def table(
    title: str,
    priorities: tuple[Priority, Priority],
    heading: str,
    head: str,
    rows: Sequence[str],
    note: str = "",
) -> list[Part]:
    """A table, of which the first rows are in plain sight, further ones behind a click, and the rest counted.

    Args:
        title: what the note calls it when it is left out; `priorities` of the first and of the further rows.
        heading: Markdown above the table.
        head: see `table_head`.
        rows: what matters most comes first.
        note: Markdown below the table.
    """
    first = Part(
        title=title, priority=priorities[0], head=f"{heading}\n\n{head}", rows=tuple(rows[:ROWS]), tail=note
    )
    others = rows[ROWS : ROWS + FOLDED_ROWS]
    if not others:
        return [first]
    cut = len(rows) - ROWS - len(others)
    more = f" ({cut:,} more in report.json)" if cut else ""
    summary = f"{len(others):,} further {title}{more}"
    return [first, folded(f"further {title}", priorities[1], summary, head, others)]


def folded(title: str, priority: IntEnum, summary: str, head: str, rows: Sequence[str]) -> Part:
    """A part behind a click. `summary` is HTML: GitHub reads no Markdown there."""
    return Part(
        title=title,
        priority=priority,
        # GitHub reads Markdown inside HTML only after an empty line.
        head=f"<details><summary>{summary}</summary>\n" + (f"\n{head}" if head else ""),
        rows=tuple(rows),
        tail="</details>",
    )


def headless(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Without the first part's heading, for a place that has one of its own."""
    if not parts or not parts[0].head.startswith("### "):
        return tuple(parts)
    return (replace(parts[0], head=parts[0].head.partition("\n\n")[2]), *parts[1:])
