"""Tiny projects for tests, and commands to run in them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.demo import Counts, generate
from tests.done_once import nothing_done_twice

SPRINT = "0001-tiny"

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: tiny-digits
task: detect
classes: [zero, one, two, three, four, five, six, seven, eight, nine]
dataset: {path: data, layout: yolo, metadata: data/metadata.csv, group_by: scene}
splits: {pool: "split = 'pool'"}
slices:
  - {name: dark, where: brightness < 0.3}
  - {by: camera}
model: {name: tiny-digits, stage: prod}
costs: {currency: EUR, cpu_hour: 0.1}
compute: {threads: 1}
"""

SPEC = """\
apiVersion: flywheel/v1
kind: Sprint
title: A sprint small enough for tests
checks:
  - preset: detection
train: {framework: ultralytics, model: yolo11n.yaml, epochs: 1, imgsz: 64, batch: 8}
export:
  - {format: onnx}
  - {format: openvino, precision: int8, calibration: {split: train, size: 8}}
benchmark: {warmup: 1, iterations: 10}
gates:
  - {metric: size_mb, max: 100}
"""


def environment() -> dict[str, str]:
    """The environment of commands under test: this interpreter's programs first, no colour, no CI."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    identity = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "test"), ("EMAIL", "test@localhost"))
    }
    dropped = ("CI", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "PYTHONWARNINGS")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return {**kept, **identity, "PATH": path, "NO_COLOR": "1"}


def call(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder; with `check` its failure fails the test, with what it printed."""
    result = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    if check and result.returncode:
        pytest.fail(f"{' '.join(command)} exited with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def flywheel(folder: Path, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs `flywheel` in a folder, in this process: what it imports need not be imported again.

    The stages have processes of their own, as ever; what those print is part of the answer.
    """
    from runner.cli.main import main

    with tempfile.TemporaryDirectory() as temporary:
        out, err = Path(temporary) / "stdout", Path(temporary) / "stderr"
        with as_command(folder), into(1, "stdout", out), into(2, "stderr", err):
            code = main(arguments)
        result = subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())
    if check and code:
        pytest.fail(f"flywheel {' '.join(arguments)} exited with {code}\n{result.stdout}\n{result.stderr}")
    return result


@contextmanager
def as_command(folder: Path) -> Iterator[None]:
    """This process as a command in a folder: its environment, and warnings that are no errors."""
    with (
        contextlib.chdir(folder),
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        nothing_done_twice(),
    ):
        warnings.simplefilter("ignore")  # DVC has some of its own
        for key in os.environ.keys() - environment().keys():
            patch.delenv(key)
        for key, value in environment().items():
            patch.setenv(key, value)
        yield


@contextmanager
def into(descriptor: int, name: str, file: Path) -> Iterator[None]:
    """Sends a standard stream, and the descriptor that processes inherit, to the end of a file."""
    before, stream = os.dup(descriptor), getattr(sys, name)
    with file.open("a", encoding="utf-8", buffering=1) as handle:
        os.dup2(handle.fileno(), descriptor)
        setattr(sys, name, handle)
        try:
            yield
        finally:
            setattr(sys, name, stream)
            os.dup2(before, descriptor)
            os.close(before)


def commit(folder: Path, message: str) -> None:
    """Commits everything in a folder."""
    call(folder, "git", "add", "-A")
    call(folder, "git", "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", message)


def make_tag(folder: Path, name: str, commit: str = "HEAD", message: str = "promoted") -> None:
    """An annotated tag, a second younger than the youngest: GTO orders by whole seconds, whatever a tag's number is."""
    listed = call(folder, "git", "for-each-ref", "--format=%(taggerdate:unix)", "refs/tags").stdout.split()
    date = max([1_800_000_000, *(int(time) + 1 for time in listed)])
    call(
        *(folder, "env", f"GIT_COMMITTER_DATE=@{date} +0000"),
        *("git", "tag", "-a", name, "-m", message, commit),
    )


def named(folder: Path) -> None:
    """Gives a repository's git a name, as somebody at a terminal has one."""
    call(folder, "git", "config", "user.name", "test")
    call(folder, "git", "config", "user.email", "test@localhost")


def make_project(
    folder: Path, *, project: str = PROJECT, specs: Sequence[tuple[str, str]] = ((SPRINT, SPEC),)
) -> Path:
    """A committed project with generated data that DVC tracks; nothing has run."""
    folder.mkdir(parents=True, exist_ok=True)
    call(folder, "git", "init", "-q", "-b", "main")
    call(folder, sys.executable, "-m", "dvc", "init", "-q")
    call(folder, sys.executable, "-m", "dvc", "config", "core.analytics", "false")
    (folder / ".gitignore").write_text("/.flywheel/\n")
    (folder / "flywheel.yaml").write_text(project)
    (folder / "specs").mkdir()
    for name, spec in specs:
        (folder / "specs" / f"{name}.yaml").write_text(spec)
    generate(folder / "data", counts=Counts.clean(train=16, val=6, test=10, pool=4))
    call(folder, sys.executable, "-m", "dvc", "add", "-q", "data")
    commit(folder, "A project")
    return folder
