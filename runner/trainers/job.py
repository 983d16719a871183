"""What every trainer is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.domain.task import TaskSpec

if TYPE_CHECKING:
    from runner.adapters.tables.selected import SelectedData


class TrainingJob(Struct, frozen=True, kw_only=True):
    """One sprint's training, apart from the trainer's own options.

    Attributes:
        root: the repository's top; a weights file's path is relative to it.
        data: the selected images and their labels.
        spec: the task, with the project's classes by class id.
        device: as in flywheel.yaml: auto, cpu, cuda, cuda:N.
        threads: CPU threads; all cores when None.
        out: an existing folder for the trained weights.
        base: the weights of the sprint that the trainer names as its start, as a file with its record beside it.
    """

    root: Path
    data: SelectedData
    spec: TaskSpec
    device: str
    threads: int | None
    out: Path
    base: Path | None = None
