"""One object as regions of Label Studio, in per cent of the image's size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from runner.dataset.entries import LabelledObject
from runner.layouts.drawn_shapes import rotated_corners
from runner.tasks import TASKS
from runner.writers.brush import packed_brush
from runner.writers.losses import Losses
from runner.writers.numbers import fractions, pixels, stated_area
from runner.writers.outlines import mask_pixels, single_outline
from runner.writers.writer import SizedImage, WriteJob

IMAGE, CLASS, POINTS = "image", "class", "points"
_DECIMALS = 12
_SAME_PX = 1e-6
_POINT_SIZE = 0.5  # per cent: how large Label Studio draws a point


def regions(name: str, item: LabelledObject, image: SizedImage, job: WriteJob) -> list[dict[str, Any]]:
    """The object's regions; none where Label Studio has no place for it, which is noted.

    Args:
        name: the id of the first of them.
    """
    task = TASKS[job.scheme.task]
    if not task.ranked:
        return [_result(name, image, "choices", CLASS, {"choices": [item.class_name]})]
    if item.crowd:
        job.losses.add("crowd", item.place)
        return []
    job.losses.add_flags(item)
    match task.shape:
        case "mask_rle" if item.mask is not None:
            value = {"format": "rle", "rle": packed_brush(mask_pixels(item.mask))}
            return [_shape(name, item, image, "brush", value)]
        case "mask_rle":
            return [_shape(name, item, image, "polygon", {"points": _outline(item, image, job.losses)})]
        case "corners":
            return [_rotated(name, item, image)]
        case "keypoints":
            names = job.scheme.keypoints.names if job.scheme.keypoints else ()
            return [_box(name, item, image), *_points(name, item, image, names, job.losses)]
    return [_box(name, item, image)]


def _result(name: str, image: SizedImage, kind: str, control: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "from_name": control,
        "to_name": IMAGE,
        "original_width": image.width,
        "original_height": image.height,
        "image_rotation": 0,
        "value": value,
    }


def _shape(
    name: str, item: LabelledObject, image: SizedImage, shape: str, value: dict[str, Any]
) -> dict[str, Any]:
    labels = f"{shape}labels"
    return _result(name, image, labels, shape, {**value, labels: [item.class_name]})


def _box(name: str, item: LabelledObject, image: SizedImage) -> dict[str, Any]:
    left, top, right, bottom = fractions(item, item.box_xyxy, image)
    sides = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    value = {key: _per_cent(side) for key, side in sides.items()}
    return _shape(name, item, image, "rectangle", {**value, "rotation": 0})


def _rotated(name: str, item: LabelledObject, image: SizedImage) -> dict[str, Any]:
    """A rectangle and its rotation around its upper left corner; corners of no rectangle, clockwise, are a polygon."""
    corners = pixels(item, item.corners, image)
    x0, y0, x1, y1, x2, y2, *_ = corners
    degrees = math.degrees(math.atan2(y1 - y0, x1 - x0)) % 360
    width, height = math.hypot(x1 - x0, y1 - y0), math.hypot(x2 - x1, y2 - y1)
    again = rotated_corners((sum(corners[::2]) / 4, sum(corners[1::2]) / 4), width, height, degrees)
    if max(abs(one - other) for one, other in zip(again, corners, strict=True)) > _SAME_PX:
        return _shape(name, item, image, "polygon", {"points": _pairs(fractions(item, item.corners, image))})
    sides = {
        "x": x0 / image.width,
        "y": y0 / image.height,
        "width": width / image.width,
        "height": height / image.height,
    }
    value = {key: _per_cent(side) for key, side in sides.items()}
    return _shape(name, item, image, "rectangle", {**value, "rotation": degrees})


def _outline(item: LabelledObject, image: SizedImage, losses: Losses) -> list[list[float]]:
    if len(item.polygons) == 1:
        return _pairs(fractions(item, item.polygons[0], image))
    points = single_outline(item, image, losses)
    return _pairs([value / (image.height if at % 2 else image.width) for at, value in enumerate(points)])


def _points(
    name: str, item: LabelledObject, image: SizedImage, names: Sequence[str], losses: Losses
) -> list[dict[str, Any]]:
    """The labelled points, which belong to the box; whether one is hidden cannot be said."""
    if stated_area(item, image) is not None:
        losses.add("area", item.place)
    numbers = fractions(item, item.keypoints, image, 3)
    results = []
    for at, (point, x, y, visibility) in enumerate(
        zip(names, numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    ):
        if visibility == 1:
            losses.add("visibility", f"{item.place} ({point})")
        if visibility:
            value = {"x": _per_cent(x), "y": _per_cent(y), "width": _POINT_SIZE, "keypointlabels": [point]}
            result = _result(f"{name}-{at}", image, "keypointlabels", POINTS, value)
            results.append({**result, "parentID": name})
    return results


def _pairs(points: Sequence[float]) -> list[list[float]]:
    return [[_per_cent(x), _per_cent(y)] for x, y in zip(points[::2], points[1::2], strict=True)]


def _per_cent(fraction: float) -> float:
    return round(100 * fraction, _DECIMALS)
