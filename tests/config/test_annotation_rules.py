"""What annotators draw, beside the task and the tool."""

from __future__ import annotations

from typing import Any

import pytest

from runner.config.annotation_rules import strategy_problems
from runner.config.node import Node
from runner.domain.task import TaskName


@pytest.mark.parametrize(
    ("annotation", "task", "path", "said"),
    [
        ({"strategy": "class", "tool": "coco"}, "classify", ("tool",), "it can be label-studio or yolo or cvat or simulated"),
        ({"strategy": "class", "tool": {"format": "coco"}}, "classify", ("tool", "format"), "the tool coco cannot hold"),
        ({"strategy": "boxes", "tool": "yolo"}, "segment", ("strategy",), "it can be polygons or masks"),
        ({"strategy": "keypoints", "tool": "yolo"}, "detect", ("strategy",), "it can be boxes or polygons or masks or obb"),
        ({"strategy": "masks", "tool": "yolo"}, "detect", None, ""),
        ({"strategy": "boxes"}, "segment", None, ""),  # handed out to nobody
        ({"strategy": "boxes", "tool": "yolo"}, None, None, ""),
        ({"strategy": ["boxes"], "tool": 7}, "segment", None, ""),  # the schema says so
        (None, "detect", None, ""),
    ],
)  # fmt: skip
def test_what_is_drawn_must_suffice_and_the_tool_must_hold_it(
    annotation: Any, task: TaskName | None, path: tuple[str, ...] | None, said: str
) -> None:
    problems = list(strategy_problems(Node(annotation), task, has_skeleton=False))
    assert [problem.path for problem in problems] == ([path] if path else [])
    assert all(said in problem.message for problem in problems)


def test_key_points_have_boxes_where_the_project_names_them() -> None:
    drawn = Node({"strategy": "keypoints", "tool": "yolo"})
    assert list(strategy_problems(drawn, "detect", has_skeleton=True)) == []
