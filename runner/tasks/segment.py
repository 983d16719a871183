"""Instance segmentation: masks, measured as COCO measures them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from runner.domain.errors import ExitCode, FlywheelError
from runner.evaluation.masks import MaskSimilarity, RunLengths, run_lengths
from runner.evaluation.problem import Problem
from runner.tasks.ranked import (
    OBJECT_COLUMNS,
    PREDICTION_COLUMNS,
    RankedTask,
    detections,
    ground_truths,
    known_objects,
    unusable_predictions,
)
from runner.tasks.task import TestData


@dataclass(frozen=True, kw_only=True)
class SegmentTask(RankedTask):
    """Masks with a class and a score."""

    object_columns: ClassVar[tuple[str, ...]] = (*OBJECT_COLUMNS, "mask_rle")
    prediction_columns: ClassVar[tuple[str, ...]] = (*PREDICTION_COLUMNS, "mask_rle")

    @property
    def evaluator(self) -> str:
        """Names the protocol, for the report."""
        return "flywheel (COCO masks: IoU 0.50:0.95, 101 recall points, 100 detections per image and class)"

    def problem(self, data: TestData) -> Problem:
        """Masks, and how much they overlap. An object without a mask is never found.

        Raises:
            FlywheelError: a mask does not fit its image.
        """
        truths, found = ground_truths(data, self.spec), detections(data, self.spec)
        sizes_hw = _sizes_hw(data)
        masks = data.objects["mask_rle"][known_objects(data.objects, self.spec)]
        labelled, bad = _masks(masks, sizes_hw[truths.image])
        if bad is not None:
            raise FlywheelError(
                f"{data.images['path'][truths.image[bad]]} has a label whose mask does not fit the image",
                hint="delete the sprint's index folder and run again: flywheel run",
                exit_code=ExitCode.STAGE_FAILED,
            )
        predicted, bad = _masks(data.predictions["mask_rle"], sizes_hw[found.image])
        if bad is not None:
            path = data.images["path"][found.image[bad]]
            raise unusable_predictions(data, f"have a mask on {path} that does not fit the image")
        return Problem(
            n_images=len(sizes_hw),
            n_classes=len(self.spec.classes),
            truths=truths,
            detections=found,
            similarity=MaskSimilarity(truths=labelled, detections=predicted, crowd=truths.crowd),
        )


def _sizes_hw(data: TestData) -> NDArray[np.int64]:
    """`(I, 2)` each image's height and width."""
    return np.stack([data.images[name].astype(np.int64) for name in ("height", "width")], axis=1)


def _masks(texts: NDArray[Any], sizes_hw: NDArray[np.int64]) -> tuple[RunLengths, int | None]:
    """The masks, and the row of the first that is damaged."""
    masks = run_lengths(texts.tolist(), sizes_hw)
    damaged = np.flatnonzero(masks.damaged)
    return masks, int(damaged[0]) if len(damaged) else None
