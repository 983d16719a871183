"""The writer `label-studio`: tasks with annotations, as Label Studio imports them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from runner.domain.task import TaskName
from runner.writers.writer import Scheme, WriteJob

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry


class LabelStudioWriter:
    """Label Studio: rectangles, rotated or not, polygons, brushes, key points of rectangles, and choices, in per cent."""

    name: ClassVar[str] = "label-studio"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")
    one_label_per_stem: ClassVar[bool] = False
    class_folders: ClassVar[bool] = False
    is_table: ClassVar[bool] = False

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """`images/<split>/…`."""
        from runner.writers.places import below_split

        return below_split("images", entry, inner)

    def write(self, job: WriteJob) -> None:
        """tasks.json, and label_config.xml: the labelling interface that it is imported into."""
        import msgspec

        from runner.writers.label_studio_tasks import label_config, tasks

        (job.folder / "tasks.json").write_bytes(msgspec.json.encode(list(tasks(job))))
        (job.folder / "label_config.xml").write_text(label_config(job.scheme), encoding="utf-8", newline="\n")
