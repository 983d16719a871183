"""The writer `cvat`: CVAT for images 1.1, one XML file."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from runner.domain.task import TaskName
from runner.writers.writer import Scheme, WriteJob

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry


class CvatWriter:
    """CVAT for images 1.1: boxes, rotated or not, polygons, masks, skeletons and tags, in pixels; subsets are splits."""

    name: ClassVar[str] = "cvat"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")
    one_label_per_stem: ClassVar[bool] = False
    class_folders: ClassVar[bool] = False
    is_table: ClassVar[bool] = False

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """`images/<subset>/…`."""
        from runner.writers.places import below_split

        return below_split("images", entry, inner)

    def write(self, job: WriteJob) -> None:
        """annotations.xml; images that nobody labelled are not in it."""
        from runner.writers.cvat_document import document_lines

        with (job.folder / "annotations.xml").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in document_lines(job))
