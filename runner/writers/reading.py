"""Reads the dataset that is converted: in its own classes, as fully as its labels allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner.dataset.class_names import class_ids, class_problem, plain_name
from runner.dataset.entries import ImageEntry, LabelScheme, LayoutContent
from runner.domain.errors import FlywheelError, Where
from runner.domain.nearest import suggestion
from runner.domain.task import TaskName
from runner.layouts import LAYOUTS, layouts_for
from runner.layouts.discover import discover
from runner.layouts.layout import Layout, Recognised
from runner.layouts.skeleton import find_keypoints
from runner.tasks import TASKS
from runner.writers.losses import Losses
from runner.writers.writer import Scheme


@dataclass(frozen=True, kw_only=True)
class Source:
    """A dataset as it was read.

    Attributes:
        metadata_files: CSV files with a `path` column, relative to the folder.
        remarks: what is odd about it, in sentences.
    """

    folder: Path
    layout: str
    scheme: Scheme
    content: LayoutContent
    metadata_files: Sequence[str]
    remarks: Sequence[str]


def read_source(folder: Path, layout: str | None, task: TaskName | None, losses: Losses) -> Source:
    """Reads a dataset as `flywheel init` recognises it.

    Without a task, labels that can be read as boxes or as outlines are read as outlines if none of them is lost by that.

    Args:
        folder: the dataset.
        layout: how its labels are written, where it looks like several.
        task: what they are for.
        losses: takes what of the labels cannot be read.

    Raises:
        FlywheelError: the folder does not exist, no layout is recognised, or its classes or its skeleton cannot be used.
    """
    found, recognised, metadata_files = _recognised(folder, layout, task)
    remarks = list(recognised.problems)
    if problem := class_problem(recognised.classes):
        raise FlywheelError(
            f"class names: {problem}",
            where=Where(str(folder)),
            hint=f"give each class a name of its own {found.classes_source(folder)}",
        )
    scheme = _scheme(folder, recognised)
    content = found.read(folder, _label_scheme(scheme))
    if task is None and (outlined := _outlined(scheme, found)):
        shaped = found.read(folder, _label_scheme(outlined))
        if _says_as_much(shaped, content, losses):
            scheme, content = outlined, shaped
            remarks = [
                f"read for task {scheme.task}, which says the most; as boxes alone: --task {recognised.task}"
            ]
    for entry in content.entries:
        for problem in entry.label_problems:
            losses.add("unread", problem)
    return Source(
        folder=folder,
        layout=found.name,
        scheme=scheme,
        content=content,
        metadata_files=metadata_files,
        remarks=[*remarks, *content.notes],
    )


def chosen_classes(source: Source, classes: Sequence[str] | None, losses: Losses) -> Source:
    """The source with the named classes alone, in their order; objects of others are left out, image by image.

    Raises:
        FlywheelError: none of the names is one of the dataset's, or they cannot be classes.
    """
    if classes is None:
        return source
    names = [plain_name(name) for name in classes]
    own = source.scheme.classes
    if problem := class_problem(names):
        raise FlywheelError(f"--classes: {problem}")
    strangers = [name for name in names if name not in own]
    if len(strangers) == len(names):
        raise FlywheelError(
            f'--classes: the dataset has no class "{names[0]}"{suggestion(names[0], own, plural="its classes")}',
            where=Where(str(source.folder)),
            hint=f"its classes are {', '.join(own[:20])}",
        )
    ids = class_ids(names)
    entries = [_with_classes(entry, ids, losses) for entry in source.content.entries]
    return replace(
        source,
        scheme=replace(source.scheme, classes=names),
        content=replace(source.content, entries=entries),
        remarks=[
            *source.remarks,
            *(f'the dataset has no class "{name}": nothing is of it' for name in strangers),
        ],
    )


def _with_classes(entry: ImageEntry, ids: dict[str, int], losses: Losses) -> ImageEntry:
    kept = tuple(
        item._replace(class_id=ids[item.class_name]) for item in entry.objects if item.class_name in ids
    )
    for item in entry.objects:
        if item.class_name not in ids:
            losses.add("class_dropped", f"{item.place} ({item.class_name})")
    return replace(entry, objects=kept)


def _recognised(
    folder: Path, layout: str | None, task: TaskName | None
) -> tuple[Layout, Recognised, list[str]]:
    """The layout that reads the folder, what it recognises, and metadata files."""
    summary = discover(folder, task)
    metadata_files = list(summary.metadata)
    if layout is None or layout == summary.layout:
        if summary.layout is None:
            raise FlywheelError(
                f"no dataset was recognised: {'; '.join(summary.problems)}",
                where=Where(str(folder)),
                hint=f"looked for {'; '.join(f'{name}: {item.expects}' for name, item in LAYOUTS.items())}",
            )
        found = LAYOUTS[summary.layout]
    else:
        found = LAYOUTS[layout]
    if task is not None and task not in found.tasks:
        raise FlywheelError(
            f"the layout {found.name} holds no labels for task {task}",
            where=Where(str(folder)),
            hint=f"layouts that do: {', '.join(layouts_for(task))}",
        )
    recognised = found.recognise(folder, task)
    if recognised is None or not recognised.labelled:
        raise FlywheelError(
            f"no {found.name} labels were found (the dataset looks like {summary.layout or 'none of the known layouts'})",
            where=Where(str(folder)),
            hint=f"looked for {found.expects}",
        )
    return recognised.layout or found, recognised, metadata_files


def _scheme(folder: Path, recognised: Recognised) -> Scheme:
    task = recognised.task
    keypoints = (recognised.keypoints or find_keypoints(folder)) if TASKS[task].skeleton else None
    if TASKS[task].skeleton and keypoints is None:
        raise FlywheelError(
            "the labels' skeleton is not described",
            where=Where(str(folder)),
            hint="say in data.yaml how many points it has, `kpt_shape: [17, 3]`, or name keypoints in COCO's categories",
        )
    return Scheme(task=task, classes=recognised.classes, keypoints=keypoints)


def _label_scheme(scheme: Scheme) -> LabelScheme:
    points = len(scheme.keypoints.names) if scheme.keypoints else 0
    return LabelScheme(task=scheme.task, classes=scheme.classes, keypoints=points)


def _outlined(scheme: Scheme, layout: Layout) -> Scheme | None:
    """The scheme for outlines, where labels that were taken for boxes could have some."""
    if TASKS[scheme.task].shape or not TASKS[scheme.task].ranked:
        return None
    task = next((name for name in layout.tasks if TASKS[name].shape == "mask_rle"), None)
    return replace(scheme, task=task) if task else None


def _says_as_much(shaped: LayoutContent, boxes: LayoutContent, losses: Losses) -> bool:
    """Whether every object has an outline; where some have, and are read as boxes, that is a loss."""
    outlines = [item for entry in shaped.entries for item in entry.objects]
    if outlines and len(outlines) >= sum(len(entry.objects) for entry in boxes.entries):
        return True
    for item in outlines:
        losses.add("outlines_read_as_boxes", item.place)
    return False
