"""What a label layout is: how images and labels lie in a dataset's folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from runner.domain.task import Keypoints, TaskName

if TYPE_CHECKING:
    from runner.dataset.entries import LabelScheme, LayoutContent


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """A folder that looks like a dataset of a layout, and how it is to be read.

    Attributes:
        task: what the labels are for.
        classes: in the order of their ids in the labels, or sorted.
        problems: what is odd about that, in sentences.
        labelled: labels were found, not only images that lie as they should.
        points: key points that the lines of labels seem to have, where no skeleton is described.
        keypoints: the skeleton, where the labels describe it.
        layout: the layout with the options that the folder needs, where the name alone does not do.
    """

    task: TaskName
    classes: list[str]
    problems: list[str] = field(default_factory=list)
    labelled: bool = True
    points: int = 0
    keypoints: Keypoints | None = None
    layout: Layout | None = None


class Layout(Protocol):
    """The options of one layout, and what reads it. Importing its module imports nothing heavy.

    Attributes:
        name: as flywheel.yaml writes it; also the tag `format` of its block of options.
        tasks: what its labels can be for.
        expects: where it looks for images and labels, in words.
        files_per_image: how many files the dataset has for each image, for a forecast by the number of files.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[TaskName, ...]]
    expects: ClassVar[str]
    files_per_image: ClassVar[int]

    def read(self, folder: Path, scheme: LabelScheme) -> LayoutContent:
        """Images with what labels say of them, before any pixel is read.

        Raises:
            FlywheelError: a file that describes the whole dataset is not readable.
        """
        ...

    def recognise(self, folder: Path, task: TaskName | None) -> Recognised | None:
        """How a folder is to be read, if it holds a dataset of this layout; for `flywheel init`.

        Args:
            folder: a dataset.
            task: one of `tasks`, if the user said what the labels are for.

        Raises:
            FlywheelError: as `read`.
        """
        ...

    def arrangement(self, folder: Path, task: TaskName, content: LayoutContent) -> str:
        """Where images and labels of what was read lie, in words."""
        ...

    def classes_source(self, folder: Path) -> str:
        """Where the dataset names its classes: `in data.yaml`."""
        ...
