"""The layout `label-studio`: Label Studio's JSON export, whole or JSON-MIN."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from runner.domain.options import DatasetPath, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.task import TaskName
from runner.layouts.layout import Recognised

if TYPE_CHECKING:
    from runner.dataset.entries import LabelScheme, LayoutContent

Word = Annotated[str, Meta(min_length=1, max_length=200)]


class LabelStudioLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="label-studio"):
    """Label Studio: the export JSON, or JSON-MIN, in per cent of the image's size."""

    annotations: Annotated[
        Annotated[list[DatasetPath], Meta(min_length=1)] | None,
        Meta(
            description="The exports, where not all that are found are to be read; relative to the dataset's folder.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = None
    image: Annotated[
        Word | None,
        Meta(
            description="The key of a task's data that holds its image, where there are several; `image`, or the only one, when absent.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = None
    keypoints: Annotated[
        list[Word] | None,
        Meta(
            description="pose: the names of the skeleton's points in order, since an export does not say it; sorted when absent.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = None

    name: ClassVar[str] = "label-studio"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")
    expects: ClassVar[str] = "an export of Label Studio, JSON or JSON-MIN, with its images in any folder"
    files_per_image: ClassVar[int] = 1

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Every task's image with the annotation that counts: the last updated of those that were not cancelled."""
        from runner.layouts.label_studio_files import read_label_studio

        return read_label_studio(folder, scheme, self)

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """By JSON files that are exports, and the regions in them."""
        from runner.layouts.label_studio_recognition import recognise_label_studio

        found = recognise_label_studio(folder, task)
        if found is None or found.keypoints is None:
            return found
        return replace(found, layout=LabelStudioLayout(keypoints=found.keypoints.names))

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """The exports."""
        from runner.layouts.label_studio_files import exports

        return f"images of the tasks in {', '.join(self.annotations or exports(folder))}"

    def classes_source(self, folder: Path) -> str:
        """The labels of regions."""
        return "in the labels of its regions"
