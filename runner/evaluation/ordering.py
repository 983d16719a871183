"""Stable sorts in linear time: of small whole numbers, and of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.compiled import njit

_DIGIT = 11  # bits a pass: 2,048 counters stay in the first-level cache
_PASSES = 6


def by_class_and_score(
    label: NDArray[np.int64],
    score: NDArray[np.floating],
    image: NDArray[np.int64],
    *,
    n_classes: int,
    n_images: int,
) -> NDArray[np.int64]:
    """`(M,)` rows ordered by class, score (highest first), image, and then the input's own order."""
    order = np.arange(len(label))
    if not _is_sorted(image):
        order = _counted(image, order, n_images)
    order = _ranked(_descending(score), order)
    return np.asarray(_counted(label, order, n_classes))


def by_class_and_image(
    label: NDArray[np.int64], image: NDArray[np.int64], *, n_classes: int, n_images: int
) -> NDArray[np.int64]:
    """`(N,)` rows ordered by class, image, and then the input's own order."""
    return np.asarray(_counted(label, _counted(image, np.arange(len(label)), n_images), n_classes))


def _descending(score: NDArray[np.floating]) -> NDArray[np.uint64]:
    """Whole numbers in the opposite order of scores; -0.0 equals 0.0."""
    bits = (score.astype(np.float64) + 0.0).view(np.int64)
    ascending = bits ^ ((bits >> 63) & np.int64(2**63 - 1))
    return np.asarray(~ascending).view(np.uint64) ^ np.uint64(2**63)


@njit(cache=True, nogil=True)
def _is_sorted(values: NDArray[np.int64]) -> bool:
    for row in range(1, len(values)):  # noqa: SIM110
        if values[row] < values[row - 1]:
            return False
    return True


@njit(cache=True, nogil=True)
def _counted(values: NDArray[np.int64], order: NDArray[np.int64], n_values: int) -> NDArray[np.int64]:
    """`order`, stably sorted by `values` in [0, n_values)."""
    place = np.zeros(n_values + 1, dtype=np.int64)
    for value in values:
        place[value + 1] += 1
    place = place.cumsum()
    result = np.empty_like(order)
    for row in order:
        result[place[values[row]]] = row
        place[values[row]] += 1
    return result


@njit(cache=True, nogil=True)
def _ranked(keys: NDArray[np.uint64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """`order`, stably sorted by `keys` (radix sort, the lowest digit first)."""
    mask = np.uint64((1 << _DIGIT) - 1)
    counts = np.zeros((_PASSES, 1 << _DIGIT), dtype=np.int64)
    for key in keys:
        for number in range(_PASSES):
            counts[number, (key >> np.uint64(number * _DIGIT)) & mask] += 1
    source, target = order.copy(), np.empty_like(order)
    for number in range(_PASSES):
        if np.any(counts[number] == len(keys)):  # all have this digit in common
            continue
        place = counts[number].cumsum() - counts[number]
        for row in source:
            digit = (keys[row] >> np.uint64(number * _DIGIT)) & mask
            target[place[digit]] = row
            place[digit] += 1
        source, target = target, source
    return source
