"""The batch of a sprint drawn again from what it was drawn from, and compared byte by byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.domain.files import read_text
from runner.domain.labelling import Batch
from runner.planning.champion import Champion
from runner.record.catalogue import BATCH, BATCH_IMAGES, sprint_folder
from runner.record.differences import first_difference
from runner.record.labelling import batch_text
from runner.strategies.mix import BatchOptions, Mix
from runner.workflow.drawing.drawing import Drawing, changed_options
from runner.workflow.drawing.evidence import evidence_of
from runner.workflow.embedding import setting_of
from runner.workflow.verifying.mismatch import Mismatch

EMBEDDINGS = "embeddings/"
# What follows from the images that were drawn, whatever slices and prices flywheel.yaml has by now.
_COUNTED = ("into", "seed", "pool_images", "pool_digest", "arms", "labels", "short")


@dataclass(kw_only=True)
class BatchAgain:
    """What came of it.

    Attributes:
        rebuilt: the files that were made again. `findings`: what does not follow.
        notes: why it was not drawn again, in a sentence.
    """

    rebuilt: list[str] = field(default_factory=list)
    findings: list[Mismatch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def batch_again(root: Path, project: Project, loaded: LoadedSprint) -> BatchAgain:
    """Draws the batch of a sprint again; nothing for a sprint that has none.

    What it was drawn from may not be here: then that is said, and nothing is found.
    """
    folder, found = sprint_folder(root, loaded.name), BatchAgain()
    if not (folder / BATCH_IMAGES.name).is_file() and not (folder / BATCH.name).is_file():
        return found
    file = BATCH_IMAGES.of(loaded.name)
    try:
        known = BATCH.read(folder)
        _draw_again(root, project, loaded, known, found)
    except (FlywheelError, msgspec.MsgspecError) as error:
        said = error.message if isinstance(error, FlywheelError) else str(error)
        found.findings.append(
            Mismatch(file=file, problem="does not follow", detail=f"it cannot be drawn again: {said}")
        )
    return found


def _draw_again(root: Path, project: Project, loaded: LoadedSprint, known: Batch, found: BatchAgain) -> None:
    file, annotation = BATCH_IMAGES.of(loaded.name), loaded.sprint.annotation
    if annotation is None or annotation.batch is None:
        found.findings.append(
            Mismatch(file=file, problem="does not follow", detail="the spec asks for no batch any more")
        )
        return
    if changed := changed_options(known, annotation):
        detail = f"the spec has other options than it was drawn by: {', '.join(changed)}"
        found.findings.append(Mismatch(file=file, problem="does not follow", detail=detail))
        return
    options = msgspec.convert(known.options, BatchOptions)
    stored = {path: md5 for path, md5 in known.evidence.items() if not path.startswith(EMBEDDINGS)}
    evidence = evidence_of(root, stored)
    if absent := evidence.absent():
        found.notes.append(
            f"{file} was not drawn again: {', '.join(absent)} is not here (dvc fetch --all-commits)"
        )
        return
    drawing = Drawing(
        root=root,
        project=project,
        sprint=loaded.name,
        annotation=annotation,
        mix=options.mix or Mix(random=1),
        champion=_champion(known),
        evidence=evidence,
        setting=lambda: setting_of(root, project, pull=False, say=lambda line: None),
        beside=known.beside,
        compute_vectors=False,
    )
    vectors = {path: digest for path, digest in known.evidence.items() if path.startswith(EMBEDDINGS)}
    try:
        again, images = drawing.draw()
    except FlywheelError as error:
        if not vectors:
            raise
        found.notes.append(
            f"{file} was not drawn again: its vectors are not here ({error.message}); flywheel embed"
        )
        return
    if any(again.evidence.get(path) != digest for path, digest in vectors.items()):
        found.notes.append(
            f"{file} was not drawn again: the vectors here are not those that it was drawn by, to the bit"
        )
        return
    _compare(root, loaded.name, known, again, batch_text(images), found)


def _compare(root: Path, sprint: str, known: Batch, again: Batch, text: str, found: BatchAgain) -> None:
    path = sprint_folder(root, sprint) / BATCH_IMAGES.name
    found.rebuilt += [BATCH_IMAGES.name, BATCH.name]
    stored = read_text(path) if path.is_file() else ""
    if stored != text:
        detail = (
            first_difference(BATCH_IMAGES.name, stored.encode(), text.encode()) if stored else "it is missing"
        )
        found.findings.append(
            Mismatch(file=BATCH_IMAGES.of(sprint), problem="does not follow", detail=detail)
        )
    for name in _COUNTED:
        if getattr(known, name) != getattr(again, name):
            detail = f"{name}: {getattr(known, name)}, drawn again {getattr(again, name)}"
            found.findings.append(Mismatch(file=BATCH.of(sprint), problem="does not follow", detail=detail))


def _champion(known: Batch) -> Champion | None:
    if known.champion is None or known.commit is None:
        return None
    return Champion(sprint=known.champion, commit=known.commit, tag=known.tag or "")
