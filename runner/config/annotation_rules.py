"""What is wrong with `annotation` beyond its schema: annotators draw what the task cannot use, or their tool cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from runner.annotators import ANNOTATORS
from runner.annotators.annotator import DRAWN
from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.task import TaskName
from runner.tasks import TASKS


def strategy_problems(
    annotation: Node, task: TaskName | None, *, has_skeleton: bool
) -> Iterator[SchemaProblem]:
    """Where no tool is named nothing is handed out, and the strategy only says how labels were made.

    Args:
        task: the project's; None when flywheel.yaml cannot tell.
        has_skeleton: whether flywheel.yaml names key points.
    """
    strategy, tool = annotation.get("strategy"), annotation.get("tool")
    drawn = DRAWN.get(strategy.text or "")
    if task is None or drawn is None or tool.value is None:
        return
    fitting = [
        name
        for name, other in DRAWN.items()
        if _suffices(other, task) and (has_skeleton or not TASKS[other].skeleton)
    ]
    if strategy.text not in fitting:
        yield SchemaProblem(
            path=strategy.path,
            message=f"annotators who draw {strategy.text} do not give what task {task} needs: "
            f"it can be {' or '.join(fitting)}",
        )
        return
    named = tool if tool.text else tool.get("format")
    known = ANNOTATORS.get(named.text or "")
    if known is not None and drawn not in known.tasks:
        others = [name for name, other in ANNOTATORS.items() if drawn in other.tasks]
        yield SchemaProblem(
            path=named.path,
            message=f"the tool {known.name} cannot hold what strategy {strategy.text} draws: it can be {' or '.join(others)}",
        )


def _suffices(drawn: TaskName, task: TaskName) -> bool:
    """Whether labels of a task can be made of what is drawn: every shape has a box."""
    return drawn == task or (TASKS[task].shape is None and TASKS[task].ranked and TASKS[drawn].ranked)
