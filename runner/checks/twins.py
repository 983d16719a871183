"""Boxes that are labelled twice: the same place, by the same class or by another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.frames import frame_of
from runner.adapters.tables import column_names, read_table
from runner.checks.detection import TWIN_IOU
from runner.domain.records import SPLITS

if TYPE_CHECKING:
    import pandas as pd

_BOX = ("x_min", "y_min", "x_max", "y_max")


def twin_frame(folder: Path) -> pd.DataFrame:
    """One row per object of the selected images that is no crowd, in the index's order.

    Columns: path, object_id, class; `same_as`: the first earlier object of the same class at the same place, or null;
    `also`: the class of the first earlier object of another class there, and `also_id`; `iou` with the nearest of them.

    Raises:
        FlywheelError: the index or the manifest is missing or is not readable.
    """
    file = folder / "index" / "objects.parquet"
    shape = [name for name in ("corners", "area_px") if name in column_names(file)]
    objects = read_table(file, ["path", "object_id", "class", "crowd", *_BOX, *shape])
    manifest = read_table(folder / "selection" / "manifest.parquet", ["path", "assigned", "selected"])
    chosen = manifest["selected"].astype(bool) & np.isin(manifest["assigned"].astype(str), SPLITS)
    boxes = np.stack([objects[name].astype(np.float64) for name in _BOX], axis=1)  # (N, 4)
    used = np.isin(objects["path"].astype(str), manifest["path"][chosen].astype(str))
    used &= ~objects["crowd"].astype(bool) & np.isfinite(boxes).all(axis=1)
    rows = np.flatnonzero(used)
    path, names, labels = (objects[name][rows] for name in ("path", "object_id", "class"))
    same_as, also, also_id = (np.full(len(rows), None, dtype=object) for _ in range(3))
    iou = np.full(len(rows), np.nan)
    shapes = _shape_of(objects, rows)
    for first, second, overlap in twins(path, boxes[rows]):
        if not _same_shape(shapes, first, second):
            continue
        iou[second] = np.nanmax([iou[second], overlap])
        if labels[first] == labels[second]:
            same_as[second] = same_as[second] or names[first]
        elif also_id[second] is None:
            also[second], also_id[second] = labels[first], names[first]
    return frame_of(
        {
            "path": path,
            "object_id": names,
            "class": labels,
            "same_as": same_as,
            "also": also,
            "also_id": also_id,
            "iou": iou,
        }
    )


def twins(path: NDArray[Any], boxes_xyxy: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Pairs of rows of one image whose boxes have an IoU of `TWIN_IOU` or more: (earlier row, later row, IoU), sorted.

    Args:
        path: `(N,)`, of each box's image.
        boxes_xyxy: `(N, 4)`, pixels, finite. Boxes without area have no twin.

    >>> twins(np.array(["a", "a", "b"]), np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]]))
    [(0, 1, 1.0)]
    """
    _, image = np.unique(path.astype(str), return_inverse=True)
    order = np.lexsort((boxes_xyxy[:, 0], image))
    image, boxes = image[order], boxes_xyxy[order]
    sides = boxes[:, 2:] - boxes[:, :2]
    area = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0)
    # Boxes with such an IoU begin within a hundredth of their common width of each other.
    reach = boxes[:, 0] + np.maximum(sides[:, 0], 0) * (1 / TWIN_IOU - TWIN_IOU)
    found = []
    for step in range(1, len(order)):
        near = np.flatnonzero((image[:-step] == image[step:]) & (boxes[step:, 0] <= reach[:-step]))
        if not len(near):
            break
        a, b = boxes[near], boxes[near + step]
        common = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
        both = np.where((common > 0).all(axis=1), common.prod(axis=1), 0.0)
        union = area[near] + area[near + step] - both
        overlap = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
        for at in np.flatnonzero(overlap >= TWIN_IOU):
            pair = sorted((int(order[near[at]]), int(order[near[at] + step])))
            found.append((pair[0], pair[1], float(overlap[at])))
    return sorted(found)


def _shape_of(
    objects: dict[str, NDArray[Any]], rows: NDArray[np.int64]
) -> list[NDArray[np.float64] | float] | None:
    """What tells shapes apart that fill the same box: the corners of rotated boxes, else the areas."""
    if "corners" in objects:
        return [np.asarray(objects["corners"][row], np.float64).reshape(4, 2) for row in rows]
    return [float(objects["area_px"][row]) for row in rows] if "area_px" in objects else None


def _same_shape(shapes: list[NDArray[np.float64] | float] | None, first: int, second: int) -> bool:
    if shapes is None:
        return True
    a, b = shapes[first], shapes[second]
    if isinstance(a, float) or isinstance(b, float):
        return bool(min(a, b) >= TWIN_IOU**2 * max(a, b))
    nearest = np.abs(a[:, None] - b[None]).max(axis=2).min(axis=1)  # (4,)
    return bool(nearest.max() <= (1 - TWIN_IOU) * np.ptp(a, axis=0).max())
