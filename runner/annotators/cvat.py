"""Files in CVAT's own format, CVAT for images 1.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from runner.annotators.annotator import Pulled, Round, WorkFolder
from runner.domain.options import Options
from runner.domain.task import TaskName


class CvatFiles(Options, frozen=True, kw_only=True, tag_field="format", tag="cvat"):
    """A folder of images with an XML file of CVAT."""

    folder: WorkFolder = None

    name: ClassVar[str] = "cvat"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")

    def push(self, round_: Round) -> Sequence[str]:
        """Writes the packages."""
        from runner.annotators.package import write_packages

        return write_packages(round_, self.name)

    def pull(self, round_: Round) -> Pulled:
        """Reads the XML files below `answers/`."""
        from runner.annotators.returned import read_folders
        from runner.layouts import LAYOUTS

        return read_folders(round_, self.name, LAYOUTS[self.name])
