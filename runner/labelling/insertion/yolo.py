"""YOLO: a text file of each image, beside or in `labels/`; its split is the folder that it lies in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.dataset.entries import LabelledObject
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_bytes, write_text
from runner.domain.task import TaskName
from runner.labelling.insertion.inserter import Edit, EditedImage, Insertion, moved, no_folder, not_where_read
from runner.layouts.yolo_beside import darknet_splits
from runner.layouts.yolo_files import (
    IMAGES,
    label_path,
    labels_lie_aside,
    read_class_names,
    read_data_yaml,
    task_label_folder,
    yolo_images,
    yolo_labels,
)
from runner.layouts.yolo_splits import KEYS
from runner.writers.losses import Losses
from runner.writers.writer import Scheme
from runner.writers.yolo_text import label_line


class YoloInserter:
    """Writes a label file per image."""

    by_stem = True

    def target(
        self, folder: Path, path: str, split: str | None, into: str, objects: Sequence[LabelledObject]
    ) -> str:
        """The folder of its split gets the other's name; an image of none gets one below `images/`."""
        if split == into:
            return path
        if lists := _lists(folder):
            raise no_folder(path, into, f"the dataset names images in lists ({lists})")
        if place := moved(path, split, into):
            return place
        if path.startswith(f"{IMAGES}/"):
            return f"{IMAGES}/{into}/{path.removeprefix(f'{IMAGES}/')}"
        raise no_folder(path, into, "no folder is called like a split")

    def insert(self, folder: Path, scheme: Scheme, items: Sequence[Insertion]) -> None:
        """The ids of classes are those of the dataset's data.yaml, where it has one."""
        ids = _ClassIds(folder, scheme)
        aside = _aside(folder, scheme.task)
        for item in items:
            lines = [label_line(ids.own(label), item.sized(), scheme, Losses()) for label in item.objects]
            write_text(folder / f"{aside}{label_path(item.target)}", "".join(lines))

    def edit(self, folder: Path, scheme: Scheme, images: Sequence[EditedImage]) -> None:
        """A line of a label file each: of another class its first word changes, and its numbers stay digit by digit."""
        ids = _ClassIds(folder, scheme)
        aside = _aside(folder, scheme.task)
        for image in images:
            places = [edit.place.rpartition(":")[0] for edit in image.edits if edit.place is not None]
            path = folder / (places[0] if places else f"{aside}{label_path(image.path)}")
            before = path.read_bytes() if path.is_file() else b""
            lines = before.decode("utf-8", "surrogateescape").splitlines(keepends=True)
            if lines and not lines[-1].endswith(("\n", "\r")):
                lines[-1] += "\n"
            end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
            for edit in image.edits:
                new = ""
                if edit.label is not None:
                    label = ids.own(edit.label)
                    new = str(label.class_id)
                    if edit.reshaped:
                        new = label_line(label, image.sized(label), scheme, Losses()).replace("\n", end)
                _edit_line(lines, edit, new)
            write_bytes(path, "".join(lines).encode("utf-8", "surrogateescape"))

    def edited_path(self, folder: Path, image: EditedImage) -> str:
        """Its own."""
        return image.path

    def left_behind(self, folder: Path, path: str) -> str | None:
        """Its text file."""
        place = label_path(path)
        return place if (folder / place).is_file() else None


class _ClassIds:
    """The ids of classes in a dataset's label files."""

    def __init__(self, folder: Path, scheme: Scheme) -> None:
        self.folder = folder
        names = read_class_names(folder) or list(scheme.classes)
        self.ids = {name: number for number, name in enumerate(names)}

    def own(self, label: LabelledObject) -> LabelledObject:
        """A label with the id that the dataset has for its class.

        Raises:
            FlywheelError: it has none.
        """
        if label.class_name not in self.ids:
            raise FlywheelError(
                f'the dataset\'s data.yaml names no class "{label.class_name}"',
                where=Where(f"{self.folder}/data.yaml"),
                hint="add it to `names` there, then run the same command again",
            )
        return label._replace(class_id=self.ids[label.class_name])


def _edit_line(lines: list[str], edit: Edit, new: str) -> None:
    """Changes one line in place; one that is removed stays as an empty text, so that the others keep their numbers."""
    if edit.place is None:
        lines.append(new)
        return
    at = int(edit.place.rpartition(":")[2]) - 1
    if not 0 <= at < len(lines) or not lines[at].strip():
        raise not_where_read(edit.place)
    if edit.label is not None and not edit.reshaped:
        new = re.sub(r"[^\s\ufeff]+", new, lines[at], count=1)
    lines[at] = new


def _aside(folder: Path, task: TaskName) -> str:
    """The folder above `labels/` in a dataset with labels for several tasks."""
    return (
        task_label_folder(task)
        if labels_lie_aside(yolo_images(folder), set(yolo_labels(folder)), task)
        else ""
    )


def _lists(folder: Path) -> str:
    """A list of images that says what is in a split, where the dataset has any."""
    document: dict[str, Any] = read_data_yaml(folder) or (darknet_splits(folder) or ({}, ""))[0]
    texts = [text for key in KEYS if key in document for text in _texts(document[key])]
    return next((text for text in texts if text.endswith(".txt")), "")


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value.strip()] if isinstance(value, str) else []
