"""What tells CVAT's XML: its task by the shapes, its classes by the labels that such shapes can have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.dataset.class_names import plain_name
from runner.domain.task import USUAL_TASK, Keypoints, TaskName
from runner.layouts.cvat_document import CvatDocument, CvatLabel, read_document
from runner.layouts.cvat_files import cvat_files
from runner.layouts.cvat_shapes import kind_of
from runner.layouts.drawn_shapes import task_of
from runner.layouts.layout import Recognised
from runner.layouts.skeleton import mirrored
from runner.tasks import TASKS

# CVAT's own names of what a label can be drawn as; `any`, and none in older files, is all of them.
_ANY = ("", "any")
_BOXES, _OUTLINES = ("rectangle",), ("polygon", "mask")


def recognise_cvat(folder: Path, task: TaskName | None) -> Recognised | None:
    """How a folder with XML files of CVAT is to be read.

    Raises:
        FlywheelError: one of them is no XML.
    """
    files = cvat_files(folder)
    if not files:
        return None
    documents = [read_document(folder / file) for file in files]
    used = _used(documents)
    found = task_of({kind: sum(counts.values()) for kind, counts in used.items()})
    remarks = list(found.remarks) if found and task is None else []
    task = task or (found.task if found else USUAL_TASK)
    labels = list(dict.fromkeys(label for document in documents for label in document.meta.labels))
    skeleton = next((label.points for label in labels if label.points), ())
    return Recognised(
        task=task,
        classes=_classes(labels, used, task),
        problems=remarks,
        keypoints=Keypoints(names=list(skeleton), flip=mirrored(skeleton)) if skeleton else None,
        labelled=found is not None,
    )


def _used(documents: Sequence[CvatDocument]) -> Mapping[str, Counter[str]]:
    """How often each label is drawn as each kind of shape, by kind; a track counts once."""
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for document in documents:
        for image in document.images:
            for element in image.children:
                if kind := kind_of(element):
                    used[kind][element.attributes.get("label", "")] += 1
        for track in document.tracks:
            kind = next((kind for element in track.children if (kind := kind_of(element))), None)
            if kind:
                used[kind][track.attributes.get("label", "")] += 1
    return used


def _classes(labels: Sequence[CvatLabel], used: Mapping[str, Counter[str]], task: TaskName) -> list[str]:
    """The labels that a task's shapes have or could have, in the project's order, then those it does not name."""
    kinds, shapes = _fitting(task)
    own = {name for kind in shapes for name in used.get(kind, ())}
    elsewhere = {name for names in used.values() for name in names} - own
    named = [
        label.name
        for label in labels
        if label.name in own or (label.kind in kinds and label.name not in elsewhere)
    ]
    rest = sorted(own - {label.name for label in labels} - {""})
    return list(dict.fromkeys(plain_name(name) for name in (*named, *rest)))


def _fitting(task: TaskName) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a label of a task can be drawn as, by CVAT's names and by ours."""
    if not TASKS[task].ranked:
        return (*_ANY, "tag"), ("tag",)
    match TASKS[task].shape:
        case "keypoints":
            return ("skeleton",), ("skeleton",)
        case "mask_rle":
            return (*_ANY, *_OUTLINES), ("outline", "mask")
        case "corners":
            return (*_ANY, *_BOXES, "polygon"), ("box", "rotated box", "outline")
    return (*_ANY, *_BOXES, *_OUTLINES), ("box", "rotated box", "outline", "mask")
