"""What differs by task is asked of the task: no other room knows one by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
from runner.config.project import LabelCosts
from runner.domain.evaluation import QUALITY_METRICS
from runner.domain.task import TASK_NAMES, USUAL_TASK
from runner.layouts import layouts_for
from runner.tasks import TASKS, Task

ROOT = Path(runner.__file__).parent
# The tasks themselves, what one library calls each, and what a YOLO line of each looks like.
OWNERS = ("tasks", "adapters/models", "layouts/label_kinds.py")


def _named(node: ast.AST) -> Iterator[str]:
    """Constants that something is compared with, matched with, or looked up by."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        parts = [part for side in sides for part in (side.elts if isinstance(side, ast.Tuple) else [side])]
    elif isinstance(node, ast.MatchValue):
        parts = [node.value]
    elif isinstance(node, ast.Dict):
        parts = [key for key in node.keys if key is not None]
    else:
        return
    for part in parts:
        if isinstance(part, ast.Constant) and part.value in TASK_NAMES:
            yield str(part.value)


def test_no_room_compares_with_a_tasks_name() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {name}"
        for path in sorted(ROOT.rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(OWNERS)
        if any(name in path.read_text(encoding="utf-8") for name in TASK_NAMES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _named(node)
    ]
    assert wrong == [], (
        "ask the task in its place: TASKS[name].ranked, .shape, .preset, … (runner/tasks/task.py)"
    )


def test_every_task_is_declared() -> None:
    assert tuple(TASKS) == TASK_NAMES
    assert USUAL_TASK in TASKS


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_task_says_all_of_itself(task: type[Task]) -> None:
    assert set(task.metrics) <= set(QUALITY_METRICS)
    assert {task.optimizing, *task.glance, *task.further, *filter(None, [task.class_metric])} <= set(
        task.metrics
    )
    assert task.optimizing not in {*task.glance, *task.further}, "it stands before them"
    assert task.shape is None or {task.shape} <= {*task.object_columns} & {*task.prediction_columns}
    assert task.label in LabelCosts.__struct_fields__
    assert all((layouts_for(task.name), task.evaluator, task.hub_name, task.does))
