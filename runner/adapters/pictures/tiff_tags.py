"""What the first page of a TIFF says of itself."""

from __future__ import annotations

from typing import Literal

_SHORT = 3
_MOST_CHANNELS = 64


def tiff_tags(data: bytes) -> tuple[dict[int, tuple[int, ...]], int]:
    """The tags of short numbers of the first page, and whether there are more pages (2) or not (1).

    Nothing where the file is cut: the decoder has the last word. Source: TIFF 6.0, section 2.
    """
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    start = number(4, 4)
    count = number(start, 2)
    found: dict[int, tuple[int, ...]] = {}
    for at in range(start + 2, min(start + 2 + 12 * count, len(data) - 11), 12):
        kind, values = number(at + 2, 2), number(at + 4, 4)
        if kind == _SHORT and 0 < values <= _MOST_CHANNELS:
            place = at + 8 if values <= 2 else number(at + 8, 4)
            found[number(at, 2)] = tuple(number(place + 2 * item, 2) for item in range(values))
    return found, 2 if number(start + 2 + 12 * count, 4) else 1
