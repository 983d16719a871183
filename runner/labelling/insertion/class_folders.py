"""Folders: an image's class is the folder that it lies in, so that to label it is to move it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.class_names import plain_name
from runner.dataset.entries import LabelledObject, list_files
from runner.labelling.insertion.inserter import EditedImage, Insertion, no_folder
from runner.writers.writer import Scheme


class FolderInserter:
    """Sends images into the folder of their class."""

    by_stem = False

    def target(
        self, folder: Path, path: str, split: str | None, into: str, objects: Sequence[LabelledObject]
    ) -> str:
        """`<split>/<class>/…`, or `<class>/…` where folders of classes lie at the top."""
        if len(objects) != 1:
            raise no_folder(path, into, f"it has {len(objects)} classes, not one")
        name = _folder_of(folder, into, objects[0].class_name)
        parts = list(PurePosixPath(path).parts)
        if split is not None and parts[0] == split:
            parts = parts[1:]
        inner = parts[1:] if len(parts) > 1 and _is_class(parts[0], objects[0].class_name) else parts
        with_splits = split is not None or (folder / into).is_dir()
        return PurePosixPath(*((into,) if with_splits else ()), name, *inner).as_posix()

    def insert(self, folder: Path, scheme: Scheme, items: Sequence[Insertion]) -> None:
        """Nothing: an image's place is its label."""

    def edit(self, folder: Path, scheme: Scheme, images: Sequence[EditedImage]) -> None:
        """Nothing: an image's place is its label."""

    def edited_path(self, folder: Path, image: EditedImage) -> str:
        """The folder of its class gets the other's name.

        Raises:
            FlywheelError: an image without a class would lie nowhere.
        """
        label = image.edits[0].label
        if len(image.edits) != 1 or label is None:
            raise no_folder(image.path, image.split or "a class", "it would have no class, or several")
        parts = list(PurePosixPath(image.path).parts)
        parts[1 if image.split is not None and parts[0] == image.split else 0] = _folder_of(
            folder, image.split or "", label.class_name
        )
        return PurePosixPath(*parts).as_posix()

    def left_behind(self, folder: Path, path: str) -> str | None:
        """Nothing."""
        return None


def _folder_of(folder: Path, into: str, class_name: str) -> str:
    """The folder of a class as the dataset spells it, else as it is called."""
    for path in list_files(folder):
        for part in PurePosixPath(path).parts[:-1][:2]:
            if _is_class(part, class_name):
                return part
    return class_name


def _is_class(part: str, class_name: str) -> bool:
    return plain_name(part) == plain_name(class_name)
