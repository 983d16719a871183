"""One tiny sprint per task besides detection, trained, exported and run once for all tests.

`python -m tests.task_sprints ROOT` does it in a process of its own, without a network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.files import write_json
from runner.domain.records import Checks
from runner.domain.task import TaskName
from runner.record.catalogue import sprint_folder
from runner.stages.stage import StageContext
from tests.built import built
from tests.models_fixture import run_offline, without_network

SPRINT = "0001-tiny"
CLASSES = ["bar", "disc"]
POINTS = ["middle", "left", "right"]
SIZE = 64
IMAGES = {"train": 24, "val": 8, "test": 6}
MODELS: dict[TaskName, str] = {
    "segment": "yolo26n-seg.yaml",
    "pose": "yolo11n-pose.yaml",
    "obb": "yolov8n-obb.yaml",
    "classify": "yolo26n-cls.yaml",
}
EPOCHS: dict[TaskName, int] = {"segment": 25, "pose": 20, "obb": 20, "classify": 12}
TASKS = tuple(MODELS)
RUN = ("index", "select", "train", "export", "predict", "evaluate")
INT8: tuple[TaskName, ...] = ("segment",)


def project(task: TaskName, **changes: Any) -> Project:
    """The tiny project of a task; one thread, so that busy machines do not slow it down."""
    content = {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "tiny",
        "task": task,
        "classes": CLASSES,
        "dataset": {"path": "data", "layout": "folders" if task == "classify" else "yolo"},
        "compute": {"device": "cpu", "threads": 1},
    }
    if task == "pose":
        content["keypoints"] = {"names": POINTS, "flip": [0, 2, 1]}
    return msgspec.convert(content | changes, Project)


def sprint(task: TaskName, **train: Any) -> Sprint:
    """The tiny sprint of a task, with changes to its `train` block."""
    exports: list[dict[str, Any]] = [{"format": "onnx"}, {"format": "openvino"}]
    if task in INT8:
        exports.append(
            {"format": "openvino", "precision": "int8", "calibration": {"split": "train", "size": 4}}
        )
    block = {
        "framework": "ultralytics",
        "model": MODELS[task],
        "epochs": EPOCHS[task],
        "imgsz": SIZE,
        "batch": 4,
        "nbs": 4,
        "optimizer": "AdamW",
        "lr0": 0.003,
        "warmup_epochs": 0,
        "augment": {"mosaic": 0, "scale": 0.2, "translate": 0.05},
    }
    content = {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "tiny",
        "train": block | train,
        "export": exports,
        "evaluate": {"confidence": {"resamples": 100}},
        "benchmark": {"warmup": 1, "iterations": 10},
    }
    return msgspec.convert(content, Sprint)


def context(root: Path, task: TaskName) -> StageContext:
    """Where the stages of a task's sprint work."""
    return StageContext(root=root / task, folder=sprint_folder(root / task, SPRINT))


def draw_dataset(folder: Path, task: TaskName) -> None:
    """Draws bars and discs on noise, with labels as the task's layout has them."""
    import cv2

    rng = np.random.default_rng(0)
    for split, count in IMAGES.items():
        for number in range(count):
            class_id = number % 2
            place = f"{split}/{CLASSES[class_id]}" if task == "classify" else f"images/{split}"
            path = folder / place / f"{number}.png"
            width, height = (90, 60) if number % 4 < 2 else (SIZE, SIZE)
            pixels = rng.integers(0, 60, (height, width, 3), np.uint8)
            corners = _shape(rng, CLASSES[class_id])
            outline = _circle(corners) if class_id else corners
            colour = (60, 200, 240) if class_id else (240, 240, 240)
            cv2.fillPoly(pixels, [outline.round().astype(np.int32)], colour)
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), pixels)
            if task != "classify":
                label = folder / "labels" / split / f"{number}.txt"
                label.parent.mkdir(parents=True, exist_ok=True)
                numbers = _label(task, corners, outline, np.array([width, height]))
                label.write_text(" ".join([str(class_id), *(f"{number:.6f}" for number in numbers)]) + "\n")


def _shape(rng: np.random.Generator, name: str) -> np.ndarray:
    """`(4, 2)`: the corners of a turned bar, or of the square around a disc."""
    centre, angle = rng.uniform(26, 34, 2), rng.uniform(0, np.pi)
    half = np.array([18.0, 7.0]) if name == "bar" else np.array([12.0, 12.0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return centre + (np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * half) @ turn


def _circle(corners: np.ndarray) -> np.ndarray:
    angles = np.arange(24) / 24 * 2 * np.pi
    return corners.mean(axis=0) + 12 * np.stack((np.cos(angles), np.sin(angles)), axis=1)


def _label(task: TaskName, corners: np.ndarray, outline: np.ndarray, size: np.ndarray) -> list[float]:
    """What stands behind the class id in a YOLO label, relative to the image."""
    if task == "segment":
        return (outline / size).ravel().tolist()
    if task == "obb":
        return (corners / size).ravel().tolist()
    low, high = outline.min(axis=0) / size, outline.max(axis=0) / size
    ends = np.stack((corners[2:].mean(axis=0), corners[:2].mean(axis=0)))
    points = np.concatenate((corners.mean(axis=0)[None], ends[np.argsort(ends[:, 0])])) / size
    labelled = np.concatenate((points, np.full((3, 1), 2)), axis=1)
    return [*((low + high) / 2).tolist(), *(high - low).tolist(), *labelled.ravel().tolist()]


def sample_image(task: TaskName) -> str:
    """A test image that is not of the input's shape, relative to the dataset."""
    return "test/bar/0.png" if task == "classify" else "images/test/0.png"


@pytest.fixture(scope="session")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished repository per task. Read only: copy it to change it."""
    return built("task-sprints", lambda root: run_offline("tests.task_sprints", root), tmp_path_factory)


def main(root: Path) -> None:
    """The process without a network."""
    attempts: list[str] = []
    without_network(attempts)
    from runner.stages import kinds

    for task in TASKS:
        place = context(root, task)
        draw_dataset(place.root / "data", task)
        write_json(place.folder / "checks.json", Checks(results=[]))
        inputs = kinds.SprintInputs(project=project(task), sprint=sprint(task))
        for stage, params in kinds.SPRINT.resolved(inputs):
            if stage.name in RUN:
                stage.run(place, params)
    (root / "attempts.json").write_text(json.dumps(attempts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
