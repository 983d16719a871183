"""Files in COCO's format, for tools that read and write it: CVAT, Label Studio, VIA, LabelMe, …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from runner.annotators.annotator import Pulled, Round
from runner.domain.options import NEUTRAL, Options, RelativePath
from runner.domain.task import TaskName


class CocoFiles(Options, frozen=True, kw_only=True, tag_field="format", tag="coco"):
    """A folder of images with a JSON file of COCO."""

    folder: Annotated[
        RelativePath | None,
        Meta(
            description="Where packages and answers lie, a folder per sprint; `.flywheel/annotate` when absent.",
            extra=NEUTRAL,
        ),
    ] = None

    name: ClassVar[str] = "coco"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb")

    def push(self, round_: Round) -> Sequence[str]:
        """Writes the packages."""
        from runner.annotators.package import write_packages

        return write_packages(round_, self.name)

    def pull(self, round_: Round) -> Pulled:
        """Reads the JSON files below `answers/`."""
        from runner.annotators.returned import read_folders
        from runner.layouts import LAYOUTS

        return read_folders(round_, self.name, LAYOUTS[self.name])
