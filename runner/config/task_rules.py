"""What the project's task decides: its metrics, layouts, check preset, skeleton and architectures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.evaluation import QUALITY_METRICS
from runner.domain.nearest import nearest
from runner.domain.task import TASK_NAMES, TaskName
from runner.layouts import LAYOUTS, layouts_for
from runner.layouts.layout import Layout
from runner.tasks import TASKS


def task_name(project: Node) -> TaskName | None:
    """The project's task; None when flywheel.yaml cannot tell."""
    found = project.get("task").text
    return next((name for name in TASK_NAMES if name == found), None)


def task_problems(project: Node) -> Iterator[SchemaProblem]:
    """What in flywheel.yaml does not fit its task: the layout, the skeleton."""
    task = task_name(project)
    if task is None:
        return
    layout = project.get("dataset", "layout")
    named = layout if layout.text else layout.get("format")
    known = LAYOUTS.get(named.text or "")
    if known and task not in known.tasks:
        yield _wrong_layout(named, known, task)
    outside = project.get("dataset", "labels", "outside")
    if outside.text == "clip" and TASKS[task].may_reach_out:
        message = f"a rotated box that is cut at the border is none: task {task} takes refuse or drop"
        yield SchemaProblem(path=outside.path, message=message)
    keypoints = project.get("keypoints")
    skeletons = " or ".join(f"`task: {name}`" for name, other in TASKS.items() if other.skeleton)
    if TASKS[task].skeleton and keypoints.value is None:
        message = f"task {task} needs the skeleton that the labels have"
        hint = "add `keypoints: {names: [nose, left_eye, right_eye], flip: [0, 2, 1]}` with your points"
        yield SchemaProblem(path=("task",), message=message, hint=hint)
    elif not TASKS[task].skeleton and keypoints.value is not None:
        message = f"task {task} has no skeleton; remove `keypoints`, or write {skeletons}"
        yield SchemaProblem(path=keypoints.path, message=message, at_key=True)
    yield from _skeleton_problems(keypoints)


def metric_problems(metric: Node, task: TaskName | None) -> Iterator[SchemaProblem]:
    """A quality metric that the task does not measure."""
    if task is None or metric.text not in QUALITY_METRICS or metric.text in TASKS[task].metrics:
        return
    metrics = TASKS[task].metrics
    meant = nearest(metric.text, metrics)
    ending = f'; did you mean "{meant}"?' if meant else f"; it has {', '.join(metrics)}"
    yield SchemaProblem(path=metric.path, message=f"{metric.text} is not measured for task {task}{ending}")


def preset_problems(check: Node, task: TaskName | None) -> Iterator[SchemaProblem]:
    """A check preset of another task."""
    preset = check.get("preset")
    presets = {other.preset for other in TASKS.values()}
    if task is not None and preset.text in presets and preset.text != TASKS[task].preset:
        message = f"task {task} is checked by `preset: {TASKS[task].preset}`, not by {preset.text}"
        yield SchemaProblem(path=preset.path, message=message)


def _wrong_layout(named: Node, layout: Layout, task: TaskName) -> SchemaProblem:
    fitting = layouts_for(task)
    likeliest = min(fitting, key=lambda name: len(LAYOUTS[name].tasks))  # the one made for few tasks
    if len(layout.tasks) == 1:
        only = layout.tasks[0]
        return SchemaProblem(
            path=named.path,
            message=f"the layout {layout.name} is for task {only}; task {task} reads {_alternatives(fitting)}",
            hint=f"write `task: {only}` where the data is {layout.expects}",
        )
    return SchemaProblem(
        path=named.path,
        message=f"task {task} reads the layout {_alternatives(fitting)}, not {layout.name}",
        hint=f"`{likeliest}` is {LAYOUTS[likeliest].expects}; then write `layout: {likeliest}`",
    )


def _alternatives(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


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
