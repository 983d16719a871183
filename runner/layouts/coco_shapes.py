"""What a COCO annotation holds, and what a task needs of it.

| task | needed | `area` |
|---|---|---|
| detect | `bbox` | of the box |
| segment | `segmentation`: polygons, or run lengths with their size | of the mask |
| pose | `bbox`, `keypoints`: x, y, visibility of each | the annotation's where a box can hold it, else of the box |
| obb | `segmentation`: one polygon of four points | of the rotated box |

What can be computed is not taken from the file: where there is a mask, neither `area` nor `bbox` are believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from runner.dataset.entries import EncodedMask, LabelScheme
from runner.domain.label_faults import Flaw
from runner.tasks import TASKS

_LEAST_POLYGON_NUMBERS = 6
_CORNER_NUMBERS = 8
_AREA_SLACK = 1.05  # boxes are rounded to whole pixels


class BoxAnnotation(msgspec.Struct, frozen=True):
    """An annotation as far as boxes go."""

    image_id: int | str
    category_id: int
    id: int | str | None = None
    bbox: list[float] | None = None
    iscrowd: int | bool = 0


class ShapedAnnotation(BoxAnnotation, frozen=True):
    """An annotation with all that it may say of a shape."""

    area: float | None = None
    segmentation: Any = None
    keypoints: list[float] | None = None


class _RunLengths(msgspec.Struct, frozen=True):
    size: tuple[int, int]
    counts: list[int] | str


def shape_of(annotation: BoxAnnotation, scheme: LabelScheme) -> dict[str, Any] | Flaw | str:
    """The fields of a `LabelledObject` that depend on the task; or what is wrong with the annotation.

    `rest` of a flaw holds the fields without it, where something is left.
    """
    if isinstance(annotation, ShapedAnnotation):
        match TASKS[scheme.task].shape:
            case "mask_rle":
                return _segment(annotation)
            case "corners":
                return _rotated(annotation)
            case "keypoints":
                return _pose(annotation, scheme.keypoints)
    box = _box(annotation.bbox)
    return box if isinstance(box, str) else {"box_xyxy": box}


def _box(bbox: list[float] | None) -> tuple[float, float, float, float] | str:
    if bbox is None or len(bbox) != 4:
        return "bbox is missing" if bbox is None else f"bbox has {len(bbox)} numbers, not 4"
    if not all(map(math.isfinite, bbox)):
        return "a number of bbox is not finite"
    x, y, width, height = bbox
    return x, y, x + width, y + height


def _segment(annotation: ShapedAnnotation) -> dict[str, Any] | Flaw | str:
    if not isinstance(annotation.segmentation, dict):
        polygons = _polygons(annotation.segmentation)
        if isinstance(polygons, str):
            return polygons
        if isinstance(polygons, Flaw):
            return polygons._replace(rest=_outlined(polygons.rest) if polygons.rest else None)
        return _outlined(polygons)
    try:
        mask = msgspec.convert(annotation.segmentation, _RunLengths)
    except msgspec.ValidationError as error:
        return f"segmentation is no mask: {error}"
    runs = decoded_runs(mask.counts) if isinstance(mask.counts, str) else mask.counts
    height, width = mask.size
    # pycocotools would read and write beyond the end of a mask that its runs do not fill.
    if runs is None or min(runs, default=-1) < 0 or sum(runs) != height * width:
        return f"segmentation: the run lengths do not add up to {height} × {width} pixels"
    box = box_of_runs(runs, height)
    if box is None:
        return Flaw("zero_area", "segmentation: the mask covers no pixel")
    return {"box_xyxy": box, "mask": EncodedMask(height, width, tuple(runs))}


def _outlined(polygons: Sequence[Sequence[float]]) -> dict[str, Any]:
    return {"box_xyxy": _hull(polygons), "polygons": tuple(map(tuple, polygons))}


def box_of_runs(runs: Sequence[int], height: int) -> tuple[float, float, float, float] | None:
    """The box around a mask; None where it covers nothing.

    >>> box_of_runs([5, 3], height=2)
    (2.0, 0.0, 4.0, 2.0)
    """
    spans = []
    end = 0
    for number, length in enumerate(runs):
        start, end = end, end + length
        if number % 2 and length:
            spans.append((start, end - 1))
    if not spans:
        return None
    one_column = [
        (first % height, last % height) for first, last in spans if first // height == last // height
    ]
    whole = len(one_column) < len(spans)
    top = 0 if whole else min(first for first, _ in one_column)
    bottom = height - 1 if whole else max(last for _, last in one_column)
    left, right = spans[0][0] // height, spans[-1][1] // height
    return float(left), float(top), float(right + 1), float(bottom + 1)


def decoded_runs(text: str) -> list[int] | None:
    """The run lengths of COCO's compressed text; None when it is cut off.

    Each is written as groups of five bits, from the third on as the difference to the one before the last.

    >>> decoded_runs("52203")
    [5, 2, 2, 2, 5]

    Source: `rleFrString` in maskApi.c of cocoapi.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            return None
        value |= (group & 0x1F) << shift
        shift += 5
        if not group & 0x20:
            value -= (1 << shift) if group & 0x10 else 0
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    return runs if shift == 0 else None


def _polygons(segmentation: Any) -> list[list[float]] | Flaw | str:
    """The outlines; a flaw's `rest` are those of three points or more, where others have fewer."""
    if not segmentation:
        return "segmentation is missing"
    try:
        polygons = msgspec.convert(segmentation, list[list[float]])
    except msgspec.ValidationError:
        return "segmentation is neither a list of polygons [[x1, y1, …]] nor a mask {size, counts}"
    short = None
    for polygon in polygons:
        if len(polygon) % 2:
            return f"a polygon of segmentation has {len(polygon)} numbers, not an even number from 6 on"
        if not all(map(math.isfinite, polygon)):
            return "a number of segmentation is not finite"
        if len(polygon) < _LEAST_POLYGON_NUMBERS:
            short = short or polygon
    if short is None:
        return polygons
    message = f"a polygon of segmentation has {len(short)} numbers, not an even number from 6 on"
    whole = [polygon for polygon in polygons if len(polygon) >= _LEAST_POLYGON_NUMBERS]
    return Flaw("short_polygon", message, whole)


def _rotated(annotation: ShapedAnnotation) -> dict[str, Any] | Flaw | str:
    polygons = _polygons(annotation.segmentation)
    if isinstance(polygons, Flaw):
        return Flaw(polygons.kind, f"task obb needs the four corners in segmentation: {polygons.message}")
    if isinstance(polygons, str):
        return f"task obb needs the four corners in segmentation: {polygons}"
    if len(polygons) != 1 or len(polygons[0]) != _CORNER_NUMBERS:
        found = f"{len(polygons)} polygons" if len(polygons) > 1 else f"{len(polygons[0]) // 2} points"
        return f"task obb needs one polygon of four points in segmentation, found {found}"
    return {"box_xyxy": _hull(polygons), "corners": tuple(polygons[0])}


def _pose(annotation: ShapedAnnotation, points: int) -> dict[str, Any] | str:
    box = _box(annotation.bbox)
    if isinstance(box, str):
        return box
    area = _credible_area(annotation.area, box)
    keypoints = annotation.keypoints
    if keypoints is None and annotation.iscrowd:
        keypoints = [0.0] * (3 * points)
    if keypoints is None:
        return "keypoints is missing"
    if len(keypoints) != 3 * points:
        return (
            f"keypoints has {len(keypoints)} numbers, not {3 * points} (x, y, visibility of {points} points)"
        )
    if not all(map(math.isfinite, keypoints)):
        return "a number of keypoints is not finite"
    if wrong := sorted(set(keypoints[2::3]) - {0, 1, 2}):
        return f"visibility {wrong[0]:g} of keypoints is none of 0, 1, 2"
    return {"box_xyxy": box, "keypoints": tuple(keypoints), **area}


def _credible_area(stated: float | None, box: tuple[float, float, float, float]) -> dict[str, float]:
    """A person's area, which scales key points' similarity, is that of its outline: it fits into its box."""
    limit = (box[2] - box[0]) * (box[3] - box[1]) * _AREA_SLACK
    return {"area_px": stated} if stated is not None and 0 < stated <= limit else {}


def _hull(polygons: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    x = [value for polygon in polygons for value in polygon[::2]]
    y = [value for polygon in polygons for value in polygon[1::2]]
    return min(x), min(y), max(x), max(y)
