"""Task types: what labels and predictions are, and how they are measured. One class per file."""

from runner.tasks.detect import DetectTask

TASKS = {"detect": DetectTask}

__all__ = ["TASKS", "DetectTask"]
