"""How good the labels of a round are: from annotators' answers and known labels to the record annotation.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from runner.assessment.agreements import Compared, compare, compare_pairs
from runner.assessment.answered import UNKNOWN_SIZE, LabelSet, SizeHW
from runner.assessment.label_ceiling import annotators_ceilings, gold_ceilings
from runner.assessment.label_review import to_review
from runner.domain.annotation_quality import (
    NOT_MEASURED,
    Acceptance,
    AnnotationQuality,
    AnnotatorQuality,
    ClassQuality,
    LabelCeiling,
    failures,
)
from runner.domain.labelling import Answer, AnsweredObject, BatchImage, HandedOut
from runner.domain.task import TaskSpec
from runner.tasks import TASKS
from runner.tasks.task import Task

if TYPE_CHECKING:
    from runner.config.annotation import QualityOptions
    from runner.config.project import Costs

MOST_REVIEWED = 200
"""Images that annotation.json names; it says how many there are."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Money for one label that is drawn or moved, and for one pre-annotation that is only looked at; None: not priced."""

    label: float | None = None
    review: float | None = None
    currency: str = "EUR"

    @classmethod
    def of(cls, costs: Costs, task: Task) -> Prices:
        """Those of flywheel.yaml."""
        price = getattr(costs.label, task.label)
        return cls(label=price or None, review=costs.label.review or None, currency=costs.currency)


NO_PRICES = Prices()


@dataclass(frozen=True, kw_only=True)
class Round:
    """All that is known of a batch's labels so far.

    Attributes:
        images: the batch. `answers`: to its images; others do not count.
        gold: of images whose labels are known: those, by the image's id. Answers to them are measured and never merged.
        sizes_hw: of images, by their ids.
    """

    sprint: str
    task: Task
    images: Sequence[BatchImage]
    answers: Sequence[Answer]
    gold: Mapping[str, Sequence[AnsweredObject]] = field(default_factory=dict)
    sizes_hw: Mapping[str, SizeHW] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        sprint: str,
        spec: TaskSpec,
        images: Sequence[BatchImage],
        answers: Sequence[Answer],
        handed: HandedOut | None,
        gold: Mapping[str, Sequence[AnsweredObject]] | None = None,
    ) -> Round:
        """A round of a project's task; images have the sizes that they were handed out with."""
        return cls(
            sprint=sprint,
            task=TASKS[spec.name](spec=spec, operating_confidence=0.25),  # every label is sure
            images=images,
            answers=answers,
            gold=gold or {},
            sizes_hw={one.image_id: (one.height, one.width) for one in handed.tasks} if handed else {},
        )

    @cached_property
    def all(self) -> list[Answer]:
        """Every answer to an image of the batch, the last of each annotator, sorted by path and annotator."""
        keys = {image.key for image in self.images}
        last = {(answer.key, answer.annotator): answer for answer in self.answers if answer.key in keys}
        return sorted(last.values(), key=lambda answer: (answer.path, answer.key, answer.annotator))

    @cached_property
    def given(self) -> list[Answer]:
        """Those that are not skipped."""
        return [answer for answer in self.all if not answer.skipped]

    @cached_property
    def several(self) -> list[LabelSet]:
        """The label sets of images that two or more annotators labelled."""
        by_key: dict[str, list[Answer]] = {}
        for answer in self.given:
            by_key.setdefault(answer.key, []).append(answer)
        return [self.labels(answer) for some in by_key.values() if len(some) > 1 for answer in some]

    @cached_property
    def with_gold(self) -> list[tuple[LabelSet, LabelSet]]:
        """What annotators drew, and what is known, of gold images."""
        return [
            (
                self.labels(answer),
                LabelSet(
                    image=answer.image_id,
                    source="",
                    objects=self.gold[answer.image_id],
                    size_hw=self.sizes_hw.get(answer.image_id, UNKNOWN_SIZE),
                ),
            )
            for answer in self.given
            if answer.image_id in self.gold
        ]

    def labels(self, answer: Answer) -> LabelSet:
        """One answer as a label set."""
        return LabelSet(
            image=answer.image_id,
            source=answer.annotator,
            objects=answer.objects,
            size_hw=self.sizes_hw.get(answer.image_id, UNKNOWN_SIZE),
        )


def quality(
    round_: Round, options: QualityOptions | None = None, prices: Prices = NO_PRICES
) -> AnnotationQuality:
    """What annotation.json says of a batch's labels; the same for the same answers in any order.

    Args:
        round_: the batch and what was answered so far.
        options: `annotation.quality` of the spec; without it nothing can fail.
        prices: of labels.
    """
    compared, alpha = compare(round_.several, round_.task)
    known = compare_pairs(round_.with_gold, round_.task)
    every = np.ones(len(compared.one), dtype=np.bool_)
    names = sorted({answer.annotator for answer in round_.all})
    review = to_review(round_.given, round_.task, compared, known, round_.sizes_hw)
    found = AnnotationQuality(
        sprint=round_.sprint,
        task=round_.task.name,
        images=len(round_.images),
        answered=len({answer.key for answer in round_.all}),
        answers=len(round_.all),
        skipped=sum(answer.skipped for answer in round_.all),
        objects=sum(len(answer.objects) for answer in round_.given),
        double=len({one.image for one in round_.several}),
        gold=len({known.image for _, known in round_.with_gold}),
        guidelines=sorted({answer.guidelines for answer in round_.all if answer.guidelines}),
        iou=compared.overlap(every),
        matched_iou=compared.overlap(compared.both),
        found_by_both=compared.share(compared.both, every),
        class_agreement=compared.share(compared.same, compared.both),
        alpha=alpha,
        gold_recall=known.share(known.same, known.says_other()),
        gold_precision=known.share(known.same, known.says_one()),
        gold_iou=known.overlap(known.both),
        acceptance=acceptance(round_.given),
        seconds=_seconds(round_.all),
        seconds_per_label=_seconds_per_label(round_.given),
        cost=_cost(round_.given, prices),
        currency=prices.currency,
        annotators=[_annotator(name, round_, compared, known, prices) for name in names],
        classes=_classes(round_, compared, known),
        ceilings=_surest_first(
            gold_ceilings(round_.with_gold, round_.task), annotators_ceilings(round_.several, round_.task)
        ),
        review=review[:MOST_REVIEWED],
        review_images=len(review),
    )
    if options is None or options.agreement is None:
        return found
    limit = (options.agreement.metric, options.agreement.min)
    return msgspec.structs.replace(found, limit=limit, failed=failures(found, limit))


def _surest_first(gold: list[LabelCeiling], annotators: list[LabelCeiling]) -> list[LabelCeiling]:
    """Those with the narrower interval, of equal ones those by known labels."""

    def width(ceilings: list[LabelCeiling]) -> float:
        ends = ceilings[0].ceiling if ceilings else NOT_MEASURED
        return ends.high - ends.low if ends.high is not None and ends.low is not None else 2.0

    return [*gold, *annotators] if width(gold) <= width(annotators) else [*annotators, *gold]


def acceptance(answers: Iterable[Answer], class_name: str | None = None) -> Acceptance:
    """What became of the answers' pre-annotations, of one class if it is given, and what was added."""
    counts = dict.fromkeys(("accepted", "moved", "relabelled", "deleted", "added"), 0)
    for answer in answers:
        left = set(range(len(answer.proposals)))
        for item in answer.objects:
            shown = None
            if item.proposal is not None and item.proposal < len(answer.proposals):
                left.discard(item.proposal)
                shown = answer.proposals[item.proposal]
            if class_name in (None, shown.class_name if shown is not None else item.class_name):
                counts[item.outcome] += 1
        counts["deleted"] += sum(class_name in (None, answer.proposals[at].class_name) for at in left)
    return Acceptance(**counts)


def _annotator(
    name: str, round_: Round, compared: Compared, known: Compared, prices: Prices
) -> AnnotatorQuality:
    every = [answer for answer in round_.all if answer.annotator == name]
    given = [answer for answer in every if not answer.skipped]
    own, gold = compared.of_source(name), known.of_source(name)
    return AnnotatorQuality(
        annotator=name,
        images=len(every),
        skipped=len(every) - len(given),
        objects=sum(len(answer.objects) for answer in given),
        iou=compared.overlap(own),
        class_agreement=compared.share(compared.same, compared.both & own),
        gold_recall=known.share(known.same, known.says_other() & gold),
        gold_precision=known.share(known.same, known.says_one() & gold),
        gold_iou=known.overlap(known.both & gold),
        acceptance=acceptance(given),
        seconds=_seconds(every),
        seconds_per_label=_seconds_per_label(given),
        cost=_cost(given, prices),
    )


def _classes(round_: Round, compared: Compared, known: Compared) -> list[ClassQuality]:
    """In the project's order; classes that nobody named are left out."""
    counts: dict[str, int] = {}
    for answer in round_.given:
        for item in answer.objects:
            counts[item.class_name] = counts.get(item.class_name, 0) + 1
    named = {*counts, *compared.class_one, *compared.class_other, *known.class_other} - {""}
    order = [name for name in round_.task.spec.classes if name in named]
    return [
        _class(name, counts.get(name, 0), round_, compared, known)
        for name in [*order, *sorted(named - set(order))]
    ]


def _class(name: str, objects: int, round_: Round, compared: Compared, known: Compared) -> ClassQuality:
    of_class = compared.of_class(name)
    return ClassQuality(
        class_name=name,
        objects=objects,
        iou=compared.overlap(of_class),
        class_agreement=compared.share(compared.same, compared.both & of_class),
        confused_with=compared.confused_with(name) or known.confused_with(name),
        gold_recall=known.share(known.same, known.says_other(name)),
        gold_precision=known.share(known.same, known.says_one(name)),
        acceptance=acceptance(round_.given, name),
    )


def _seconds(answers: Sequence[Answer]) -> float | None:
    timed = [answer.seconds for answer in answers if answer.seconds is not None]
    return round(sum(timed), 1) if timed else None


def _seconds_per_label(answers: Sequence[Answer]) -> float | None:
    """The median: an image that was left open over lunch says nothing of the others."""
    each = [
        answer.seconds / len(answer.objects)
        for answer in answers
        if answer.seconds is not None and answer.objects
    ]
    return round(median(each), 2) if each else None


def _cost(answers: Sequence[Answer], prices: Prices) -> float | None:
    """What is drawn or moved costs a label; what is only looked at costs a review, or a label where that has no price."""
    if prices.label is None:
        return None
    found = acceptance(answers)
    reviewed = found.accepted + found.relabelled + found.deleted
    review = prices.label if prices.review is None else prices.review
    return round((found.added + found.moved) * prices.label + reviewed * review, 4)
