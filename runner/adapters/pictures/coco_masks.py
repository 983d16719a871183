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


def encode_part(pixels: NDArray[np.bool_], left_top: tuple[int, int], size_hw: tuple[int, int]) -> str:
    """A mask that is False outside of `pixels`, as RLE: the same as of the whole, without ever making it.

    Args:
        pixels: `(h, w)`, inside the image.
        left_top: where its upper left corner lies, `(x, y)`.
        size_hw: the image's height and width.

    >>> whole = np.zeros((3, 4), dtype=bool); whole[1:3, 1:3] = True
    >>> encode_part(whole[1:3, 1:3], (1, 1), (3, 4)) == encode_mask(whole)
    True
    """
    height, width = size_hw
    left, top = left_top
    framed = np.zeros(
        (pixels.shape[1], pixels.shape[0] + 2), np.bool_
    )  # (w, h + 2): each column with a frame
    framed[:, 1:-1] = pixels.T
    column, row = np.divmod(np.flatnonzero(framed[:, 1:] != framed[:, :-1]), pixels.shape[0] + 1)
    edges = (column + left) * height + top + row  # start, end, start, end, … down the image's columns
    # A run that ends where the next one starts goes on in the next column.
    meeting = np.flatnonzero(edges[1:-1:2] == edges[2::2])
    edges = np.delete(edges, np.concatenate([2 * meeting + 1, 2 * meeting + 2]))
    counts = np.diff(edges, prepend=0, append=height * width)
    return counts_to_rle((counts[:-1] if len(counts) > 1 and counts[-1] == 0 else counts).tolist(), size_hw)


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


def mask_iou(first: str, second: str, size_hw: tuple[int, int]) -> float:
    """What two masks of one size have in common, in [0, 1]; 0 where both are empty."""
    from pycocotools import mask

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        found = mask.iou([_item(first, size_hw)], [_item(second, size_hw)], [0])
    return float(np.nan_to_num(np.asarray(found)[0, 0]))


def _item(rle: str, size_hw: tuple[int, int]) -> dict[str, Any]:
    return {"counts": rle.encode("ascii"), "size": list(size_hw)}


def _text(item: dict[str, Any]) -> str:
    counts: bytes = item["counts"]
    return counts.decode("ascii")


def mask_outlines(rle: str, size_hw: tuple[int, int]) -> list[NDArray[np.float64]]:
    """A mask's outer outlines in pixels, `(N, 2)` x and y each with N ≥ 3, through the centres of its border pixels; holes are filled."""
    import cv2

    pixels = decode_mask(rle, size_hw).astype(np.uint8)
    found, _ = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [outline.reshape(-1, 2) + 0.5 for outline in found if len(outline) >= _LEAST_NUMBERS // 2]
