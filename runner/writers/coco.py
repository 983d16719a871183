"""The writer `coco`: a JSON file per split, in pixels."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from runner.domain.task import TaskName
from runner.writers.writer import Scheme, WriteJob

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry


class CocoWriter:
    """COCO: boxes, polygons, run lengths, crowds, key points and areas, as they are."""

    name: ClassVar[str] = "coco"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb")
    one_label_per_stem: ClassVar[bool] = False
    class_folders: ClassVar[bool] = False
    is_table: ClassVar[bool] = False

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """`images/<split>/…`."""
        from runner.writers.places import below_split

        return below_split("images", entry, inner)

    def write(self, job: WriteJob) -> None:
        """`annotations/instances_<split>.json`; images that nobody labelled are in none."""
        import msgspec

        from runner.writers.coco_documents import coco_documents

        for file, document in coco_documents(job):
            path = job.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.encode(document))
