"""How a simulated annotator labels one image: from what is there and what is shown, with the errors that people make."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.annotators.outcomes import LEAST_IOU, Box, iou
from runner.domain.labelling import AnsweredObject, Outcome, Proposal


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What an annotator gets wrong, and how fast.

    Attributes:
        missed: share of objects that are overlooked, and of wrong pre-annotations that are left standing.
        spurious: objects per image that are not there.
        wrong_class: share of objects that get any other class.
        jitter: standard deviation of each side of a drawn box, as a share of the box's size.
        missed_of: of a class, its share that is overlooked besides. `taken_for`: of a class, what it is taken for, and how often.
        accepts: IoU from which on a pre-annotation is left as it lies.
        image_seconds: to open an image. `label_seconds`: to draw one label. `review_seconds`: to look at a pre-annotation.
    """

    missed: float = 0.0
    spurious: float = 0.0
    wrong_class: float = 0.0
    jitter: float = 0.0
    missed_of: Mapping[str, float]
    taken_for: Mapping[str, tuple[str, float]]
    accepts: float = 0.8
    image_seconds: float = 2.0
    label_seconds: float = 7.0
    review_seconds: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What was drawn on one image, and how long it took."""

    objects: list[AnsweredObject]
    seconds: float


def label(
    truth: Sequence[AnsweredObject],
    proposals: Sequence[Proposal],
    classes: Sequence[str],
    rates: Rates,
    dice: random.Random,
) -> Labelled:
    """Labels one image. The same dice give the same answer.

    A pre-annotation that lies well enough is left where it lies, so that its own error stays; one that lies badly is moved; one of
    nothing is deleted unless that is overlooked. What nothing was proposed for is drawn.

    Args:
        truth: what is there; its outcomes are not looked at.
        proposals: what is shown.
        classes: that a wrong one is taken from.
        rates: of errors, and times.
        dice: of this annotator and image alone.
    """
    shown = _proposed(truth, proposals)
    seconds = rates.image_seconds
    objects = []
    for number, item in enumerate(truth):
        class_name = _called(item.class_name, classes, rates, dice)
        at = shown.get(number)
        if at is not None:
            found = _corrected(item, class_name, proposals[at], at, rates, dice)
            seconds += rates.review_seconds + (rates.label_seconds / 2 if found.outcome == "moved" else 0.0)
            objects.append(found)
        elif not _happens(_missing(item.class_name, rates), dice):
            objects.append(_drawn(item, class_name, rates.jitter, dice, "added", None))
            seconds += rates.label_seconds
    for at in sorted(set(range(len(proposals))) - set(shown.values())):
        seconds += rates.review_seconds
        if _happens(rates.missed, dice):
            objects.append(_as_shown(proposals[at], proposals[at].class_name, at, "accepted"))
    for _ in range(_times(rates.spurious, dice)):
        objects.append(_invented(truth, classes, dice))
        seconds += rates.label_seconds
    return Labelled(objects=objects, seconds=round(seconds * math.exp(dice.gauss(0.0, 0.2)), 2))


def _proposed(truth: Sequence[AnsweredObject], proposals: Sequence[Proposal]) -> dict[int, int]:
    """Which pre-annotation is of which object: the best overlaps first, those of its class before others."""
    pairs = sorted(
        (-iou(item.box, shown.box) - (item.class_name == shown.class_name), number, at)
        for number, item in enumerate(truth)
        for at, shown in enumerate(proposals)
        if iou(item.box, shown.box) >= LEAST_IOU
    )
    found: dict[int, int] = {}
    for _, number, at in pairs:
        if number not in found and at not in found.values():
            found[number] = at
    return found


def _corrected(
    item: AnsweredObject, class_name: str, shown: Proposal, at: int, rates: Rates, dice: random.Random
) -> AnsweredObject:
    """An object that a pre-annotation is of: what an annotator does not look at closely stays as it was shown."""
    if shown.class_name != item.class_name and _happens(rates.missed, dice):
        class_name = shown.class_name
    outcome: Outcome = "relabelled" if class_name != shown.class_name else "accepted"
    if iou(item.box, shown.box) >= rates.accepts:
        return _as_shown(shown, class_name, at, outcome)
    return _drawn(item, class_name, rates.jitter, dice, "moved" if outcome == "accepted" else outcome, at)


def _as_shown(shown: Proposal, class_name: str, at: int, outcome: Outcome) -> AnsweredObject:
    return AnsweredObject(
        class_name=class_name,
        box=shown.box,
        outcome=outcome,
        polygons=shown.polygons,
        keypoints=shown.keypoints,
        corners=shown.corners,
        proposal=at,
    )


def _drawn(
    item: AnsweredObject,
    class_name: str,
    jitter: float,
    dice: random.Random,
    outcome: Outcome,
    proposal: int | None,
) -> AnsweredObject:
    """The object with every side moved, and its shape with the sides; a rotated box is shifted and scaled, so that it stays one."""
    box = _moved(item.box, jitter, dice)
    if item.corners:  # the same stretch both ways
        width, height = item.box[2] - item.box[0], item.box[3] - item.box[1]
        grown = math.sqrt(max(1e-6, (box[2] - box[0]) * (box[3] - box[1]) / max(width * height, 1e-12)))
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        half = (width * grown / 2, height * grown / 2)
        box = (middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1])
    return AnsweredObject(
        class_name=class_name,
        box=box,
        outcome=outcome,
        polygons=[_carried(outline, item.box, box, 2) for outline in item.polygons],
        keypoints=_carried(item.keypoints, item.box, box, 3),
        corners=_carried(item.corners, item.box, box, 2),
        proposal=proposal,
    )


def _moved(box: Box, jitter: float, dice: random.Random) -> Box:
    """Sides stay within the image, and apart by a tenth of what they were."""
    if not jitter:
        return box
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    left, right = left + dice.gauss(0, jitter) * width, right + dice.gauss(0, jitter) * width
    top, bottom = top + dice.gauss(0, jitter) * height, bottom + dice.gauss(0, jitter) * height
    left, top = min(max(left, 0.0), 1.0), min(max(top, 0.0), 1.0)
    right, bottom = min(max(right, 0.0), 1.0), min(max(bottom, 0.0), 1.0)
    if right - left < width / 10 or bottom - top < height / 10:
        return box
    return left, top, right, bottom


def _carried(points: Sequence[float], was: Box, now: Box, step: int) -> list[float]:
    """Points as the box around them was moved and stretched; what is not labelled stays."""
    found = list(points)
    for at in range(0, len(points), step):
        if step == 3 and not points[at + 2]:
            continue
        for axis in (0, 1):
            size = was[axis + 2] - was[axis]
            part = (points[at + axis] - was[axis]) / size if size else 0.5
            found[at + axis] = now[axis] + part * (now[axis + 2] - now[axis])
    return found


def _invented(truth: Sequence[AnsweredObject], classes: Sequence[str], dice: random.Random) -> AnsweredObject:
    """An object that is not there, of the size of one that is; a rectangle, whatever is drawn."""
    like = dice.choice(truth).box if truth else (0.4, 0.4, 0.6, 0.6)
    width, height = min(like[2] - like[0], 0.9), min(like[3] - like[1], 0.9)
    left, top = dice.random() * (1 - width), dice.random() * (1 - height)
    box = (left, top, left + width, top + height)
    around = [left, top, left + width, top, left + width, top + height, left, top + height]
    shaped = truth[0] if truth else None
    return AnsweredObject(
        class_name=dice.choice(list(classes)),
        box=box,
        outcome="added",
        polygons=[around] if shaped is not None and shaped.polygons else [],
        corners=around if shaped is not None and shaped.corners else [],
        keypoints=_carried(shaped.keypoints, shaped.box, box, 3) if shaped is not None else [],
    )


def _called(class_name: str, classes: Sequence[str], rates: Rates, dice: random.Random) -> str:
    other, share = rates.taken_for.get(class_name, ("", 0.0))
    if _happens(share, dice):
        return other
    others = [name for name in classes if name != class_name]
    return dice.choice(others) if others and _happens(rates.wrong_class, dice) else class_name


def _missing(class_name: str, rates: Rates) -> float:
    """Overlooked as any, or for its class."""
    return 1 - (1 - rates.missed) * (1 - rates.missed_of.get(class_name, 0.0))


def _happens(share: float, dice: random.Random) -> bool:
    return dice.random() < share


def _times(mean: float, dice: random.Random) -> int:
    """A Poisson number. Source: Knuth, The Art of Computer Programming 2, 3.4.1."""
    limit, times, product = math.exp(-mean), 0, dice.random()
    while product > limit:
        times += 1
        product *= dice.random()
    return times
