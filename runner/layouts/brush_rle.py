"""Masks as Label Studio's brush writes them: a stream of bits that holds the RGBA values of the image, row by row.

After the number of values (32 bits), the width of one less one (5) and four widths of lengths less one (4 each), there are runs: a bit
that says whether all values are the same, two that choose a width, the length less one in it, and the value or values.

Source: the module rle-pack of @thi.ng/umbrella, `decode`, which Label Studio packs masks with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHANNELS = 4


def brush_pixels(packed: Sequence[int], height: int, width: int) -> NDArray[np.bool_] | str:
    """Which pixels `(height, width)` a brush covers: those whose alpha is not 0; or what is wrong with the stream."""
    import numpy as np

    try:
        data = bytes(packed)
    except (ValueError, TypeError):
        return "rle is not a list of bytes"
    bits = _Bits(data)
    count = bits.take(32)
    if count != height * width * _CHANNELS:
        return f"rle holds {count // _CHANNELS} pixels, not the {height} × {width} of the image"
    word = bits.take(5) + 1
    widths = [bits.take(4) + 1 for _ in range(4)]
    if word > 8:
        return f"rle has values of {word} bits, not of up to 8"
    values = np.zeros(count, dtype=np.uint8)
    at = 0
    while at < count and not bits.ended:
        same = bits.take(1)
        end = at + bits.take(widths[bits.take(2)]) + 1
        if same:
            values[at:end] = bits.take(word)
        else:
            values[at : min(end, count)] = [bits.take(word) for _ in range(min(end, count) - at)]
        at = end
    if at != count or bits.ended:
        return f"rle ends after {min(at, count)} of {count} values"
    covered: NDArray[np.bool_] = values.reshape(height, width, _CHANNELS)[:, :, 3] > 0
    return covered


class _Bits:
    """Reads numbers from a stream, the highest bit first; `ended` once more was asked for than there is."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.ended = False

    def take(self, count: int) -> int:
        start, end = self.at >> 3, (self.at + count + 7) >> 3
        if end > len(self.data):
            self.ended = True
            return 0
        window = int.from_bytes(self.data[start:end], "big")
        self.at += count
        return (window >> (end * 8 - self.at)) & ((1 << count) - 1)
