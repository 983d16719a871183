"""COCO's average precision under many weightings of the images at once: one lane for each.

Every class is sorted once. It is walked twice for each block of lanes: from the best detection down to count those
above each one, and back up to sum precision. On the way up, the highest precision at any lower score is known; at a
true positive it is added as often as recall thresholds lie between the recall before and after. Counts are whole
numbers, all else is float64: a lane of weights 0 and 1 is what pycocotools gives for these images, and a weight of
three is three copies of the image (a detection's copies stay together among tied scores).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit
from runner.evaluation.average_precision import RECALL_THRESHOLDS
from runner.evaluation.matching import THRESHOLDS, threshold_index

LANES = 64
"""Lanes of a block: weights of one image fill one cache line, and the state of all thresholds fits the cache."""

_T = len(THRESHOLDS)
_MEASURED = 7
_AP, _AP50, _AP75, _AR, _PRECISION, _RECALL, _F1 = range(_MEASURED)
_MEAN = 4  # the first metrics are means over classes, the others count all classes together
_RIGHT, _IGNORED, _REACHED, _PEAK, _AREA, _FOUND = range(6)
"""Rows of a threshold's state: true positives and ignored detections from here up, recall thresholds within that
recall, the highest precision from here down, the sum so far, and all true positives."""

_CONFIDENT_RIGHT, _CONFIDENT, _OBJECTS = range(3)
"""Rows of a class's counts: right, and all that are not ignored, from the operating confidence on; and objects."""

_AT_50, _AT_75 = threshold_index(0.5), threshold_index(0.75)

_inlined = njit(cache=True, nogil=True, error_model="numpy", inline="always")
"""A part of `_measure`, compiled with it rather than once more alone."""

_TINY = np.spacing(1.0)
"""COCO's own term, which only avoids 0/0."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What a block of lanes walks along, classes one after the other.

    Attributes:
        image: `(D,)` int64, of the detections, best first within a class.
        true_positive, ignored: `(D,)` uint16, bit masks over the thresholds.
        class_start: `(K + 1,)` where each class begins.
        confident: `(K,)` where each class's detections fall below the operating confidence.
        truth_image: `(N,)` int64, of the objects that count, sorted by class.
        truth_start: `(K + 1,)` where each class begins.
    """

    image: NDArray[np.int64]
    true_positive: NDArray[np.uint16]
    ignored: NDArray[np.uint16]
    class_start: NDArray[np.int64]
    confident: NDArray[np.int64]
    truth_image: NDArray[np.int64]
    truth_start: NDArray[np.int64]

    def on(self, images: NDArray[np.bool_]) -> Walk:
        """The part on some of the images `(I,)`, which are numbered anew."""
        number = np.cumsum(images) - 1
        kept, truths = np.flatnonzero(images[self.image]), np.flatnonzero(images[self.truth_image])
        return Walk(
            image=number[self.image[kept]],
            true_positive=self.true_positive[kept],
            ignored=self.ignored[kept],
            class_start=np.searchsorted(kept, self.class_start),
            confident=np.searchsorted(kept, self.confident),
            truth_image=number[self.truth_image[truths]],
            truth_start=np.searchsorted(truths, self.truth_start),
        )


def measure_lanes(
    walk: Walk, weights: NDArray[np.uint8], *, threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measures under `(L, I)` weights; the result does not depend on the number of threads.

    Returns:
        `(L, K + 1, 7)` the RANKED_METRICS of each class and of all together, NaN where not measured; and
        `(L, K + 1)` the weighted number of objects.
    """
    n_lanes, n_classes = len(weights), len(walk.class_start) - 1
    values = np.empty((n_lanes, n_classes + 1, _MEASURED))
    objects = np.empty((n_lanes, n_classes + 1))
    used = np.bitwise_or.reduce(weights, axis=0) > 0
    images = np.flatnonzero(used)
    if len(images) < len(used):
        walk = walk.on(used)

    def block(first: int) -> None:
        lanes = slice(first, first + LANES)
        _measure(
            _by_image(weights[lanes], images),
            walk.image,
            walk.true_positive,
            walk.ignored,
            walk.class_start,
            walk.confident,
            walk.truth_image,
            walk.truth_start,
            values[lanes],
            objects[lanes],
        )

    firsts = range(0, n_lanes, LANES)
    if threads > 1 and len(firsts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(block, firsts))
    else:
        for first in firsts:
            block(first)
    return values, objects


@njit(cache=True, nogil=True)
def _by_image(weights: NDArray[np.uint8], images: NDArray[np.int64]) -> NDArray[np.uint8]:
    """`(lanes, I)` -> `(chosen images, LANES)`; lanes that are not there weigh nothing."""
    chosen = np.zeros((len(images), LANES), dtype=np.uint8)
    for start in range(0, len(images), LANES):  # what is written stays in the first-level cache
        for lane in range(len(weights)):
            for row in range(start, min(start + LANES, len(images))):
                chosen[row, lane] = weights[lane, images[row]]
    return chosen


@njit(cache=True, nogil=True, error_model="numpy")
def _measure(
    weights: NDArray[np.uint8],
    image: NDArray[np.int64],
    true_positive: NDArray[np.uint16],
    ignored: NDArray[np.uint16],
    class_start: NDArray[np.int64],
    confident: NDArray[np.int64],
    truth_image: NDArray[np.int64],
    truth_start: NDArray[np.int64],
    values: NDArray[np.float64],
    objects: NDArray[np.float64],
) -> None:
    """One block of lanes: fills `values` `(lanes, K + 1, 7)` and `objects` `(lanes, K + 1)`."""
    n_classes = len(class_start) - 1
    state = np.empty((6, _T, LANES))
    counts, sums = np.empty((3, LANES)), np.zeros((3, LANES))
    cells, totals = np.empty((_MEASURED, LANES)), np.zeros((_MEASURED, LANES))
    present = np.zeros(LANES)
    for label in range(n_classes + 1):
        if label < n_classes:
            _count(weights, truth_image[truth_start[label] : truth_start[label + 1]], counts[_OBJECTS])
            start, stop = class_start[label], class_start[label + 1]
            last = confident[label] - start
            _class_areas(
                weights,
                image[start:stop],
                true_positive[start:stop],
                ignored[start:stop],
                last,
                state,
                counts,
            )
            _class_cells(state, counts, cells)
            _add_class(counts, cells, sums, totals, present)
        else:
            counts[:] = sums
            cells[:] = totals / present  # without classes, 0/0: not measured
        _operating_point(counts, cells)
        for lane in range(len(values)):
            objects[lane, label] = counts[_OBJECTS, lane]
            values[lane, label] = cells[:, lane]


@_inlined
def _count(weights: NDArray[np.uint8], images: NDArray[np.int64], count: NDArray[np.float64]) -> None:
    """Fills `count` `(LANES,)` with the weight of some objects."""
    count[:] = 0
    for image in images:
        for lane in range(LANES):
            count[lane] += weights[image, lane]


@_inlined
def _class_areas(
    weights: NDArray[np.uint8],
    image: NDArray[np.int64],
    true_positive: NDArray[np.uint16],
    ignored: NDArray[np.uint16],
    confident: int,
    state: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> None:
    """One class: fills `state`, and the first two rows of `counts`."""
    stop = confident
    n_right = 0
    for detection in range(len(image)):
        if true_positive[detection]:
            stop = max(stop, detection + 1)
            n_right += 1
    above = np.empty((n_right, LANES), dtype=np.float64)
    _walk_down(weights, image[:stop], true_positive, ignored, confident, state, counts, above)
    _walk_up(weights, image[:stop], true_positive, ignored, counts[_OBJECTS], state, above)


@_inlined
def _walk_down(
    weights: NDArray[np.uint8],
    image: NDArray[np.int64],
    true_positive: NDArray[np.uint16],
    ignored: NDArray[np.uint16],
    confident: int,
    state: NDArray[np.float64],
    counts: NDArray[np.float64],
    above: NDArray[np.float64],
) -> None:
    """Counts detections, and keeps the count at each true positive in `above`."""
    state[:] = 0
    counts[:_OBJECTS] = 0
    seen = np.zeros(LANES)
    n_right = 0
    for detection in range(len(image)):
        row = image[detection]
        for lane in range(LANES):
            seen[lane] += weights[row, lane]
        if true_positive[detection]:
            for lane in range(LANES):
                above[n_right, lane] = seen[lane]
            n_right += 1
        if true_positive[detection] | ignored[detection]:
            for threshold in range(_T):
                if true_positive[detection] >> threshold & 1:
                    for lane in range(LANES):
                        state[_RIGHT, threshold, lane] += weights[row, lane]
                elif ignored[detection] >> threshold & 1:
                    for lane in range(LANES):
                        state[_IGNORED, threshold, lane] += weights[row, lane]
        if detection + 1 == confident:
            for lane in range(LANES):
                counts[_CONFIDENT_RIGHT, lane] = state[_RIGHT, 0, lane]
                counts[_CONFIDENT, lane] = seen[lane] - state[_IGNORED, 0, lane]


@_inlined
def _walk_up(
    weights: NDArray[np.uint8],
    image: NDArray[np.int64],
    true_positive: NDArray[np.uint16],
    ignored: NDArray[np.uint16],
    objects: NDArray[np.float64],
    state: NDArray[np.float64],
    above: NDArray[np.float64],
) -> None:
    """Adds precision times recall thresholds, from the lowest true positive up."""
    total = np.maximum(objects, 1.0)
    for threshold in range(_T):
        for lane in range(LANES):
            state[_FOUND, threshold, lane] = state[_RIGHT, threshold, lane]
            state[_REACHED, threshold, lane] = thresholds_within(state[_RIGHT, threshold, lane], total[lane])
    n_right = len(above)
    for detection in range(len(image) - 1, -1, -1):
        right = true_positive[detection]
        if not right | ignored[detection]:
            continue
        row = image[detection]
        n_right -= 1 if right else 0
        for threshold in range(_T):
            if right >> threshold & 1:
                for lane in range(LANES):
                    found = state[_RIGHT, threshold, lane]
                    counting = above[n_right, lane] - state[_IGNORED, threshold, lane]
                    precision, peak = found / (counting + _TINY), state[_PEAK, threshold, lane]
                    peak = precision if precision > peak else peak
                    before = found - weights[row, lane]
                    reached = thresholds_within(before, total[lane])
                    state[_AREA, threshold, lane] += peak * (state[_REACHED, threshold, lane] - reached)
                    state[_RIGHT, threshold, lane] = before
                    state[_PEAK, threshold, lane] = peak
                    state[_REACHED, threshold, lane] = reached
            elif ignored[detection] >> threshold & 1:
                for lane in range(LANES):
                    state[_IGNORED, threshold, lane] -= weights[row, lane]


@_inlined
def thresholds_within(found: float, objects: float) -> float:
    """How many of numpy's `linspace(0, 1, 101)` lie within a recall, compared as pycocotools compares them.

    The n-th threshold is `n * 0.01` in float64, which for some n is a little more than n / 100: the recall next to
    a threshold must be divided, and the threshold multiplied.
    """
    recall = found / objects
    nearest = np.rint(recall * 100.0)
    within: float = nearest + (1.0 if nearest * 0.01 <= recall else 0.0)
    return within


@_inlined
def _class_cells(state: NDArray[np.float64], counts: NDArray[np.float64], cells: NDArray[np.float64]) -> None:
    """Fills `cells` `(7, LANES)`; 0/0 is NaN, not measured."""
    cells[:_MEAN] = 0.0
    for threshold in range(_T):
        for lane in range(LANES):
            # the recall threshold 0 lies within any recall: it takes the highest precision of all
            area = state[_AREA, threshold, lane] + state[_PEAK, threshold, lane]
            state[_AREA, threshold, lane] = area
            cells[_AP, lane] += area / _T
            cells[_AR, lane] += state[_FOUND, threshold, lane]
    for lane in range(LANES):
        measured = counts[_OBJECTS, lane] / counts[_OBJECTS, lane]  # 1, or NaN without objects
        cells[_AP, lane] *= measured / len(RECALL_THRESHOLDS)
        cells[_AP50, lane] = state[_AREA, _AT_50, lane] * measured / len(RECALL_THRESHOLDS)
        cells[_AP75, lane] = state[_AREA, _AT_75, lane] * measured / len(RECALL_THRESHOLDS)
        cells[_AR, lane] /= _T * counts[_OBJECTS, lane]  # whole numbers until here: never above 1


@_inlined
def _add_class(
    counts: NDArray[np.float64],
    cells: NDArray[np.float64],
    sums: NDArray[np.float64],
    totals: NDArray[np.float64],
    present: NDArray[np.float64],
) -> None:
    """Counts a class towards all classes; towards their means only where it has objects."""
    sums += counts
    for lane in range(LANES):
        if counts[_OBJECTS, lane] > 0:
            present[lane] += 1
            for metric in range(_MEAN):
                totals[metric, lane] += cells[metric, lane]


@_inlined
def _operating_point(counts: NDArray[np.float64], cells: NDArray[np.float64]) -> None:
    """Fills precision, recall and F1; 0/0 is NaN, not measured."""
    for lane in range(LANES):
        right, detections = counts[_CONFIDENT_RIGHT, lane], counts[_CONFIDENT, lane]
        objects = counts[_OBJECTS, lane]
        cells[_PRECISION, lane] = right / detections
        cells[_RECALL, lane] = right / objects
        cells[_F1, lane] = 2 * right / (detections + objects) if objects > 0 else np.nan
