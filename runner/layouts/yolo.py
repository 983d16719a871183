"""The layout `yolo`: one text file per image, one line per object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from runner.domain.options import Options
from runner.domain.task import TaskName
from runner.layouts.layout import Recognised

if TYPE_CHECKING:
    from runner.dataset.entries import LabelScheme, LayoutContent


class YoloLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="yolo"):
    """YOLO: a text file per image, a line per object, in fractions of the image's size."""

    name: ClassVar[str] = "yolo"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb")
    expects: ClassVar[str] = (
        "images/<split>/*.jpg with labels/<split>/*.txt, <split>/images/ with <split>/labels/, or text files beside their images"
    )
    files_per_image: ClassVar[int] = 2

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Every image with its label file's lines."""
        from runner.layouts.yolo_files import read_yolo

        return read_yolo(folder, scheme)

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """By images in `images/`; without a label among them, `labelled` is False."""
        from runner.layouts.yolo_recognition import recognise_yolo

        return recognise_yolo(folder, task)

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """Which of the arrangements, or both of those with `images/`."""
        if not any("images" in entry.path.split("/")[:-1][:2] for entry in content.entries):
            return "text files beside their images"
        outer = [entry.path.startswith("images/") for entry in content.entries]
        nested = "<split>/images/ with <split>/labels/"
        with_splits = any(entry.split for entry in content.entries)
        flat = "images/<split>/ with labels/<split>/" if with_splits else "images/ with labels/"
        return f"{flat}, and {nested}" if any(outer) and not all(outer) else flat if any(outer) else nested

    def classes_source(self, folder: Path) -> str:
        """data.yaml, or the list that names them in its absence."""
        from runner.layouts.yolo_recognition import names_file

        return f"in {names_file(folder) or 'data.yaml'}"
