"""The shapes of CVAT's XML: `<box>`, `<polygon>`, `<mask>`, `<skeleton>` and `<tag>`, in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runner.adapters.system.xml_text import XmlElement
from runner.domain.label_faults import Flaw
from runner.layouts.drawn_shapes import (
    DrawnShape,
    Kind,
    box_shape,
    mask_shape,
    outline_shape,
    rotated_corners,
    rotated_shape,
    skeleton_shape,
)

SHAPES = ("box", "polygon", "mask", "skeleton", "polyline", "points", "ellipse", "cuboid")
_NOT_READ = {
    "polyline": "a polyline encloses nothing: no task reads it",
    "points": "points without a skeleton: no task reads them",
    "ellipse": "an ellipse is not read: draw it as a polygon or a mask",
    "cuboid": "a cuboid is not read",
}


def drawn(
    element: XmlElement, size: tuple[int, int] | None, points: Sequence[str]
) -> DrawnShape | Flaw | str:
    """The shape of an element, or what is wrong with it.

    Args:
        element: one of `SHAPES`.
        size: of its image, (width, height), if that is known; masks need it.
        points: the names of its label's points, in order, where it is a skeleton.
    """
    try:
        match element.tag:
            case "box":
                return _box(element)
            case "polygon":
                return outline_shape(_points(element))
            case "mask":
                return "a mask of an image whose size is not stated" if size is None else _mask(element, size)
            case "skeleton":
                return _skeleton(element, points)
        return _NOT_READ[element.tag]
    except KeyError as error:
        return f"<{element.tag}> has no {error.args[0]}"
    except ValueError as error:
        return f"<{element.tag}>: {error}"


def kind_of(element: XmlElement) -> Kind | None:
    """What kind of shape an element is, before its numbers are looked at; None for one that no task reads."""
    match element.tag:
        case "box":
            return "rotated box" if element.attributes.get("rotation", "0").strip("0.") else "box"
        case "polygon":
            return "outline"
        case "mask":
            return "mask"
        case "skeleton":
            return "skeleton"
        case "tag":
            return "tag"
    return None


def is_outside(element: XmlElement) -> bool:
    """Whether a tracked shape is not in its frame: it says so, or all its points do."""
    points = element.every("points") if element.tag == "skeleton" else []
    return flag(element, "outside") or (bool(points) and all(flag(item, "outside") for item in points))


def flag(element: XmlElement, name: str) -> bool:
    """Whether an attribute says yes."""
    return element.attributes.get(name) in ("1", "true", "True")


def _number(element: XmlElement, name: str) -> float:
    return _finite(element.attributes[name], name)


def _finite(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is no number: {text[:40]!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} is not finite")
    return value


def _box(element: XmlElement) -> DrawnShape:
    x_min, y_min, x_max, y_max = (_number(element, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    degrees = _number(element, "rotation") if "rotation" in element.attributes else 0.0
    if not degrees % 360:
        return box_shape((x_min, y_min, x_max, y_max))
    centre = ((x_min + x_max) / 2, (y_min + y_max) / 2)
    return rotated_shape(rotated_corners(centre, x_max - x_min, y_max - y_min, degrees))


def _points(element: XmlElement) -> list[float]:
    """x, y, x, y, … of `x,y;x,y;…`."""
    numbers: list[float] = []
    for pair in element.attributes["points"].split(";"):
        x, comma, y = pair.partition(",")
        if not comma:
            raise ValueError(f"points is not `x,y;x,y;…`: {pair[:40]!r}")
        numbers += (_finite(x, "points"), _finite(y, "points"))
    return numbers


def _mask(element: XmlElement, size: tuple[int, int]) -> DrawnShape | Flaw | str:
    """Run lengths along the rows of the mask's own box: background, object, background, …"""
    import numpy as np

    left, top, width, height = (int(_number(element, name)) for name in ("left", "top", "width", "height"))
    try:
        runs = [int(run) for run in element.attributes["rle"].split(",")]
    except ValueError:
        return "<mask>: rle is not a list of whole numbers"
    if (
        width < 1
        or height < 1
        or width > size[0]
        or height > size[1]
        or min(runs) < 0
        or sum(runs) != width * height
    ):
        return f"<mask>: the run lengths do not add up to {width}×{height} pixels of an image of {size[0]}×{size[1]}"
    pixels = np.repeat(np.arange(len(runs)) % 2, runs).reshape(height, width)
    return mask_shape(pixels, left, top, size[1], size[0])


def _skeleton(element: XmlElement, names: Sequence[str]) -> DrawnShape | str:
    points = {item.attributes.get("label", ""): item for item in element.every("points")}
    if strangers := sorted(points.keys() - set(names)):
        return f'<skeleton> has the point "{strangers[0]}", which its label does not name'
    keypoints: list[float] = []
    for name in names:
        point = points.get(name)
        if point is None or flag(point, "outside"):
            keypoints += (0.0, 0.0, 0.0)
        else:
            x, y = _points(point)[:2]
            keypoints += (x, y, 1.0 if flag(point, "occluded") else 2.0)
    return skeleton_shape(keypoints)
