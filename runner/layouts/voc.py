"""The layout `voc`: Pascal VOC, an XML file per image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta

from runner.domain.options import Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.task import TaskName
from runner.layouts.layout import Recognised

if TYPE_CHECKING:
    from runner.dataset.entries import LabelScheme, LayoutContent


class VocLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="voc"):
    """Pascal VOC: an XML file per image, with boxes in pixels."""

    corners: Annotated[
        Literal["one-based", "zero-based"],
        Meta(
            description="What the numbers of a box count. `one-based`, as Pascal VOC has it: pixels from 1 on, the last one "
            "included. `zero-based`, as many tools write it: distances from the image's upper left corner.",
            extra=weakens(FindingKind.TEST_CHANGED),
        ),
    ] = "one-based"

    name: ClassVar[str] = "voc"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect",)
    expects: ClassVar[str] = (
        "Annotations/*.xml with JPEGImages/*.jpg and ImageSets/Main/<split>.txt, or XML files beside their images"
    )
    files_per_image: ClassVar[int] = 2

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Every image with the objects of its XML file."""
        from runner.layouts.voc_files import read_voc

        return read_voc(folder, scheme, one_based=self.corners == "one-based")

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """By XML files whose root is `annotation`; a number that is 0 says that corners do not count from 1."""
        from runner.layouts.voc_files import recognise_voc

        found = recognise_voc(folder)
        if found is None:
            return None
        layout = VocLayout(corners="zero-based") if found.zero else None
        remark = f"{found.zero} is 0, so corners are taken to count from 0 (corners: zero-based)"
        return Recognised(
            task="detect", classes=found.classes, layout=layout, problems=[remark] if found.zero else []
        )

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """Where the XML files are."""
        from runner.layouts.voc_files import annotation_folders

        return f"XML files in {', '.join(annotation_folders(folder))}"

    def classes_source(self, folder: Path) -> str:
        """The names of objects."""
        return "in the <name> of its objects"
