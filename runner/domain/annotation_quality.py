"""How good the labels of a round are: what annotation.json holds."""

from __future__ import annotations

from typing import Literal

from runner.domain.records import Record
from runner.domain.task import TaskName

AgreementMetric = Literal["iou", "class", "alpha"]


class Measured(Record, frozen=True, kw_only=True):
    """A number and its 95 % interval, over the images that it is of.

    Attributes:
        value: None where there is nothing to measure.
        low, high: None where that is too little for an interval: of one image.
        of: on how many things it rests: objects, units, answers.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    of: int = 0


NOT_MEASURED = Measured()


class Acceptance(Record, frozen=True, kw_only=True):
    """What became of pre-annotations, and how many objects were added to them."""

    accepted: int = 0
    moved: int = 0
    relabelled: int = 0
    deleted: int = 0
    added: int = 0

    @property
    def shown(self) -> int:
        """How many pre-annotations annotators saw."""
        return self.accepted + self.moved + self.relabelled + self.deleted


class AnnotatorQuality(Record, frozen=True, kw_only=True):
    """One annotator. Agreement is that of all objects with what others drew on the same images.

    Attributes:
        images: that were answered; `skipped` ones are looked at, and not labelled.
        gold_recall: known objects that were found, with their class. `gold_precision`: drawn objects that are known ones.
        seconds_per_label: the median over the answers with labels.
        cost: by the project's prices; None where it names none.
    """

    annotator: str
    images: int
    skipped: int = 0
    objects: int
    iou: Measured = NOT_MEASURED
    class_agreement: Measured = NOT_MEASURED
    gold_recall: Measured = NOT_MEASURED
    gold_precision: Measured = NOT_MEASURED
    gold_iou: Measured = NOT_MEASURED
    acceptance: Acceptance = Acceptance()
    seconds: float | None = None
    seconds_per_label: float | None = None
    cost: float | None = None


class ClassQuality(Record, frozen=True, kw_only=True):
    """One class: objects that at least one annotator calls so.

    Attributes:
        confused_with: what annotators who drew the same object called it most often instead.
        acceptance: of pre-annotations of this class, and what was added of it.
    """

    class_name: str
    objects: int
    iou: Measured = NOT_MEASURED
    class_agreement: Measured = NOT_MEASURED
    confused_with: str | None = None
    gold_recall: Measured = NOT_MEASURED
    gold_precision: Measured = NOT_MEASURED
    acceptance: Acceptance = Acceptance()


class LabelCeiling(Record, frozen=True, kw_only=True):
    """The metric that a model which knows the truth would have, measured against labels as annotators make them.

    Attributes:
        against: `gold`: known labels are scored against the annotators'; `annotators`: one annotator's against another's.
        measured: what those labels score.
        ceiling: the same with gold; of two annotators, what one of them alone would leave of it (runner/assessment/label_ceiling.py).
        limited_by: the class that would raise it most if annotators agreed on it; `limited_value`: its own ceiling.
        without_limit: the ceiling if they did.
    """

    metric: str
    against: Literal["gold", "annotators"]
    images: int
    measured: Measured
    ceiling: Measured
    limited_by: str | None = None
    limited_value: Measured = NOT_MEASURED
    without_limit: float | None = None


class ToReview(Record, frozen=True, kw_only=True):
    """An image whose labels somebody should look at, and why."""

    path: str
    image_id: str
    annotators: list[str]
    why: list[str]


class AnnotationQuality(Record, frozen=True, kw_only=True):
    """What annotation.json holds, of all answers so far.

    Attributes:
        images: of the batch, gold images included; `answered`: those with an answer.
        double: images that two or more annotators labelled. `gold`: answered images whose labels are known.
        guidelines: SHA-256 of the versions that answers were given under.
        iou: mean overlap of the objects of two annotators, one that a single annotator drew counting 0. `matched_iou`: of those that
            both drew, and `found_by_both` their share. `class_agreement`: those of them that both call the same.
        alpha: Krippendorff's, nominal: each object is a unit, its class a category, and what an annotator did not draw one more.
        limit: what the spec wants: the metric and its least value. `failed`: what is below it, in sentences.
        review: the images to look at, the worst first; `review_images` is how many there are.
    """

    sprint: str
    task: TaskName
    images: int
    answered: int
    answers: int
    skipped: int = 0
    objects: int
    double: int = 0
    gold: int = 0
    guidelines: list[str] = []
    iou: Measured = NOT_MEASURED
    matched_iou: Measured = NOT_MEASURED
    found_by_both: Measured = NOT_MEASURED
    class_agreement: Measured = NOT_MEASURED
    alpha: Measured = NOT_MEASURED
    gold_recall: Measured = NOT_MEASURED
    gold_precision: Measured = NOT_MEASURED
    gold_iou: Measured = NOT_MEASURED
    acceptance: Acceptance = Acceptance()
    seconds: float | None = None
    seconds_per_label: float | None = None
    cost: float | None = None
    currency: str = "EUR"
    annotators: list[AnnotatorQuality] = []
    classes: list[ClassQuality] = []
    ceilings: list[LabelCeiling] = []
    limit: tuple[AgreementMetric, float] | None = None
    failed: list[str] = []
    review: list[ToReview] = []
    review_images: int = 0

    def agreement(self, metric: AgreementMetric) -> Measured:
        """The agreement of the whole batch by its name in a spec."""
        return {"iou": self.iou, "class": self.class_agreement, "alpha": self.alpha}[metric]


_WORDS = {
    "iou": "mean overlap of what two annotators drew",
    "class": "share of objects that two annotators call the same",
    "alpha": "Krippendorff's alpha",
}


def failures(found: AnnotationQuality, limit: tuple[AgreementMetric, float] | None) -> list[str]:
    """What of a round's labels is below a limit, in sentences. What is not measured does not fail."""
    if limit is None:
        return []
    metric, least = limit
    agreement = found.agreement(metric)
    if agreement.value is None or agreement.value >= least:
        return []
    interval = (
        f" ({agreement.low:.2f} to {agreement.high:.2f})"
        if agreement.low is not None and agreement.high is not None
        else ""
    )
    return [f"{_WORDS[metric]} is {agreement.value:.3f}{interval} on {found.double} images, below {least:g}"]
