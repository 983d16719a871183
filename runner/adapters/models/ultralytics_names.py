"""What Ultralytics calls what it measures while training, per task. Imports nothing heavy."""

from runner.domain.task import TaskName

VALIDATION: dict[TaskName, tuple[str, str]] = {
    "detect": ("metrics/mAP50-95(B)", "mAP50-95"),
    "segment": ("metrics/mAP50-95(M)", "mask mAP50-95"),
    "pose": ("metrics/mAP50-95(P)", "pose mAP50-95"),
    "obb": ("metrics/mAP50-95(B)", "mAP50-95"),
    "classify": ("metrics/accuracy_top1", "top-1"),
}
"""The one number that is shown while training: Ultralytics' name, and ours."""
