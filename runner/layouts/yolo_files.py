"""YOLO: one text file per image, one line per object.

Two arrangements are read, also side by side: `images/<split>/**` with `labels/<split>/**.txt` (or `images/`
without split folders), and `<split>/images/**` with `<split>/labels/**.txt`. Where no image is in `images/`, labels are those beside
the images (Darknet's way). Where labels are not in `labels/`,
those of a dataset with labels for several tasks are: `images/**` with `<task>/labels/**.txt`.

What a line says depends on the task, in fractions of the image's size: see `yolo_lines`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from runner.adapters.system.yaml_text import load_text
from runner.dataset.class_names import plain_name
from runner.dataset.entries import ImageEntry, LabelScheme, LayoutContent, list_files
from runner.dataset.split_names import folder_of_split, split_role
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_small
from runner.domain.label_faults import LabelFault
from runner.domain.task import TaskName
from runner.layouts.yolo_beside import darknet_splits, labels_beside
from runner.layouts.yolo_lines import LineReader
from runner.layouts.yolo_pairing import orphan_faults, orphan_notes, shared_labels
from runner.layouts.yolo_splits import KEYS, DeclaredSplits, SplitReader

IMAGES, LABELS = "images", "labels"
NAMES_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
NOT_LABELS = frozenset(("classes.txt", "obj.names.txt", "README.txt", "readme.txt"))


def read_yolo(folder: Path, scheme: LabelScheme) -> LayoutContent:
    """Reads every image's label file. An image's split is that of data.yaml's lists and folders, else of its own folder.

    Args:
        folder: the dataset.
        scheme: the project's task and classes. Label ids count in the order of the dataset's data.yaml if it
            has one, else in that of the classes.

    Raises:
        FlywheelError: data.yaml is not readable.
    """
    reader = LineReader(scheme, read_class_names(folder) or list(scheme.classes))
    labels = set(yolo_labels(folder))
    images = yolo_images(folder)
    splits = declared_splits(folder, images)
    aside = task_label_folder(scheme.task) if labels_lie_aside(images, labels, scheme.task) else ""
    places = {path: f"{aside}{label_path(path)}" for path in images}
    shared = shared_labels(places, labels)
    entries = [
        _entry(
            folder,
            ImageEntry(path=path, split=splits.of.get(path, layout_split(path)), labelled=False),
            places[path] if places[path] in labels else None,
            reader,
            shared.get(places[path]),
        )
        for path in images
    ]
    orphans = sorted(label for label in labels - set(places.values()) if label.startswith(aside))
    notes = [
        *splits.notes,
        *orphan_notes(orphans, [path for path in images if places[path] not in labels], places),
    ]
    return LayoutContent(
        entries=entries,
        notes=notes,
        empty_splits=_empty_splits(folder, entries, splits),
        faults=[*splits.faults, *orphan_faults(orphans)],
    )


def declared_splits(folder: Path, images: Sequence[str]) -> DeclaredSplits:
    """What the dataset's data.yaml says of splits; where labels lie beside images, obj.data or lists at the top do.

    Raises:
        FlywheelError: it is not readable.
    """
    found = data_yaml(folder)
    reader = SplitReader(folder, {path: layout_split(path) for path in images})
    if found is None:
        beside = not any(_lies_in(IMAGES, path) for path in images)
        darknet = darknet_splits(folder) if beside else None
        return reader.read(*darknet) if darknet else DeclaredSplits()
    return reader.read(read_data_yaml(folder), found.name)


def _empty_splits(folder: Path, entries: Sequence[ImageEntry], splits: DeclaredSplits) -> dict[str, str]:
    """Splits that data.yaml or folders name without an image in them."""
    filled = {entry.split for entry in entries}
    places = [*folder.glob(f"{IMAGES}/*/"), *(path.parent for path in folder.glob(f"*/{IMAGES}/"))]
    names = {
        path.name: f"the folder {path.relative_to(folder).as_posix()}/ holds no image that is read"
        for path in sorted(places)
        if not path.name.startswith(".") and split_role(path.name) not in (None, "pool")
    }
    return {name: why for name, why in (names | dict(splits.empty)).items() if name not in filled}


def yolo_images(folder: Path) -> list[str]:
    """The images that this layout recognises, sorted, relative to `folder`: those in images/, else all, if labels lie beside."""
    every = list_files(folder)
    return [path for path in every if _lies_in(IMAGES, path)] or (every if _beside(folder, every) else [])


def yolo_labels(folder: Path) -> list[str]:
    """The label files where this layout expects them, sorted, relative to `folder`."""
    images = list_files(folder)
    if not any(_lies_in(IMAGES, path) for path in images) and (beside := _beside(folder, images)):
        return beside
    return [path for path in _texts(folder) if _lies_in(LABELS, path)]


def _beside(folder: Path, images: Sequence[str]) -> list[str]:
    return labels_beside(folder, images, _texts(folder))


def _texts(folder: Path) -> list[str]:
    texts = list_files(folder, frozenset((".txt",)))
    return [path for path in texts if path.rpartition("/")[2] not in NOT_LABELS]


def label_path(image_path: str) -> str:
    """Where an image's labels are: the same path below `labels/`, or beside an image that is not in `images/`.

    >>> label_path("images/train/a/x.jpg"), label_path("train/images/x.jpg"), label_path("obj_train_data/x.jpg")
    ('labels/train/a/x.txt', 'train/labels/x.txt', 'obj_train_data/x.txt')
    """
    if not _lies_in(IMAGES, image_path):
        return f"{os.path.splitext(image_path)[0]}.txt"  # noqa: PTH122
    folder, _, name = image_path.rpartition("/")  # as text: for every image, a path takes too long
    parts = folder.split("/")
    parts[parts.index(IMAGES)] = LABELS
    return f"{'/'.join(parts)}/{os.path.splitext(name)[0]}.txt"  # noqa: PTH122


def labels_lie_aside(images: Sequence[str], labels: Set[str], task: TaskName) -> bool:
    """Whether the labels of images are in `<task>/labels/`, and none in `labels/`."""
    if any(label_path(path) in labels for path in images):
        return False
    aside = task_label_folder(task)
    return any(f"{aside}{label_path(path)}" in labels for path in images)


def task_label_folder(task: TaskName) -> str:
    """Where a dataset with labels for several tasks keeps those for one."""
    return f"{task}/"


def layout_split(image_path: str) -> str | None:
    """The split that an image's folder names.

    >>> layout_split("images/train/a/x.jpg"), layout_split("valid/images/x.jpg"), layout_split("images/x.jpg")
    ('train', 'valid', None)
    """
    if not _lies_in(IMAGES, image_path):
        return folder_of_split(image_path)
    parts = image_path.split("/")
    if parts[0] != IMAGES:
        return parts[0]
    return parts[1] if len(parts) > 2 else None


def data_yaml(folder: Path) -> Path | None:
    """The file that describes a YOLO dataset, if there is one: by its usual names, else the only one with `names`."""
    usual = next((folder / name for name in NAMES_FILES if (folder / name).is_file()), None)
    if usual is not None:
        return usual
    others = [path for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) if _describes(path)]
    return others[0] if len(others) == 1 else None


def _describes(path: Path) -> bool:
    try:
        content = _parsed(path)
    except FlywheelError:
        return False
    return "names" in content and not content.keys().isdisjoint((*KEYS, "nc"))


def read_data_yaml(folder: Path) -> dict[str, Any]:
    """What the dataset's data.yaml says, all of it as text; nothing where there is none.

    Raises:
        FlywheelError: it is not YAML.
    """
    found = data_yaml(folder)
    return {} if found is None else _parsed(found)


def _parsed(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = load_text(path.read_bytes())
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = Where(str(path), mark.line + 1, mark.column + 1) if mark else Where(str(path))
        encoding = isinstance(error, yaml.reader.ReaderError)
        raise FlywheelError(
            "not valid YAML: it is not UTF-8 text" if encoding else "not valid YAML",
            where=where,
            hint="save the file as UTF-8" if encoding else None,
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    return document if isinstance(document, dict) else {}


def read_class_names(folder: Path) -> list[str] | None:
    """The class names of the dataset's data.yaml, in the order of label ids; None when there is none.

    Names are the text that is written: `yes`, `null`, `007`.

    Raises:
        FlywheelError: it is not YAML, or `names` is neither a list nor a mapping from 0 on.
    """
    found = data_yaml(folder)
    names = read_data_yaml(folder).get("names")
    if found is None or names in (None, "", "~", "null"):
        return None
    if isinstance(names, dict):
        ids = [_number(key) for key in names]
        if sorted(number for number in ids if number is not None) == list(range(len(names))):
            by_id = dict(zip(ids, names.values(), strict=True))
            names = [by_id[number] for number in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FlywheelError(
            "`names` must be a list of class names, or a mapping from 0, 1, 2, … to them",
            where=Where(str(found)),
            exit_code=ExitCode.STAGE_FAILED,
        )
    return [plain_name(name) for name in names]


def listed_names(path: Path) -> list[str]:
    """The class names of a text file, one a line; the line's number is the class id.

    Raises:
        FlywheelError: it is not text in UTF-8.
    """
    content = path.read_bytes()
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # Notepad's "Unicode"
    try:
        lines = content.decode("utf-16" if wide else "utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FlywheelError(
            "not UTF-8 text",
            where=Where(str(path)),
            hint="save the file as UTF-8",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    while lines and not lines[-1].strip():
        lines.pop()
    return [plain_name(line) for line in lines]


def noted_names(path: Path) -> list[str] | None:
    """The class names of the notes.json that Label Studio writes beside YOLO labels; None where there is none."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Notes).categories
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    by_id = {item.id: plain_name(item.name) for item in found}
    return (
        [by_id[number] for number in range(len(by_id))] if sorted(by_id) == list(range(len(by_id))) else None
    )


class _NotedClass(msgspec.Struct, frozen=True):
    id: int
    name: str


class _Notes(msgspec.Struct, frozen=True):
    categories: list[_NotedClass]


def _number(key: Any) -> int | None:
    """A class id: a whole number, in quotes or not."""
    text = str(key).strip()
    return int(text) if text.isascii() and text.isdecimal() else None


def _entry(
    folder: Path, image: ImageEntry, label: str | None, reader: LineReader, shared: LabelFault | None
) -> ImageEntry:
    if label is None:
        return image
    try:
        text = read_small(f"{folder}/{label}").decode("utf-8-sig", errors="replace")
    except OSError as error:
        fault = LabelFault("unreadable", label, f"cannot be read: {error.strerror}")
        return replace(image, labelled=True, label_problems=(fault,))
    objects, problems = reader.read(label, text)
    return ImageEntry(
        path=image.path,
        split=image.split,
        labelled=True,
        objects=tuple(objects),
        label_problems=(*([shared] if shared else []), *problems),
    )


def _lies_in(name: str, path: str) -> bool:
    """Whether one of the first two folders of a path is called `name`."""
    return name in path.split("/")[:-1][:2]
