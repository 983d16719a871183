"""Masks in COCO's compressed run-length encoding ("RLE"), through pycocotools.

A mask is the text of its counts: runs down the columns, background first, at the size of its image.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST_NUMBERS = 6  # three points; pycocotools would take four numbers for a box


def polygons_to_rle(polygons: Sequence[Sequence[float]], size_hw: tuple[int, int]) -> str:
    """The union of polygons as one mask.

    Args:
        polygons: flat lists `[x1, y1, x2, y2, …]` in pixels. Those of fewer than three points cover nothing.
        size_hw: the image's height and width.

    Source: `COCO.annToRLE` of pycocotools, whose rasterisation COCO's evaluator uses.
    """
    from pycocotools import mask

    height, width = size_hw
    areas = [list(map(float, polygon)) for polygon in polygons if len(polygon) >= _LEAST_NUMBERS]
    if not areas:
        return encode_mask(np.zeros(size_hw, dtype=np.bool_))
    return _text(mask.merge(mask.frPyObjects(areas, height, width)))


def counts_to_rle(counts: Sequence[int], size_hw: tuple[int, int]) -> str:
    """The compressed form of plain counts, as COCO's files write crowds."""
    from pycocotools import mask

    height, width = size_hw
    return _text(mask.frPyObjects({"counts": list(counts), "size": [height, width]}, height, width))


def encode_mask(pixels: NDArray[np.bool_]) -> str:
    """A mask `(height, width)` as RLE."""
    return encode_masks(pixels[None])[0]


def encode_masks(pixels: NDArray[np.bool_]) -> list[str]:
    """N masks `(N, height, width)` as RLE."""
    from pycocotools import mask

    columns_first = np.asfortranarray(pixels.transpose(1, 2, 0), dtype=np.uint8)  # (N, H, W) -> (H, W, N)
    return [_text(item) for item in mask.encode(columns_first)] if len(pixels) else []


def decode_mask(rle: str, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels `(height, width)` of a mask."""
    from pycocotools import mask

    with warnings.catch_warnings():
        # pycocotools 2.0 hands NumPy 2 its arrays in the old way
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        return np.asarray(mask.decode(_item(rle, size_hw)), dtype=np.bool_)


def mask_area(rle: str, size_hw: tuple[int, int]) -> int:
    """Pixels that a mask covers."""
    from pycocotools import mask

    return int(mask.area(_item(rle, size_hw)))


def _item(rle: str, size_hw: tuple[int, int]) -> dict[str, Any]:
    return {"counts": rle.encode("ascii"), "size": list(size_hw)}


def _text(item: dict[str, Any]) -> str:
    counts: bytes = item["counts"]
    return counts.decode("ascii")
