"""Files in YOLO's format, for tools that read and write it: LabelImg, CVAT, Label Studio, Roboflow, …"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from runner.annotators.annotator import Pulled, Round, WorkFolder
from runner.domain.options import Options
from runner.domain.task import TaskName


class YoloFiles(Options, frozen=True, kw_only=True, tag_field="format", tag="yolo"):
    """A folder of images with YOLO labels; of classes, folders."""

    folder: WorkFolder = None

    name: ClassVar[str] = "yolo"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb", "classify")

    def push(self, round_: Round) -> Sequence[str]:
        """Writes the packages."""
        from runner.annotators.package import write_packages

        return write_packages(round_, self.name, "train")

    def pull(self, round_: Round) -> Pulled:
        """Reads `answers/`; the classes are those of data.yaml or classes.txt in an export, else in our order."""
        from runner.annotators.returned import read_folders
        from runner.layouts import LAYOUTS
        from runner.tasks import TASKS

        ranked = TASKS[round_.scheme.task].ranked
        return read_folders(
            round_, self.name, LAYOUTS["yolo" if ranked else "folders"], _with_names if ranked else None
        )


def _with_names(folder: Path, round_: Round) -> None:
    """An export's classes as a data.yaml at its top, wherever it has them and however they are written."""
    from runner.adapters.system.yaml_text import dump
    from runner.layouts.yolo_files import data_yaml, listed_names, noted_names, read_class_names

    names: Sequence[str] | None = None
    folders = [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
    for place in folders:
        lists = [path for name in ("classes.txt", "obj.names") if (path := place / name).is_file()]
        names = read_class_names(place) or noted_names(place / "notes.json")
        names = names or (listed_names(lists[0]) if lists else None)
        if names:
            break
    for place in folders:
        while (found := data_yaml(place)) is not None:
            found.unlink()  # its lists of splits are about paths elsewhere
    (folder / "data.yaml").write_text(
        dump({"names": dict(enumerate(names or round_.scheme.classes))}), encoding="utf-8"
    )
