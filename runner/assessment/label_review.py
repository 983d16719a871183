"""Which labels somebody should look at again: images that annotators dispute, and gold images that they did not see as known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runner.assessment.agreements import Compared
from runner.assessment.answered import UNKNOWN_SIZE, SizeHW
from runner.assessment.consensus import Dispute, merged
from runner.domain.annotation_quality import ToReview
from runner.domain.labelling import Answer
from runner.tasks.task import Task

_LOOSE = 0.7  # two boxes of one object that overlap less
_MOST_REASONS = 6  # of one image


def to_review(
    answers: Sequence[Answer],
    task: Task,
    compared: Compared,
    known: Compared,
    sizes_hw: Mapping[str, SizeHW],
) -> list[ToReview]:
    """The images to look at, those with the lowest agreement first.

    Args:
        answers: that are not skipped, sorted by path and annotator.
        compared: annotators with one another. `known`: annotators with known labels.
        sizes_hw: of images, by their ids.
    """
    by_image: dict[str, list[Answer]] = {}
    for answer in answers:
        by_image.setdefault(answer.image_id, []).append(answer)
    found: list[tuple[float, ToReview]] = []
    for image_id, given in by_image.items():
        disputed = merged(given, task, size_hw=sizes_hw.get(image_id, UNKNOWN_SIZE)).disputed
        why = [*map(_disputed, disputed), *_loose(compared, image_id), *_against_gold(known, image_id)]
        if why:
            cut = (
                [*why[:_MOST_REASONS], f"and {len(why) - _MOST_REASONS} more"]
                if len(why) > _MOST_REASONS
                else why
            )
            shown = ToReview(
                path=given[0].path, image_id=image_id, annotators=[one.annotator for one in given], why=cut
            )
            found.append((min(_agreement(compared, image_id), _agreement(known, image_id)), shown))
    return [shown for _, shown in sorted(found, key=lambda one: (one[0], one[1].path))]


def _disputed(one: Dispute) -> str:
    x, y = ((one.item.box[axis] + one.item.box[axis + 2]) / 2 for axis in (0, 1))
    where = "" if one.item.box == (0.0, 0.0, 1.0, 1.0) else f" at {100 * x:.0f} %, {100 * y:.0f} %"
    return f"{one.item.class_name}{where}: {one.why}"


def _loose(compared: Compared, image_id: str) -> list[str]:
    both = compared.both
    return [
        f"{compared.class_one[at]}: {compared.one[at]} and {compared.other[at]} overlap by {compared.similarity[at]:.2f}"
        for at in compared.rows_of.get(image_id, [])
        if both[at] and compared.similarity[at] < _LOOSE
    ]


def _against_gold(known: Compared, image_id: str) -> list[str]:
    """A sentence for each annotator who did not see what is known: the annotator errs, or what is known is wrong."""
    rows, same = known.rows_of.get(image_id, []), known.same
    said = []
    for annotator in sorted({known.one[at] for at in rows}):
        own = [at for at in rows if known.one[at] == annotator]
        there = [at for at in own if known.class_other[at]]
        drawn = [at for at in own if known.class_one[at]]
        lost, more = (sum(not same[at] for at in part) for part in (there, drawn))
        if lost or more:
            said.append(
                f"{annotator}: {lost} of {len(there)} known objects not found as such, {more} drawn that are not known"
            )
    return said


def _agreement(compared: Compared, image_id: str) -> float:
    rows = compared.rows_of.get(image_id, [])
    return float(np.mean(compared.similarity[rows] * compared.same[rows])) if rows else 1.0
