"""A sprint of drawn images with every kind of error planted, for each task, as the stages before `inspect` leave it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import encode_mask
from runner.adapters.tables.parquet import write_table
from runner.assessment.errors import errors_record, write_outcomes
from runner.domain.error_analysis import RecommendedPoint
from runner.domain.files import write_json
from runner.domain.records import Device, TrainedModel, Training
from runner.domain.task import Keypoints, TaskName, TaskSpec
from runner.record.catalogue import sprint_folder
from runner.stages.inspect import InspectParams
from runner.stages.stage import StageContext
from runner.tasks import TASKS
from runner.tasks.task import TestData

HEIGHT, WIDTH = 120, 160
CLASSES = ["Würfel", "disc"]
ARCHITECTURES: dict[TaskName, str] = {
    "detect": "yolo11n.yaml",
    "segment": "yolo11n-seg.yaml",
    "pose": "yolo11n-pose.yaml",
    "obb": "yolo11n-obb.yaml",
    "classify": "yolo11n-cls.yaml",
}
# image → class, x, y, width, height of what is labelled, and of what is found (with a score)
LABELS: dict[str, list[tuple[int, float, float, float, float]]] = {
    "good.png": [(0, 20, 20, 40, 30)],
    "missed.png": [(0, 10, 10, 50, 40), (1, 90, 60, 40, 40), (1, 120, 10, 20, 20)],
    "mixed.png": [(0, 15, 15, 40, 40), (1, 90, 15, 50, 40), (0, 20, 70, 40, 40)],
}
FOUND: dict[str, list[tuple[int, float, float, float, float, float]]] = {
    "good.png": [(0, 20, 20, 40, 30, 0.9), (1, 90, 60, 30, 30, 0.1)],
    "missed.png": [(0, 11, 11, 50, 40, 0.8)],
    "mixed.png": [
        *((0, 16, 15, 40, 40, 0.95), (0, 18, 17, 40, 40, 0.6), (0, 91, 16, 50, 40, 0.85)),
        *((0, 34, 84, 40, 36, 0.7), (1, 110, 80, 40, 30, 0.5)),
    ],
}


def spec_of(task: TaskName) -> TaskSpec:
    keypoints = Keypoints(names=["a", "b", "c"]) if task == "pose" else None
    return TaskSpec(name=task, classes=CLASSES, keypoints=keypoints)


def inspected_sprint(
    root: Path, task: TaskName, *, perfect: bool = False, recommended: float = 0.25
) -> tuple[StageContext, InspectParams]:
    """Writes the sprint; with `perfect` the labels are what was found."""
    context = StageContext(root=root, folder=sprint_folder(root, "0001-drawn"))
    _draw(root / "data")
    spec = spec_of(task)
    labels, hits = _rows(task, perfect=perfect)
    objects = _table(labels) | {
        "object_id": np.array([f"o{row}" for row in range(len(labels))], dtype=object)
    }
    predictions = _table(hits) | {"score": np.array([row[-1] for row in hits], dtype=np.float32)}
    folder = context.folder
    write_table(folder / "index" / "objects.parquet", objects)
    write_table(folder / "predictions" / "torch.parquet", predictions)
    images = {
        "path": np.array(sorted(LABELS), dtype=object),
        "height": np.full(3, HEIGHT),
        "width": np.full(3, WIDTH),
    }
    data = TestData(target="torch", images=images, objects=objects, predictions=predictions)
    analysis = TASKS[task](spec=spec, operating_confidence=0.25).errors(data)
    write_outcomes(folder / "outcomes", "torch", data, analysis)
    errors = errors_record(analysis, CLASSES, "torch")
    point = RecommendedPoint(confidence=recommended, precision=None, recall=None, f1=None)
    write_json(folder / "errors.json", msgspec.structs.replace(errors, recommended=point))
    _untrained(folder, spec)
    return context, InspectParams(dataset="data", task=spec, target="torch", threads=1)


def _rows(task: TaskName, *, perfect: bool) -> tuple[list[Any], list[Any]]:
    """Labels and predictions as `(path, class, x, y, width, height[, score])`."""
    labels = [(path, *row) for path, content in LABELS.items() for row in content]
    hits = [(path, *row) for path, content in FOUND.items() for row in content]
    if task == "classify":
        # the whole image is a Würfel; two of three are taken for a disc
        labels = [(path, 0, 0, 0, WIDTH, HEIGHT) for path in LABELS]
        hits = [(path, int(path != "good.png"), 0, 0, WIDTH, HEIGHT, 0.8) for path in LABELS]
    return labels, [(*row, 0.9) for row in labels] if perfect else hits


def _table(rows: list[Any]) -> dict[str, NDArray[Any]]:
    boxes = np.array([row[2:6] for row in rows], dtype=float)
    boxes[:, 2:] += boxes[:, :2]
    masks, corners, points = [], [], []
    for left, top, right, bottom in boxes:
        y, x = np.indices((HEIGHT, WIDTH))
        centre, half = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
        masks.append(encode_mask(((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 < 1))
        corners.append([left + 6, top, right, bottom - 6, right - 6, bottom, left, top + 6])
        points.append([left, top, 2.0, right, top, 2.0, centre[0], bottom, 1.0])
    columns: dict[str, Any] = {"mask_rle": masks, "corners": corners, "keypoints": points}
    nested = {name: np.empty(len(rows), dtype=object) for name in columns}
    for name, values in columns.items():
        nested[name][:] = values
    return {
        "path": np.array([row[0] for row in rows], dtype=object),
        "class": np.array([CLASSES[row[1]] for row in rows], dtype=object),
        "crowd": np.zeros(len(rows), dtype=bool),
        "area_px": (boxes[:, 2:] - boxes[:, :2]).prod(axis=1),
        **dict(zip(("x_min", "y_min", "x_max", "y_max"), boxes.T, strict=True)),
        **nested,
    }


def _draw(folder: Path) -> None:
    import cv2

    folder.mkdir(parents=True)
    for number, (path, rows) in enumerate(LABELS.items()):
        pixels = np.random.default_rng(number).integers(30, 90, (HEIGHT, WIDTH, 3), np.uint8)
        for label, *box in rows:
            x, y, width, height = (int(value) for value in box)
            if label:
                centre = (x + width // 2, y + height // 2)
                cv2.ellipse(pixels, centre, (width // 2, height // 2), 0, 0, 360, (60, 200, 240), -1)
            else:
                cv2.rectangle(pixels, (x, y), (x + width, y + height), (200, 120, 60), -1)
        cv2.imwrite(str(folder / path), pixels)


def _untrained(folder: Path, spec: TaskSpec) -> None:
    """A model with fresh weights, the same on every call."""
    import torch

    from runner.adapters.models.model_record import ModelRecord
    from runner.adapters.models.torch_models import architecture_named, new_module, save_model

    architecture = architecture_named(ARCHITECTURES[spec.name], spec.name)
    if spec.keypoints is not None:
        architecture["kpt_shape"] = [len(spec.keypoints.names), 3]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = new_module(spec.name, architecture, spec.classes)
    record = ModelRecord(
        framework="ultralytics",
        task=spec.name,
        architecture=architecture,
        class_names=spec.classes,
        keypoints=spec.keypoints,
        base_classes=None,
        imgsz=64,
        seed=0,
        epoch=1,
        parameters=0,
        state_digest="",
    )
    save_model(folder / "weights", record, module.state_dict())
    model = TrainedModel(
        seed=0, path="weights/seed-0.safetensors", state_digest="", parameters=0, epochs=[], seconds=1.0
    )
    training = Training(
        framework="ultralytics",
        framework_version="8",
        base_model=ARCHITECTURES[spec.name],
        class_names=spec.classes,
        imgsz=64,
        device=Device(kind="cpu", name="cpu", threads=1, cpu_count=1),
        images=1,
        models=[model],
    )
    write_json(folder / "training.json", training)
