"""What tells a YOLO dataset by its files: its task, its classes, and what is odd about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.domain.task import TASK_NAMES, USUAL_TASK, TaskName
from runner.layouts.label_kinds import LabelKind, words_of, yolo_kind
from runner.layouts.layout import Recognised
from runner.layouts.unrecognised import no_labels
from runner.layouts.yolo_files import (
    IMAGES,
    data_yaml,
    label_path,
    labels_lie_aside,
    listed_names,
    noted_names,
    read_class_names,
    task_label_folder,
    yolo_images,
    yolo_labels,
)

NAME_LISTS = (
    "classes.txt", "labels/classes.txt", "obj.names", "data/obj.names", "classes.names", "_darknet.labels",
    "train/_darknet.labels",
)  # fmt: skip


def recognise_yolo(folder: Path, task: TaskName | None) -> Recognised | None:
    """How a folder is to be read whose images lie as YOLO's do.

    Raises:
        FlywheelError: data.yaml, or a list of classes, is not readable.
    """
    images = yolo_images(folder)
    if not images:
        return None
    problems: list[str] = []
    labels, task = _labels(images, set(yolo_labels(folder)), task, problems)
    if not labels:
        classes = read_class_names(folder) or []
        return Recognised(
            task=task or USUAL_TASK, classes=classes, problems=[no_labels(folder)], labelled=False
        )
    classes = _classes(folder, labels, problems)
    kind = LabelKind(task=task) if task else yolo_kind(folder, labels)
    problems += [kind.remark] if kind.remark else []
    if nested := _nested([path for path in images if IMAGES in path.split("/")[:-1]]):
        problems.append(
            f"everything lies in {nested}/, which is taken for a split: adopt {folder.name}/{nested} instead"
        )
    return Recognised(task=kind.task, classes=classes, problems=problems, points=kind.points)


def names_file(folder: Path) -> str | None:
    """The file that names the classes; None where none does."""
    lists = (folder / place for place in NAME_LISTS)
    found = data_yaml(folder) or next((path for path in lists if path.is_file()), None)
    return found.relative_to(folder).as_posix() if found else None


def _labels(
    images: Sequence[str], every: set[str], task: TaskName | None, problems: list[str]
) -> tuple[list[str], TaskName | None]:
    """The label files of images, beside images/ or in the folder of a task; and the task that they are for, if that says it."""
    labels = sorted({label_path(path) for path in images} & every)
    if labels:
        return labels, task
    aside = [name for name in TASK_NAMES if labels_lie_aside(images, every, name)]
    if task is None and aside:
        task = aside[0]
        if len(aside) > 1:
            problems.append(
                f"labels for several tasks were found ({', '.join(aside)}): those for {task} are read, --task chooses"
            )
    if task is None or task not in aside:
        return [], task
    return sorted({f"{task_label_folder(task)}{label_path(path)}" for path in images} & every), task


def _classes(folder: Path, labels: Sequence[str], problems: list[str]) -> list[str]:
    """Names from data.yaml, else from classes.txt, else made up for the ids that occur."""
    if names := read_class_names(folder):
        return names
    if place := next((place for place in NAME_LISTS if (folder / place).is_file()), None):
        return listed_names(folder / place)
    if names := noted_names(folder / "notes.json"):
        return names
    ids = {words[0] for path in labels for words in words_of(folder / path)}
    highest = max((int(word) for word in ids if word.isdecimal()), default=-1)
    problems.append(
        "no data.yaml with `names` and no classes.txt: the classes are called class_0, class_1, …; "
        "rename them in flywheel.yaml, in this order"
    )
    return [f"class_{number}" for number in range(min(highest, 9999) + 1)]


def _nested(images: Sequence[str]) -> str | None:
    """The only folder at the top, when the splits lie below its `images/`: adopt that one instead."""
    parts = [PurePosixPath(path).parts for path in images]
    if not parts:
        return None
    first = {part[0] for part in parts}
    deeper = all(len(part) > 3 and part[0] != "images" for part in parts)
    return first.pop() if len(first) == 1 and deeper else None
