"""The layout `cvat`: CVAT's own XML, of images or of a video."""

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


class CvatLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="cvat"):
    """CVAT for images 1.1 and CVAT for video 1.1: an XML file per export, in pixels."""

    annotations: Annotated[
        Annotated[list[DatasetPath], Meta(min_length=1)] | None,
        Meta(
            description="The XML files, where not all that are found are to be read; relative to the dataset's folder.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = None

    name: ClassVar[str] = "cvat"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")
    expects: ClassVar[str] = (
        "annotations.xml with images/, of images or of a video's frames (images/frame_000000.PNG)"
    )
    files_per_image: ClassVar[int] = 1

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Every image with its shapes; of a video, every frame with those of its tracks."""
        from runner.layouts.cvat_files import read_cvat

        return read_cvat(folder, scheme, self.annotations)

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """By XML files whose root is `annotations`, and the labels and shapes in them."""
        from runner.layouts.cvat_recognition import recognise_cvat

        return recognise_cvat(folder, task)

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """The XML files."""
        from runner.layouts.cvat_files import cvat_files

        return f"images listed in {', '.join(self.annotations or cvat_files(folder))}"

    def classes_source(self, folder: Path) -> str:
        """The labels."""
        return "in the labels of its XML files"
