"""A repository's history as promotions leave it, without anything that has run."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from projects import commit

from runner.config.project import Project
from runner.record.catalogue import sprint_folder

PROJECT = msgspec.convert(
    {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "p",
        "task": "detect",
        "classes": ["a"],
        "dataset": {"path": "data", "layout": "yolo"},
        "model": {"name": "digits", "stage": "prod"},
    },
    Project,
)
LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: python
    outs:
    - {{path: weights, md5: {sprint}-weights.dir}}
  export:
    cmd: python
    outs:
    - {{path: exports, md5: {sprint}-exports.dir}}
"""


def record(root: Path, sprint: str, *exports: str) -> None:
    """Commits a sprint's record as a run leaves it."""
    folder = sprint_folder(root, sprint)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps({"sprint": sprint, "exports": exports}))
    (folder / "dvc.lock").write_text(LOCK.format(sprint=sprint))
    (folder / "exports.json").write_text(json.dumps([{"target": name, "further": 1} for name in exports]))
    (folder / "training.json").write_text(json.dumps({"models": [{"path": "weights/seed-3.safetensors"}]}))
    commit(root, sprint)


def name_model(root: Path, path: str) -> None:
    """Commits a top-level dvc.yaml as promotion writes it."""
    (root / "dvc.yaml").write_text(f"artifacts:\n  digits:\n    path: {path}\n    type: model\n")
    commit(root, "name")
