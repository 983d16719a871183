"""The writer `voc`: Pascal VOC, an XML file per image."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from runner.domain.task import TaskName
from runner.writers.writer import Scheme, WriteJob

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry


class VocWriter:
    """Pascal VOC: `Annotations/*.xml`, `JPEGImages/*`, and the lists of splits in `ImageSets/Main`."""

    name: ClassVar[str] = "voc"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect",)
    one_label_per_stem: ClassVar[bool] = True
    class_folders: ClassVar[bool] = False
    is_table: ClassVar[bool] = False

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """`JPEGImages/…`: of all splits in one folder."""
        return PurePosixPath("JPEGImages", inner)

    def write(self, job: WriteJob) -> None:
        """An XML file for each labelled image, and a list for each split."""
        from runner.writers.voc_documents import annotation_text, note_classes, split_lists

        for image in job.images:
            if image.entry.labelled:
                inner = PurePosixPath(image.place).relative_to("JPEGImages").with_suffix(".xml")
                path = job.folder / "Annotations" / inner
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(annotation_text(image, job.losses), encoding="utf-8", newline="\n")
        for split, names in split_lists(job).items():
            path = job.folder / "ImageSets" / "Main" / f"{split}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
        note_classes(job)
