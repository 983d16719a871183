"""Contact sheets: many images on one, each with what is said of it. The same bytes for the same content."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from runner.adapters.pictures.coco_masks import decode_mask, encode_mask
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
        marks: what is drawn on it, in pixels of the image.
        around: the part of it that is shown, as x_min, y_min, x_max, y_max in fractions; all of it when None.
    """

    file: Path | None
    lines: Sequence[str]
    marks: Sequence[Mark] = ()
    around: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """A picture in the size of its tile.

    Attributes:
        size_hw: of the image itself, or of the part that is shown.
        scale: from the image to the picture.
        marks: the tile's, in pixels of that part.
    """

    picture: Pixels
    size_hw: tuple[int, int]
    scale: float
    marks: Sequence[Mark] = ()


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
        whole = tile.marks or tile.around
        image = read_image(tile.file, None if whole else tile_px)
    except FlywheelError:
        return None
    part, marks = (image, tile.marks) if tile.around is None else _part(image, tile.marks, tile.around)
    return replace(_fitted(part, tile_px), marks=marks)


def _part(
    image: Pixels, marks: Sequence[Mark], around: tuple[float, float, float, float]
) -> tuple[Pixels, list[Mark]]:
    """A part of an image, and marks in its pixels."""
    height, width = image.shape[:2]
    left, top = min(int(around[0] * width), width - 1), min(int(around[1] * height), height - 1)
    right, bottom = max(left + 1, math.ceil(around[2] * width)), max(top + 1, math.ceil(around[3] * height))
    shown = slice(top, bottom), slice(left, right)
    moved = [
        replace(
            mark,
            box_xyxy=(
                mark.box_xyxy[0] - left,
                mark.box_xyxy[1] - top,
                mark.box_xyxy[2] - left,
                mark.box_xyxy[3] - top,
            ),
            mask_rle=mark.mask_rle and encode_mask(decode_mask(mark.mask_rle, (height, width))[shown]),
        )
        for mark in marks
    ]
    return np.ascontiguousarray(image[shown]), moved


def _drawn(fitted: _Fitted | None, tile: Tile, lines: int, tile_px: int) -> Pixels:
    """`(tile_px + lines, tile_px, 3)` BGR: the image, its aspect kept, and its lines below."""
    square = np.full((tile_px, tile_px, 3), 255 if tile.file is None else INK[::-1], np.uint8)
    if tile.file is None:
        pass
    elif fitted is None:
        square[:LINE_PX] = captions(["cannot be read"], tile_px)
    else:
        picture = fitted.picture
        if fitted.marks:
            picture = draw_on(picture, fitted.marks, fitted.size_hw, fitted.scale)
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
