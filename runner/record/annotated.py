"""What `flywheel annotate` says: what was handed out, how far annotators are, what was merged."""

from __future__ import annotations

from runner.domain.annotation_quality import ToReview
from runner.domain.records import Record


class Pushed(Record, frozen=True, kw_only=True):
    """What `push` ends with.

    Attributes:
        tasks: images that were handed out; `proposals`: pre-annotations on them.
        where: where annotators find them, in sentences.
        missing: images of the batch that are nowhere in the dataset.
    """

    sprint: str
    tool: str
    tasks: int
    proposals: int
    where: list[str]
    missing: list[str]


class RoundStatus(Record, frozen=True, kw_only=True):
    """How far a round is.

    Attributes:
        images: of the batch; `answered`: of which all annotators said something; `merged`: whose labels are in the dataset.
        untouched: that came back as they were sent.
        partly: that wait for another annotator, since fewer answered them than are to.
        annotators: answers by annotator.
        problems: what could not be taken, in sentences.
    """

    sprint: str
    tool: str
    images: int
    answered: int
    merged: int
    untouched: int
    annotators: dict[str, int]
    problems: list[str]
    partly: int = 0


class PulledRound(Record, frozen=True, kw_only=True):
    """What `pull` ends with.

    Attributes:
        states: images by what became of them: labelled, kept, skipped, waiting, gold.
        objects: in the answers; `outcomes`: of them and of deleted pre-annotations, by what became of them.
        commit: that was made; None where none was, and then `uncommitted` has the paths to commit.
        failed: what of the labels is below the spec's limit, in sentences. `review`: the first of `review_images` to look at.
    """

    status: RoundStatus
    states: dict[str, int]
    objects: int
    outcomes: dict[str, int]
    commit: str | None
    uncommitted: list[str]
    failed: list[str] = []
    review: list[ToReview] = []
    review_images: int = 0
