"""Parts of the test split: some of the images, or some of the objects."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_VALUE = "(none)"


@dataclass(frozen=True, kw_only=True)
class ImageSlice:
    """Whole images. `images` is a mask `(images,)`."""

    name: str
    condition: str
    images: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ObjectSlice:
    """Some of the objects; the others are ignored, as COCO ignores objects outside an area range.

    A detection that matches an object inside the slice is right, one that matches an object outside is
    ignored. For one that matches nothing there are two cases:

    - `detections` is given: it counts as wrong when it lies inside the slice itself, else it is ignored. This
      is pycocotools' rule for area ranges.
    - it is None, since the condition asks for what only a label has (`truncated`, an annotator, …): it counts
      as wrong on images that hold an object of the slice, and is ignored elsewhere.

    Attributes:
        objects: mask `(N,)` over the ground truths.
        detections: mask `(M,)` over one artefact's detections, or None.
        classes: mask `(K,)`: objects and detections of the others are outside, whatever the masks say; None: all count.
    """

    name: str
    condition: str
    objects: NDArray[np.bool_]
    detections: NDArray[np.bool_] | None
    classes: NDArray[np.bool_] | None = None

    def holds(self, label: NDArray[np.integer]) -> NDArray[np.bool_]:
        """`(N,)` which of the objects, of the classes `label`, are inside."""
        return self.objects if self.classes is None else self.objects & self.classes[label]


def value_slices(column: str, values: NDArray[Any], *, maximum: int) -> list[ImageSlice]:
    """One slice per value of an image column, the most frequent first, at most `maximum` of them.

    Args:
        column: its name; slices are called `<column>=<value>`.
        values: `(images,)`; None and NaN make the slice `<column>=(none)`.
        maximum: how many values; equally frequent ones in the order of their text.

    Example:
        >>> cameras = np.array(["b", "a", "b", None], dtype=object)
        >>> [part.name for part in value_slices("camera", cameras, maximum=2)]
        ['camera=b', 'camera=(none)']
    """
    texts = np.array([value_text(value) for value in values.tolist()], dtype=object)
    frequent = sorted(Counter(texts.tolist()).items(), key=lambda item: (-item[1], item[0]))
    numeric = values.dtype.kind in "biuf"
    return [
        ImageSlice(
            name=f"{column}={text}",
            condition=_condition(column, text, quoted=not numeric),
            images=texts == text,
        )
        for text, _ in frequent[:maximum]
    ]


def value_text(value: object) -> str:
    """A value as a slice's name shows it.

    Example:
        >>> value_text(True), value_text(2.0), value_text(None), value_text("dock 1")
        ('true', '2', '(none)', 'dock 1')
    """
    match value:
        case None:
            return NO_VALUE
        case bool():
            return str(value).lower()
        case float():
            short = f"{value:.15g}"
            return NO_VALUE if np.isnan(value) else short if float(short) == value else repr(value)
        case datetime.date() | datetime.time():
            return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
        case _:
            return str(value)


def _condition(column: str, text: str, *, quoted: bool) -> str:
    name = '"' + column.replace('"', '""') + '"'
    if text == NO_VALUE:
        return f"{name} IS NULL"
    return f"{name} = " + ("'" + text.replace("'", "''") + "'" if quoted else text)
