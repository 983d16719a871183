"""Small repositories with a proposal on top of `main`: specs and pointers alone, no data, and nothing has run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from projects import call, commit

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: digits
task: detect
classes: [zero, one]
dataset: {path: data, layout: yolo}
slices:
  - {name: dark, where: brightness < 0.3}
policy:
  approvals: {gate_loosened: [leads, carol]}
  teams: {leads: [alice, bob]}
costs: {currency: EUR, cpu_hour: 0.1}
"""
FIRST = """\
apiVersion: flywheel/v1
kind: Sprint
title: The first
train: {framework: ultralytics, model: yolo11n.yaml, epochs: 1, freeze: 10}
gates:
  - {metric: recall, min: 0.7, slice: dark}
  - {metric: size_mb, max: 100}
"""
SECOND = FIRST.replace("The first", "The second")
POINTER = "outs:\n- md5: {md5}.dir\n  size: {size}\n  nfiles: {files}\n  hash: md5\n  path: data\n"
BEFORE = POINTER.format(md5="0c" * 16, size=1000, files=10)
AFTER = POINTER.format(md5="1d" * 16, size=4000, files=40)


def repository(folder: Path, files: Mapping[str, str] = {}) -> Path:
    """A committed project with two sprints, none of which has run, and the branch `work` on top of `main`."""
    folder.mkdir()
    call(folder, "git", "init", "-q", "-b", "main")
    contents = {
        "flywheel.yaml": PROJECT,
        "specs/0001-first.yaml": FIRST,
        "specs/0002-second.yaml": SECOND,
        "data.dvc": BEFORE,
        ".dvc/config": "",
        ".gitignore": "/data\n",
        **files,
    }
    write(folder, contents)
    commit(folder, "The base")
    call(folder, "git", "checkout", "-q", "-b", "work")
    return folder


def write(folder: Path, contents: Mapping[str, str]) -> None:
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
