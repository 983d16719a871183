"""What a folder of images holds: its task, layout, splits, classes and labels, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from runner.adapters.pictures.image_files import judge_file
from runner.adapters.system.machine import cpu_count
from runner.dataset.csv_rows import KEY, read_header
from runner.dataset.entries import (
    ImageEntry,
    LabelScheme,
    LayoutContent,
    list_files,
    shared_remarks,
    unread_pictures,
)
from runner.domain.errors import FlywheelError, Where
from runner.domain.records import Record
from runner.domain.task import USUAL_TASK, Keypoints, TaskName
from runner.layouts import LAYOUTS, LabelLayout, layouts_for, shortest
from runner.layouts.layout import Layout, Recognised
from runner.layouts.skeleton import find_keypoints
from runner.layouts.unrecognised import unrecognised
from runner.tasks import TASKS

SHOWN = 5  # examples of each kind of problem
NO_SPLITS = "no split folders"


class FoundSplit(Record, frozen=True, kw_only=True):
    """One of the layout's own splits; `name` is None for images in no split's folder."""

    name: str | None
    images: int
    labelled: int
    objects: int


class DatasetSummary(Record, frozen=True, kw_only=True):
    """What was found in a dataset folder.

    Attributes:
        layout: its name; None where none is recognised, and `problems` says what is there instead.
        options: the layout as flywheel.yaml has to write it: its name, or a block of options that the folder needs.
        task: what the labels are for.
        keypoints: the skeleton, for pose.
        arrangement: where images and labels lie, in words.
        classes: in the order of their ids in the labels, or sorted.
        problems: what keeps the dataset, or single files of it, from being used.
        metadata: CSV files with a `path` column, relative to the folder, each with its columns.
        points: key points that the lines of labels seem to have, where no skeleton is described.
    """

    layout: str | None
    options: str | LabelLayout | None = None
    task: TaskName
    keypoints: Keypoints | None = None
    arrangement: str
    classes: list[str]
    splits: list[FoundSplit]
    images: int
    labelled: int
    unlabelled: int
    objects: int
    per_class: dict[str, int]
    problems: list[str]
    metadata: dict[str, list[str]]
    points: int = 0


def discover(folder: Path, task: TaskName | None = None) -> DatasetSummary:
    """Looks at a dataset folder without decoding an image.

    Where it looks like several layouts, the first of `LAYOUTS` with labels is taken: YOLO's need no other file.

    Args:
        folder: the dataset.
        task: what the labels are for, if the user said so.

    Raises:
        FlywheelError: the folder does not exist, or a data.yaml or annotation file in it is not readable.
    """
    if not folder.is_dir():
        raise FlywheelError(
            "not a folder", where=Where(str(folder)), hint="name the folder that holds images and labels"
        )
    without_labels = None
    for name in layouts_for(task) if task else LAYOUTS:
        layout = LAYOUTS[name]
        recognised = layout.recognise(folder, task)
        if recognised and recognised.labelled:
            return _summary(folder, layout, recognised)
        without_labels = without_labels or (recognised and (layout, recognised))
    return _summary(folder, *without_labels) if without_labels else _unrecognised(folder, task or USUAL_TASK)


def _summary(folder: Path, layout: Layout, recognised: Recognised) -> DatasetSummary:
    task, classes = recognised.task, recognised.classes
    layout = recognised.layout or layout
    keypoints = recognised.keypoints or find_keypoints(folder) if TASKS[task].skeleton else None
    points = len(keypoints.names) if keypoints else 0
    scheme = LabelScheme(task=task, classes=classes, keypoints=points, once=True)
    content = layout.read(folder, scheme)
    entries = content.entries
    problems = [*recognised.problems, *_problems(folder, content, with_notes=recognised.labelled)]
    names = sorted({entry.split for entry in entries}, key=lambda name: (name is None, name))
    per_class = Counter(item.class_name for entry in entries for item in entry.objects)
    metadata, unusable = _metadata(folder)
    return DatasetSummary(
        layout=layout.name,
        options=shortest(layout),  # type: ignore[arg-type]  # every layout is of the union
        task=task,
        keypoints=keypoints,
        arrangement=layout.arrangement(folder, task, content),
        classes=classes,
        splits=[_split(name, [entry for entry in entries if entry.split == name]) for name in names],
        images=len(entries),
        labelled=sum(entry.labelled for entry in entries),
        unlabelled=sum(not entry.labelled for entry in entries),
        objects=per_class.total(),
        per_class={name: per_class[name] for name in classes},
        problems=[*problems, *unusable],
        metadata=metadata,
        points=recognised.points,
    )


def _split(name: str | None, entries: Sequence[ImageEntry]) -> FoundSplit:
    return FoundSplit(
        name=name,
        images=len(entries),
        labelled=sum(entry.labelled for entry in entries),
        objects=sum(len(entry.objects) for entry in entries),
    )


def _problems(folder: Path, content: LayoutContent, *, with_notes: bool) -> list[str]:
    labels = list(dict.fromkeys(problem for entry in content.entries for problem in entry.label_problems))
    paths = [entry.path for entry in content.entries]
    with ThreadPoolExecutor(cpu_count()) as pool:
        verdicts = list(pool.map(lambda path: judge_file(folder / path), paths))
        changed = [text for text in pool.map(partial(_changed, folder), content.entries) if text]
    files = [
        f"{path}: {verdict.problem}" for path, verdict in zip(paths, verdicts, strict=True) if verdict.problem
    ]
    found = [
        *_some([*files, *changed], "image files"),
        *_some(labels, "label lines"),
        *unread_pictures(folder),
    ]
    found += shared_remarks(
        [(path, verdict.remark) for path, verdict in zip(paths, verdicts, strict=True) if verdict.remark]
    )
    found += content.notes if with_notes else []
    if not any(entry.split for entry in content.entries):
        found.append(f"{NO_SPLITS}: choose splits by condition, such as group_fraction < 0.8")
    return found


def _changed(folder: Path, entry: ImageEntry) -> str | None:
    """What is said of a file that is another than the one that the labels are about."""
    if entry.declared_sha256 is None or not (folder / entry.path).is_file():
        return None
    with (folder / entry.path).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return (
        None
        if found == entry.declared_sha256
        else f"{entry.path}: its SHA-256 is not the one that the labels state"
    )


def _some(problems: Sequence[str], what: str) -> list[str]:
    more = len(problems) - SHOWN
    return [*problems[:SHOWN], *([f"and {more} more {what} with problems"] if more > 0 else [])]


def _metadata(folder: Path) -> tuple[dict[str, list[str]], list[str]]:
    """CSV files at the top with a `path` column; and why others are no use."""
    found: dict[str, list[str]] = {}
    problems = []
    for path in sorted(folder.glob("*.csv")):
        try:
            header = read_header(path)
        except FlywheelError as error:
            at = f"{path.name}:{error.where.line}" if error.where and error.where.line else path.name
            problems.append(f"{at} is not used as metadata: {error.message}; {error.hint}")
            continue
        if KEY in header:
            found[path.name] = list(header)
        else:
            problems.append(
                f"{path.name} has no column `{KEY}` (relative to the dataset), so it is not used as metadata"
            )
    return found, problems


def _unrecognised(folder: Path, task: TaskName) -> DatasetSummary:
    images = list_files(folder)
    metadata, unusable = _metadata(folder)
    return DatasetSummary(
        layout=None,
        task=task,
        arrangement="not recognised",
        classes=[],
        splits=[],
        images=len(images),
        labelled=0,
        unlabelled=len(images),
        objects=0,
        per_class={},
        problems=[*unrecognised(folder, images), *unusable],
        metadata=metadata,
    )
