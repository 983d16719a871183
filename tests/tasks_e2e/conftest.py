"""One trained sprint per task, built once for all test processes."""

from tests.task_sprints import task_root

__all__ = ["task_root"]
