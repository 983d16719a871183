"""Greedy non-maximum suppression, compiled: a candidate is compared with the kept boxes of its class only."""

from __future__ import annotations

import numpy as np

from runner.adapters.system.compiled import njit


@njit(cache=True, nogil=True)
def kept_boxes(boxes, class_ids, max_iou, kept):  # type: ignore[no-untyped-def]
    """Writes the indices of the kept boxes to `kept`, ascending, until it is full; returns how many.

    All is computed in the type of the boxes. A box of which a corner is no number overlaps none.

    Args:
        boxes: `(K, 4)` corners, contiguous, by descending score.
        class_ids: `(K,)` from 0. `max_iou`: of the boxes' type. `kept`: `(D,)` int64.
    """
    count = 0
    if len(boxes) == 0:
        return count
    nothing = boxes.dtype.type(0)  # a plain 0 would make float64 of what it is compared with
    areas = np.empty(len(kept), boxes.dtype)
    newest = np.full(class_ids.max() + 1, -1)  # of each class: the place in `kept` of its last box
    before = np.empty(len(kept), np.int64)  # the one of the same class before it, or -1
    for row in range(len(boxes)):
        left, top, right, bottom = boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3]
        area = (right - left) * (bottom - top)
        place = newest[class_ids[row]]
        while place >= 0:
            other = boxes[kept[place]]
            width = max(min(right, other[2]) - max(left, other[0]), nothing)
            height = max(min(bottom, other[3]) - max(top, other[1]), nothing)
            shared = width * height
            if shared > max_iou * (area + areas[place] - shared):
                break
            place = before[place]
        if place < 0:
            areas[count], before[count], kept[count] = area, newest[class_ids[row]], row
            newest[class_ids[row]] = count
            count += 1
            if count == len(kept):
                break
    return count
