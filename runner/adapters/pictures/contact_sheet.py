"""Contact sheets: many images on one, each with what is said of it. The same bytes for the same content."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.adapters.pictures.decoded import read_image
from runner.adapters.pictures.lettering import LINE_PX, captions
from runner.adapters.pictures.marks import INK
from runner.adapters.pictures.pixels import Pixels
from runner.domain.errors import FlywheelError

TILE_PX = 216
MAX_TILES = 120
_GAP_PX = 6
_READERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One image of a sheet.

    Attributes:
        file: where it lies; one that cannot be read is an empty tile that says so.
        lines: what stands below it.
    """

    file: Path
    lines: Sequence[str]


def contact_sheet(tiles: Sequence[Tile], columns: int = 4) -> bytes:
    """A PNG with the images in rows, as they come.

    Args:
        tiles: at least one; of more than `MAX_TILES` the rest is left out.
        columns: how many beside each other; fewer where there are not so many.
    """
    import cv2

    shown = tiles[:MAX_TILES]
    lines = max(len(tile.lines) for tile in shown)
    with ThreadPoolExecutor(_READERS) as pool:
        pictures = list(pool.map(_read, shown))
    # Not in those threads: to load a font the working folder is left for a moment, which is the whole process's.
    drawn = [_drawn(picture, tile, lines) for picture, tile in zip(pictures, shown, strict=True)]
    columns = min(columns, len(drawn))
    height, width = drawn[0].shape[:2]
    rows = -(-len(drawn) // columns)
    size = (rows * (height + _GAP_PX) + _GAP_PX, columns * (width + _GAP_PX) + _GAP_PX, 3)
    sheet = np.full(size, 255, np.uint8)
    for number, picture in enumerate(drawn):
        top, left = (
            _GAP_PX + at * (side + _GAP_PX)
            for at, side in zip(divmod(number, columns), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = picture
    return bytes(cv2.imencode(".png", sheet)[1].tobytes())


def _read(tile: Tile) -> Pixels | None:
    try:
        return _fitted(read_image(tile.file, TILE_PX))
    except FlywheelError:
        return None


def _drawn(picture: Pixels | None, tile: Tile, lines: int) -> Pixels:
    """`(TILE_PX + lines, TILE_PX, 3)` BGR: the image, its aspect kept, and its lines below."""
    square = np.full((TILE_PX, TILE_PX, 3), INK[::-1], np.uint8)
    if picture is None:
        square[:LINE_PX] = captions(["cannot be read"], TILE_PX)
    else:
        top, left = ((TILE_PX - side) // 2 for side in picture.shape[:2])
        square[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    texts = [*tile.lines, *[""] * (lines - len(tile.lines))]
    return np.vstack([square, captions(texts, TILE_PX)]) if lines else square


def _fitted(image: Pixels) -> Pixels:
    import cv2

    height, width = image.shape[:2]
    scale = TILE_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)
