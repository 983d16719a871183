"""The most important parts of a text that fit into so many bytes, with every table and fold closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.report.sections.part import Part


@dataclass(frozen=True, kw_only=True)
class Block:
    """Parts that are shown together, behind a click where there is a `summary` (HTML, on one line)."""

    parts: tuple[Part, ...]
    summary: str = ""

    def around(self, texts: Sequence[str]) -> list[str]:
        """The texts of its parts, folded."""
        if not self.summary or not texts:
            return list(texts)
        return [self._opening, *texts, "</details>"]

    @property
    def cost(self) -> int:
        """What the fold takes, in UTF-8 bytes."""
        return len(f"{self._opening}\n\n\n\n</details>".encode()) if self.summary else 0

    @property
    def _opening(self) -> str:
        return f"<details><summary>{self.summary}</summary>"


def fitting(
    blocks: Sequence[Block], max_bytes: int | None, note: Callable[[list[str]], str], note_bytes: int
) -> list[str] | None:
    """The blocks' texts in their order, to be joined by empty lines, with a note about what is missing at the end.

    Args:
        blocks: what is to be shown; parts are kept by their priority, then by their order.
        max_bytes: the most UTF-8 bytes, a final newline included; all when None.
        note: the sentence about parts that are missing, by their titles.
        note_bytes: what is kept free for the note, at least as much as it takes.

    Returns:
        None when not even the most important part fits.
    """
    whole = [text for block in blocks for text in block.around([part.text() for part in block.parts])]
    if max_bytes is None or size(whole) <= max_bytes:
        return whole
    kept, missing = _kept(blocks, max_bytes - note_bytes)
    if not kept:
        return None
    texts = [
        text
        for i, block in enumerate(blocks)
        for text in block.around([kept[i, j] for j in range(len(block.parts)) if (i, j) in kept])
    ]
    return [*texts, note(missing)] if missing else texts


def _kept(blocks: Sequence[Block], room: int) -> tuple[dict[tuple[int, int], str], list[str]]:
    """The texts of the parts that fit by (block, part), and the titles of the others."""
    places = [(i, j) for i, block in enumerate(blocks) for j in range(len(block.parts))]
    order = sorted(places, key=lambda place: (blocks[place[0]].parts[place[1]].priority, place))
    kept: dict[tuple[int, int], str] = {}
    opened: set[int] = set()
    for done, (i, j) in enumerate(order):
        fold = 0 if i in opened else blocks[i].cost
        text = _shortened(blocks[i].parts[j], room - 2 - fold)
        if text is None:
            return kept, list(dict.fromkeys(blocks[i].parts[j].title for i, j in sorted(order[done:])))
        kept[i, j] = text
        opened.add(i)
        room -= size([text]) + 1 + fold
    return kept, []


def _shortened(part: Part, room: int) -> str | None:
    """The part with as many rows as `room` bytes hold; `None` when not even one fits."""
    text = part.text()
    if size([text]) <= room:
        return text
    low, high = 0, len(part.rows)
    while low < high:  # the most rows that fit
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size([part.text(middle)]) <= room else (low, middle - 1)
    return part.text(low) if low else None


def size(texts: Sequence[str]) -> int:
    """UTF-8 bytes of the texts, joined by empty lines and ended by a newline."""
    return len("\n\n".join(texts).encode()) + 1
