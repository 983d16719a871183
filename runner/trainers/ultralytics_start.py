"""What training with Ultralytics may start from: the option `model`, checked without importing anything heavy."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from runner.adapters.models.architectures import (
    TASK_SUFFIXES,
    architecture_files,
    architecture_for,
    architecture_task,
)
from runner.domain.nearest import nearest
from runner.domain.paths import is_tracked_by_dvc, path_problem
from runner.domain.task import USUAL_TASK, TaskName

# The usual names are known without looking through Ultralytics' files, which takes as long as the rest of `validate`.
USUAL_SIZES = {"yolov8": "nsmlx", "yolov9": "tsmce", "yolo11": "nsmlx", "yolo12": "nsmlx", "yolo26": "nsmlx"}
DETECTION_ONLY = ("yolov9",)
_WEIGHTS = (".pt", ".safetensors")


def usual_architectures(task: TaskName) -> tuple[str, ...]:
    """The architectures of a task that are mostly used, by their names in `train.model`.

    >>> usual_architectures("pose")[:2]
    ('yolov8n-pose.yaml', 'yolov8s-pose.yaml')
    """
    return tuple(
        f"{family}{size}{TASK_SUFFIXES[task]}.yaml"
        for family, sizes in USUAL_SIZES.items()
        if not TASK_SUFFIXES[task] or family not in DETECTION_ONLY
        for size in sizes
    )


def model_problem(root: Path, text: str, task: TaskName | None) -> tuple[str, str | None] | None:
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
