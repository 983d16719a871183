"""The layout `manifest`: a Parquet file with a row per image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from runner.domain.options import DatasetPath, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.task import TaskName
from runner.layouts.layout import Recognised
from runner.layouts.manifest_schema import FILE

if TYPE_CHECKING:
    from runner.dataset.entries import LabelScheme, LayoutContent


class ManifestLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="manifest"):
    """A Parquet manifest: the image's URI, its split, its labels and its metadata, in pixels."""

    file: Annotated[
        DatasetPath,
        Meta(
            description="The Parquet file, relative to the dataset's folder; docs/formats.md has its columns.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = FILE
    metadata: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=200)]] | None,
        Meta(
            description="The columns that are metadata of images, for conditions and slices; all that are not the manifest's "
            "own when absent, and then validation does not know their names.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = None

    name: ClassVar[str] = "manifest"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")
    expects: ClassVar[str] = "manifest.parquet with a column uri: relative paths, or URLs that init fetches"
    files_per_image: ClassVar[int] = 1

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Every row's image. Images behind URLs are looked for where init has put them; nothing is fetched."""
        from runner.layouts.manifest_files import read_manifest

        return read_manifest(folder, scheme, self.file, self.metadata)

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """By a Parquet file at the top with a column `uri`."""
        from runner.layouts.manifest_recognition import find_manifest, recognise_manifest

        found = recognise_manifest(folder, task)
        if found is None:
            return None
        layout = ManifestLayout(file=find_manifest(folder) or FILE, metadata=found.metadata or None)
        return Recognised(
            task=found.task,
            classes=found.classes,
            problems=found.problems,
            keypoints=found.keypoints,
            labelled=found.labelled,
            layout=layout,
        )

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """The manifest."""
        return f"images listed in {self.file}"

    def classes_source(self, folder: Path) -> str:
        """The columns that name classes."""
        return f"in the columns `classes` and `label` of {self.file}"
