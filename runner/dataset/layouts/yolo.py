"""YOLO: one text file per image, one line per object.

Two arrangements are read, also side by side: `images/<split>/**` with `labels/<split>/**.txt` (or `images/`
without split folders), and `<split>/images/**` with `<split>/labels/**.txt`. A line is `class cx cy w h` in
fractions of the image's size, or `class x1 y1 x2 y2 …`, a polygon of three points
or more, of which the bounding box is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.entries import ImageEntry, LabelledObject, LayoutContent, list_files, object_class_problem
from runner.domain.errors import ExitCode, FlywheelError, Where

IMAGES, LABELS = "images", "labels"
NAMES_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
NOT_LABELS = frozenset(("classes.txt", "obj.names.txt", "README.txt", "readme.txt"))


def read_yolo(folder: Path, classes: Sequence[str]) -> LayoutContent:
    """Reads every image's label file.

    Args:
        folder: the dataset.
        classes: the project's class names. Label ids count in the order of the dataset's data.yaml if it has
            one, else in this order.

    Raises:
        FlywheelError: data.yaml is not readable.
    """
    names = read_class_names(folder)
    parser = _LabelParser(classes, names or list(classes))
    labels = set(yolo_labels(folder))
    entries = [_entry(folder, path, labels, parser) for path in yolo_images(folder)]
    orphans = sorted(labels - {label_path(entry.path) for entry in entries})
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


def layout_split(image_path: str) -> str | None:
    """The split that an image's folder names.

    >>> layout_split("images/train/a/x.jpg"), layout_split("valid/images/x.jpg"), layout_split("images/x.jpg")
    ('train', 'valid', None)
    """
    parts = PurePosixPath(image_path).parts
    if parts[0] != IMAGES:
        return parts[0]
    return parts[1] if len(parts) > 2 else None


def read_class_names(folder: Path) -> list[str] | None:
    """The class names of the dataset's data.yaml, in the order of label ids; None when there is none.

    Raises:
        FlywheelError: it is not YAML, or `names` is neither a list nor a mapping from 0 on.
    """
    import yaml

    found = next((folder / name for name in NAMES_FILES if (folder / name).is_file()), None)
    if found is None:
        return None
    try:
        document = yaml.safe_load(found.read_text(encoding="utf-8", errors="replace"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Where(str(found), mark.line + 1, mark.column + 1) if mark else Where(str(found))
        raise FlywheelError("not valid YAML", where=where, exit_code=ExitCode.STAGE_FAILED) from error
    names = document.get("names") if isinstance(document, dict) else None
    if names is None:
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


class _LabelParser:
    """Turns the lines of label files into objects of the project's classes."""

    def __init__(self, classes: Sequence[str], names: Sequence[str]) -> None:
        self.classes = list(classes)
        self.names = list(names)
        self.class_ids = {name: number for number, name in enumerate(classes)}

    def parse(self, path: str, text: str) -> tuple[list[LabelledObject], list[str]]:
        objects, problems = [], []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            result = self._line(place, line.split())
            if isinstance(result, str):
                problems.append(f"{place}: {result}")
            else:
                objects.append(result)
        return objects, problems

    def _line(self, place: str, words: Sequence[str]) -> LabelledObject | str:
        try:
            values = [float(word) for word in words]
        except ValueError:
            return f"not numbers: {_shortened(' '.join(words))}"
        if not all(map(math.isfinite, values)):
            return "a number is not finite"
        if len(values) != 5 and (len(values) < 7 or len(values) % 2 == 0):
            return f"{len(values)} numbers; a box has 5 (class cx cy w h), a polygon an odd number from 7 on"
        if values[0] != int(values[0]):
            return f"class id {words[0]} is not a whole number"
        class_id = int(values[0])
        name = self.names[class_id] if 0 <= class_id < len(self.names) else None
        if name is None or name not in self.class_ids:
            return object_class_problem(name, class_id, self.names if name is None else self.classes)
        return LabelledObject(place, name, self.class_ids[name], _box(values[1:]), normalised=True)


def _box(values: Sequence[float]) -> tuple[float, float, float, float]:
    if len(values) == 4:
        x, y, width, height = values
        return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))


def _entry(folder: Path, path: str, labels: set[str], parser: _LabelParser) -> ImageEntry:
    label = label_path(path)
    if label not in labels:
        return ImageEntry(path=path, split=layout_split(path), labelled=False)
    try:
        text = (folder / label).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        problem = f"{label}: cannot be read: {error.strerror}"
        return ImageEntry(path=path, split=layout_split(path), labelled=True, label_problems=(problem,))
    objects, problems = parser.parse(label, text)
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


def _shortened(text: str) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in text[:41])
    return plain if len(plain) <= 40 else f"{plain[:39]}…"
