"""A small valid project that each test breaks in its own way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: parcel-digits
task: detect
classes: [zero, one, two]
dataset:
  path: data
  layout: yolo
  metadata: data/metadata.csv
  group_by: scene
splits:
  train: split = 'train'
  pool: split = 'pool'
slices:
  - {name: dark, where: brightness < 0.25}
  - {by: camera}
  - {name: small, objects: area_px < 1024}
policy:
  gates: [{metric: map50_95, max_drop: 0.02, against: champion}]
model: {name: parcel-digits, stage: prod}
costs: {currency: EUR, gpu_hour: 2.20, label: {box: 0.04, class: 0.02}}
compute: {device: auto, threads: 2}
"""

SPRINT = """\
apiVersion: flywheel/v1
kind: Sprint
title: A first model
data:
  train: {where: "split = 'train'", dedupe: {distance: 4}, sample: {size: 2000, balance: camera}}
  exclude: sharpness < 12
checks:
  - expect_column_values_to_be_between: {table: images, column: brightness, min_value: 0.02, mostly: 0.99}
  - preset: detection
train:
  framework: ultralytics
  model: yolo11n.yaml
  epochs: 30
  freeze: 10
  augment: {mosaic: 0.5}
export:
  - {format: onnx}
  - {format: openvino, precision: int8, calibration: {split: train, size: 300}}
evaluate:
  optimizing: map50_95
  slices: [{by: weather}]
gates:
  - {metric: map50_95, min: 0.45}
  - {metric: recall, slice: dark, class: one, min: 0.70}
  - {metric: map50_95, slice: "*", max_drop: 0.02, against: champion}
  - {metric: recall, slice: camera=dock, target: openvino-int8, max_drop: 0.01, against: torch}
  - {metric: latency_p95_ms, target: "*", max: 12}
"""

EXTENSION = """\
apiVersion: flywheel/v1
kind: Sprint
title: Longer
extends: 0001-first-model
train: {epochs: 60, freeze: null}
gates:
  - {metric: recall, slice: weather=fog, min: 0.5}
"""

Break = Callable[[str, str, str], Path]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The root of a valid project with two specs."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "flywheel.yaml").write_text(PROJECT)
    (tmp_path / "specs" / "0001-first-model.yaml").write_text(SPRINT)
    (tmp_path / "specs" / "0002-longer.yaml").write_text(EXTENSION)
    (tmp_path / "data.dvc").write_text("outs: []\n")
    (tmp_path / "data" / "metadata.csv").write_text("path,camera,scene,weather\n")
    return tmp_path


@pytest.fixture
def break_file(repository: Path) -> Break:
    """Replaces a piece of one of the files, which must be there exactly once."""

    def replace(file: str, old: str, new: str) -> Path:
        path = repository / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        path.write_text(text.replace(old, new))
        return repository

    return replace
