"""Shapes of labelled objects as columns of the object index, in pixels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.domain.label_faults import LabelFault
from runner.domain.task import TaskName
from runner.tasks import TASKS

if TYPE_CHECKING:
    from runner.dataset.entries import LabelledObject

SizeHW: TypeAlias = tuple[int, int]

FAR_SIDES = 20
"""Outlines that reach so many image sides away are refused: pycocotools walks along every pixel of an edge, and writes
beyond its memory for very long ones."""


def shape_columns(
    task: TaskName, objects: Sequence[LabelledObject], sizes: Sequence[SizeHW]
) -> dict[str, Any]:
    """The columns that a task's objects have besides the boxes, and `area_px` where it is not the box's.

    Args:
        task: none for detect and classify.
        objects: labels of the task.
        sizes: of each object's image.

    Returns:
        segment: `polygons` (text: JSON, a list of flat `[x, y, …]`; None for a mask), `mask_rle` (text: COCO's
        compressed run lengths). pose: `keypoints`, lists of x, y, visibility. obb: `corners`, lists of 8 numbers.
        `area_px` holds None where the box's area is meant.
    """
    match TASKS[task].shape:
        case "mask_rle":
            return _segment(objects, sizes)
        case "keypoints":
            points = [
                _scaled(item, item.keypoints, size, 3) for item, size in zip(objects, sizes, strict=True)
            ]
            return {"keypoints": points, "area_px": [item.area_px for item in objects]}
        case "corners":
            corners = [
                _scaled(item, item.corners, size, 2) for item, size in zip(objects, sizes, strict=True)
            ]
            return {"corners": corners, "area_px": [_polygon_area(four) for four in corners]}
    return {}


def mask_problem(item: LabelledObject, size: SizeHW) -> LabelFault | None:
    """Why a mask or an outline cannot be laid over its image; None when it can."""
    if item.polygons and (far := _furthest_px(item, size)) > FAR_SIDES * max(size):
        message = f"an outline has a point {far:.3g} px from the image's corner"
        return LabelFault("outside", item.place, message)
    if item.mask is None or (item.mask.height, item.mask.width) == size:
        return None
    message = f"the mask is {item.mask.width}×{item.mask.height} px, the image {size[1]}×{size[0]}"
    return LabelFault("mask_size", item.place, message)


def _furthest_px(item: LabelledObject, size: SizeHW) -> float:
    """The largest coordinate of an object's hull."""
    return max(map(abs, item.box_xyxy)) * (max(size) if item.normalised else 1)


def _segment(objects: Sequence[LabelledObject], sizes: Sequence[SizeHW]) -> dict[str, Any]:
    from runner.adapters.pictures.coco_masks import counts_to_rle, mask_area, polygons_to_rle

    outlines: list[str | None] = []
    masks: list[str] = []
    areas: list[float] = []
    for item, size in zip(objects, sizes, strict=True):
        polygons = [_scaled(item, polygon, size, 2) for polygon in item.polygons]
        outlines.append(json.dumps(polygons, separators=(",", ":")) if polygons else None)
        masks.append(counts_to_rle(item.mask.counts, size) if item.mask else polygons_to_rle(polygons, size))
        areas.append(float(mask_area(masks[-1], size)))
    return {"polygons": outlines, "mask_rle": masks, "area_px": areas}


def _scaled(item: LabelledObject, numbers: Sequence[float], size: SizeHW, stride: int) -> list[float]:
    """Points `x, y` (and, at a stride of 3, what belongs to them) in pixels."""
    if not item.normalised:
        return [float(number) for number in numbers]
    factors = (size[1], size[0], 1)[:stride]
    return [float(number * factors[at % stride]) for at, number in enumerate(numbers)]


def _polygon_area(points: Sequence[float]) -> float:
    """The area inside a polygon's outline `x, y, x, y, …` (the shoelace formula)."""
    x, y = points[::2], points[1::2]
    following = range(1, len(x) + 1)
    doubled = sum(x[at - 1] * y[at % len(x)] - x[at % len(x)] * y[at - 1] for at in following)
    return abs(doubled) / 2
