"""Label files as Ultralytics reads them: one line per object, relative to the image, in each task's own form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import mask_outlines
from runner.domain.task import BOX, TaskSpec

Size = tuple[float, float]  # width, height
Row = Mapping[str, Any]

LABEL_COLUMNS: dict[str, tuple[str, ...]] = {
    "detect": BOX,
    "segment": ("polygons", "mask_rle"),
    "pose": (*BOX, "keypoints"),
    "obb": ("corners",),
}
"""What a label line is made of, beside the class."""


def label_line(spec: TaskSpec, class_id: int, row: Row, size: Size) -> str:
    """One object's line; empty when nothing of it lies in the image, or it lacks what the task needs.

    Args:
        spec: the task.
        class_id: the position of the class's name in the project.
        row: `LABEL_COLUMNS` of the object, in pixels.
        size: the image's width and height.
    """
    match spec.name:
        case "segment":
            numbers = _outline(row, size)
        case "pose":
            numbers = _pose(row, size, len(spec.keypoints.names if spec.keypoints else ()))
        case "obb":
            numbers = _rotated_box(row, size)
        case _:
            numbers = _box(row, size)
    return " ".join((str(class_id), *(f"{number:.8f}" for number in numbers))) + "\n" if numbers else ""


def _box(row: Row, size: Size) -> list[float]:
    """Centre x, centre y, width, height, clipped to the image."""
    width, height = size
    x_min, x_max = (min(max(float(row[name]), 0.0), width) / width for name in ("x_min", "x_max"))
    y_min, y_max = (min(max(float(row[name]), 0.0), height) / height for name in ("y_min", "y_max"))
    if x_max <= x_min or y_max <= y_min:
        return []
    return [(x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min]


def _pose(row: Row, size: Size, n_points: int) -> list[float]:
    """The box, then x, y and visibility of each point; a point outside the image counts as not labelled."""
    box = _box(row, size)
    points = np.zeros((n_points, 3))
    if (given := row["keypoints"]) is not None:
        points[:] = np.asarray(given, np.float64).reshape(-1, 3)
    points[:, :2] /= size
    outside = ((points[:, :2] < 0) | (points[:, :2] > 1)).any(axis=1)
    points[outside | (points[:, 2] == 0)] = 0
    return [*box, *points.ravel().tolist()] if box else []


def _rotated_box(row: Row, size: Size) -> list[float]:
    """Four corners. They may leave the image as long as Ultralytics takes them; else they are clipped."""
    if row["corners"] is None:
        return []
    corners = np.asarray(row["corners"], np.float64).reshape(4, 2) / size
    clipped = np.clip(corners, 0, 1)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (np.ptp(clipped, axis=0) <= 0).any():
        return []
    # Ultralytics refuses an image with a hull whose centre is outside or that is larger than the image.
    centre = (low + high) / 2
    taken = ((centre >= 0) & (centre <= 1) & (high - low <= 1)).all()
    return [float(number) for number in (corners if taken else clipped).ravel()]


def _outline(row: Row, size: Size) -> list[float]:
    """One polygon. Several parts become one, joined by lines of no width, as Ultralytics' own converter does."""
    parts = _parts(row, size)
    if not parts:
        return []
    merged = parts[0]
    for part in parts[1:]:
        merged = _joined(merged, part)
    clipped = np.clip(merged / size, 0, 1)
    return [float(number) for number in clipped.ravel()] if (np.ptp(clipped, axis=0) > 0).all() else []


def _parts(row: Row, size: Size) -> list[NDArray[np.float64]]:
    """The object's polygons, each `(N, 2)` with N ≥ 3; from its mask where it has none."""
    if row["polygons"] is not None:
        polygons: Sequence[Sequence[float]] = json.loads(row["polygons"])
        parts = [np.asarray(polygon, np.float64).reshape(-1, 2) for polygon in polygons]
    elif row["mask_rle"] is not None:
        parts = mask_outlines(row["mask_rle"], (round(size[1]), round(size[0])))
    else:
        parts = []
    return [part for part in parts if len(part) >= 3]


def _joined(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two closed polygons as one, there and back where they are nearest."""
    distances = ((first[:, None] - second[None]) ** 2).sum(axis=2)
    here, there = np.unravel_index(int(distances.argmin()), distances.shape)
    around = np.concatenate((second[there:], second[: there + 1]))
    return np.concatenate((first[: here + 1], around, first[here:]))
