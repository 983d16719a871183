"""The batches that a report would have labelled next, drawn again from what they were drawn from."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.files import encode_json
from runner.planning.champion import Champion
from runner.record.catalogue import LABEL_NEXT, RECOMMENDATION, VERDICT, sprint_folder
from runner.record.differences import first_difference
from runner.record.label_next import LabelNext, NextBatch
from runner.strategies.mix import BatchOptions
from runner.workflow.drawing.evidence import evidence_of, vectors_of
from runner.workflow.drawing.label_next import NextDrawing
from runner.workflow.embedding import setting_of
from runner.workflow.verifying.batch_again import BatchAgain, gone


def label_next_again(root: Path, project: Project, loaded: LoadedSprint) -> BatchAgain:
    """Nothing for a sprint without label_next.json; where what it rests on is not here, or another by now, that is said, and nothing
    is found.
    """
    folder, found = sprint_folder(root, loaded.name), BatchAgain()
    with found.finding_errors(LABEL_NEXT.of(loaded.name)):
        stored = LABEL_NEXT.read_if_there(folder)
        if stored is not None and stored.drawn:
            _draw_again(root, project, loaded, stored, found)
    return found


def _draw_again(
    root: Path, project: Project, loaded: LoadedSprint, stored: LabelNext, found: BatchAgain
) -> None:
    folder, file = sprint_folder(root, loaded.name), LABEL_NEXT.of(loaded.name)
    first = next(each.batch for each in stored.batches if each.batch is not None)
    evidence = evidence_of(root, first.evidence)
    if lost := gone(root, evidence, {each.path: each.sha256 for each in stored.rests_on}):
        found.note(file, f"it rests on {lost[0]}")
        return
    drawing = NextDrawing(
        root=root,
        folder=folder,
        project=project,
        loaded=loaded,
        champion=Champion(sprint=stored.champion, commit=stored.commit, tag=stored.tag),
        evidence=evidence,
        setting=lambda: setting_of(root, project, pull=False, say=lambda line: None),
        beside=first.beside,
        mixes=[
            msgspec.convert(each.batch.options, BatchOptions).mix if each.batch else None
            for each in stored.batches
        ],
    )
    again = drawing.made(VERDICT.read(folder), RECOMMENDATION.read_if_there(folder))
    if len(again.batches) == len(stored.batches):
        pairs = list(zip(stored.batches, again.batches, strict=True))
        if any(_other_vectors(then, now) for then, now in pairs):
            found.note(file, "its vectors are not here, or not those that it was drawn by, to the bit")
            return
        again = msgspec.structs.replace(again, batches=[_as_noted(then, now) for then, now in pairs])
    found.rebuilt.append(LABEL_NEXT.name)
    before, after = encode_json(stored), encode_json(again)
    if before != after:
        found.find(file, first_difference(LABEL_NEXT.name, before, after))


def _other_vectors(then: NextBatch, now: NextBatch) -> bool:
    if then.batch is None:
        return False
    known = now.batch.evidence if now.batch else {}
    return not vectors_of(then.batch.evidence).items() <= known.items()


def _as_noted(then: NextBatch, now: NextBatch) -> NextBatch:
    """What was not drawn stays; what a batch was drawn without is a matter of the machine of then."""
    return msgspec.structs.replace(now, note=then.note) if then.batch is not None else then
