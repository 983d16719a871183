"""Which images a sprint's report would have labelled next; label_next.json."""

from __future__ import annotations

from typing import Literal

from runner.domain.labelling import Batch, BatchImage
from runner.domain.records import Record
from runner.record.recommendation import RestsOn


class NextBatch(Record, frozen=True, kw_only=True):
    """One batch that would be proposed.

    Attributes:
        into: the split that its images would go to.
        gates: the open gates that more test images decide; none for train.
        slice: of which images; None: of all. `where`: its condition over the pool.
        size: how many images it would ask for.
        command: what to type for it; empty where it takes a spec: `spec` is that spec's block `annotation`, as a line of YAML.
        batch: as it was drawn; None where it could not be: `trouble` says why.
        images: its first, in the order in which they were taken.
        note: what it was drawn without.
    """

    into: Literal["train", "test"]
    size: int
    gates: list[str] = []
    slice: str | None = None
    where: str | None = None
    command: str = ""
    spec: str = ""
    batch: Batch | None = None
    images: list[BatchImage] = []
    trouble: str = ""
    note: str = ""


class LabelNext(Record, frozen=True, kw_only=True):
    """The batches that would be proposed after a sprint, drawn by the champion.

    Attributes:
        champion, tag, commit: the sprint whose model scored the pool, its tag in the registry, and the commit that it names.
        batches: train's first.
        trouble: why none was drawn; `hint`: what to type. The sheet `label_next.jpg` is there where this is empty.
        rests_on: beside each batch's `evidence`, the files that the choice of batches was made from.
    """

    sprint: str
    champion: str
    tag: str
    commit: str
    batches: list[NextBatch] = []
    trouble: str = ""
    hint: str = ""
    rests_on: list[RestsOn] = []

    @property
    def drawn(self) -> list[NextBatch]:
        """The batches that could be drawn."""
        return [batch for batch in self.batches if batch.batch is not None]
