"""Masks as Label Studio's brush writes them: a stream of bits with the RGBA values of the image, row by row.

After the number of values (32 bits), the width of a value less one (5) and four widths of lengths less one (4 each), there are runs: a bit
that says that all values are the same, two that choose a width, the length less one in it, and the value.

Source: the module rle-pack of @thi.ng/umbrella, `encode`, which Label Studio packs masks with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHANNELS = 4
_VALUE_BITS = 8
_WIDTHS = (3, 4, 8, 16)  # of lengths, in bits


def packed_brush(pixels: NDArray[np.bool_]) -> list[int]:
    """The bytes of a mask `(height, width)`: 255 in every channel where it is, 0 elsewhere."""
    import numpy as np

    flat = np.repeat(pixels.ravel(), _CHANNELS)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size).tolist()
    head = [f"{flat.size:032b}", f"{_VALUE_BITS - 1:05b}", *(f"{width - 1:04b}" for width in _WIDTHS)]
    runs = (
        run
        for start, length in zip(starts.tolist(), lengths, strict=True)
        for run in _runs(length, 255 if flat[start] else 0)
    )
    bits = "".join([*head, *runs])
    padded = bits + "0" * (-len(bits) % 8)
    return list(int(padded, 2).to_bytes(len(padded) // 8, "big"))


def _runs(length: int, value: int) -> Iterator[str]:
    """Runs of one value, as long as the largest width can say."""
    longest = 1 << _WIDTHS[-1]
    while length > 0:
        part = min(length, longest)
        at = next(at for at, width in enumerate(_WIDTHS) if part <= 1 << width)
        yield f"1{at:02b}{part - 1:0{_WIDTHS[at]}b}{value:0{_VALUE_BITS}b}"
        length -= part
