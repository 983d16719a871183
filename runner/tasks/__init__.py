"""Task types: what labels and predictions are, and how they are measured. One class per file."""

from runner.domain.task import TaskName
from runner.tasks.classify import ClassifyTask
from runner.tasks.detect import DetectTask
from runner.tasks.obb import ObbTask
from runner.tasks.pose import PoseTask
from runner.tasks.segment import SegmentTask
from runner.tasks.task import Task

TASKS: dict[TaskName, type[Task]] = {
    task.name: task for task in (DetectTask, SegmentTask, PoseTask, ObbTask, ClassifyTask)
}

__all__ = ["TASKS", "ClassifyTask", "DetectTask", "ObbTask", "PoseTask", "SegmentTask", "Task"]
