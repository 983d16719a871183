"""What the project's task decides: its metrics, layouts, check preset, skeleton and architectures."""

from __future__ import annotations

from collections.abc import Iterator

from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.evaluation import QUALITY_METRICS, TASK_METRICS
from runner.domain.nearest import nearest
from runner.domain.task import TASK_NAMES, TaskName

TASK_LAYOUTS: dict[TaskName, tuple[str, ...]] = {
    "detect": ("yolo", "coco"),
    "segment": ("yolo", "coco"),
    "pose": ("yolo", "coco"),
    "obb": ("yolo", "coco"),
    "classify": ("folders",),
}
_CLASS_FOLDERS = "a folder per class: CLASS/image.jpg, or SPLIT/CLASS/image.jpg"


def task_name(project: Node) -> TaskName | None:
    """The project's task; None when flywheel.yaml cannot tell."""
    found = project.get("task").text
    return next((name for name in TASK_NAMES if name == found), None)


def preset_name(task: TaskName) -> str:
    """The preset of `checks` for a task.

    >>> preset_name("segment"), preset_name("classify")
    ('detection', 'classification')
    """
    return "classification" if task == "classify" else "detection"


def task_problems(project: Node) -> Iterator[SchemaProblem]:
    """What in flywheel.yaml does not fit its task: the layout, the skeleton."""
    task = task_name(project)
    if task is None:
        return
    layout = project.get("dataset", "layout")
    known = {name for names in TASK_LAYOUTS.values() for name in names}
    if layout.text in known and layout.text not in TASK_LAYOUTS[task]:
        yield _wrong_layout(layout, task)
    keypoints = project.get("keypoints")
    if task == "pose" and keypoints.value is None:
        message = "task pose needs the skeleton that the labels have"
        hint = "add `keypoints: {names: [nose, left_eye, right_eye], flip: [0, 2, 1]}` with your points"
        yield SchemaProblem(path=("task",), message=message, hint=hint)
    elif task != "pose" and keypoints.value is not None:
        message = f"task {task} has no skeleton; remove `keypoints`, or write `task: pose`"
        yield SchemaProblem(path=keypoints.path, message=message, at_key=True)
    yield from _skeleton_problems(keypoints)


def metric_problems(metric: Node, task: TaskName | None) -> Iterator[SchemaProblem]:
    """A quality metric that the task does not measure."""
    if task is None or metric.text not in QUALITY_METRICS or metric.text in TASK_METRICS[task]:
        return
    meant = nearest(metric.text, TASK_METRICS[task])
    ending = f'; did you mean "{meant}"?' if meant else f"; it has {', '.join(TASK_METRICS[task])}"
    yield SchemaProblem(path=metric.path, message=f"{metric.text} is not measured for task {task}{ending}")


def preset_problems(check: Node, task: TaskName | None) -> Iterator[SchemaProblem]:
    """A check preset of another task."""
    preset = check.get("preset")
    presets = {preset_name(name) for name in TASK_NAMES}
    if task is not None and preset.text in presets and preset.text != preset_name(task):
        message = f"task {task} is checked by `preset: {preset_name(task)}`, not by {preset.text}"
        yield SchemaProblem(path=preset.path, message=message)


def _wrong_layout(layout: Node, task: TaskName) -> SchemaProblem:
    if task == "classify":
        return SchemaProblem(
            path=layout.path,
            message=f"task classify reads the layout folders, not {layout.text}",
            hint=f"put the images into {_CLASS_FOLDERS}; then write `layout: folders`",
        )
    return SchemaProblem(
        path=layout.path,
        message=f"the layout folders is for task classify; task {task} reads {' or '.join(TASK_LAYOUTS[task])}",
        hint=f"write `task: classify` where the labels are {_CLASS_FOLDERS}",
    )


def _skeleton_problems(keypoints: Node) -> Iterator[SchemaProblem]:
    names, flip, sigmas = (keypoints.get(key) for key in ("names", "flip", "sigmas"))
    points = names.entries()
    seen: set[str] = set()
    for point in points:
        if point.text in seen:
            yield SchemaProblem(path=point.path, message=f'the key point "{point.text}" is named twice')
        seen.add(point.text or "")
    for node, what in ((flip, "flip"), (sigmas, "sigmas")):
        if points and node.entries() and len(node.entries()) != len(points):
            count = f"{len(node.entries())} entr{'y' if len(node.entries()) == 1 else 'ies'}"
            message = f"{what} has {count}, but there are {len(points)} names"
            yield SchemaProblem(path=node.path, message=message)
            return
    yield from _flip_problems(flip)


def _flip_problems(flip: Node) -> Iterator[SchemaProblem]:
    entries = flip.entries()
    mirrored = [entry.value for entry in entries]
    for position, entry in enumerate(entries):
        other = entry.value
        if isinstance(other, bool) or not isinstance(other, int) or other < 0:
            return  # the schema says so
        if other >= len(entries):
            message = f"there is no key point {other}: they count from 0 to {len(entries) - 1}"
            yield SchemaProblem(path=entry.path, message=message)
        elif mirrored[other] != position:
            message = f"key point {position} becomes {other}, but {other} becomes {mirrored[other]}: a mirror image of a mirror image must be the image"
            yield SchemaProblem(path=entry.path, message=message)
            return
