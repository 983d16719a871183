"""The question of the project's phase, and the answer that the evidence gives."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from runner.domain.verdict import Outcome
from runner.recommending.goals import Goal, of_gates, raised_by_labels
from runner.recommending.known import Known, OpenGate, Part, Target
from runner.recommending.sources import Sources, middle

HUNDRED = 100
FURTHEST = 1000.0  # times the training images there are: beyond it no number is realistic


def phase(known: Known, aims: list[Goal], drawn: Sources) -> tuple[str, str]:
    """Question and answer; both empty where flywheel.yaml names no phase."""
    match known.phase:
        case "feasibility":
            return "Does a baseline beat chance on a hundred images?", _feasibility(known)
        case "viability":
            return "What would reaching the target cost, and is that worth it?", _viability(
                known, aims, drawn
            )
        case "scale":
            return "What holds the weakest slice back?", _scale(known, drawn)
        case "maintenance":
            return "Is it time to label again?", _maintenance(known)
    return "", ""


def _feasibility(known: Known) -> str:
    if known.measure is None:
        return "Not known: no model was measured yet."
    error = known.measure.error
    chance = known.chance if known.chance is not None else 0.0
    value = f"{known.metric} is {known.measure.value:.3f} with {known.train} training images, and chance would give {chance:.3f}"
    if error is None:
        return f"Not known: {value}, but nobody can say how far off it may be."
    surely = known.measure.value - 2 * error > chance
    if surely:
        return f"Yes: {value}."
    if known.train < HUNDRED:
        return f"Not yet: {value}. There are {HUNDRED - known.train} images to go to a hundred."
    return f"No: {value}. Look at the labels and at whether the task can be seen in the images at all."


def _viability(known: Known, aims: list[Goal], drawn: Sources) -> str:
    """Images by the power law until the project's target is reached and each open gate's distance closed, and their price."""
    if known.measure is None:
        return "Not known: no model was measured yet."
    target = known.target
    if target is not None and _beyond_ceiling(known, target):
        return f"No label reaches it: {_asked(target)}, and by how far annotators agree {known.ceiling:.3f} is the most."
    wanted = [goal for goal in (*_of_target(target), *aims) if _short_of(goal) > 0]
    if not wanted and target is not None:
        return f"The target is reached: {_asked(target)}{_uncertain(target)}."
    if not wanted:
        return (
            "No measured number is short of its limit: what is open is open for want of test images."
            if aims and of_gates(aims)
            else "The target is reached: no gate on quality is open."
            if not known.gates
            else ("No gate on quality is open: what is open is no matter of labels.")
        )
    needed = np.zeros(len(drawn.labels))
    for goal in wanted:
        needed = np.maximum(needed, _images_until(goal, known, drawn))
    reached = needed < FURTHEST * max(1, known.train)
    share = float(reached.mean())
    if share < 0.1:
        asked = f" ({_asked(target)})" if target is not None else ""
        return f"Labels alone will hardly reach it{asked}: in fewer than one of ten readings of the evidence they do."
    ends = middle(np.log(np.maximum(1.0, needed[reached])))
    low, high = (_round(math.exp(end)) for end in (ends.low, ends.high))
    asked = f"{_asked(target)}: " if target is not None else ""
    text = f"{asked}{low:,} to {high:,} further training images, where labels can reach it at all: {share:.0%} of the readings of the evidence"
    if known.prices.label:
        each = known.prices.label * known.per_image
        text += f"; {low * each:,.2f} to {high * each:,.2f} {known.prices.currency} of labels"
        if known.prices.point is not None:
            text += _worth(known, sum(_short_of(goal) for goal in wanted), low * each, high * each, share)
    return f"{text}."


def _of_target(target: Target | None) -> list[Goal]:
    """The project's target as a number that lacks something to a limit."""
    if target is None:
        return []
    gate = OpenGate(
        words=f"{target.metric} ≥ {target.value:g}",
        metric=target.metric,
        slice=None,
        outcome=Outcome.FAIL,
        quality=True,
        value=target.measure.value,
        level=target.measure.value,
        limit=target.value,
    )
    return [Goal(lacks=max(0.0, 1 - target.measure.value), gate=gate)]


def _asked(target: Target) -> str:
    return f"{target.metric} is {target.measure.value:.3f}, and the target {target.value:g}"


def _uncertain(target: Target) -> str:
    """Whether the number may still lie below."""
    error = target.measure.error
    if error is None or target.measure.value - 2 * error >= target.value:
        return ""
    return ", which is within what the test images can tell: it may still lie below"


def _beyond_ceiling(known: Known, target: Target) -> bool:
    return known.ceiling is not None and target.metric == known.metric and known.ceiling < target.value


def _worth(known: Known, distance: float, low: float, high: float, share: float) -> str:
    worth = distance * 100 * (known.prices.point or 0.0)
    said = f"; reaching it is worth {worth:,.2f} {known.prices.currency} to the project: "
    if worth * share >= high:
        return f"{said}it pays"
    return f"{said}{'it may pay' if worth * share >= low else 'it does not pay'}"


def _images_until(goal: Goal, known: Known, drawn: Sources) -> NDArray[np.float64]:
    """`(DRAWS,)` images, of the goal's own slice where it has one, until its number is at the limit; infinite where it never is."""
    sizes = np.geomspace(8, FURTHEST * max(8, known.train), 60)
    needed = np.full(len(drawn.labels), np.inf)
    for images in sizes[::-1]:
        enough = raised_by_labels(goal, goal.part, int(images), drawn, known) >= _short_of(goal)
        needed[enough] = images
    return needed


def _short_of(goal: Goal) -> float:
    """What the number itself lacks to the limit: further test images narrow its interval."""
    gate = goal.gate
    if gate is None or gate.limit is None or gate.value is None:
        return 0.0
    return max(0.0, gate.limit - gate.value)


def _round(number: float) -> int:
    """Two significant digits."""
    step = 10 ** max(0, math.floor(math.log10(max(1.0, number))) - 1)
    return int(round(number / step) * step)


def _scale(known: Known, drawn: Sources) -> str:
    parts = [part for part in known.parts if part.test >= 10]
    if not parts:
        return "Not known: no slice has ten test images."
    weakest = min(parts, key=lambda part: (part.measure.value, part.name))
    return f"{weakest.name} ({weakest.measure.value:.3f}): {_held_back(weakest, known, drawn)}."


def _held_back(part: Part, known: Known, drawn: Sources) -> str:
    share = part.train / max(1, known.train)
    count = f"it has {part.train} of {known.train} training images ({share:.0%}) and {part.share:.0%} of what is tested"
    if share < 0.5 * part.share:
        more = f", and {part.pool} in the pool" if part.pool is not None else ""
        return f"few labels: {count}{more}"
    if drawn.interval("noise").low > 0.25:
        return f"wrong labels: {count}, so it is not for want of images"
    return (
        f"not the number of its images, since {count}: look at its labels, at what it shows, and at the model"
    )


def _maintenance(known: Known) -> str:
    if known.pool == 0:
        return "No: the pool is empty, so nothing new was seen."
    share = known.pool / max(1, known.train)
    said = f"the pool has {known.pool} images ({share:.0%} of what was trained on)"
    if known.shift:
        return f"Yes: {said}, and {known.shift}."
    return f"Not for what is known: {said}, and its slices are those of the training images."
