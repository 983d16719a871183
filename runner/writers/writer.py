"""What a writer is: the labels of a dataset, written in one format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from runner.domain.task import Keypoints, TaskName
from runner.writers.losses import Losses

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """What the labels are for, their classes in the order of their ids, and the skeleton for pose."""

    task: TaskName
    classes: Sequence[str]
    keypoints: Keypoints | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedImage:
    """An image with its labels, and where it goes.

    Attributes:
        entry: as the source's layout gave it; its objects are of the scheme's task and classes.
        place: posix, relative to the new dataset.
        width, height: in pixels, turned by EXIF.
        metadata: its values of the metadata columns.
        source: its file; None where there is none.
        url: of an image that a manifest has fetched from there.
    """

    entry: ImageEntry
    place: str
    width: int
    height: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: Path | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class WriteJob:
    """One dataset to write.

    Attributes:
        folder: where; it exists and holds no labels.
        images: sorted by the path that they had.
        losses: takes what the format cannot hold.
        remarks: takes what to know about the new dataset, in sentences.
        with_images: the images are going to lie at their places; else they stay where they are.
    """

    folder: Path
    scheme: Scheme
    images: Sequence[SizedImage]
    losses: Losses
    remarks: list[str] = field(default_factory=list)
    with_images: bool = True


class Writer(Protocol):
    """What writes one format. Importing its module imports nothing heavy.

    Attributes:
        name: that of the layout that reads what is written.
        tasks: what its labels can be for.
        one_label_per_stem: images that differ in their suffix only would share a label file.
        class_folders: an image's class is the folder that it lies in.
        is_table: a row per image, with a place for metadata and for the URL of an image that stays where it is; others get
            metadata as a CSV beside the labels.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[TaskName, ...]]
    one_label_per_stem: ClassVar[bool]
    class_folders: ClassVar[bool]
    is_table: ClassVar[bool]

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """Where an image goes, relative to the new dataset; two images may be sent to one place, and are told apart later.

        Args:
            entry: the image.
            inner: its path below the folders that say nothing but its split.
            scheme: of the new dataset.
        """
        ...

    def write(self, job: WriteJob) -> None:
        """Writes all but the images, and notes what the format cannot hold.

        Raises:
            OSError: the disk is full or not writable.
        """
        ...
