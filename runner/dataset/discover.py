"""What a folder of images holds: its task, layout, splits, classes and labels, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.adapters.image_files import judge_file
from runner.adapters.machine import cpu_count
from runner.dataset.csv_rows import KEY, read_header
from runner.dataset.entries import (
    ImageEntry,
    LabelScheme,
    LayoutContent,
    list_files,
    shared_remarks,
    unread_pictures,
)
from runner.dataset.formats import detected_formats
from runner.dataset.layouts import LAYOUTS
from runner.dataset.layouts.coco import coco_categories, coco_files
from runner.dataset.layouts.folders import folder_classes
from runner.dataset.layouts.yolo import (
    label_path,
    labels_lie_aside,
    read_class_names,
    read_data_yaml,
    task_label_folder,
    yolo_images,
    yolo_labels,
)
from runner.dataset.skeleton import find_keypoints
from runner.domain.errors import FlywheelError, Where
from runner.domain.records import Record
from runner.domain.task import TASK_NAMES, Keypoints, TaskName

SHOWN = 5  # examples of each kind of problem
SAMPLED_LABELS = 200  # label files that tell which task they are for


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


@dataclass(frozen=True, kw_only=True)
class _Found:
    """How a dataset is to be read."""

    layout: str
    task: TaskName
    classes: list[str]
    problems: list[str]


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
    if found is None and (not images or task == "classify"):
        return _unrecognised(folder, task or "detect")
    if found is None:
        classes = read_class_names(folder) or []
        found = _Found(layout="yolo", task=task or "detect", classes=classes, problems=[_no_labels(folder)])
    return _summary(folder, found, images)


def _class_folders(folder: Path, images: Sequence[str], task: TaskName | None) -> _Found | None:
    """Folders called after classes, unless the user or the files say that they are something else."""
    if task not in (None, "classify"):
        return None
    if task is None and (images or coco_files(folder) or _label_folders(folder)):
        return None
    classes = folder_classes(folder)
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
    if not labels or task == "classify":
        return None
    classes = _yolo_classes(folder, labels, problems)
    return _Found(layout="yolo", task=task or _yolo_task(folder, labels), classes=classes, problems=problems)


def _coco(folder: Path, task: TaskName | None) -> _Found | None:
    if task == "classify":
        return None
    if task is None and not coco_files(folder) and coco_files(folder, "pose"):
        task = "pose"
    files = coco_files(folder, task or "detect")
    names = [name for file in files for name in coco_categories(folder, file)]
    classes = list(dict.fromkeys(names))
    return _Found(layout="coco", task=task or "detect", classes=classes, problems=[]) if files else None


def _yolo_task(folder: Path, labels: Sequence[str]) -> TaskName:
    """What most lines of the label files are about."""
    if read_data_yaml(folder).get("kpt_shape"):
        return "pose"
    step = -(-len(labels) // SAMPLED_LABELS)
    lengths = Counter(len(words) for path in labels[::step] for words in _words(folder / path))
    corners, boxes = lengths[9], lengths[5]
    outlines = sum(count for length, count in lengths.items() if length >= 7 and length % 2)
    if corners == outlines and corners > lengths.total() - corners:
        return "obb"  # lines of other lengths are flawed: none is an outline of more points
    return "segment" if outlines > boxes else "detect"


def _summary(folder: Path, found: _Found, images: Sequence[str]) -> DatasetSummary:
    files = coco_files(folder, found.task)
    keypoints = find_keypoints(folder, files) if found.task == "pose" else None
    scheme = LabelScheme(
        task=found.task, classes=found.classes, keypoints=len(keypoints.names) if keypoints else 0
    )
    content = LAYOUTS[found.layout](folder, scheme)
    entries = content.entries
    problems = [*found.problems, *_problems(folder, content)]
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
    for place in ("classes.txt", "labels/classes.txt", "obj.names"):
        if (folder / place).is_file():
            lines = (folder / place).read_text(encoding="utf-8", errors="replace").splitlines()
            return [line.strip() for line in lines if line.strip()]
    ids = {words[0] for path in labels for words in _words(folder / path)}
    highest = max((int(word) for word in ids if word.isdecimal()), default=-1)
    problems.append(
        "no data.yaml with `names` and no classes.txt: the classes are called class_0, class_1, …; "
        "rename them in flywheel.yaml, in this order"
    )
    return [f"class_{number}" for number in range(min(highest, 9999) + 1)]


def _words(path: Path) -> list[list[str]]:
    """The words of each line that has any."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.split() for line in lines if line.strip()]


def _problems(folder: Path, content: LayoutContent) -> list[str]:
    labels = [problem for entry in content.entries for problem in entry.label_problems]
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
    found += content.notes if any(entry.labelled for entry in content.entries) else []
    if not any(entry.split for entry in content.entries):
        found.append("no split folders: choose splits by condition, such as group_fraction < 0.8")
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


def _no_labels(folder: Path) -> str:
    if formats := detected_formats(folder):
        return str(formats[0])
    places = _label_folders(folder)
    if not places:
        return "no labels were found: all images are unlabelled"
    return (
        f"labels were found in {_listed(places)}, but are read from labels/ beside images/: "
        "move the ones to use there"
    )


def _label_folders(folder: Path) -> Counter[str]:
    """Folders of text files that are named as images are; `detect/labels/train` counts as `detect/labels`."""
    stems = {PurePosixPath(path).stem for path in list_files(folder)}
    texts = [PurePosixPath(path) for path in list_files(folder, frozenset((".txt", ".xml", ".json")))]
    named = [path.parent for path in texts if path.stem in stems]
    return Counter(
        next((part.as_posix() for part in (place, *place.parents) if part.name == "labels"), place.as_posix())
        for place in named
    )


def _listed(places: Counter[str]) -> str:
    shown = [f"{place}/ ({number})" for place, number in places.most_common(SHOWN)]
    return ", ".join([*shown, *(["…"] if len(places) > SHOWN else [])])


def _unrecognised(folder: Path, task: TaskName) -> DatasetSummary:
    images = list_files(folder)
    problems = ["no image was found: JPEG, PNG, BMP, WebP or TIFF"]
    if images:
        places = Counter(PurePosixPath(path).parent.as_posix() for path in images)
        problems = [
            f"{len(images)} images were found, in {_listed(places)}, but neither as YOLO "
            "(images/ with labels/, or <split>/images/ with <split>/labels/) nor as COCO (annotations/*.json) "
            "nor in a folder per class (<class>/, or <split>/<class>/)"
        ]
    elif strays := yolo_labels(folder):
        problems = [
            f"{len(strays)} label files were found, but no image: adopt the folder that holds images/ too"
        ]
        if folder.name in TASK_NAMES:
            problems[0] += f" (labels may lie in {folder.name}/labels/ there: --task {folder.name})"
    formats = detected_formats(folder)
    if images and not formats and (labels := _label_folders(folder)):
        problems.append(f"files named as images are, perhaps their labels, are in {_listed(labels)}")
    problems = [*map(str, formats), *unread_pictures(folder), *problems]
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
        problems=[*problems, *unusable],
        metadata=metadata,
        coco_files=[],
    )
