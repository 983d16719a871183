"""What a model does: the task's name, its classes, and the skeleton where it predicts one."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import Meta

from runner.domain.options import CHANGES_THE_MODEL, NonNegativeInt, Options, weakens
from runner.domain.policy import FindingKind

TaskName: TypeAlias = Literal["detect", "segment", "pose", "obb", "classify"]
TASK_NAMES: tuple[TaskName, ...] = get_args(TaskName)
USUAL_TASK: TaskName = "detect"
"""Where nothing says which: a record of the first versions, a folder that could be for several."""

BOX = ("x_min", "y_min", "x_max", "y_max")
"""The columns of a box, in pixels from the image's upper left corner."""

Sigma = Annotated[float, Meta(gt=0, le=1)]


class Keypoints(Options, frozen=True, kw_only=True):
    """The points of an object's skeleton, in the order of the labels."""

    names: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=80)]],
        Meta(
            min_length=1,
            max_length=1000,
            description="The points' names, in the order of the labels.",
            extra=weakens(FindingKind.TASK_CHANGED),
        ),
    ]
    flip: Annotated[
        list[NonNegativeInt] | None,
        Meta(
            description="For each point, which one it becomes in a mirror image; each itself when absent.",
            extra=CHANGES_THE_MODEL,
        ),
    ] = None
    sigmas: Annotated[
        list[Sigma] | None,
        Meta(
            description="Each point's standard deviation of labelling, as a share of the object's scale, for OKS. "
            "COCO's own for 17 points, else 1 / number of points, when absent.",
            extra=weakens(FindingKind.TASK_CHANGED),
        ),
    ] = None


class TaskSpec(Options, frozen=True, kw_only=True):
    """What stages need to know of the task; part of their parameters."""

    name: TaskName
    classes: list[str]
    keypoints: Keypoints | None = None
