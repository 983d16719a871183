"""A sprint on eight drawn images, trained, exported and run once for all tests, in a process without a network.

`python -m tests.models_fixture ROOT` is that process. It counts every attempt to reach the network.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from runner.adapters.tables.parquet import write_table
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.files import write_json
from runner.domain.records import Checks
from runner.record.catalogue import sprint_folder
from runner.stages.stage import StageContext
from tests.built import built

SPRINT = "0001-tiny"
CLASSES = ["square", "disc"]
SIZE = 64
IMAGES = {"train": 8, "val": 4, "test": 3}


def project(**changes: Any) -> Project:
    """The tiny project; one thread, so that busy machines do not slow it down."""
    content = {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "tiny",
        "task": "detect",
        "classes": CLASSES,
        "dataset": {"path": "data", "layout": "yolo"},
        "compute": {"device": "cpu", "threads": 1},
    }
    return msgspec.convert(content | changes, Project)


def sprint(**train: Any) -> Sprint:
    """The tiny sprint, with changes to its `train` block."""
    exports: list[dict[str, Any]] = [
        {"format": "onnx", "precision": "fp32"},
        {"format": "onnx", "precision": "fp16"},
        {"format": "openvino", "precision": "fp32"},
        {"format": "openvino", "precision": "fp16"},
        {"format": "openvino", "precision": "int8", "calibration": {"split": "train", "size": 4}},
    ]
    block = {"framework": "ultralytics", "model": "yolo11n.yaml", "epochs": 1, "imgsz": SIZE, "batch": 4}
    content = {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "tiny",
        "train": block | {"seeds": [0, 1]} | train,
        "export": exports,
        "benchmark": {"warmup": 1, "iterations": 10},
    }
    return msgspec.convert(content, Sprint)


def context(root: Path) -> StageContext:
    """Where the tiny sprint's stages work."""
    return StageContext(root=root, folder=sprint_folder(root, SPRINT))


def draw_project(root: Path) -> None:
    """Draws the images and writes what the stages before training would."""
    import cv2

    rng = np.random.default_rng(0)
    images: dict[str, list[Any]] = {name: [] for name in ("path", "width", "height")}
    objects: dict[str, list[Any]] = {
        name: [] for name in ("path", "class", "x_min", "y_min", "x_max", "y_max", "crowd", "problem")
    }
    manifest: dict[str, list[Any]] = {
        name: [] for name in ("path", "image_id", "assigned", "selected", "reason")
    }
    for split, count in IMAGES.items():
        (root / "data" / "images" / split).mkdir(parents=True)
        for number in range(count):
            path = f"images/{split}/{number}.png"
            width, height = (SIZE, SIZE) if number % 2 else (80, 48)
            pixels = rng.integers(0, 60, (height, width, 3), np.uint8)
            x, y, side = (int(value) for value in rng.integers(4, 20, 3))
            name = CLASSES[number % 2]
            if name == "square":
                cv2.rectangle(pixels, (x, y), (x + side, y + side), (240, 240, 240), -1)
            else:
                cv2.circle(pixels, (x + side // 2, y + side // 2), side // 2, (60, 200, 240), -1)
            cv2.imwrite(str(root / "data" / path), pixels)
            for key, value in zip(images, (path, width, height), strict=True):
                images[key].append(value)
            row = (path, name, float(x), float(y), float(x + side), float(y + side), False, None)
            for key, value in zip(objects, row, strict=True):
                objects[key].append(value)
            for key, value in zip(manifest, (path, str(number), split, True, "selected"), strict=True):
                manifest[key].append(value)
    folder = context(root).folder
    write_table(folder / "index" / "images.parquet", images)
    write_table(folder / "index" / "objects.parquet", objects)
    write_table(folder / "selection" / "manifest.parquet", manifest)
    write_json(folder / "checks.json", Checks(results=[]))


def build(root: Path) -> None:
    """Draws, trains, exports and predicts in a process of its own; what it did is in `process.json`."""
    run_offline("tests.models_fixture", root)


def run_offline(module: str, root: Path) -> None:
    """Runs `python -m MODULE ROOT` with a home of its own; `process.json` says what it printed and left there.

    Raises:
        RuntimeError: it failed.
    """
    home = root / "home"
    home.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", module, str(root)],
        cwd=Path(__file__).parents[1],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    attempts = json.loads((root / "attempts.json").read_text())
    files = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    report = {"stdout": done.stdout, "stderr": done.stderr, "attempts": attempts, "home": files}
    write_json(root / "process.json", report)


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one trained and exported sprint. Read only: copy it to change it."""
    return built("tiny-sprint", build, tmp_path_factory)


def without_network(attempts: list[str]) -> None:
    """Refuses every connection from here on, and lists what was tried."""

    def refuse(*arguments: Any, **_: Any) -> Any:
        attempts.append(str(arguments[-1] if arguments else ""))
        raise OSError("no network in tests")

    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        setattr(socket, name, refuse)
    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.socket.connect_ex = refuse  # type: ignore[method-assign]


def main(root: Path) -> None:
    """The process without a network."""
    attempts: list[str] = []
    without_network(attempts)
    from runner.stages import export, predict, train

    draw_project(root)
    train.run(context(root), train.resolve(project(), sprint().train))
    export.run(context(root), export.resolve(project(), sprint().export))
    predict.run(context(root), predict.resolve(project(), sprint().export))
    (root / "attempts.json").write_text(json.dumps(attempts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
