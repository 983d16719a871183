"""The batch of a sprint drawn again from what it was drawn from, and compared byte by byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from runner.record.rests_on import lacking
from runner.strategies.mix import BatchOptions, Mix
from runner.workflow.drawing.drawing import Drawing, changed_options
from runner.workflow.drawing.evidence import Evidence, evidence_of, vectors_of
from runner.workflow.embedding import setting_of
from runner.workflow.verifying.mismatch import Mismatch

# What follows from the images that were drawn, whatever slices and prices flywheel.yaml has by now.
_COUNTED = ("into", "seed", "pool_images", "pool_digest", "arms", "labels", "short")


@dataclass(kw_only=True)
class BatchAgain:
    """What came of it.

    Attributes:
        how: what is done again, in a word.
        rebuilt: the files that were made again. `findings`: what does not follow.
        notes: why it was not drawn again, in a sentence.
    """

    how: str = "drawn"
    rebuilt: list[str] = field(default_factory=list)
    findings: list[Mismatch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def find(self, file: str, detail: str) -> None:
        """Something that does not follow."""
        self.findings.append(Mismatch(file=file, problem="does not follow", detail=detail))

    def note(self, file: str, why: str) -> None:
        """Why a file was not made again."""
        self.notes.append(f"{file} was not {self.how} again: {why}")

    @contextmanager
    def finding_errors(self, file: str) -> Iterator[None]:
        """An error in here is a finding about a file."""
        try:
            yield
        except (FlywheelError, msgspec.MsgspecError) as error:
            said = error.message if isinstance(error, FlywheelError) else str(error)
            self.find(file, f"it cannot be {self.how} again: {said}")


def batch_again(root: Path, project: Project, loaded: LoadedSprint) -> BatchAgain:
    """Draws the batch of a sprint again; nothing for a sprint that has none.

    What it was drawn from may not be here: then that is said, and nothing is found.
    """
    folder, found = sprint_folder(root, loaded.name), BatchAgain()
    if not (folder / BATCH_IMAGES.name).is_file() and not (folder / BATCH.name).is_file():
        return found
    with found.finding_errors(BATCH_IMAGES.of(loaded.name)):
        _draw_again(root, project, loaded, BATCH.read(folder), found)
    return found


def gone(root: Path, evidence: Evidence, files: Mapping[str, str]) -> list[str]:
    """What a drawing rests on and is not here as it was then.

    Args:
        files: path from the repository's top → SHA-256.
    """
    told = lacking(files, lambda path: root / path)
    return told or [f"{path}, which is not here (dvc fetch --all-commits)" for path in evidence.absent()]


def _draw_again(root: Path, project: Project, loaded: LoadedSprint, known: Batch, found: BatchAgain) -> None:
    file, annotation = BATCH_IMAGES.of(loaded.name), loaded.sprint.annotation
    if annotation is None or annotation.batch is None:
        found.find(file, "the spec asks for no batch any more")
        return
    if changed := changed_options(known, annotation):
        found.find(file, f"the spec has other options than it was drawn by: {', '.join(changed)}")
        return
    options = msgspec.convert(known.options, BatchOptions)
    evidence = evidence_of(root, known.evidence)
    if lost := gone(root, evidence, known.beside_digests):
        found.note(file, f"it rests on {', '.join(lost)}")
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
    vectors = vectors_of(known.evidence)
    try:
        again, images = drawing.draw()
    except FlywheelError as error:
        if not vectors:
            raise
        found.note(file, f"its vectors are not here ({error.message}); flywheel embed")
        return
    if not vectors.items() <= again.evidence.items():
        found.note(file, "the vectors here are not those that it was drawn by, to the bit")
        return
    _compare(root, loaded.name, known, again, batch_text(images), found)


def _compare(root: Path, sprint: str, known: Batch, again: Batch, text: str, found: BatchAgain) -> None:
    path = sprint_folder(root, sprint) / BATCH_IMAGES.name
    found.rebuilt += [BATCH_IMAGES.name, BATCH.name]
    stored = read_text(path) if path.is_file() else ""
    if stored != text:
        differs = first_difference(BATCH_IMAGES.name, stored.encode(), text.encode())
        found.find(BATCH_IMAGES.of(sprint), differs if stored else "it is missing")
    for name in _COUNTED:
        then, now = getattr(known, name), getattr(again, name)
        if then != now:
            found.find(BATCH.of(sprint), f"{name}: {then}, drawn again {now}")


def _champion(known: Batch) -> Champion | None:
    if known.champion is None or known.commit is None:
        return None
    return Champion(sprint=known.champion, commit=known.commit, tag=known.tag or "")
