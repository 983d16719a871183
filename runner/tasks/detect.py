"""Object detection: boxes, measured as COCO measures them."""

from __future__ import annotations

from dataclasses import dataclass

from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.problem import Problem
from runner.tasks.ranked import RankedTask, boxes, detections, ground_truths, known_objects
from runner.tasks.task import TestData


@dataclass(frozen=True, kw_only=True)
class DetectTask(RankedTask):
    """Boxes with a class and a score."""

    @property
    def evaluator(self) -> str:
        """Names the protocol, for the report."""
        return "flywheel (COCO boxes: IoU 0.50:0.95, 101 recall points, 100 detections per image and class)"

    def problem(self, data: TestData) -> Problem:
        """Boxes, and how much they overlap."""
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
