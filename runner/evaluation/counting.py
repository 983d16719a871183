"""Which groups a number rests on: those that hold something which it counts.

An image without objects says nothing about recall, however many of them there are; only a false detection on it says
something about precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = Literal["objects", "detections", "either"]

KINDS: tuple[Counts, ...] = ("objects", "detections", "either")

_DENSE = 4_000_000  # classes × groups

_COUNTS: dict[str, Counts] = {"precision": "detections", "f1": "either"}


def counts_of(metric: str) -> Counts:
    """What a metric counts: labelled objects, detections at the operating confidence, or both.

    Example:
        >>> counts_of("map50"), counts_of("precision"), counts_of("f1")
        ('objects', 'detections', 'either')
    """
    return _COUNTS.get(metric, "objects")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """N objects or detections that count: their class `label` and their `image`, both `(N,)` int64."""

    label: NDArray[np.int64]
    image: NDArray[np.int64]

    def on(self, images: NDArray[np.bool_]) -> Rows:
        """Those on some of the images `(I,)`."""
        kept = images[self.image]
        return Rows(label=self.label[kept], image=self.image[kept])


@dataclass(frozen=True, kw_only=True)
class Counting:
    """What an artefact's numbers count.

    Attributes:
        objects: labelled objects (classify: the labelled classes of images).
        detections: at the operating confidence, right or wrong, not ignored (classify: the first classes of images).
    """

    objects: Rows
    detections: Rows

    def rows(self, what: Counts) -> Rows:
        """Those that metrics of this kind count."""
        if what == "objects":
            return self.objects
        if what == "detections":
            return self.detections
        return Rows(
            label=np.concatenate([self.objects.label, self.detections.label]),
            image=np.concatenate([self.objects.image, self.detections.image]),
        )

    def on(self, images: NDArray[np.bool_]) -> Counting:
        """Those on some of the images `(I,)`."""
        return Counting(objects=self.objects.on(images), detections=self.detections.on(images))


@dataclass(frozen=True, kw_only=True)
class GroupCounts:
    """Of K classes, and last of all classes together.

    Attributes:
        groups: `(K + 1,)` int, how many groups hold at least one row.
        rows: `(K + 1,)` int, how many there are.
        effective: `(K + 1,)` float, how many groups of one size would say as much, in [1, `groups`]; 0 without any: a few
            long scenes beside many short ones are few. Source: Kish (1965), Survey Sampling.
    """

    groups: NDArray[np.int64]
    rows: NDArray[np.int64]
    effective: NDArray[np.float64]


def group_counts(rows: Rows, groups: NDArray[np.integer], n_classes: int) -> GroupCounts:
    """Counts the groups `(I,)` int of images that hold rows of each class, and of any.

    Example:
        >>> rows = Rows(label=np.array([0, 0, 0, 1]), image=np.array([0, 0, 1, 1]))
        >>> found = group_counts(rows, np.array([7, 8]), 2)
        >>> found.groups.tolist(), found.effective.tolist()
        ([2, 1, 2], [1.8, 1.0, 2.0])
    """
    group = groups[rows.image].astype(np.int64)
    width = int(group.max(initial=-1)) + 1
    label = np.concatenate([rows.label, np.full(len(group), n_classes)])
    held, size = _sizes(label * width + np.tile(group, 2), (n_classes + 1) * width)
    of_class = held // max(1, width)
    share = size.astype(np.float64)
    total, squares = (
        np.bincount(of_class, share**power, n_classes + 1).astype(np.float64) for power in (1, 2)
    )
    return GroupCounts(
        groups=np.bincount(of_class, minlength=n_classes + 1),
        rows=total.astype(np.int64),
        effective=np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0),
    )


def _sizes(cells: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cells below `most` that occur, ascending, and how often; counted without sorting where a table of all fits."""
    if most > _DENSE:
        held, size = np.unique(cells, return_counts=True)
        return held, size
    table = np.bincount(cells, minlength=most)
    held = np.flatnonzero(table)
    return held, table[held]
