"""The layout `folders`: an image's class is the folder that it lies in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from runner.domain.options import Options
from runner.domain.task import TaskName
from runner.layouts.layout import Recognised

if TYPE_CHECKING:
    from runner.dataset.entries import LabelScheme, LayoutContent


class FoldersLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="folders"):
    """A folder per class, for classification."""

    name: ClassVar[str] = "folders"
    tasks: ClassVar[tuple[TaskName, ...]] = ("classify",)
    expects: ClassVar[str] = "a folder per class, <class>/*.jpg or <split>/<class>/*.jpg"
    files_per_image: ClassVar[int] = 1

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Every image, with its folder's class as its only object."""
        from runner.layouts.class_folders import read_folders

        return read_folders(folder, scheme)

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """By folders of images, unless the user or other files say that they are something else."""
        from runner.layouts.class_folders import folder_classes, folders_problem
        from runner.layouts.coco_files import coco_files
        from runner.layouts.unrecognised import label_folders
        from runner.layouts.yolo_files import yolo_images

        if task is None and (yolo_images(folder) or coco_files(folder) or label_folders(folder)):
            return None
        classes = folder_classes(folder)
        if not classes or (task is None and folders_problem(folder)):
            return None
        return Recognised(task="classify", classes=classes)

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """With folders of splits or without."""
        return "<split>/<class>/" if any(entry.split for entry in content.entries) else "<class>/"

    def classes_source(self, folder: Path) -> str:
        """The folders' names."""
        return "by renaming its folder"
