"""Key points of objects, measured as COCO measures them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.domain.errors import ExitCode, FlywheelError
from runner.tasks.ranked import OBJECT_COLUMNS, PREDICTION_COLUMNS, RankedTask
from runner.tasks.task import TestData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.evaluation.problem import Problem


class PoseTask(RankedTask):
    """Skeletons with a class and a score. Objects without a labelled key point are ignored, as COCO does."""

    name = "pose"
    evaluator = (
        "flywheel (COCO key points: OKS 0.50:0.95, 101 recall points, 20 detections per image and class)"
    )
    object_columns = (*OBJECT_COLUMNS, "area_px", "keypoints")
    prediction_columns = (*PREDICTION_COLUMNS, "keypoints")
    shape = "keypoints"
    skeleton = True
    label = "keypoints"
    strategies = ("keypoints",)
    hub_name = "keypoint-detection"
    does = "finds objects and their keypoints"

    @property
    def sigmas(self) -> NDArray[np.float64]:
        """`(K,)` the project's, else COCO's for 17 points, else 1 / K."""
        import numpy as np

        from runner.evaluation.keypoints import default_sigmas

        skeleton = self.spec.keypoints
        if skeleton is None:
            raise FlywheelError(
                "the task pose needs the names of the key points",
                hint="add the block keypoints to flywheel.yaml",
            )
        return np.array(skeleton.sigmas) if skeleton.sigmas else default_sigmas(len(skeleton.names))

    def problem(self, data: TestData) -> Problem:
        """Key points, and how alike they are.

        Raises:
            FlywheelError: a skeleton has another number of points than the project's.
        """
        import numpy as np

        from runner.evaluation.keypoints import MAX_DETECTIONS, KeypointSimilarity, keypoint_arrays
        from runner.evaluation.problem import Problem
        from runner.tasks.arrays import boxes, detections, ground_truths, known_objects, unusable_predictions

        sigmas = self.sigmas
        known = known_objects(data.objects, self.spec)
        try:
            labelled = keypoint_arrays(data.objects["keypoints"][known], len(sigmas), 3)
        except ValueError as wrong:
            raise FlywheelError(
                f"a label's key points have {wrong}",
                hint="correct keypoints.names in flywheel.yaml, or the labels",
                exit_code=ExitCode.STAGE_FAILED,
            ) from wrong
        try:
            predicted = keypoint_arrays(data.predictions["keypoints"], len(sigmas), 3)
        except ValueError as wrong:
            raise unusable_predictions(data, f"have key points with {wrong}") from wrong
        bare = np.asarray((labelled[:, :, 2] <= 0).all(axis=1), dtype=np.bool_)
        return Problem(
            n_images=len(data.images["path"]),
            n_classes=len(self.spec.classes),
            truths=replace(ground_truths(data, self.spec), ignored=bare),
            detections=detections(data, self.spec),
            similarity=KeypointSimilarity(
                truths=labelled,
                boxes_xyxy=boxes(data.objects)[known],
                area_px=data.objects["area_px"][known].astype(np.float64),
                detections=predicted[:, :, :2],
                sigmas=sigmas,
            ),
            max_detections=MAX_DETECTIONS,
        )
