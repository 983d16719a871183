"""YOLO: a text file of each image, beside or in `labels/`; its split is the folder that it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.dataset.entries import LabelledObject
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_text
from runner.domain.task import TaskName
from runner.labelling.insertion.inserter import Insertion, moved, no_folder
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
        names = read_class_names(folder) or list(scheme.classes)
        ids = {name: number for number, name in enumerate(names)}
        aside = _aside(folder, scheme.task)
        for item in items:
            lines = []
            for label in item.objects:
                if label.class_name not in ids:
                    raise FlywheelError(
                        f'the dataset\'s data.yaml names no class "{label.class_name}"',
                        where=Where(f"{folder}/data.yaml"),
                        hint="add it to `names` there, then run the same command again",
                    )
                own = label._replace(class_id=ids[label.class_name])
                lines.append(label_line(own, item.sized(), scheme, Losses()))
            write_text(folder / f"{aside}{label_path(item.target)}", "".join(lines))

    def left_behind(self, folder: Path, path: str) -> str | None:
        """Its text file."""
        place = label_path(path)
        return place if (folder / place).is_file() else None


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
