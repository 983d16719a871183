"""What adds labels to the files of one layout, and what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runner.dataset.entries import ImageEntry, LabelledObject
from runner.domain.errors import FlywheelError, Where
from runner.writers.writer import Scheme, SizedImage


@dataclass(frozen=True, kw_only=True)
class Insertion:
    """The labels of one image.

    Attributes:
        path: where the image lies now, relative to the dataset.
        target: where it is going to lie.
        split: what the layout is to call its split there; None where it has none.
        width, height: in pixels.
        objects: of the project's task and classes.
    """

    path: str
    target: str
    split: str | None
    width: int
    height: int
    objects: tuple[LabelledObject, ...]

    def sized(self) -> SizedImage:
        """As a writer takes it."""
        entry = ImageEntry(path=self.target, split=self.split, labelled=True, objects=self.objects)
        return SizedImage(entry=entry, place=self.target, width=self.width, height=self.height)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One label that becomes another.

    Attributes:
        place: of the label as the layout reads it (`LabelledObject.place`); None where one is added.
        label: what it becomes, of the project's task and classes; None where it is removed.
        reshaped: its shape is another one, and not its class alone.
    """

    place: str | None
    label: LabelledObject | None
    reshaped: bool = True


@dataclass(frozen=True, kw_only=True)
class EditedImage:
    """What changes on one image.

    Attributes:
        path: where it lies, relative to the dataset.
        split: what the layout calls its split; None where it has none.
        width, height: in pixels, as its labels count them.
    """

    path: str
    split: str | None
    width: int
    height: int
    edits: tuple[Edit, ...]

    def sized(self, label: LabelledObject) -> SizedImage:
        """The image with one label alone, as a writer takes it."""
        entry = ImageEntry(path=self.path, split=self.split, labelled=True, objects=(label,))
        return SizedImage(entry=entry, place=self.path, width=self.width, height=self.height)


class Inserter(Protocol):
    """Adds labels to a dataset of one layout, and changes single ones.

    Attributes:
        by_stem: images that differ in their suffix only would share a label file.
    """

    by_stem: bool

    def target(
        self, folder: Path, path: str, split: str | None, into: str, objects: Sequence[LabelledObject]
    ) -> str:
        """Where an image goes that is to be in another split; its own path where it can stay.

        Args:
            folder: the dataset.
            path: of the image, relative to it.
            split: what the layout calls its split now.
            into: what the layout calls the split that it is to be in.

        Raises:
            FlywheelError: the layout's files do not say it by folders.
        """
        ...

    def insert(self, folder: Path, scheme: Scheme, items: Sequence[Insertion]) -> None:
        """Writes the labels for where the images are going to lie; what is there of the same images is replaced.

        It is done before images move, and doing it twice is doing it once.

        Raises:
            FlywheelError: a file of the dataset is not readable, or the disk is full.
        """
        ...

    def edit(self, folder: Path, scheme: Scheme, images: Sequence[EditedImage]) -> None:
        """Changes single labels; all others, and whatever else their files say, stay as they are.

        Each file is written at once or not at all. Doing it twice is not doing it once: places are those of before.

        Raises:
            FlywheelError: a label is not where it was read, or the disk is full.
        """
        ...

    def edited_path(self, folder: Path, image: EditedImage) -> str:
        """Where an image goes whose labels change: its own path, unless its place is its label."""
        ...

    def left_behind(self, folder: Path, path: str) -> str | None:
        """The label file of an image at a place that it leaves, relative to the dataset; None where there is none."""
        ...


def moved(path: str, split: str | None, into: str) -> str | None:
    """A path with the folder that is called like its split called otherwise; None where no folder is.

    >>> moved("images/pool/a/x.jpg", "pool", "train"), moved("pool/images/x.jpg", "pool", "train")
    ('images/train/a/x.jpg', 'train/images/x.jpg')
    >>> moved("images/x.jpg", None, "train") is None
    True
    """
    parts = path.split("/")
    if split is None or split not in parts[:-1]:
        return None
    parts[parts.index(split)] = into
    return "/".join(parts)


def no_folder(path: str, into: str, why: str) -> FlywheelError:
    """The error where it cannot be told how an image is brought into a split."""
    return FlywheelError(
        f"how this image comes into {into} cannot be told: {why}",
        where=Where(path),
        hint="let folders say it, images/pool/ and images/train/, or a column of the metadata: flywheel split --help",
    )


def not_where_read(place: str) -> FlywheelError:
    """The error where a label's file changed while it was edited, or is written in a way that is read and cannot be edited."""
    return FlywheelError(
        "the label cannot be found in the file that it was read from",
        where=Where(place),
        hint="correct this label by hand; its decision in the review can then be emptied",
    )
