"""What a folder of images holds: its task, layout, splits, classes and labels, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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
from runner.domain.task import TASK_NAMES, USUAL_TASK, Keypoints, TaskName
from runner.layouts import LAYOUTS
from runner.layouts.coco import coco_categories, coco_files
from runner.layouts.folders import folder_classes, folders_problem
from runner.layouts.label_kinds import LabelKind, coco_remark, words_of, yolo_kind
from runner.layouts.skeleton import find_keypoints
from runner.layouts.unrecognised import label_folders, no_labels, unrecognised
from runner.layouts.yolo import (
    label_path,
    labels_lie_aside,
    listed_names,
    noted_names,
    read_class_names,
    task_label_folder,
    yolo_images,
    yolo_labels,
)
from runner.tasks import TASKS

SHOWN = 5  # examples of each kind of problem
NO_SPLITS = "no split folders"
NAME_LISTS = ("classes.txt", "labels/classes.txt", "obj.names", "data/obj.names", "classes.names")


class FoundSplit(Record, frozen=True, kw_only=True):
    """One of the layout's own splits; `name` is None for images in no split's folder."""

    name: str | None
    images: int
    labelled: int
    objects: int


class DatasetSummary(Record, frozen=True, kw_only=True):
    """What was found in a dataset folder.

    Attributes:
        layout: "yolo", "coco" or "folders"; None where none is recognised, and `problems` says what is there instead.
        task: what the labels are for.
        keypoints: the skeleton, for pose.
        arrangement: where images and labels lie, in words.
        classes: in the order of the label ids (YOLO) or category ids (COCO), or sorted (folders).
        problems: what keeps the dataset, or single files of it, from being used.
        metadata: CSV files with a `path` column, relative to the folder, each with its columns.
        coco_files: annotation files, also where the layout is YOLO.
        points: key points that the lines of labels seem to have, where no skeleton is described.
    """

    layout: str | None
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
    coco_files: list[str]
    points: int = 0


@dataclass(frozen=True, kw_only=True)
class _Found:
    """How a dataset is to be read."""

    layout: str
    task: TaskName
    classes: list[str]
    problems: list[str]
    points: int = 0


def discover(folder: Path, task: TaskName | None = None) -> DatasetSummary:
    """Looks at a dataset folder without decoding an image.

    Where both YOLO and COCO labels are found, YOLO's are taken: they need no other file.

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
    images = yolo_images(folder)
    found = _class_folders(folder, images, task) or _yolo(folder, images, task) or _coco(folder, task)
    if found is None and (not images or not _reads(task, "yolo")):
        return _unrecognised(folder, task or USUAL_TASK)
    if found is None:
        classes = read_class_names(folder) or []
        found = _Found(layout="yolo", task=task or USUAL_TASK, classes=classes, problems=[no_labels(folder)])
    return _summary(folder, found, images)


def _reads(task: TaskName | None, layout: str) -> bool:
    """Whether labels of the layout can be for the task that was asked for, if one was."""
    return task is None or layout in TASKS[task].layouts


def _class_folders(folder: Path, images: Sequence[str], task: TaskName | None) -> _Found | None:
    """Folders called after classes, unless the user or the files say that they are something else."""
    if not _reads(task, "folders"):
        return None
    if task is None and (images or coco_files(folder) or label_folders(folder)):
        return None
    classes = folder_classes(folder)
    if task is None and folders_problem(folder):
        return None
    return _Found(layout="folders", task="classify", classes=classes, problems=[]) if classes else None


def _yolo(folder: Path, images: Sequence[str], task: TaskName | None) -> _Found | None:
    every = set(yolo_labels(folder))
    labels = sorted({label_path(path) for path in images} & every)
    aside = [name for name in TASK_NAMES if labels_lie_aside(images, every, name)]
    problems: list[str] = []
    if not labels and task is None and aside:
        task = aside[0]
        if len(aside) > 1:
            problems.append(
                f"labels for several tasks were found ({', '.join(aside)}): those for {task} are read, --task chooses"
            )
    if not labels and task in aside:
        places = {f"{task_label_folder(task)}{label_path(path)}" for path in images}
        labels = sorted(places & every)
    if not labels or not _reads(task, "yolo"):
        return None
    classes = _yolo_classes(folder, labels, problems)
    kind = LabelKind(task=task) if task else yolo_kind(folder, labels)
    problems += [kind.remark] if kind.remark else []
    return _Found(layout="yolo", task=kind.task, classes=classes, problems=problems, points=kind.points)


def _coco(folder: Path, task: TaskName | None) -> _Found | None:
    if not _reads(task, "coco"):
        return None
    if task is None and not coco_files(folder) and coco_files(folder, "pose"):
        task = "pose"
    files = coco_files(folder, task or USUAL_TASK)
    remark = coco_remark(folder, files) if task is None else None
    names = [name for file in files for name in coco_categories(folder, file)]
    classes = list(dict.fromkeys(names))
    problems = [remark] if remark else []
    return (
        _Found(layout="coco", task=task or USUAL_TASK, classes=classes, problems=problems) if files else None
    )


def _summary(folder: Path, found: _Found, images: Sequence[str]) -> DatasetSummary:
    files = coco_files(folder, found.task)
    keypoints = find_keypoints(folder, files) if TASKS[found.task].skeleton else None
    scheme = LabelScheme(
        task=found.task, classes=found.classes, keypoints=len(keypoints.names) if keypoints else 0
    )
    content = LAYOUTS[found.layout](folder, scheme)
    entries = content.entries
    problems = [*found.problems, *_problems(folder, found.layout, content)]
    if found.layout == "yolo" and (nested := _nested(images)):
        problems.append(
            f"everything lies in {nested}/, which is taken for a split: adopt {folder.name}/{nested} instead"
        )
    names = sorted({entry.split for entry in entries}, key=lambda name: (name is None, name))
    per_class = Counter(item.class_name for entry in entries for item in entry.objects)
    metadata, unusable = _metadata(folder)
    return DatasetSummary(
        layout=found.layout,
        task=found.task,
        keypoints=keypoints,
        arrangement=_arrangement(found, entries, files),
        classes=found.classes,
        splits=[_split(name, [entry for entry in entries if entry.split == name]) for name in names],
        images=len(entries),
        labelled=sum(entry.labelled for entry in entries),
        unlabelled=sum(not entry.labelled for entry in entries),
        objects=per_class.total(),
        per_class={name: per_class[name] for name in found.classes},
        problems=[*problems, *unusable],
        metadata=metadata,
        coco_files=files,
        points=found.points,
    )


def _split(name: str | None, entries: Sequence[ImageEntry]) -> FoundSplit:
    return FoundSplit(
        name=name,
        images=len(entries),
        labelled=sum(entry.labelled for entry in entries),
        objects=sum(len(entry.objects) for entry in entries),
    )


def _yolo_classes(folder: Path, labels: Sequence[str], problems: list[str]) -> list[str]:
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


def _problems(folder: Path, found_layout: str, content: LayoutContent) -> list[str]:
    labels = list(dict.fromkeys(problem for entry in content.entries for problem in entry.label_problems))
    paths = [entry.path for entry in content.entries]
    with ThreadPoolExecutor(cpu_count()) as pool:
        verdicts = list(pool.map(lambda path: judge_file(folder / path), paths))
    files = [
        f"{path}: {verdict.problem}" for path, verdict in zip(paths, verdicts, strict=True) if verdict.problem
    ]
    found = [*_some(files, "image files"), *_some(labels, "label lines"), *unread_pictures(folder)]
    found += shared_remarks(
        [(path, verdict.remark) for path, verdict in zip(paths, verdicts, strict=True) if verdict.remark]
    )
    told = found_layout == "coco" or any(entry.labelled for entry in content.entries)
    found += content.notes if told else []
    if not any(entry.split for entry in content.entries):
        found.append(f"{NO_SPLITS}: choose splits by condition, such as group_fraction < 0.8")
    return found


def _some(problems: Sequence[str], what: str) -> list[str]:
    more = len(problems) - SHOWN
    return [*problems[:SHOWN], *([f"and {more} more {what} with problems"] if more > 0 else [])]


def _nested(images: Sequence[str]) -> str | None:
    """The only folder at the top, when the splits lie below its `images/`: adopt that one instead."""
    parts = [PurePosixPath(path).parts for path in images]
    first = {part[0] for part in parts}
    deeper = all(len(part) > 3 and part[0] != "images" for part in parts)
    return first.pop() if len(first) == 1 and deeper else None


def _arrangement(found: _Found, entries: Sequence[ImageEntry], annotation_files: Sequence[str]) -> str:
    if found.layout == "coco":
        return f"images listed in {', '.join(annotation_files)}"
    if found.layout == "folders":
        return "<split>/<class>/" if any(entry.split for entry in entries) else "<class>/"
    outer = [entry.path.startswith("images/") for entry in entries]
    nested = "<split>/images/ with <split>/labels/"
    flat = "images/<split>/ with labels/<split>/" if any(e.split for e in entries) else "images/ with labels/"
    return f"{flat}, and {nested}" if any(outer) and not all(outer) else flat if any(outer) else nested


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
        coco_files=[],
    )
