"""The layout `coco`: JSON files that list images, categories and annotations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from runner.domain.options import DatasetPath, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.task import TaskName
from runner.layouts.layout import Recognised

if TYPE_CHECKING:
    from runner.dataset.entries import LabelScheme, LayoutContent


class CocoLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="coco"):
    """COCO: JSON files with images, categories and annotations, in pixels."""

    annotations: Annotated[
        Annotated[list[DatasetPath], Meta(min_length=1)] | None,
        Meta(
            description="The annotation files, where not all that are found are to be read; relative to the dataset's folder.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = None

    name: ClassVar[str] = "coco"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb")
    expects: ClassVar[str] = (
        "annotations/*.json, <split>/_annotations.coco.json, or JSON files at the top, with images in any folder"
    )
    files_per_image: ClassVar[int] = 1

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Every image with its annotations. Images that no file lists are not labelled."""
        from runner.layouts.coco_files import read_coco

        return read_coco(folder, scheme, self.annotations)

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """By annotation files, and the categories in them."""
        from runner.layouts.coco_files import recognise_coco

        return recognise_coco(folder, task)

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """The annotation files."""
        from runner.layouts.coco_files import coco_files

        return f"images listed in {', '.join(self.annotations or coco_files(folder, task))}"

    def classes_source(self, folder: Path) -> str:
        """The categories."""
        return "in the categories of its annotation files"
