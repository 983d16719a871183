"""Object detection: boxes, measured as COCO measures them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.tasks.ranked import RankedTask
from runner.tasks.task import TestData

if TYPE_CHECKING:
    from runner.evaluation.problem import Problem


class DetectTask(RankedTask):
    """Boxes with a class and a score."""

    name = "detect"
    evaluator = "flywheel (COCO boxes: IoU 0.50:0.95, 101 recall points, 100 detections per image and class)"
    label = "box"
    strategies = ("boxes",)
    hub_name = "object-detection"
    does = "finds objects as boxes"

    def problem(self, data: TestData) -> Problem:
        """Boxes, and how much they overlap."""
        from runner.evaluation.boxes import BoxSimilarity
        from runner.evaluation.problem import Problem
        from runner.tasks.arrays import boxes, detections, ground_truths, known_objects

        truths = ground_truths(data, self.spec)
        return Problem(
            n_images=len(data.images["path"]),
            n_classes=len(self.spec.classes),
            truths=truths,
            detections=detections(data, self.spec),
            similarity=BoxSimilarity(
                truths_xyxy=boxes(data.objects)[known_objects(data.objects, self.spec)],
                detections_xyxy=boxes(data.predictions),
                crowd=truths.crowd,
            ),
        )
