"""YOLO: one text file per image, one line per object.

Two arrangements are read, also side by side: `images/<split>/**` with `labels/<split>/**.txt` (or `images/`
without split folders), and `<split>/images/**` with `<split>/labels/**.txt`. Where labels are not in `labels/`,
those of a dataset with labels for several tasks are: `images/**` with `<task>/labels/**.txt`.

What a line says depends on the task, in fractions of the image's size: see `yolo_lines`.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path, PurePosixPath
from typing import Any

from runner.dataset.entries import ImageEntry, LabelScheme, LayoutContent, list_files
from runner.dataset.layouts.yolo_lines import LineReader
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.task import TaskName

IMAGES, LABELS = "images", "labels"
NAMES_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
NOT_LABELS = frozenset(("classes.txt", "obj.names.txt", "README.txt", "readme.txt"))


def read_yolo(folder: Path, scheme: LabelScheme) -> LayoutContent:
    """Reads every image's label file.

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
    aside = task_label_folder(scheme.task) if labels_lie_aside(images, labels, scheme.task) else ""
    places = {path: f"{aside}{label_path(path)}" for path in images}
    entries = [_entry(folder, path, places[path], labels, reader) for path in images]
    orphans = sorted(label for label in labels - set(places.values()) if label.startswith(aside))
    notes = [f"{len(orphans)} label files have no image: {orphans[0]}, …"] if len(orphans) > 1 else []
    notes += [f"the label file {orphan} has no image" for orphan in orphans if len(orphans) == 1]
    return LayoutContent(entries=entries, notes=notes)


def yolo_images(folder: Path) -> list[str]:
    """The images that this layout recognises, sorted, relative to `folder`."""
    return [path for path in list_files(folder) if _lies_in(IMAGES, path)]


def yolo_labels(folder: Path) -> list[str]:
    """The label files where this layout expects them, sorted, relative to `folder`."""
    texts = list_files(folder, frozenset((".txt",)))
    return [path for path in texts if _lies_in(LABELS, path) and PurePosixPath(path).name not in NOT_LABELS]


def label_path(image_path: str) -> str:
    """Where an image's labels are: the same path below `labels/`.

    >>> label_path("images/train/a/x.jpg"), label_path("train/images/x.jpg")
    ('labels/train/a/x.txt', 'train/labels/x.txt')
    """
    parts = list(PurePosixPath(image_path).parts)
    parts[parts.index(IMAGES)] = LABELS
    return PurePosixPath(*parts).with_suffix(".txt").as_posix()


def labels_lie_aside(images: Sequence[str], labels: Set[str], task: TaskName) -> bool:
    """Whether the labels of images are in `<task>/labels/`, and none in `labels/`."""
    paths = [label_path(path) for path in images]
    aside = task_label_folder(task)
    return labels.isdisjoint(paths) and not labels.isdisjoint(f"{aside}{path}" for path in paths)


def task_label_folder(task: TaskName) -> str:
    """Where a dataset with labels for several tasks keeps those for one."""
    return f"{task}/"


def layout_split(image_path: str) -> str | None:
    """The split that an image's folder names.

    >>> layout_split("images/train/a/x.jpg"), layout_split("valid/images/x.jpg"), layout_split("images/x.jpg")
    ('train', 'valid', None)
    """
    parts = PurePosixPath(image_path).parts
    if parts[0] != IMAGES:
        return parts[0]
    return parts[1] if len(parts) > 2 else None


def data_yaml(folder: Path) -> Path | None:
    """The file that describes a YOLO dataset, if there is one."""
    return next((folder / name for name in NAMES_FILES if (folder / name).is_file()), None)


def read_data_yaml(folder: Path) -> dict[str, Any]:
    """What the dataset's data.yaml says; nothing where there is none.

    Raises:
        FlywheelError: it is not YAML.
    """
    import yaml

    found = data_yaml(folder)
    if found is None:
        return {}
    try:
        document = yaml.safe_load(found.read_text(encoding="utf-8", errors="replace"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Where(str(found), mark.line + 1, mark.column + 1) if mark else Where(str(found))
        raise FlywheelError("not valid YAML", where=where, exit_code=ExitCode.STAGE_FAILED) from error
    return document if isinstance(document, dict) else {}


def read_class_names(folder: Path) -> list[str] | None:
    """The class names of the dataset's data.yaml, in the order of label ids; None when there is none.

    Raises:
        FlywheelError: it is not YAML, or `names` is neither a list nor a mapping from 0 on.
    """
    found = data_yaml(folder)
    names = read_data_yaml(folder).get("names")
    if found is None or names is None:
        return None
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list):
        raise FlywheelError(
            "`names` must be a list of class names, or a mapping from 0, 1, 2, … to them",
            where=Where(str(found)),
            exit_code=ExitCode.STAGE_FAILED,
        )
    return [str(name) for name in names]


def _entry(folder: Path, path: str, label: str, labels: Set[str], reader: LineReader) -> ImageEntry:
    if label not in labels:
        return ImageEntry(path=path, split=layout_split(path), labelled=False)
    try:
        text = (folder / label).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        problem = f"{label}: cannot be read: {error.strerror}"
        return ImageEntry(path=path, split=layout_split(path), labelled=True, label_problems=(problem,))
    objects, problems = reader.read(label, text)
    return ImageEntry(
        path=path,
        split=layout_split(path),
        labelled=True,
        objects=tuple(objects),
        label_problems=tuple(problems),
    )


def _lies_in(name: str, path: str) -> bool:
    """Whether one of the first two folders of a path is called `name`."""
    return name in path.split("/")[:-1][:2]
