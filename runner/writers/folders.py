"""The writer `folders`: a folder per class, for classification."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from runner.domain.task import TaskName
from runner.writers.writer import Scheme, WriteJob

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry

_NO_FOLDER = re.compile(r'[<>:"/\\|?*]|^\.+|[. ]+$')  # what a folder's name cannot hold, on any system


class FoldersWriter:
    """`<split>/<class>/…`; images that nobody labelled lie beside the classes' folders."""

    name: ClassVar[str] = "folders"
    tasks: ClassVar[tuple[TaskName, ...]] = ("classify",)
    one_label_per_stem: ClassVar[bool] = False
    class_folders: ClassVar[bool] = True
    is_table: ClassVar[bool] = False

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """In the folder of its class, below that of its split."""
        return class_place(entry, inner, scheme)

    def write(self, job: WriteJob) -> None:
        """Nothing: images' places are their labels."""
        note_class_folders(job)


def class_place(entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
    """`<split>/<class>/…`, `<class>/…` where there are no splits."""
    split = (entry.split,) if entry.split else ()
    if not entry.objects:
        return PurePosixPath(*split, inner.name)
    name = folder_names(tuple(scheme.classes))[entry.objects[0].class_name]
    below = inner.parts[1:] if len(inner.parts) > 1 and inner.parts[0] == name else inner.parts
    return PurePosixPath(*split, name, *below)


@lru_cache
def folder_names(classes: tuple[str, ...]) -> dict[str, str]:
    """Each class's folder; classes whose folders would be one get a number.

    >>> folder_names(("traffic light", "on/off", "on_off", ".."))
    {'traffic light': 'traffic light', 'on/off': 'on_off', 'on_off': 'on_off-2', '..': '_'}
    """
    folders: dict[str, str] = {}
    taken: set[str] = set()
    for name in classes:
        plain = folder = _NO_FOLDER.sub("_", name)
        number = 1
        while folder.casefold() in taken:
            number += 1
            folder = f"{plain}-{number}"
        taken.add(folder.casefold())
        folders[name] = folder
    return folders


def note_class_folders(job: WriteJob) -> None:
    """What folders of classes cannot say: classes without an image, an order of classes, some names."""
    used = {item.class_name for image in job.images for item in image.entry.objects}
    for name, folder in folder_names(tuple(job.scheme.classes)).items():
        if name in used and folder != name:
            job.losses.add("class_name", f"{name} is {folder}")
    note_unused(job, used)
    note_class_order(job, used)


def note_unused(job: WriteJob, used: set[str]) -> None:
    """Formats that do not list classes know those of objects."""
    for name in job.scheme.classes:
        if name not in used:
            job.losses.add("unused_class", name)


def note_class_order(job: WriteJob, used: set[str]) -> None:
    """Formats that do not list classes have them in the order of the alphabet."""
    kept = [name for name in job.scheme.classes if name in used]
    for name, other in zip(kept, sorted(kept), strict=True):
        if name != other:
            job.losses.add("class_order", name)
