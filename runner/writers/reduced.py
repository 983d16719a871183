"""Labels of one task as those of another that says less: outlines as boxes, objects as an image's class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from runner.dataset.entries import ImageEntry, LabelledObject
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName
from runner.layouts.class_folders import MOST_STRAYS, WHOLE_IMAGE
from runner.tasks import TASKS
from runner.writers.losses import Losses
from runner.writers.writer import Writer


def written_task(task: TaskName, writer: Writer) -> TaskName:
    """What the written labels are for: the same, else boxes, else the image's class, whichever the format holds.

    Raises:
        FlywheelError: it holds none of them; classes of images are no boxes.
    """
    if task in writer.tasks:
        return task
    lesser = (
        name
        for name in writer.tasks
        if TASKS[name].shape is None and (TASKS[task].ranked or not TASKS[name].ranked)
    )
    found = next(iter(sorted(lesser, key=lambda name: not TASKS[name].ranked)), None)
    if found is None:
        raise FlywheelError(
            f"the layout {writer.name} holds no labels for task {task}",
            hint="write another one: --layout folders, cvat, label-studio or manifest",
        )
    return found


def reduced(entry: ImageEntry, task: TaskName, losses: Losses) -> ImageEntry:
    """An image's labels without what `task`, which says less than the one they were read for, has no place for."""
    if not TASKS[task].ranked:
        return _as_class(entry, losses)
    return replace(entry, objects=tuple(_as_box(item, losses) for item in entry.objects))


def _as_box(item: LabelledObject, losses: Losses) -> LabelledObject:
    kinds = {
        "outline": item.polygons,
        "mask": item.mask,
        "keypoints": item.keypoints,
        "rotation": item.corners,
    }
    for kind, shape in kinds.items():
        if shape:
            losses.add(kind, item.place)
    return item._replace(polygons=(), mask=None, keypoints=(), corners=(), area_px=None)


def _as_class(entry: ImageEntry, losses: Losses) -> ImageEntry:
    if not entry.objects:
        if entry.labelled:
            losses.add("negative", entry.path)
        return replace(entry, labelled=False)
    for item in entry.objects:
        losses.add("box", item.place)
    counts = Counter(item.class_name for item in entry.objects)
    first = max(
        entry.objects, key=lambda item: counts[item.class_name]
    )  # of a tie, the first that is labelled
    if len(counts) > 1:
        others = ", ".join(name for name in counts if name != first.class_name)
        losses.add("several_classes", f"{entry.path}: {first.class_name}, not {others}")
    elif len(entry.objects) > 1:
        losses.add("several_objects", f"{entry.path}: {len(entry.objects)} of {first.class_name}")
    whole = LabelledObject(first.place, first.class_name, first.class_id, WHOLE_IMAGE, normalised=True)
    return replace(entry, objects=(whole,))


def without_strays(
    entries: Sequence[ImageEntry], writer: Writer, task: TaskName, losses: Losses
) -> list[ImageEntry]:
    """Images without those of no class, where folders of classes could not be told any more for all of these."""
    strays = [entry for entry in entries if not entry.objects]
    labelled = len(entries) - len(strays)
    if TASKS[task].ranked or not writer.class_folders or len(strays) <= MOST_STRAYS * labelled:
        return list(entries)
    for entry in strays:
        losses.add("unlabelled", entry.path)
    return [entry for entry in entries if entry.objects]
