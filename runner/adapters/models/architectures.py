"""Names of the architectures that Ultralytics can train from scratch, per task. Imports nothing heavy."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

from runner.domain.task import TaskName

TASK_SUFFIXES: dict[TaskName, str] = {
    "detect": "",
    "segment": "-seg",
    "pose": "-pose",
    "obb": "-obb",
    "classify": "-cls",
}
_SCALED = re.compile(r"^(yolov?\d+)([nslmx])(-[a-z0-9-]+)?$")
_HEADS: dict[TaskName, str] = {
    "detect": r"\bDetect\b",
    "segment": r"\bSegment(26)?\b",
    "pose": r"\bPose(26)?\b",
    "obb": r"\bOBB(26)?\b",
    "classify": r"\bClassify\b",
}
_DOWNLOADS = "TorchVision"  # a layer that fetches pretrained weights when it is built
# These need text embeddings or a trainer of their own.
_OTHER_TRAINERS = ("yoloe", "world", "-sem", "-depth", "rtdetr")


@cache
def architecture_files(task: TaskName | None = None) -> dict[str, Path]:
    """Each architecture's name (`yolo26n-seg.yaml`) with the file that defines it; empty without ultralytics.

    Args:
        task: only those for this task; all when None.
    """
    found = importlib.util.find_spec("ultralytics")
    if found is None or not found.submodule_search_locations:
        return {}
    files = {}
    for path in sorted((Path(found.submodule_search_locations[0]) / "cfg" / "models").rglob("yolo*.yaml")):
        named = architecture_task(path.name)
        if any(word in path.stem for word in _OTHER_TRAINERS) or task not in (None, named):
            continue
        text = path.read_text(encoding="utf-8")
        if not re.search(_HEADS[named], text) or _DOWNLOADS in text:
            continue
        for scale in re.findall(r"^  ([nslmx]): \[", text, flags=re.MULTILINE) or [""]:
            files[_with_scale(path.stem, scale)] = path
    return files


def architecture_task(name: str) -> TaskName:
    """The task that Ultralytics' name of an architecture stands for.

    >>> architecture_task("yolov8n-pose-p6.yaml"), architecture_task("yolo26n.yaml")
    ('pose', 'detect')
    """
    parts = name.removesuffix(".yaml").split("-")
    return next(
        (task for task, suffix in TASK_SUFFIXES.items() if suffix.removeprefix("-") in parts[1:]), "detect"
    )


def architecture_for(name: str, task: TaskName) -> str:
    """The architecture of the same family and size for another task; the newest small one where there is none.

    >>> architecture_for("yolo11s.yaml", "segment")
    'yolo11s-seg.yaml'
    """
    plain = name.removesuffix(".yaml").replace(TASK_SUFFIXES[architecture_task(name)], "", 1)
    head = re.match(r"yolov?\d+[a-z]*", plain)
    named = f"{head[0] if head else 'yolo26n'}{TASK_SUFFIXES[task]}.yaml"
    return named if named in architecture_files(task) else f"yolo26n{TASK_SUFFIXES[task]}.yaml"


def architecture_scale(name: str) -> str:
    """The scale letter in `yolo26n.yaml`; empty where the architecture has none."""
    match = _SCALED.match(name.removesuffix(".yaml"))
    return match[2] if match else ""


def _with_scale(stem: str, scale: str) -> str:
    head = re.match(r"yolov?\d+", stem)
    return f"{stem[: head.end()]}{scale}{stem[head.end() :]}.yaml" if head else f"{stem}.yaml"
