"""Boxes with the mask of each object."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from runner.adapters.models.decoding.boxes import BoxDecoder
from runner.adapters.models.decoding.candidates import candidates
from runner.adapters.models.decoding.detect import boxes_to_original
from runner.adapters.models.decoding.suppression import suppress
from runner.adapters.models.inference import Floats, ImageDetections, Letterbox, Outputs
from runner.adapters.pictures.coco_masks import encode_part

_STRIDE = 4  # of the prototypes


class SegmentDecoder(BoxDecoder):
    """Outputs `raw`: `(1, 4 + C + P, A)`, then P mask coefficients per anchor; `prototypes`: `(1, P, H / 4, W / 4)`."""

    outputs = ("raw", "prototypes")
    columns = ("mask_rle",)

    def decode(self, outputs: Outputs, letterbox: Letterbox) -> ImageDetections:
        """`mask_rle`: COCO's compressed run lengths of each mask at the original image's size, within its box."""
        raw, prototypes = outputs[0], outputs[1][0]  # (P, h, w)
        found = candidates(raw, self._n_classes)
        corners = found.boxes_xyxy
        kept = suppress(corners, found.class_ids)
        boxes = boxes_to_original(corners[kept], letterbox)
        painter = _Painter(prototypes, letterbox.original_hw)
        rles = [
            encode_part(*painter.part(coefficients, box), letterbox.original_hw)
            for coefficients, box in zip(found.extra[kept], boxes, strict=True)
        ]
        return ImageDetections(boxes, found.scores[kept], found.class_ids[kept], {"mask_rle": rles})


class _Painter:
    """Masks at the original image's size: prototypes are weighted, enlarged bilinearly, and cut at 0.

    The same as Ultralytics' `process_mask_native` (its `retina_masks`). Bilinear enlarging is linear in rows and in
    columns, so that one matrix each does it, of which a mask needs only what lies inside its box.
    """

    def __init__(self, prototypes: Floats, original_hw: tuple[int, int]) -> None:
        self._prototypes = prototypes
        self._rows, self._columns = _enlargement(prototypes.shape[1:3], original_hw)

    def part(self, coefficients: Floats, box_xyxy: Floats) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """The mask within the box, in pixels of the original image, and the part's upper left corner `(x, y)`.

        Outside the box it is False. Only the prototypes under the box are weighted and enlarged.
        """
        left, top, right, bottom = (math.ceil(side) for side in box_xyxy.tolist())
        rows, (upper, lower) = _band(self._rows[top:bottom])
        columns, (first, last) = _band(self._columns[left:right])
        under = self._prototypes[:, upper:lower, first:last]
        logits = np.tensordot(coefficients, under, axes=1)  # (P,), (P, h, w) -> (h, w)
        # turned, since run lengths go down the columns
        return ((columns @ (rows @ logits).T) > 0).T, (left, top)


def _band(matrix: Floats) -> tuple[Floats, tuple[int, int]]:
    """The columns of a matrix from the first to the last that are not zero, and where they lie."""
    used = np.flatnonzero(matrix.any(axis=0))
    start, stop = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 0)
    return matrix[:, start:stop], (start, stop)


def _enlargement(small_hw: tuple[int, ...], original_hw: tuple[int, int]) -> tuple[Floats, Floats]:
    """Matrices `(H, h)` and `(W, w)` from prototypes to the original image, the letterbox's padding cut off.

    Where the padding is no whole number of prototype pixels, they are enlarged before it is cut off.
    """
    height, width = original_hw
    gain = min(_STRIDE * small_hw[0] / height, _STRIDE * small_hw[1] / width)
    content = [max(round(side * gain), 1) for side in original_hw]
    padding = (_STRIDE * small_hw[0] - content[0]) | (_STRIDE * small_hw[1] - content[1])
    factor = _STRIDE // math.gcd(_STRIDE, padding | padding // 2)
    enlarged = [factor * side for side in small_hw]
    gain = min(enlarged[0] / height, enlarged[1] / width)
    rows, columns = (
        _axis(small, factor, side, gain) for small, side in zip(small_hw, original_hw, strict=True)
    )
    return rows, columns


def _axis(small: int, factor: int, side: int, gain: float) -> Floats:
    inside = max(round(side * gain), 1)
    start = round((factor * small - inside) / 2 - 0.1)
    cut = _bilinear(factor * small, small)[start : start + inside]
    return (_bilinear(side, inside) @ cut).astype(np.float32)


def _bilinear(size: int, source: int) -> NDArray[np.float64]:
    """`(size, source)`: bilinear interpolation along one axis, pixel centres at half coordinates."""
    at = np.maximum((np.arange(size) + 0.5) * source / size - 0.5, 0)
    lower = np.minimum(at.astype(np.intp), source - 1)
    upper = np.minimum(lower + 1, source - 1)
    matrix = np.zeros((size, source))
    matrix[np.arange(size), lower] += 1 - (at - lower)
    matrix[np.arange(size), upper] += at - lower
    return matrix
