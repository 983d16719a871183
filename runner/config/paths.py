"""Paths in specs: relative, inside the repository, no symlink; and the files they must name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from runner.adapters.models.architectures import (
    TASK_SUFFIXES,
    architecture_files,
    architecture_for,
    architecture_task,
)
from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.nearest import nearest
from runner.domain.task import USUAL_TASK, TaskName

# The usual names are known without looking through Ultralytics' files, which takes as long as the rest of `validate`.
USUAL_SIZES = {"yolov8": "nsmlx", "yolov9": "tsmce", "yolo11": "nsmlx", "yolo12": "nsmlx", "yolo26": "nsmlx"}
DETECTION_ONLY = ("yolov9",)
_WEIGHTS = (".pt", ".safetensors")


def path_problem(root: Path, text: str) -> str | None:
    """What is wrong with a path from a spec, whether or not the file exists; None when it is safe to open."""
    if not text.isprintable():
        return "a path must not contain control characters"
    if "\\" in text:
        return "a path is written with /, not \\"
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:", text):
        return f'"{text}" must be relative to the repository\'s top'
    parts = PurePosixPath(text).parts
    if ".." in parts:
        return f'"{text}" leaves the repository; `..` is not allowed'
    folders = [part.lower() for part in parts]
    if ".git" in folders:
        return f'"{text}" lies in git\'s own folder'
    if ".dvc" in folders:  # where a job's credentials are while it runs
        return f'"{text}" lies in DVC\'s own folder'
    current = root
    for part in parts:
        current = current / part
        if current.is_symlink() and not _is_dvc_link(root, current):
            return f'"{current.relative_to(root).as_posix()}" is a symlink; a path must not lead through one'
    return None


def is_tracked_by_dvc(root: Path, text: str) -> bool:
    """Whether the file, or a folder that it lies in, has a `.dvc` file beside it."""
    path = PurePosixPath(text)
    return any((root / f"{part}.dvc").is_file() for part in (path, *path.parents) if part.name)


def dataset_problems(project: Node, root: Path) -> Iterator[SchemaProblem]:
    """Of flywheel.yaml's paths: the dataset and its metadata."""
    dataset, metadata = project.get("dataset", "path"), project.get("dataset", "metadata")
    if dataset.text:
        if message := path_problem(root, dataset.text):
            yield SchemaProblem(path=dataset.path, message=message)
        else:
            yield from _dataset_is_tracked(dataset, root)
    if metadata.text:
        if message := path_problem(root, metadata.text):
            yield SchemaProblem(path=metadata.path, message=message)
        elif not (root / metadata.text).is_file() and _must_be_here(root, metadata.text):
            yield SchemaProblem(path=metadata.path, message=f"{metadata.text} does not exist")


def spec_path_problems(sprint: Node, root: Path, task: TaskName | None) -> Iterator[SchemaProblem]:
    """Of a spec's paths: the guidelines and the weights."""
    guidelines, model = sprint.get("annotation", "guidelines"), sprint.get("train", "model")
    if guidelines.text:
        if message := path_problem(root, guidelines.text):
            yield SchemaProblem(path=guidelines.path, message=message)
        elif not (root / guidelines.text).is_file():
            yield SchemaProblem(path=guidelines.path, message=f"{guidelines.text} does not exist")
    if model.text and (found := _model_problem(root, model.text, task)):
        yield SchemaProblem(path=model.path, message=found[0], hint=found[1])


def _dataset_is_tracked(dataset: Node, root: Path) -> Iterator[SchemaProblem]:
    folder = (dataset.text or "").rstrip("/")
    if (root / f"{folder}.dvc").is_file():
        return
    hint = (
        f"dvc add {folder}"
        if (root / folder).is_dir()
        else f"put the dataset into {folder}/, then: dvc add {folder}"
    )
    yield SchemaProblem(
        path=dataset.path, message=f"{folder}.dvc does not exist: the dataset is not tracked", hint=hint
    )


def _must_be_here(root: Path, text: str) -> bool:
    """Whether a missing file is an error: not where DVC would bring it and has not been asked to."""
    if not is_tracked_by_dvc(root, text):
        return True
    return (root / text).parent.is_dir() and any((root / text).parent.iterdir())


def usual_architectures(task: TaskName) -> tuple[str, ...]:
    """The architectures of a task that are mostly used, by their names in `train.model`.

    >>> usual_architectures("pose")[:2]
    ('yolov8n-pose.yaml', 'yolov8s-pose.yaml')
    """
    return tuple(
        f"{family}{size}{TASK_SUFFIXES[task]}.yaml"
        for family, sizes in USUAL_SIZES.items()
        if task == USUAL_TASK or family not in DETECTION_ONLY
        for size in sizes
    )


def _model_problem(root: Path, text: str, task: TaskName | None) -> tuple[str, str | None] | None:
    """What is wrong with `train.model`, and what to do."""
    if text.endswith((".yaml", ".yml")):
        return _architecture_problem(text, task)
    if "/" not in text and not text.endswith(_WEIGHTS):
        return (
            f'"{text}" is neither a weights file nor an architecture',
            f"name a file in the repository (weights/x.pt), or train from scratch ({_example(task)})",
        )
    if message := path_problem(root, text):
        return message, None
    if text.startswith("reports/"):
        sprint = PurePosixPath(text).parts[1] if text.count("/") > 1 else "0001-first-model"
        return (
            f"{text} lies in a sprint's outputs: it is there only where it was made",
            f"write `from: {sprint}` in place of `model`: its weights are fetched through DVC, in any clone",
        )
    if not text.endswith(_WEIGHTS):
        return f'"{text}" is not a weights file ({", ".join(_WEIGHTS)})', None
    if (root / text).is_file() or is_tracked_by_dvc(root, text):
        return None
    if "/" in text:
        return f"{text} does not exist", _nearby(root, text, task)
    scratch = f"{text.rpartition('.')[0]}.yaml"
    fits = task is None or architecture_task(scratch) == task
    hint = (
        f"put the file into the repository and add it: dvc add weights/{text}; then `model: weights/{text}`"
    )
    if fits and _is_architecture(scratch):
        hint += f"; or train from scratch: `model: {scratch}`"
    return f"{text} is not in the repository, and nothing is downloaded", hint


def _architecture_problem(text: str, task: TaskName | None) -> tuple[str, str | None] | None:
    if _is_architecture(text):
        found = architecture_task(text)
        if task is None or found == task:
            return None
        fitting = architecture_for(text, task)
        return f"{text} is an architecture for task {found}, not {task}: write `model: {fitting}`", None
    usual = usual_architectures(task or USUAL_TASK)
    meant = nearest(text, usual)
    suffix = TASK_SUFFIXES[task or USUAL_TASK]
    families = ", ".join(
        f"{family} ({sizes})"
        for family, sizes in USUAL_SIZES.items()
        if not suffix or family not in DETECTION_ONLY
    )
    ending = f'; did you mean "{meant}"?' if meant else f"; usual are {families}"
    if suffix and not meant:
        ending += f", with {suffix}: {_example(task)}"
    return f'unknown architecture "{text}"{ending}', None


def _is_architecture(text: str) -> bool:
    return text in usual_architectures(architecture_task(text)) or text in architecture_files()


def _example(task: TaskName | None) -> str:
    return f"yolo26n{TASK_SUFFIXES[task or USUAL_TASK]}.yaml"


def _nearby(root: Path, text: str, task: TaskName | None) -> str:
    folder = (root / text).parent
    files = (
        sorted(path.name for path in folder.iterdir() if path.name.endswith(_WEIGHTS))
        if folder.is_dir()
        else []
    )
    meant = nearest(PurePosixPath(text).name, files)
    if meant:
        return f'did you mean "{PurePosixPath(text).with_name(meant)}"?'
    return f"put the file there and add it: dvc add {text}; or train from scratch: `model: {_example(task)}`"


def _is_dvc_link(root: Path, path: Path) -> bool:
    """Whether DVC itself made the link, into the repository's own cache (`cache.type symlink`)."""
    return path.resolve().is_relative_to((root / ".dvc" / "cache").resolve())
