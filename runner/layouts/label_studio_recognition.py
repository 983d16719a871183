"""What tells an export of Label Studio: its task by the regions, its classes by their labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.dataset.class_names import plain_name
from runner.domain.task import USUAL_TASK, Keypoints, TaskName
from runner.layouts.drawn_shapes import task_of
from runner.layouts.label_studio_document import Region, read_tasks
from runner.layouts.label_studio_files import exports, skeleton_points
from runner.layouts.label_studio_shapes import kind_of
from runner.layouts.layout import Recognised
from runner.layouts.skeleton import mirrored
from runner.tasks import TASKS


def recognise_label_studio(folder: Path, task: TaskName | None) -> Recognised | None:
    """How a folder with exports is to be read; its options are left to the layout.

    Raises:
        FlywheelError: an export is no JSON.
    """
    files = exports(folder)
    if not files:
        return None
    annotations = [
        item.annotation.regions for file in files for item in read_tasks(folder / file)[0] if item.annotation
    ]
    used: dict[str, Counter[str]] = defaultdict(Counter)
    points: set[str] = set()
    for regions in annotations:
        _count(regions, used, points)
    found = task_of({kind: sum(counts.values()) for kind, counts in used.items()})
    remarks = list(found.remarks) if found and task is None else []
    task = task or (found.task if found else USUAL_TASK)
    names = sorted(points)
    skeleton = Keypoints(names=names, flip=mirrored(names)) if TASKS[task].skeleton and names else None
    if skeleton and len(names) > 1:
        remarks.append(
            f"an export does not say in which order key points are meant: {', '.join(names)}, as their names are sorted; to "
            "have another, change `keypoints` in flywheel.yaml, of the layout and of the project"
        )
    return Recognised(
        task=task,
        classes=_classes(used, task),
        problems=remarks,
        keypoints=skeleton,
        labelled=found is not None,
    )


def _count(regions: Sequence[Region], used: Mapping[str, Counter[str]], points: set[str]) -> None:
    """Counts labels by the kind of their shapes, and collects the names of the points of skeletons."""
    with_points = skeleton_points(regions)
    for region in regions:
        kind = kind_of(region)
        if kind and region.name in with_points:
            kind = "skeleton"
            points.update(label for point in with_points[region.name] for label in point.labels)
        if kind:
            used[kind].update(region.labels or [""])


def _classes(used: Mapping[str, Counter[str]], task: TaskName) -> list[str]:
    """Of the shapes that the task reads, sorted."""
    if not TASKS[task].ranked:
        kinds: tuple[str, ...] = ("tag",)
    else:
        match TASKS[task].shape:
            case "keypoints":
                kinds = ("skeleton",)
            case "mask_rle":
                kinds = ("outline", "mask")
            case "corners":
                kinds = ("box", "rotated box", "outline")
            case _:
                kinds = ("box", "rotated box", "outline", "mask", "skeleton")
    return sorted({plain_name(label) for kind in kinds for label in used.get(kind, ())} - {""})
