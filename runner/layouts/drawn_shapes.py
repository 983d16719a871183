"""Shapes as annotation tools draw them, and what a task takes of each.

| task | taken |
|---|---|
| detect | a box; of a rotated box, an outline or a mask the box around it |
| segment | an outline or a mask |
| obb | a box, rotated or not; an outline of four points |
| pose | a skeleton; its box is the one drawn around it, else the one around its labelled points |
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from runner.dataset.entries import EncodedMask, LabelScheme
from runner.domain.label_faults import Flaw
from runner.domain.task import TaskName
from runner.tasks import TASKS

Kind: TypeAlias = Literal["box", "rotated box", "outline", "mask", "skeleton", "tag"]
Box: TypeAlias = tuple[float, float, float, float]

_LEAST_OUTLINE_NUMBERS = 6
_CORNER_NUMBERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnShape:
    """One shape, in pixels, or in fractions of the image's size where `normalised`.

    Attributes:
        box_xyxy: of the shape, or around it.
        outline: of an outline or a rotated box: x, y of each point.
        keypoints: of a skeleton: x, y and visibility of each point.
    """

    kind: Kind
    box_xyxy: Box
    outline: tuple[float, ...] = ()
    mask: EncodedMask | None = None
    keypoints: tuple[float, ...] = ()
    normalised: bool = False


def box_shape(box: Box, *, normalised: bool = False) -> DrawnShape:
    """An upright box."""
    return DrawnShape(kind="box", box_xyxy=box, normalised=normalised)


def rotated_shape(corners: Sequence[float]) -> DrawnShape:
    """A rotated box, by its four corners in pixels."""
    return DrawnShape(kind="rotated box", box_xyxy=hull(corners), outline=tuple(corners))


def outline_shape(points: Sequence[float], *, normalised: bool = False) -> DrawnShape | Flaw:
    """An outline, or what is wrong with it: fewer than three points."""
    if len(points) < _LEAST_OUTLINE_NUMBERS:
        return Flaw("short_polygon", f"a polygon of {_counted(len(points) // 2, 'point')}: it has at least 3")
    return DrawnShape(kind="outline", box_xyxy=hull(points), outline=tuple(points), normalised=normalised)


def skeleton_shape(
    keypoints: Sequence[float], box: Box | None = None, *, normalised: bool = False
) -> DrawnShape | str:
    """A skeleton of x, y, visibility (0 not labelled, 1 hidden, 2 visible) of each point, or what is wrong with it."""
    seen = [
        value for at in range(0, len(keypoints), 3) if keypoints[at + 2] for value in keypoints[at : at + 2]
    ]
    if box is None and not seen:
        return "a skeleton without a labelled point"
    return DrawnShape(
        kind="skeleton", box_xyxy=box or hull(seen), keypoints=tuple(keypoints), normalised=normalised
    )


def taken_by(scheme: LabelScheme, shape: DrawnShape) -> dict[str, Any] | str:
    """The fields of a `LabelledObject` that depend on the task; or why the task cannot take this shape."""
    task, kind = scheme.task, shape.kind
    fields: dict[str, Any] = {"box_xyxy": shape.box_xyxy, "normalised": shape.normalised}
    match TASKS[task].shape:
        case "mask_rle" if kind == "outline":
            return {**fields, "polygons": (shape.outline,)}
        case "mask_rle" if kind == "mask":
            return {**fields, "mask": shape.mask}
        case "mask_rle":
            return f"a {kind}; task {task} needs an outline or a mask"
        case "corners" if kind == "box":
            x_min, y_min, x_max, y_max = shape.box_xyxy
            return {**fields, "corners": (x_min, y_min, x_max, y_min, x_max, y_max, x_min, y_max)}
        case "corners" if kind in ("rotated box", "outline") and len(shape.outline) == _CORNER_NUMBERS:
            return {**fields, "corners": shape.outline}
        case "corners":
            found = f"an outline of {len(shape.outline) // 2} points" if kind == "outline" else f"a {kind}"
            return f"{found}; task {task} needs a box or an outline of four points"
        case "keypoints" if kind != "skeleton":
            return f"{'an' if kind == 'outline' else 'a'} {kind}; task {task} needs a skeleton"
        case "keypoints" if len(shape.keypoints) != 3 * scheme.keypoints:
            return f"a skeleton of {len(shape.keypoints) // 3} points, not {scheme.keypoints}"
        case "keypoints":
            return {**fields, "keypoints": shape.keypoints}
    if kind == "skeleton":
        return f"a skeleton; task {task} needs a box or what a box can be drawn around"
    return fields


def rotated_corners(
    centre: tuple[float, float], width: float, height: float, degrees: float
) -> tuple[float, ...]:
    """The corners of a box that is turned clockwise around its centre, from the upper left one on; all in pixels.

    >>> [round(number, 6) for number in rotated_corners((2, 1), 4, 2, 90)]
    [3.0, -1.0, 3.0, 3.0, 1.0, 3.0, 1.0, -1.0]
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = centre
    halves = (
        (-width / 2, -height / 2),
        (width / 2, -height / 2),
        (width / 2, height / 2),
        (-width / 2, height / 2),
    )
    return tuple(
        value
        for across, down in halves
        for value in (x + across * cosine - down * sine, y + across * sine + down * cosine)
    )


def hull(points: Sequence[float]) -> Box:
    """The upright box around points x, y, x, y, …"""
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])


def mask_shape(pixels: Any, left: int, top: int, height: int, width: int) -> DrawnShape | Flaw | str:
    """A mask of an image of `height` × `width` pixels, or what is wrong with it.

    Args:
        pixels: array `(h, w)` of the part of the image whose upper left corner is `left`, `top`; not 0: the object.
    """
    import numpy as np

    rows, columns = np.nonzero(pixels)
    if not len(rows):
        return Flaw("zero_area", "the mask covers no pixel")
    x_min, x_max = int(columns.min()) + left, int(columns.max()) + left + 1
    y_min, y_max = int(rows.min()) + top, int(rows.max()) + top + 1
    if x_min < 0 or y_min < 0 or x_max > width or y_max > height:
        return f"the mask reaches to {x_max}, {y_max}, out of the image of {width}×{height} px"
    # A band of whole columns: (h, w) -> (height, x_max - x_min), then down the columns.
    band = np.zeros((height, x_max - x_min), dtype=np.bool_)
    band[rows + top, columns + left - x_min] = True
    down = np.concatenate([[False], band.T.ravel(), [False]])
    changes = np.flatnonzero(down[1:] != down[:-1])
    edges = np.concatenate([[0], changes + x_min * height, [height * width]])
    counts = np.diff(edges).tolist()
    mask = EncodedMask(height, width, tuple(counts if counts[-1] else counts[:-1]))
    box = (float(x_min), float(y_min), float(x_max), float(y_max))
    return DrawnShape(kind="mask", box_xyxy=box, mask=mask)


@dataclass(frozen=True, kw_only=True)
class DrawnTask:
    """What shapes are for, and what is said where they could be read in another way."""

    task: TaskName
    remarks: tuple[str, ...] = ()


def task_of(kinds: Mapping[str, int]) -> DrawnTask | None:
    """The task that a dataset's shapes are for, by how many there are of each kind; None where there are none."""
    count = Counter(kinds)
    outlines, boxes = count["outline"] + count["mask"], count["box"] + count["rotated box"]
    remarks = []
    if count["tag"] and count.total() > count["tag"]:
        remarks.append(
            f"{_counted(count['tag'], 'image')} have a class of their own too: --task classify reads that"
        )
    if count["skeleton"]:
        return DrawnTask(task="pose", remarks=tuple(remarks))
    if outlines > boxes:
        if boxes:
            remarks.append(
                f"{boxes} of {boxes + outlines} shapes are boxes, which task segment cannot take: --task detect reads "
                "all of them as boxes"
            )
        return DrawnTask(task="segment", remarks=tuple(remarks))
    if count["rotated box"]:
        remarks.append(
            f"{count['rotated box']} of {boxes} boxes are rotated, so they are read as rotated boxes (task obb); "
            "as upright boxes: --task detect"
        )
        return DrawnTask(task="obb", remarks=tuple(remarks))
    if outlines:
        remarks.append(
            f"{outlines} of {boxes + outlines} shapes are outlines or masks, of which the box around them is taken; "
            "as outlines: --task segment"
        )
    if boxes:
        return DrawnTask(task="detect", remarks=tuple(remarks))
    return DrawnTask(task="classify") if count["tag"] else None


def _counted(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
