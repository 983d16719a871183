"""Boxes that are labelled twice: the same place, by the same class or by another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.frames import frame_of
from runner.adapters.tables.parquet import column_names, read_table
from runner.dataset.columns import place_column
from runner.dataset.twins import near_pairs, same_shape
from runner.domain.records import SPLITS
from runner.domain.task import BOX

if TYPE_CHECKING:
    import pandas as pd


def twin_frame(folder: Path) -> pd.DataFrame:
    """One row per object of the selected images that is no crowd, in the index's order.

    Columns: path, class, `written`: where its label is; `same_as`: where an earlier one of the same class and place is, or
    null; `also`: the class of an earlier object of another class there, and `also_written`; `iou` with the nearest of them.

    Raises:
        FlywheelError: the index or the manifest is missing or is not readable.
    """
    objects = _selected_objects(folder)
    path, written, labels = (objects[name] for name in ("path", "written", "class"))
    same_as, also, also_written = (np.full(len(path), None, dtype=object) for _ in range(3))
    iou = np.full(len(path), np.nan)
    unseen = np.ones((2, len(path)), dtype=np.bool_)  # (twin of the same class, of another one; N)
    shapes = _shape_of(objects)
    for firsts, seconds, overlaps in near_pairs(path, np.stack([objects[name] for name in BOX], axis=1)):
        alike = labels[firsts] == labels[seconds]
        # One twin is enough: of a thousand equal lines not every pair is looked at.
        for at in np.flatnonzero(np.where(alike, unseen[0, seconds], unseen[1, seconds])):
            first, second = int(firsts[at]), int(seconds[at])
            if shapes and not same_shape(shapes[first], shapes[second]):
                continue
            iou[second] = np.fmax(iou[second], overlaps[at])
            unseen[0 if alike[at] else 1, second] = False
            if alike[at]:
                same_as[second] = written[first]
            else:
                also[second], also_written[second] = labels[first], written[first]
    return frame_of(
        {
            "path": path,
            "written": written,
            "class": labels,
            "same_as": same_as,
            "also": also,
            "also_written": also_written,
            "iou": iou,
        }
    )


def _selected_objects(folder: Path) -> dict[str, NDArray[Any]]:
    """The objects of the selected images that are no crowd and whose boxes are finite."""
    file = folder / "index" / "objects.parquet"
    names = column_names(file)
    shape = [name for name in ("corners", "area_px") if name in names]
    place = place_column(names)
    objects = read_table(file, ["path", place, "class", "crowd", *BOX, *shape])
    objects["written"] = objects.pop(place)
    manifest = read_table(folder / "selection" / "manifest.parquet", ["path", "assigned", "selected"])
    chosen = manifest["selected"].astype(bool) & np.isin(manifest["assigned"].astype(str), SPLITS)
    selected = set(manifest["path"][chosen].tolist())
    used = np.array([path in selected for path in objects["path"].tolist()], dtype=np.bool_)
    used &= ~objects["crowd"].astype(bool)
    for name in BOX:
        objects[name] = objects[name].astype(np.float64)
        used &= np.isfinite(objects[name])
    rows = np.flatnonzero(used)
    return {name: column[rows] for name, column in objects.items()}


def _shape_of(objects: dict[str, NDArray[Any]]) -> list[NDArray[np.float64] | float] | None:
    """What tells shapes apart that fill the same box: the corners of rotated boxes, else the areas."""
    if "corners" in objects:
        return [np.asarray(corners, np.float64).reshape(4, 2) for corners in objects["corners"]]
    return [float(area) for area in objects["area_px"]] if "area_px" in objects else None
