"""Instance segmentation: masks, measured as COCO measures them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.domain.errors import ExitCode, FlywheelError
from runner.tasks.ranked import OBJECT_COLUMNS, PREDICTION_COLUMNS, RankedTask
from runner.tasks.task import TestData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.evaluation.masks import RunLengths
    from runner.evaluation.problem import Problem


class SegmentTask(RankedTask):
    """Masks with a class and a score."""

    name = "segment"
    evaluator = "flywheel (COCO masks: IoU 0.50:0.95, 101 recall points, 100 detections per image and class)"
    object_columns = (*OBJECT_COLUMNS, "mask_rle")
    prediction_columns = (*PREDICTION_COLUMNS, "mask_rle")
    shape = "mask_rle"
    label = "polygon"
    strategies = ("polygons", "masks")
    hub_name = "image-segmentation"
    does = "finds objects as masks"

    def problem(self, data: TestData) -> Problem:
        """Masks, and how much they overlap. An object without a mask is never found.

        Raises:
            FlywheelError: a mask does not fit its image.
        """
        from runner.evaluation.masks import MaskSimilarity
        from runner.evaluation.problem import Problem
        from runner.tasks.arrays import detections, ground_truths, known_objects, unusable_predictions

        truths, predicted = ground_truths(data, self.spec), detections(data, self.spec)
        sizes_hw = _sizes_hw(data)
        masks = data.objects["mask_rle"][known_objects(data.objects, self.spec)]
        labelled_masks, bad = _masks(masks, sizes_hw[truths.image])
        if bad is not None:
            raise FlywheelError(
                f"{data.images['path'][truths.image[bad]]} has a label whose mask does not fit the image",
                hint="delete the sprint's index folder and run again: flywheel run",
                exit_code=ExitCode.STAGE_FAILED,
            )
        predicted_masks, bad = _masks(data.predictions["mask_rle"], sizes_hw[predicted.image])
        if bad is not None:
            path = data.images["path"][predicted.image[bad]]
            raise unusable_predictions(data, f"have a mask on {path} that does not fit the image")
        return Problem(
            n_images=len(sizes_hw),
            n_classes=len(self.spec.classes),
            truths=truths,
            detections=predicted,
            similarity=MaskSimilarity(truths=labelled_masks, detections=predicted_masks, crowd=truths.crowd),
        )


def _sizes_hw(data: TestData) -> NDArray[np.int64]:
    """`(I, 2)` each image's height and width."""
    import numpy as np

    return np.stack([data.images[name].astype(np.int64) for name in ("height", "width")], axis=1)


def _masks(texts: NDArray[Any], sizes_hw: NDArray[np.int64]) -> tuple[RunLengths, int | None]:
    """The masks, and the row of the first that is damaged."""
    from runner.evaluation.masks import run_lengths

    masks = run_lengths(texts.tolist(), sizes_hw)
    damaged = masks.damaged.nonzero()[0]
    return masks, int(damaged[0]) if len(damaged) else None
