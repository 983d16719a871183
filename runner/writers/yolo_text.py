"""One object as a line of a YOLO label file, whole wherever YOLO can hold it.

Ultralytics takes an image's labels as long as every box (of an outline: its hull) has its centre in the image and is no
larger than it, so a box that reaches out is written as it is; beyond that it is cut. What it refuses, it refuses with
the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.dataset.entries import LabelledObject
from runner.tasks import TASKS
from runner.writers.losses import Losses
from runner.writers.numbers import DECIMALS, fraction_text, fractions, stated_area
from runner.writers.outlines import mask_outline, single_outline
from runner.writers.writer import Scheme, SizedImage

_LEAST_SIDE = 10.0**-DECIMALS


def label_line(item: LabelledObject, image: SizedImage, scheme: Scheme, losses: Losses) -> str:
    """The line; empty where YOLO has no place for the object, which is noted."""
    if item.crowd:
        losses.add("crowd", item.place)
        return ""
    losses.add_flags(item)
    match TASKS[scheme.task].shape:
        case "mask_rle":
            numbers = _held_points(_outline(item, image, losses), item, losses)
        case "corners":
            numbers = _held_points(fractions(item, item.corners, image), item, losses)
        case "keypoints":
            numbers = _box(item, image, losses)
            numbers += _key_points(item, image, losses) if numbers else []
            if stated_area(item, image) is not None:
                losses.add("area", item.place)
        case _:
            numbers = _box(item, image, losses)
    if not numbers:
        losses.add("outside", item.place)
        return ""
    return " ".join((str(item.class_id), *map(fraction_text, numbers))) + "\n"


def _box(item: LabelledObject, image: SizedImage, losses: Losses) -> list[float]:
    """Centre and size."""
    box = fractions(item, item.box_xyxy, image)
    if not _is_held(box):
        losses.add("clipped", item.place)
        box = [min(max(value, 0.0), 1.0) for value in box]
    left, top, right, bottom = box
    if right - left < _LEAST_SIDE or bottom - top < _LEAST_SIDE:
        return []
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def _is_held(box: Sequence[float]) -> bool:
    left, top, right, bottom = box
    numbers = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    return all(-_LEAST_SIDE <= number <= 1 + _LEAST_SIDE for number in numbers)


def _held_points(points: list[float], item: LabelledObject, losses: Losses) -> list[float]:
    """Points whose hull YOLO takes; else cut at the border, and none where nothing is left."""
    if not points:
        return []
    hull = (min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2]))
    if _is_held(hull):
        return points
    losses.add("clipped", item.place)
    cut = [min(max(value, 0.0), 1.0) for value in points]
    flat = max(cut[::2]) - min(cut[::2]) < _LEAST_SIDE or max(cut[1::2]) - min(cut[1::2]) < _LEAST_SIDE
    return [] if flat else cut


def _key_points(item: LabelledObject, image: SizedImage, losses: Losses) -> list[float]:
    """x, y, visibility of each; Ultralytics refuses an image with a point outside."""
    numbers = fractions(item, item.keypoints, image, 3)
    for at in range(0, len(numbers), 3):
        x, y, visibility = numbers[at : at + 3]
        if not (0 <= x <= 1 and 0 <= y <= 1):
            if visibility:
                losses.add("point_outside", item.place)
            numbers[at : at + 3] = [0.0, 0.0, 0.0]
    return numbers


def _outline(item: LabelledObject, image: SizedImage, losses: Losses) -> list[float]:
    """The object's one outline, its parts joined; a mask's along its pixels."""
    if item.mask is not None:
        losses.add("mask_outlined", item.place)
        height, width = item.mask.height, item.mask.width
        return [value / (height if at % 2 else width) for at, value in enumerate(mask_outline(item.mask))]
    if len(item.polygons) == 1:
        return fractions(item, item.polygons[0], image)
    points = single_outline(item, image, losses)
    return [value / (image.height if at % 2 else image.width) for at, value in enumerate(points)]
