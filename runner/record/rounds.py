"""How far a sprint's labelling round is, by its record in git."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from runner.domain.records import Record
from runner.record.catalogue import ANNOTATIONS, BATCH, HANDED_OUT
from runner.record.labelling import read_annotations, read_batch

WAITING = "waiting"  # an answer that cannot be merged yet


class Round(Record, frozen=True, kw_only=True):
    """A labelling round.

    Attributes:
        state: `asked`: the spec asks for a batch that is not drawn yet; `proposed`: it is drawn; `waiting`: it is with the
            annotators; `labelled`: every image of it was answered.
        images: of the batch. `labelled`: those that all their annotators answered, skipped ones among them.
        into: the split that they go to. `price`: of their labels, in `currency`; None without prices.
    """

    state: Literal["asked", "proposed", "waiting", "labelled"]
    images: int | None = None
    labelled: int = 0
    into: str = "train"
    price: float | None = None
    currency: str = ""

    @property
    def words(self) -> str:
        """The state as `flywheel status` shows it.

        >>> Round(state="waiting", images=48, labelled=12).words
        'waiting for labels (12 of 48)'
        """
        match self.state:
            case "asked":
                return "planned"
            case "proposed":
                return "batch proposed"
            case "waiting":
                return f"waiting for labels ({self.labelled} of {self.images})"
            case "labelled":
                return "ready to run"

    def detail(self, sprint: str) -> str:
        """What to know of it, and what to type."""
        price = f", {self.price:,.2f} {self.currency}" if self.price is not None else ""
        images = "1 image" if self.images == 1 else f"{self.images} images"
        match self.state:
            case "asked":
                return f"its batch is not drawn: flywheel batch {sprint}"
            case "proposed":
                return f"{images} for {self.into}{price}: flywheel annotate push {sprint}"
            case "waiting":
                return f"{images} for {self.into}{price}: flywheel annotate pull {sprint}"
            case "labelled":
                return f"{images} for {self.into}, all answered: flywheel run {sprint}"


def round_of(folder: Path, *, asked: bool) -> Round | None:
    """The round of the sprint whose folder this is; None where it has none.

    Args:
        asked: the spec asks for a batch.

    Raises:
        FlywheelError: a file of the round cannot be read (exit code 3).
    """
    batch = BATCH.read_if_there(folder)
    if batch is None:
        return Round(state="asked") if asked else None
    images = read_batch(folder)
    answers = Counter(row.key for row in read_annotations(folder) if row.state != WAITING)
    labelled = sum(answers[image.key] >= image.annotators for image in images)
    with_annotators = (folder / HANDED_OUT.name).is_file() or (folder / ANNOTATIONS.name).is_file()
    complete = bool(images) and labelled == len(images)
    return Round(
        state="labelled" if complete else "waiting" if with_annotators else "proposed",
        images=len(images),
        labelled=labelled,
        into=batch.into,
        price=batch.price,
        currency=batch.currency,
    )
