"""The writer `manifest`: a Parquet file with a row per image."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from runner.domain.task import TaskName
from runner.writers.writer import Scheme, WriteJob

if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry


class ManifestWriter:
    """A Parquet manifest, which holds all that a label says, and metadata; images are beside it, or stay where they are."""

    name: ClassVar[str] = "manifest"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")
    one_label_per_stem: ClassVar[bool] = False
    class_folders: ClassVar[bool] = False
    is_table: ClassVar[bool] = True

    def place(self, entry: ImageEntry, inner: PurePosixPath, scheme: Scheme) -> PurePosixPath:
        """`images/<split>/…`."""
        return PurePosixPath("images", *([entry.split] if entry.split else []), inner)

    def write(self, job: WriteJob) -> None:
        """manifest.parquet; see `layouts/manifest_schema.py` for its columns."""
        from runner.adapters.tables.parquet import write_table
        from runner.layouts.manifest_schema import FILE
        from runner.writers.manifest_columns import key_values, manifest_columns

        write_table(job.folder / FILE, manifest_columns(job), key_values(job.scheme))
