"""Detection with rotated boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.problem import Problem
from runner.evaluation.rotated_boxes import RotatedBoxes, RotatedBoxSimilarity, rotated_boxes
from runner.tasks.ranked import (
    OBJECT_COLUMNS,
    PREDICTION_COLUMNS,
    RankedTask,
    detections,
    ground_truths,
    known_objects,
)
from runner.tasks.task import TestData


@dataclass(frozen=True, kw_only=True)
class ObbTask(RankedTask):
    """Rotated boxes with a class and a score; a box is the convex hull of its four corners."""

    object_columns: ClassVar[tuple[str, ...]] = (*OBJECT_COLUMNS, "corners")
    prediction_columns: ClassVar[tuple[str, ...]] = (*PREDICTION_COLUMNS, "corners")

    @property
    def evaluator(self) -> str:
        """Names the protocol, for the report."""
        return (
            "flywheel (COCO with rotated boxes: exact polygon IoU 0.50:0.95, 101 recall points, "
            "100 detections per image and class)"
        )

    def problem(self, data: TestData) -> Problem:
        """Rotated boxes, and how much they overlap. An object without corners is never found."""
        truths = ground_truths(data, self.spec)
        return Problem(
            n_images=len(data.images["path"]),
            n_classes=len(self.spec.classes),
            truths=truths,
            detections=detections(data, self.spec),
            similarity=RotatedBoxSimilarity(
                truths=_boxes(data.objects["corners"][known_objects(data.objects, self.spec)]),
                detections=_boxes(data.predictions["corners"]),
                crowd=truths.crowd,
            ),
        )


def _boxes(corners: NDArray[Any]) -> RotatedBoxes:
    flat = [[0.0] * 8 if values is None else values for values in corners.tolist()]
    return rotated_boxes(np.array(flat, dtype=np.float64).reshape(-1, 8))
