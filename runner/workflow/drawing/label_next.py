"""What a judged sprint's report would have labelled next: batches drawn as `flywheel batch` draws them, and shown before anybody asks.

No model is run here. `flywheel run` scores the pool beforehand (`score_for_next`); where nothing is scored, that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from runner.config.annotation import Annotation
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.root import PROJECT_FILE
from runner.domain.errors import FlywheelError
from runner.domain.files import write_bytes
from runner.domain.verdict import Verdict
from runner.embeddings import Setting
from runner.planning.champion import Champion
from runner.record.catalogue import (
    BATCH_IMAGES,
    EVALUATION,
    LABEL_NEXT,
    LABEL_NEXT_SHEET,
    RECOMMENDATION,
    VERDICT,
    sprint_folder,
)
from runner.record.label_next import LabelNext, NextBatch
from runner.record.recommendation import Recommendation, RestsOn
from runner.record.rests_on import rests_on
from runner.strategies.mix import BatchOptions, Mix, usual_mix
from runner.workflow.drawing.drawing import Drawing, other_batches
from runner.workflow.drawing.evidence import Evidence, evidence_in
from runner.workflow.drawing.next_batches import next_batches, strategy_of
from runner.workflow.drawing.pooled import needs_of
from runner.workflow.drawing.prepare import mix_of
from runner.workflow.drawing.sheets import sheet
from runner.workflow.embedding import setting_of
from runner.workflow.holder import known_champion
from runner.workflow.recommending.spec import condition_of
from runner.workflow.scoring import outdated, scoring_folder

FIRST = {"train": 16, "test": 8}  # images that are shown of a batch
_OWN = (VERDICT, EVALUATION, RECOMMENDATION)


@dataclass(frozen=True, kw_only=True)
class NextDrawing:
    """What the batches of one sprint are drawn from.

    Attributes:
        folder: the sprint's, or one laid out as it is.
        beside: sprints whose batches are left out of the pool.
        mixes: of each batch, where that is given; else the usual one, as far as its vectors are kept here.
    """

    root: Path
    folder: Path
    project: Project
    loaded: LoadedSprint
    champion: Champion
    evidence: Evidence
    setting: Callable[[], Setting]
    beside: Sequence[str]
    mixes: Sequence[Mix | None] = ()

    def made(self, verdict: Verdict, recommendation: Recommendation | None) -> LabelNext:
        """The record, drawn anew."""
        batches = [
            self._drawn(batch, self.mixes[number] if number < len(self.mixes) else None)
            for number, batch in enumerate(self.asked(verdict, recommendation))
        ]
        return msgspec.structs.replace(
            _record(self.loaded.name, self.champion), batches=batches, rests_on=self._rests_on()
        )

    def asked(self, verdict: Verdict, recommendation: Recommendation | None) -> list[NextBatch]:
        """The batches before any image is drawn."""
        return next_batches(
            self.project,
            self.loaded,
            verdict,
            recommendation,
            lambda name: condition_of(self.folder, name),
        )

    def _drawn(self, asked: NextBatch, mix: Mix | None) -> NextBatch:
        if asked.trouble:
            return asked
        options = BatchOptions(size=asked.size, into=asked.into, where=asked.where)
        notes: list[str] = []
        try:
            chosen = mix or mix_of(self.project, options, self.champion, self.setting, notes.append)
            try:
                return self._with(asked, options, chosen, "; ".join(notes))
            except FlywheelError:
                if mix is not None or not needs_of(chosen).vectors:
                    raise
            without = usual_mix(champion=True, vectors=False, into=asked.into)
            lacking = "drawn without diversity: vectors of some images are not here (flywheel embed)"
            return self._with(asked, options, without, lacking)
        except FlywheelError as error:
            return msgspec.structs.replace(asked, trouble=error.message)

    def _with(self, asked: NextBatch, options: BatchOptions, mix: Mix, note: str) -> NextBatch:
        drawing = Drawing(
            root=self.root,
            project=self.project,
            sprint=self.loaded.name,
            annotation=Annotation(strategy=strategy_of(self.project, self.loaded), batch=options),
            mix=mix,
            champion=self.champion,
            evidence=self.evidence,
            setting=self.setting,
            beside=self.beside,
            compute_vectors=False,
        )
        batch, images = drawing.draw()
        return msgspec.structs.replace(asked, batch=batch, images=images[: FIRST[asked.into]], note=note)

    def _rests_on(self) -> list[RestsOn]:
        found = {file.of(self.loaded.name): self.folder / file.name for file in _OWN}
        found[PROJECT_FILE] = self.root / PROJECT_FILE
        for sprint in self.beside:
            found[BATCH_IMAGES.of(sprint)] = self.root / BATCH_IMAGES.of(sprint)
        return rests_on(found)


def write_label_next(
    root: Path,
    project: Project,
    loaded: LoadedSprint,
    verdict: Verdict | None,
    recommendation: Recommendation | None,
) -> LabelNext | None:
    """Writes label_next.json and its sheet of a sprint that was judged; removes those of another, and where there is no champion or
    no pool. What cannot be drawn is said in the record: it fails nothing.
    """
    folder = sprint_folder(root, loaded.name)
    found = label_next(root, project, loaded, verdict, recommendation) if verdict is not None else None
    if found is None or not found.drawn:
        (folder / LABEL_NEXT_SHEET.name).unlink(missing_ok=True)
    if found is None:
        (folder / LABEL_NEXT.name).unlink(missing_ok=True)
        return None
    LABEL_NEXT.write(folder, found)
    if found.drawn:
        _write_sheet(root / project.dataset.path, folder / LABEL_NEXT_SHEET.name, found)
    return found


def label_next(
    root: Path,
    project: Project,
    loaded: LoadedSprint,
    verdict: Verdict,
    recommendation: Recommendation | None,
) -> LabelNext | None:
    """The record as of now; None without a pool or a champion."""
    if project.splits.pool is None:
        return None
    try:
        champion = known_champion(root, project)
    except FlywheelError as error:
        return LabelNext(
            sprint=loaded.name, champion="", tag="", commit="", trouble=error.message, hint=error.hint or ""
        )
    if champion is None:
        return None
    empty = _record(loaded.name, champion)
    try:
        drawing, lacking = _found(root, project, loaded, champion)
        if drawing is None:
            return msgspec.structs.replace(empty, trouble=lacking, hint="flywheel score")
        if absent := drawing.evidence.absent():
            known = LABEL_NEXT.read_if_there(drawing.folder)
            if known is not None and _still(known, drawing, drawing.asked(verdict, recommendation)):
                return known
            there = f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not here, only in DVC"
            return msgspec.structs.replace(empty, trouble=there, hint="flywheel score --pull")
        return drawing.made(verdict, recommendation)
    except FlywheelError as error:
        return msgspec.structs.replace(empty, trouble=error.message, hint=error.hint or "")


def _found(
    root: Path, project: Project, loaded: LoadedSprint, champion: Champion
) -> tuple[NextDrawing | None, str]:
    """What to draw from; None, with the reason, where the champion has not scored the pool as it is."""
    shown = scoring_folder(champion.sprint)
    evidence = evidence_in(root, shown)
    if not evidence.hashes:
        return None, f"the champion {champion.sprint} ({champion.tag}) has not scored the pool yet"
    if reasons := outdated(root, project, champion):
        return None, f"the pool was scored before something changed: {'; '.join(reasons)}"

    @cache
    def setting() -> Setting:
        return setting_of(root, project, pull=False, say=lambda line: None)

    return NextDrawing(
        root=root,
        folder=sprint_folder(root, loaded.name),
        project=project,
        loaded=loaded,
        champion=champion,
        evidence=evidence,
        setting=setting,
        beside=other_batches(root, ""),
    ), ""


def _still(known: LabelNext, drawing: NextDrawing, asked: Sequence[NextBatch]) -> bool:
    """Whether a record is of the same champion, evidence and questions, so that it would come out the same."""
    if (known.commit, len(known.batches)) != (drawing.champion.commit, len(asked)) or not known.drawn:
        return False
    same = all(
        (then.into, then.size, then.where, then.gates) == (now.into, now.size, now.where, now.gates)
        for then, now in zip(known.batches, asked, strict=True)
    )
    recorded = drawing.evidence.recorded
    return same and all(
        recorded.items() <= found.batch.evidence.items() for found in known.batches if found.batch
    )


def _record(sprint: str, champion: Champion) -> LabelNext:
    return LabelNext(sprint=sprint, champion=champion.sprint, tag=champion.tag, commit=champion.commit)


def _write_sheet(dataset: Path, file: Path, found: LabelNext) -> None:
    """One sheet of all batches. In a clone without the images, the one that git has stays."""
    shown = found.drawn
    if not any((dataset / image.path).is_file() for batch in shown for image in batch.images):
        return
    names = [f"for {batch.into}" + (f", {batch.slice}" if batch.slice else "") for batch in shown]
    write_bytes(file, sheet(dataset, [batch.images for batch in shown], names))
