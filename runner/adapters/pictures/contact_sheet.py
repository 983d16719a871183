"""Contact sheets: many images on one, each with what is said of it. The same bytes for the same content."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.adapters.pictures.decoded import read_image
from runner.adapters.pictures.drawing import draw_on
from runner.adapters.pictures.lettering import LINE_PX, captions
from runner.adapters.pictures.marks import INK, Mark
from runner.adapters.pictures.pixels import Pixels
from runner.domain.errors import FlywheelError

TILE_PX = 216
MARKED_PX = 300  # the side of a tile with marks: their names need room
MAX_TILES = 120
_GAP_PX = 6
_READERS = 4
_QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One image of a sheet.

    Attributes:
        file: where it lies; one that cannot be read is an empty tile that says so. None: nothing, to fill a row.
        lines: what stands below it.
        marks: what is drawn on it.
    """

    file: Path | None
    lines: Sequence[str]
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """A picture in the size of its tile.

    Attributes:
        size_hw: of the image itself.
        scale: from the image to the picture.
    """

    picture: Pixels
    size_hw: tuple[int, int]
    scale: float


def contact_sheet(
    tiles: Sequence[Tile],
    columns: int = 4,
    heading: Sequence[str] = (),
    tile_px: int = TILE_PX,
    *,
    jpeg: bool = False,
) -> bytes:
    """A PNG with the images in rows, as they come.

    Args:
        tiles: at least one; of more than `MAX_TILES` the rest is left out.
        columns: how many beside each other; fewer where there are not so many.
        heading: what stands above all of them.
        tile_px: the side of a tile.
        jpeg: a JPEG instead, which is a tenth as large: for sheets that git keeps.
    """
    import cv2

    shown = tiles[:MAX_TILES]
    lines = max(len(tile.lines) for tile in shown)
    with ThreadPoolExecutor(_READERS) as pool:
        pictures = list(pool.map(lambda tile: _read(tile, tile_px), shown))
    # Not in those threads: to load a font the working folder is left for a moment, which is the whole process's.
    drawn = [_drawn(picture, tile, lines, tile_px) for picture, tile in zip(pictures, shown, strict=True)]
    sheet = _in_rows(drawn, min(columns, len(drawn)))
    if heading:
        sheet = np.vstack([captions(heading, sheet.shape[1]), sheet])
    encoded = (
        cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if jpeg
        else cv2.imencode(".png", sheet)
    )
    return bytes(encoded[1].tobytes())


def _in_rows(drawn: Sequence[Pixels], columns: int) -> Pixels:
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
    return sheet


def _read(tile: Tile, tile_px: int) -> _Fitted | None:
    """Decoded as small as the tile is; in full where there are marks, which are in pixels of the image."""
    if tile.file is None:
        return None
    try:
        return _fitted(read_image(tile.file, None if tile.marks else tile_px), tile_px)
    except FlywheelError:
        return None


def _drawn(fitted: _Fitted | None, tile: Tile, lines: int, tile_px: int) -> Pixels:
    """`(tile_px + lines, tile_px, 3)` BGR: the image, its aspect kept, and its lines below."""
    square = np.full((tile_px, tile_px, 3), 255 if tile.file is None else INK[::-1], np.uint8)
    if tile.file is None:
        pass
    elif fitted is None:
        square[:LINE_PX] = captions(["cannot be read"], tile_px)
    else:
        picture = fitted.picture
        if tile.marks:
            picture = draw_on(picture, tile.marks, fitted.size_hw, fitted.scale)
        top, left = ((tile_px - side) // 2 for side in picture.shape[:2])
        square[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    texts = [*tile.lines, *[""] * (lines - len(tile.lines))]
    return np.vstack([square, captions(texts, tile_px)]) if lines else square


def _fitted(image: Pixels, tile_px: int) -> _Fitted:
    import cv2

    height, width = image.shape[:2]
    scale = tile_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = np.ascontiguousarray(cv2.resize(image, size, interpolation=way), np.uint8)
    return _Fitted(picture=picture, size_hw=(height, width), scale=scale)
