"""A sprint's labelling round as a command sees it: its batch, its tool, its tasks, and where they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.annotators import tool_of
from runner.annotators.annotator import DRAWN, Annotator, Round
from runner.config.annotation import Annotation
from runner.config.project import Project
from runner.domain.errors import FlywheelError, Where
from runner.domain.labelling import Batch, BatchImage, HandedOut
from runner.record.catalogue import BATCH, HANDED_OUT, sprint_folder
from runner.record.labelling import read_batch
from runner.tasks import TASKS
from runner.workflow.load import load_written

if TYPE_CHECKING:
    from runner.labelling.data_now import DataNow

Say = Callable[[str], None]
FOLDER = ".flywheel/annotate"


@dataclass(frozen=True, kw_only=True)
class SprintRound:
    """One sprint's.

    Attributes:
        folder: of its record.
        batch: what was drawn; `images`: its rows.
        handed: what was handed out; None before the first push.
        work: where its files lie on this machine.
    """

    root: Path
    project: Project
    sprint: str
    spec: str
    folder: Path
    annotation: Annotation
    tool: Annotator
    batch: Batch
    images: list[BatchImage]
    handed: HandedOut | None
    work: Path

    @property
    def journal(self) -> Path:
        """Where a merge notes what it moves."""
        return self.root / FOLDER / self.sprint / "moves.json"

    def with_tool(self, handed: HandedOut, data: DataNow | None, *, finished: bool, say: Say) -> Round:
        """What the tool is told; images are found by their content, where the dataset was looked at."""
        from runner.writers.writer import Scheme

        task = DRAWN[self.annotation.strategy]
        skeleton = self.project.keypoints if TASKS[task].skeleton else None
        guidelines = self.annotation.guidelines
        data_folder = self.root / self.project.dataset.path
        files = {}
        for one in handed.tasks:
            image = data.find(one.image_id, one.path) if data is not None else None
            if image is not None:
                files[one.key] = data_folder / image.path
        return Round(
            project=self.project.name,
            root=self.root,
            handed=handed,
            scheme=Scheme(task=task, classes=self.project.classes, keypoints=skeleton),
            folder=self.work,
            files=files,
            guidelines=self.root / guidelines if guidelines else None,
            finished=finished,
            say=say,
        )


def open_round(root: Path, name: str | None) -> SprintRound:
    """The round of a sprint.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid; annotators are to draw what the task or the tool does not take.
        FlywheelError: the spec names no tool, or no batch was drawn.
    """
    situation = load_written(root, name)
    spec = situation.loaded.path
    annotation = situation.loaded.sprint.annotation
    if annotation is None or annotation.tool is None:
        raise FlywheelError(
            "annotation.tool is not set: it is not known where annotators work",
            where=Where(spec),
            hint="add it to the spec, as in: annotation: {strategy: boxes, tool: label-studio}",
        )
    tool = tool_of(annotation.tool)
    folder = sprint_folder(root, situation.name)
    batch = BATCH.read_if_there(folder)
    if batch is None:
        raise FlywheelError(
            "no batch was drawn: there is nothing to annotate",
            where=Where(BATCH.of(situation.name)),
            hint=f"flywheel batch {situation.name}",
        )
    named = getattr(tool, "folder", None)
    return SprintRound(
        root=root,
        project=situation.project,
        sprint=situation.name,
        spec=spec,
        folder=folder,
        annotation=annotation,
        tool=tool,
        batch=batch,
        images=read_batch(folder),
        handed=HANDED_OUT.read_if_there(folder),
        work=root / (named or FOLDER) / situation.name,
    )


def guidelines_digest(round_: SprintRound) -> str | None:
    """SHA-256 of the guidelines' file; None without any.

    Raises:
        FlywheelError: it is not there.
    """
    named = round_.annotation.guidelines
    if named is None:
        return None
    path = round_.root / named
    if not path.is_file():
        raise FlywheelError(
            "the guidelines are not there",
            where=Where(named),
            hint=f"write them, or take annotation.guidelines out of {round_.spec}",
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()
