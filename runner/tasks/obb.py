"""Detection with rotated boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.tasks.ranked import OBJECT_COLUMNS, PREDICTION_COLUMNS, RankedTask
from runner.tasks.task import TestData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.evaluation.problem import Problem
    from runner.evaluation.rotated_boxes import RotatedBoxes


class ObbTask(RankedTask):
    """Rotated boxes with a class and a score; a box is the convex hull of its four corners."""

    name = "obb"
    evaluator = (
        "flywheel (COCO with rotated boxes: exact polygon IoU 0.50:0.95, 101 recall points, "
        "100 detections per image and class)"
    )
    object_columns = (*OBJECT_COLUMNS, "corners")
    prediction_columns = (*PREDICTION_COLUMNS, "corners")
    shape = "corners"
    may_reach_out = True  # an object that the border cuts has its corners outside
    label = "box"
    strategies = ("obb",)
    hub_name = "object-detection"
    does = "finds objects as rotated boxes"

    def problem(self, data: TestData) -> Problem:
        """Rotated boxes, and how much they overlap. An object without corners is never found."""
        from runner.evaluation.problem import Problem
        from runner.evaluation.rotated_boxes import RotatedBoxSimilarity
        from runner.tasks.arrays import detections, ground_truths, known_objects

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
    import numpy as np

    from runner.evaluation.rotated_boxes import rotated_boxes

    flat = [[0.0] * 8 if values is None else values for values in corners.tolist()]
    return rotated_boxes(np.array(flat, dtype=np.float64).reshape(-1, 8))
