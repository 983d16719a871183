"""The regions of Label Studio as shapes: per cent of the image's size, rotated clockwise around the upper left corner."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from runner.domain.label_faults import Flaw
from runner.layouts.brush_rle import brush_pixels
from runner.layouts.drawn_shapes import (
    Box,
    DrawnShape,
    Kind,
    box_shape,
    mask_shape,
    outline_shape,
    rotated_corners,
    rotated_shape,
    skeleton_shape,
)
from runner.layouts.label_studio_document import Region

SHAPES = ("rectangle", "polygon", "brush", "ellipse")
KEYPOINT, CHOICES = "keypoint", "choices"


def kind_of(region: Region) -> Kind | None:
    """What kind of shape a region is, before its numbers are looked at; None for one that no task reads by itself."""
    match region.kind:
        case "rectangle":
            rotation = region.value.get("rotation")
            return "rotated box" if isinstance(rotation, (int, float)) and rotation % 360 else "box"
        case "polygon":
            return "outline"
        case "brush":
            return "mask"
        case "choices" if is_of_image(region):
            return "tag"
    return None


def is_of_image(region: Region) -> bool:
    """Whether choices are about the whole image, not about one of its regions."""
    return region.kind == CHOICES and not {"x", "points", "rle"} & region.value.keys()


def drawn(region: Region) -> DrawnShape | Flaw | str:
    """The shape of a region, or what is wrong with it."""
    if region.turned % 360:
        return f"drawn on the image turned by {region.turned:g}°, which is not read: turn it back in Label Studio"
    try:
        match region.kind:
            case "rectangle":
                return _rectangle(region)
            case "polygon":
                return _polygon(region.value)
            case "brush":
                return _brush(region)
            case "ellipse":
                return "an ellipse is not read: draw it as a polygon or with the brush"
    except ValueError as error:
        return str(error)
    return f"a {region.kind} is not read"


def skeleton(box: Region, points: Sequence[Region], names: Sequence[str]) -> DrawnShape | Flaw | str:
    """A rectangle with the key points that belong to it.

    Args:
        points: each with its name for a label.
        names: of the skeleton's points, in order.
    """
    found: dict[str, Region] = {}
    for point in points:
        name = point.labels[0] if len(point.labels) == 1 else ""
        if name not in names:
            return f'the key point {point.name} is called "{name}", as no point of the skeleton'
        if name in found:
            return f'two key points are called "{name}"'
        found[name] = point
    shape = drawn(box)
    if not isinstance(shape, DrawnShape):
        return shape
    if shape.kind != "box":
        return f"a {shape.kind} with key points: only those of an upright box are read"
    try:
        triples = [(*_place(found[name].value), 2.0) if name in found else (0.0, 0.0, 0.0) for name in names]
    except ValueError as error:
        return str(error)
    keypoints = [value for triple in triples for value in triple]
    return skeleton_shape(keypoints, shape.box_xyxy, normalised=True)


def _rectangle(region: Region) -> DrawnShape:
    x, y, width, height = (_number(region.value, name) for name in ("x", "y", "width", "height"))
    degrees = _number(region.value, "rotation") if region.value.get("rotation") is not None else 0.0
    if not degrees % 360:
        box: Box = (x / 100, y / 100, (x + width) / 100, (y + height) / 100)
        return box_shape(box, normalised=True)
    if region.size is None:
        raise ValueError("a rotated box of an image whose original_width and original_height are not stated")
    across, down = region.size[0] / 100, region.size[1] / 100
    x, y, width, height = x * across, y * down, width * across, height * down
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    centre = (x + (width * cosine - height * sine) / 2, y + (width * sine + height * cosine) / 2)
    return rotated_shape(rotated_corners(centre, width, height, degrees))


def _polygon(value: Mapping[str, Any]) -> DrawnShape | Flaw | str:
    points = value.get("points")
    if not isinstance(points, list):
        return "points is no list"
    if value.get("closed") is False:
        return "a polygon that is not closed"
    numbers = [number / 100 for point in points for number in _pair(point)]
    return outline_shape(numbers, normalised=True)


def _brush(region: Region) -> DrawnShape | Flaw | str:
    if region.size is None:
        return "a mask of an image whose original_width and original_height are not stated"
    packed = region.value.get("rle")
    if not isinstance(packed, list):
        return "a mask without rle"
    width, height = region.size
    pixels = brush_pixels(packed, height, width)
    return pixels if isinstance(pixels, str) else mask_shape(pixels, 0, 0, height, width)


def _place(value: Mapping[str, Any]) -> tuple[float, float]:
    return _number(value, "x") / 100, _number(value, "y") / 100


def _pair(point: Any) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise ValueError("a point is not [x, y]")
    return _number({"x": point[0]}, "x"), _number({"y": point[1]}, "y")


def _number(value: Mapping[str, Any], name: str) -> float:
    number = value.get(name)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise ValueError(f"{name} is {'missing' if number is None else 'no number'}")
    return float(number)
