"""Draws truth and prediction on images, for the gallery. The same bytes for the same content.

Labels are dashed, predictions solid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import decode_mask
from runner.adapters.pictures.lettering import LINE_PX, legend, strip, with_names
from runner.adapters.pictures.marks import COLOURS, INK, LABELLED, Line, Mark, Rgb
from runner.adapters.pictures.pixels import Pixels

Points: TypeAlias = NDArray[np.float64]
MAX_SIDE_PX = 640
MIN_SIDE_PX = 480  # smaller images are enlarged, so that text fits
_MARGIN_PX = 8
_DASH_PX, _GAP_PX = 8, 6
_JPEG_QUALITY = 88
_POINT_CONFIDENCE = 0.5  # predicted key points below it are not drawn


def draw_marks(image: Pixels, marks: Sequence[Mark]) -> Pixels:
    """An image `(H, W, 3)` BGR with marks and a legend, its longest side at most `MAX_SIDE_PX`."""
    picture, scale = _fitted(image, (MAX_SIDE_PX, MAX_SIDE_PX - 2 * LINE_PX))
    _draw_geometry(picture, marks, image.shape[:2], scale)
    picture = with_names(picture, marks, scale)
    kinds = [kind for kind in COLOURS if any(mark.kind == kind for mark in marks)]
    return _above(picture, legend(kinds, picture.shape[1]))


def draw_on(picture: Pixels, marks: Sequence[Mark], size_hw: tuple[int, int], scale: float) -> Pixels:
    """Marks without a legend on a picture that was scaled already; the picture itself may be drawn on.

    Args:
        size_hw: of the image that the marks are in pixels of.
        scale: from the image to the picture.
    """
    _draw_geometry(picture, marks, size_hw, scale)
    return with_names(picture, marks, scale)


def draw_lines(image: Pixels, lines: Sequence[Line]) -> Pixels:
    """An image with lines of text below it, for what is said of the whole image."""
    picture, _ = _fitted(image, (MAX_SIDE_PX, MAX_SIDE_PX - LINE_PX * len(lines) - _MARGIN_PX))
    return _above(picture, strip([[line] for line in lines], picture.shape[1]))


def draw_activation(
    image: Pixels, heat: NDArray[np.float32], mark: Mark | None, lines: Sequence[Line]
) -> Pixels:
    """The surroundings of an object, and beside them the same under the class activation map.

    Args:
        image: `(H, W, 3)` BGR.
        heat: `(H, W)` in [0, 1].
        mark: the object that the map is about; None for the whole image.
        lines: what is said below.
    """
    import cv2

    window = _surroundings(mark.box_xyxy, image.shape[:2]) if mark else (slice(None), slice(None))
    shown = np.ascontiguousarray(image[window])
    limit = ((MAX_SIDE_PX - 4) // 2, MAX_SIDE_PX - LINE_PX * len(lines) - _MARGIN_PX)
    plain, scale = _fitted(shown, limit)
    warm = cv2.resize(heat[window], plain.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    colours = cv2.applyColorMap((warm * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = 0.25 + 0.6 * warm
    overlaid = (plain * (1 - share) * 0.8 + colours * share).astype(np.uint8)
    if mark:
        corners = np.array(_corners(mark)) - (window[1].start, window[0].start)
        for panel in (plain, overlaid):
            _stroke(panel, corners * scale, COLOURS[mark.kind], dashed=mark.kind in LABELLED)
    gap = np.full((plain.shape[0], 4, 3), 255, np.uint8)
    pair = np.hstack([plain, gap, overlaid])
    return _above(pair, strip([[line] for line in lines], pair.shape[1]))


def jpeg_bytes(picture: Pixels) -> bytes:
    """A BGR picture as JPEG, colours at full resolution so that thin lines stay readable."""
    import cv2

    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ]
    return bytes(cv2.imencode(".jpg", picture, options)[1].tobytes())


def _surroundings(
    box_xyxy: tuple[float, float, float, float], size_hw: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns around a box: its longer side on every side of it, and no less than a quarter of the image."""
    x_min, y_min, x_max, y_max = box_xyxy
    reach = max(1.5 * max(x_max - x_min, y_max - y_min), max(size_hw) / 8)
    centres = ((y_min + y_max) / 2, (x_min + x_max) / 2)
    rows, columns = (
        slice(max(0, int(min(centre - reach, size - 1))), min(size, max(1, math.ceil(centre + reach))))
        for centre, size in zip(centres, size_hw, strict=True)
    )
    return rows, columns


def _fitted(image: Pixels, limit_wh: tuple[int, int]) -> tuple[Pixels, float]:
    """The image inside the limit, small ones enlarged, and the factor."""
    import cv2

    height, width = image.shape[:2]
    scale = min(max(1.0, MIN_SIDE_PX / max(height, width)), limit_wh[0] / width, limit_wh[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=way)), scale


def _above(picture: Pixels, below: Pixels) -> Pixels:
    """Both, one over the other, scaled down where both are too high."""
    import cv2

    whole = np.vstack([picture, below])
    scale = MAX_SIDE_PX / max(whole.shape[:2])
    if scale >= 1:
        return whole
    size = (max(1, int(whole.shape[1] * scale)), max(1, int(whole.shape[0] * scale)))
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def _draw_geometry(picture: Pixels, marks: Sequence[Mark], size_hw: tuple[int, int], scale: float) -> None:
    """Predictions first and labels over them, dashed, so that both are seen where they lie on each other."""
    for mark in sorted(marks, key=lambda mark: mark.kind in LABELLED):
        for outline in _outlines(picture, mark, size_hw, scale):
            _stroke(picture, outline, COLOURS[mark.kind], dashed=mark.kind in LABELLED)
        _draw_points(picture, mark, scale)


def _outlines(picture: Pixels, mark: Mark, size_hw: tuple[int, int], scale: float) -> Iterator[Points]:
    import cv2

    if mark.mask_rle is not None:
        mask = decode_mask(mark.mask_rle, size_hw).astype(np.uint8)
        mask = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        if mark.kind not in LABELLED:
            covered = mask > 0
            tint = np.array(COLOURS[mark.kind][::-1])
            picture[covered] = (picture[covered] * 0.7 + tint * 0.3).astype(np.uint8)
        contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        yield from (contour[:, 0].astype(np.float64) for contour in contours)
    else:
        yield _corners(mark) * scale


def _corners(mark: Mark) -> Points:
    """`(4, 2)` of the rotated box, else of the box."""
    if mark.corners is not None:
        return np.array(mark.corners, dtype=np.float64).reshape(4, 2)
    x_min, y_min, x_max, y_max = mark.box_xyxy
    return np.array([(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)])


def _stroke(picture: Pixels, outline: Points, colour: Rgb, *, dashed: bool) -> None:
    """A closed line with a dark seam, which keeps it visible on any ground."""
    import cv2

    pieces = _dashes(outline) if dashed else [np.vstack([outline, outline[:1]])]
    lines = [np.round(piece * 8).astype(np.int32) for piece in pieces]  # eighths of pixels
    for width, ink in ((4, INK), (2, colour[::-1])):
        cv2.polylines(picture, lines, False, ink, width, cv2.LINE_AA, 3)


def _dashes(outline: Points) -> list[Points]:
    """Pieces of a closed line: dashes that go round corners."""
    closed = np.vstack([outline, outline[:1]])
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])  # way from the start
    pieces = []
    for start in np.arange(0, at[-1], _DASH_PX + _GAP_PX):
        end = min(start + _DASH_PX, at[-1])
        stops = np.concatenate([[start], at[(at > start) & (at < end)], [end]])
        pieces.append(np.stack([np.interp(stops, at, closed[:, axis]) for axis in (0, 1)], axis=1))
    return pieces


def _draw_points(picture: Pixels, mark: Mark, scale: float) -> None:
    """Labels as rings, predictions as discs."""
    import cv2

    if mark.keypoints is None:
        return
    for x, y, seen in np.array(mark.keypoints, dtype=np.float64).reshape(-1, 3).tolist():
        if seen <= (0 if mark.kind in LABELLED else _POINT_CONFIDENCE):
            continue
        place = (round(x * scale), round(y * scale))
        cv2.circle(picture, place, 5, INK, -1, cv2.LINE_AA)
        cv2.circle(
            picture, place, 4, COLOURS[mark.kind][::-1], 2 if mark.kind in LABELLED else -1, cv2.LINE_AA
        )
