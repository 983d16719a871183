"""A piece of the Markdown report that stands or falls as one when space is short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Part:
    """Markdown of one part: `head`, then `rows` (a table's, which may be cut from the end), then `tail`.

    Attributes:
        title: what the note calls this part when it is left out.
        more: further rows of what is in plain sight above, behind a click.
        priority: what stays longest when the text must fit: the smaller, the longer. A section's has its place in
            `catalogue.KEPT`.
    """

    title: str
    head: str
    rows: tuple[str, ...] = ()
    tail: str = ""
    more: bool = False
    priority: int = 0

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
PLOT_ROWS = 24


def table(title: str, heading: str, head: str, rows: Sequence[str], note: str = "") -> list[Part]:
    """A table, of which the first rows are in plain sight, further ones behind a click, and the rest counted.

    Args:
        title: what the note calls it when it is left out.
        heading: Markdown above the table.
        head: see `table_head`.
        rows: what matters most comes first.
        note: Markdown below the table.
    """
    first = Part(title=title, head=f"{heading}\n\n{head}", rows=tuple(rows[:ROWS]), tail=note)
    others = rows[ROWS : ROWS + FOLDED_ROWS]
    if not others:
        return [first]
    cut = len(rows) - ROWS - len(others)
    more = f" ({cut:,} more in report.json)" if cut else ""
    summary = f"{len(others):,} further {title}{more}"
    return [first, folded(f"further {title}", summary, head, others)]


def folded(title: str, summary: str, head: str, rows: Sequence[str], priority: int = 0) -> Part:
    """A part behind a click. `summary` is HTML: GitHub reads no Markdown there."""
    return Part(
        title=title,
        # GitHub reads Markdown inside HTML only after an empty line.
        head=f"<details><summary>{summary}</summary>\n" + (f"\n{head}" if head else ""),
        rows=tuple(rows),
        tail="</details>",
        more=True,
        priority=priority,
    )


def without_heading(parts: Sequence[Part], said: str) -> tuple[Part, ...]:
    """Without the first part's heading where `said`, up to a colon, is the same: a fold's line, or a chapter."""
    if not parts or not parts[0].head.startswith(f"### {said.partition(':')[0]}\n\n"):
        return tuple(parts)
    return (replace(parts[0], head=parts[0].head.partition("\n\n")[2]), *parts[1:])
