"""Architecture names, known without importing ultralytics."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runner.adapters.models.architectures import (
    architecture_files,
    architecture_for,
    architecture_scale,
    architecture_task,
)
from runner.domain.task import TaskName

KNOWN: dict[TaskName, set[str]] = {
    "detect": {"yolo26n.yaml", "yolo26x.yaml", "yolo11s.yaml", "yolov8m-p2.yaml", "yolov9c.yaml"},
    "segment": {"yolo26n-seg.yaml", "yolo11x-seg.yaml", "yolov8s-seg-p6.yaml", "yolov9e-seg.yaml"},
    "pose": {"yolo26n-pose.yaml", "yolo12l-pose.yaml", "yolov8n-pose-p6.yaml"},
    "obb": {"yolo26n-obb.yaml", "yolo11m-obb.yaml", "yolov8x-obb.yaml"},
    "classify": {"yolo26n-cls.yaml", "yolov8n-cls-resnet50.yaml"},
}


@pytest.mark.parametrize("task", KNOWN)
def test_every_scale_of_a_tasks_architectures_is_known(task: TaskName) -> None:
    assert KNOWN[task] <= set(architecture_files(task))
    assert {architecture_task(name) for name in architecture_files(task)} == {task}


def test_what_needs_another_trainer_or_a_download_is_not_offered() -> None:
    words = ("world", "yoloe", "rtdetr", "depth", "sem", "resnet18")
    assert not [name for name in architecture_files() if any(word in name for word in words)]


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("yolo11s.yaml", "segment", "yolo11s-seg.yaml"),
        ("yolov8m-pose-p6.yaml", "obb", "yolov8m-obb.yaml"),
        ("yolo26x-cls.yaml", "detect", "yolo26x.yaml"),
        ("yolov9c.yaml", "pose", "yolo26n-pose.yaml"),  # there is none of that family
        ("best.pt", "segment", "yolo26n-seg.yaml"),
    ],
)
def test_the_same_size_is_named_for_another_task(name: str, task: TaskName, expected: str) -> None:
    assert architecture_for(name, task) == expected


def test_scale_is_the_letter_after_the_number() -> None:
    assert [architecture_scale(name) for name in ("yolo26n.yaml", "yolov8x-p6.yaml", "yolov9c.yaml")] == [
        "n",
        "x",
        "",
    ]


def test_names_are_found_without_importing_ultralytics() -> None:
    code = (
        "import sys; from runner.adapters.models.architectures import architecture_files as f; "
        "assert f(); assert not {'torch', 'ultralytics', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
