"""`batch`: a sprint's next images are drawn and written into its record, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from runner.config.annotation import Annotation
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_bytes
from runner.domain.labelling import Batch, BatchImage
from runner.planning.situation import Situation
from runner.record.catalogue import (
    ANSWERS,
    BATCH,
    BATCH_SHEET,
    HANDED_OUT,
    sprint_path,
)
from runner.record.labelling import read_batch, write_batch
from runner.record.strangers import refuse_strangers
from runner.report.wording import count
from runner.workflow.drawing.drawing import changed_options
from runner.workflow.drawing.prepare import prepared
from runner.workflow.drawing.sheets import sheet
from runner.workflow.load import load_written
from runner.workflow.locking import sprint_lock

Say = Callable[[str], None]


class SprintBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A sprint's batch.

    Attributes:
        drawn: whether it was drawn now; else it lay there.
        folder: of the record, from the repository's top.
    """

    batch: Batch
    images: list[BatchImage]
    drawn: bool
    folder: str


def batch(root: Path, name: str | None, *, redraw: bool, pull: bool, say: Say) -> SprintBatch:
    """The batch of a sprint: the one that was drawn, or a new one.

    Args:
        redraw: takes the place of one that was drawn, as long as nobody was asked yet.

    Raises:
        ConfigurationErrors: flywheel.yaml or the spec is not valid.
        FlywheelError: the spec asks for no batch; the one that was drawn was drawn by other options; its images are with the
            annotators already; or it cannot be drawn.
    """
    situation = load_written(root, name)
    annotation = _annotation(situation)
    folder, shown = situation.folder, sprint_path(situation.name)
    known = BATCH.read_if_there(folder)
    if known is not None and not redraw:
        _require_same_options(known, annotation, situation.name)
        return SprintBatch(batch=known, images=read_batch(folder), drawn=False, folder=shown)
    _require_nobody_asked(situation)
    refuse_strangers(root, situation.name)
    with sprint_lock(root, situation.name):
        drawing = prepared(root, situation.project, situation.name, annotation, pull=pull, say=say)
        drawn, images = drawing.draw()
        for arm, missing in drawn.short.items():
            say(f"note: {arm} found {count(missing, 'image')} fewer than its share")
        folder.mkdir(parents=True, exist_ok=True)
        dataset = root / situation.project.dataset.path
        write_bytes(folder / BATCH_SHEET.name, sheet(dataset, [images]))
        write_batch(folder, images)
        BATCH.write(folder, drawn)
    return SprintBatch(batch=drawn, images=images, drawn=True, folder=shown)


def _annotation(situation: Situation) -> Annotation:
    """
    Raises:
        FlywheelError: the spec asks for no batch.
    """
    annotation = situation.loaded.sprint.annotation
    if annotation is None or annotation.batch is None:
        raise FlywheelError(
            "the spec asks for no batch of images",
            where=Where(situation.loaded.path),
            hint="as in: annotation: {strategy: boxes, batch: {size: 50}}",
        )
    return annotation


def _require_same_options(known: Batch, annotation: Annotation, sprint: str) -> None:
    """A batch is drawn once: images that annotators may have seen do not change with the spec.

    Raises:
        FlywheelError: the spec says something else by now.
    """
    changed = changed_options(known, annotation)
    if changed:
        raise FlywheelError(
            f"the batch was drawn with other options than the spec has now: {', '.join(changed)}",
            where=Where(BATCH.of(sprint)),
            hint=f"flywheel batch {sprint} --redraw; or put the options back",
        )


def _require_nobody_asked(situation: Situation) -> None:
    """
    Raises:
        FlywheelError: the images are with the annotators.
    """
    for file in (ANSWERS, HANDED_OUT):
        if (situation.folder / file.name).is_file():
            raise FlywheelError(
                "the batch is with the annotators already: another one would lose what they are asked",
                where=Where(file.of(situation.name)),
                hint="write another sprint for further images",
                exit_code=ExitCode.STAGE_FAILED,
            )
