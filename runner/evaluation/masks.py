"""Overlap of masks in COCO's run-length encoding, without turning them into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit


@dataclass(frozen=True, kw_only=True)
class RunLengths:
    """N masks. Pixels are numbered down the columns: `x * height + y`.

    Attributes:
        spans: `(S, 2)` int64, covered pixels `[first, last + 1)`, of one mask after the other.
        offset: `(N + 1,)` int64, where each mask's spans start.
        area_px: `(N,)` int64.
        boxes_xyxy: `(N, 4)` int64, first and last column and row that hold covered pixels, both inside.
        damaged: `(N,)` bool, the text is no RLE of a mask of this size; such a mask is empty.
    """

    spans: NDArray[np.int64]
    offset: NDArray[np.int64]
    area_px: NDArray[np.int64]
    boxes_xyxy: NDArray[np.int64]
    damaged: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class MaskSimilarity:
    """IoU of the masks of a problem's rows (see `problem.Similarity`).

    Equal to `pycocotools.mask.iou`: both count pixels. For a crowd, the intersection is divided by the
    detection's area alone.

    Attributes:
        truths, detections: their masks; those of one image have one size.
        crowd: `(N,)` bool, of the truths.
    """

    truths: RunLengths
    detections: RunLengths
    crowd: NDArray[np.bool_]

    def __call__(self, truth: NDArray[np.int64], detection: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(P,)` in [0, 1]; 0 for empty masks."""
        a, b = self.truths, self.detections
        common = _intersections(
            a.spans, a.offset, a.boxes_xyxy, b.spans, b.offset, b.boxes_xyxy, truth, detection
        )
        union = np.where(
            self.crowd[truth], b.area_px[detection], a.area_px[truth] + b.area_px[detection] - common
        )
        result: NDArray[np.float64] = common / np.maximum(union, 1)
        return result


def run_lengths(masks: Sequence[str | None], sizes_hw: NDArray[np.int64]) -> RunLengths:
    """Reads masks in COCO's compressed RLE.

    Args:
        masks: N texts; None is an empty mask.
        sizes_hw: `(N, 2)` each mask's height and width in pixels.

    Source: `rleFrString` and `rleToBbox` of cocoapi's maskApi.c.

    Example:
        >>> masks = run_lengths(["525"], np.array([[3, 4]]))  # 5 pixels of background, 2 covered, 5 not
        >>> masks.spans.tolist(), masks.area_px.tolist(), masks.boxes_xyxy.tolist()
        ([[5, 7]], [2], [[1, 0, 2, 2]])
    """
    texts = [(text or "").encode("ascii", "replace") for text in masks]
    present = np.array([text is not None for text in masks], dtype=np.bool_)
    text_offset = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=text_offset[1:])
    text = np.frombuffer(b"".join(texts), dtype=np.uint8)
    spans, offset, damaged = _decode(text, text_offset, sizes_hw[:, 0] * sizes_hw[:, 1])
    area_px, boxes_xyxy = _measure(spans, offset, sizes_hw[:, 0])
    return RunLengths(
        spans=spans, offset=offset, area_px=area_px, boxes_xyxy=boxes_xyxy, damaged=damaged & present
    )


@njit(cache=True, nogil=True)
def _decode(text: Any, text_offset: Any, pixels: Any) -> Any:
    """Spans of every mask, where they start, and which texts are no mask of that many pixels."""
    n_masks = len(text_offset) - 1
    spans = np.empty((len(text) // 2 + 1, 2), np.int64)  # a run takes at least one character
    offset = np.zeros(n_masks + 1, np.int64)
    damaged = np.zeros(n_masks, np.bool_)
    filled = 0
    for mask in range(n_masks):
        position, stop = text_offset[mask], text_offset[mask + 1]
        start, end, run, before, last = filled, 0, 0, 0, 0
        while position < stop:
            count, shift, more = 0, 0, True
            while more and position < stop and shift <= 55:
                character: Any = np.int64(text[position]) - 48
                damaged[mask] |= character < 0 or character > 63
                count |= (character & 31) << shift
                more = (character & 32) != 0
                shift += 5
                position += 1
                if not more and (character & 16):
                    count |= -1 << shift
            if run > 2:
                count += before  # from the fourth run on, counts are differences to the last but one
            damaged[mask] |= more or count < 0
            before, last = last, count
            if run % 2:
                spans[filled, 0], spans[filled, 1] = end, end + count
                filled += 1
            end += count
            run += 1
            if damaged[mask]:
                break
        damaged[mask] |= end != pixels[mask]
        if damaged[mask]:
            filled = start
        offset[mask + 1] = filled
    return spans[:filled].copy(), offset, damaged


@njit(cache=True, nogil=True)
def _measure(spans: Any, offset: Any, height: Any) -> Any:
    """Area in pixels, and the first and last column and row, of every mask."""
    area = np.zeros(len(height), np.int64)
    boxes = np.zeros((len(height), 4), np.int64)
    for mask in range(len(height)):
        tall = height[mask]
        for row in range(offset[mask], offset[mask + 1]):
            first, last = spans[row, 0], spans[row, 1] - 1
            if last < first:
                continue
            left, right = first // tall, last // tall
            top, bottom = (first % tall, last % tall) if left == right else (0, tall - 1)
            if area[mask] == 0:
                boxes[mask] = np.array([left, top, right, bottom])
            else:
                boxes[mask, 1] = min(boxes[mask, 1], top)
                boxes[mask, 2] = max(boxes[mask, 2], right)
                boxes[mask, 3] = max(boxes[mask, 3], bottom)
            area[mask] += last + 1 - first
    return area, boxes


@njit(cache=True, nogil=True)
def _intersections(
    spans: Any,
    offset: Any,
    boxes: Any,
    other_spans: Any,
    other_offset: Any,
    other_boxes: Any,
    row: Any,
    other: Any,
) -> Any:
    """`(P,)` pixels that both masks of a pair cover."""
    common = np.zeros(len(row), np.int64)
    for pair in range(len(row)):
        a, b = row[pair], other[pair]
        # boxes apart: no pixel in common, which is what the walk would find
        if boxes[a, 0] > other_boxes[b, 2] or boxes[a, 2] < other_boxes[b, 0]:
            continue
        if boxes[a, 1] > other_boxes[b, 3] or boxes[a, 3] < other_boxes[b, 1]:
            continue
        i, j = offset[a], other_offset[b]
        while i < offset[a + 1] and j < other_offset[b + 1]:
            low = max(spans[i, 0], other_spans[j, 0])
            high = min(spans[i, 1], other_spans[j, 1])
            if high > low:
                common[pair] += high - low
            if spans[i, 1] < other_spans[j, 1]:
                i += 1
            else:
                j += 1
    return common
