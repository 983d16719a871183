"""Collects detections of many images into the predictions table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runner.adapters.inference import Detections
from runner.adapters.tables import write_table


class DetectionTable:
    """Rows `path, class_id, class, score, x_min, y_min, x_max, y_max`, in pixels of the original image."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._names = np.array(class_names, dtype=object)
        self._paths: list[str] = []
        self._found: list[Detections] = []

    def add(self, path: str, found: Detections) -> None:
        """Adds one image's detections; none add no row."""
        self._paths.append(path)
        self._found.append(found)

    def write(self, path: Path) -> None:
        """Writes Parquet, sorted by path, then descending score, then class, then box."""
        counts = [len(found.scores) for found in self._found]
        paths = np.repeat(np.array(self._paths, dtype=object), counts)
        boxes = np.concatenate([np.empty((0, 4), np.float32), *(found.boxes_xyxy for found in self._found)])
        scores = np.concatenate([np.empty(0, np.float32), *(found.scores for found in self._found)])
        class_ids = np.concatenate([np.empty(0, np.int32), *(found.class_ids for found in self._found)])
        order = np.lexsort((*boxes.T[::-1], class_ids, -scores, paths.astype(str)))
        x_min, y_min, x_max, y_max = boxes[order].T
        write_table(
            path,
            {
                "path": paths[order],
                "class_id": class_ids[order],
                "class": self._names[class_ids[order]],
                "score": scores[order],
                "x_min": x_min,
                "y_min": y_min,
                "x_max": x_max,
                "y_max": y_max,
            },
        )
