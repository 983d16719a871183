"""Collects what was found in many images into the predictions table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.models.inference import ImageDetections
from runner.adapters.tables.parquet import Column, write_table
from runner.domain.task import BOX

PREDICTION_COLUMNS = ("path", "class_id", "class", "score", *BOX)


class DetectionTable:
    """Rows of `PREDICTION_COLUMNS`, in pixels of the original image, and of the task's own columns.

    Rows are sorted by path, then descending score, then class, then box.

    Args:
        class_names: the model's classes, by class id.
        further: the task's own columns, those of `Detections.further`.
    """

    def __init__(self, class_names: Sequence[str], further: Sequence[str] = ()) -> None:
        self._names = np.array(class_names, dtype=object)
        self._further = tuple(further)
        self._paths: list[str] = []
        self._found: list[ImageDetections] = []

    def add(self, path: str, found: ImageDetections) -> None:
        """Adds one image's detections; none add no row."""
        self._paths.append(path)
        self._found.append(found)

    def columns(self) -> dict[str, Column]:
        """The table so far."""
        counts = [len(found.scores) for found in self._found]
        paths = np.repeat(np.array(self._paths, dtype=object), counts)
        boxes = np.concatenate([np.empty((0, 4), np.float32), *(found.boxes_xyxy for found in self._found)])
        scores = np.concatenate([np.empty(0, np.float32), *(found.scores for found in self._found)])
        class_ids = np.concatenate([np.empty(0, np.int32), *(found.class_ids for found in self._found)])
        order = np.lexsort((*boxes.T[::-1], class_ids, -scores, paths.astype(str)))
        x_min, y_min, x_max, y_max = boxes[order].T
        values = (paths[order], class_ids[order], self._names[class_ids[order]], scores[order])
        table = dict(zip(PREDICTION_COLUMNS, (*values, x_min, y_min, x_max, y_max), strict=True))
        return table | {name: self._column(name)[order] for name in self._further}

    def write(self, path: Path) -> None:
        """Writes Parquet."""
        write_table(path, self.columns())

    def _column(self, name: str) -> Column:
        values: list[Any] = [value for found in self._found for value in found.further[name]]
        column = np.empty(len(values), dtype=object)
        for row, value in enumerate(values):  # one by one: NumPy would take equally long lists for a matrix
            column[row] = value
        return column
