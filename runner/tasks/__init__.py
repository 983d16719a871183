"""Task types: what labels and predictions are, and how they are measured. One class per file."""

from runner.domain.task import TaskName
from runner.tasks.classify import ClassifyTask
from runner.tasks.detect import DetectTask
from runner.tasks.obb import ObbTask
from runner.tasks.pose import PoseTask
from runner.tasks.segment import SegmentTask

TASKS: dict[
    TaskName,
    type[DetectTask] | type[SegmentTask] | type[PoseTask] | type[ObbTask] | type[ClassifyTask],
] = {
    "detect": DetectTask,
    "segment": SegmentTask,
    "pose": PoseTask,
    "obb": ObbTask,
    "classify": ClassifyTask,
}

__all__ = ["TASKS", "ClassifyTask", "DetectTask", "ObbTask", "PoseTask", "SegmentTask"]
