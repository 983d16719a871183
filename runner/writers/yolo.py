"""The writer `yolo`: a text file per image, a line per object, in fractions of the image's size, and a data.yaml."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from runner.domain.task import TaskName
from runner.writers.writer import Scheme, WriteJob

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry


class YoloWriter:
    """YOLO for all five tasks. Images' classes are folders, as Ultralytics wants them."""

    name: ClassVar[str] = "yolo"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")
    one_label_per_stem: ClassVar[bool] = True
    class_folders: ClassVar[bool] = True
    is_table: ClassVar[bool] = False

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """`images/<split>/…`; by class for classify."""
        from runner.tasks import TASKS
        from runner.writers.folders import class_place
        from runner.writers.places import below_split

        return (
            below_split("images", entry, inner)
            if TASKS[scheme.task].ranked
            else class_place(entry, inner, scheme)
        )

    def write(self, job: WriteJob) -> None:
        """Label files and data.yaml; an image without objects gets an empty file, an unlabelled one none."""
        from runner.layouts.yolo_files import label_path
        from runner.tasks import TASKS
        from runner.writers.folders import note_class_folders
        from runner.writers.yolo_data import absent_splits, data_yaml_text
        from runner.writers.yolo_text import label_line

        if not TASKS[job.scheme.task].ranked:
            note_class_folders(job)
            return
        for image in job.images:
            if not image.entry.labelled:
                continue
            lines = [label_line(item, image, job.scheme, job.losses) for item in image.entry.objects]
            path = job.folder / label_path(image.place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(lines), encoding="utf-8", newline="\n")
        (job.folder / "data.yaml").write_text(data_yaml_text(job), encoding="utf-8", newline="\n")
        if absent := absent_splits(job):
            job.remarks.append(f"data.yaml names no {absent}, without which Ultralytics does not train")
