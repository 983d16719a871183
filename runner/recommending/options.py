"""What could be done next: each option with what it would gain, over the same draws, and what it would cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.domain.verdict import Outcome
from runner.recommending.fitted import curve_rises
from runner.recommending.goals import Goal, Lacks, narrowed, raised_by_labels
from runner.recommending.known import Known, Part
from runner.recommending.sources import DRAWS, Sources
from runner.record.recommendation import Action

Floats = NDArray[np.float64]

GROWTH = 0.5
"""Where no budget is set, a batch adds so large a part to the training images."""
FEWEST = 8
"""Fewer images of the pool are no batch."""
MENDED = (0.3, 0.9)
"""Of what wrong labels cost, a review gives back so much: it misses some, and mends some wrongly."""
TUNED = (0.0, 0.6)
"""Of what the model costs, a search over recipes gives back so much."""
RUNS = 4
"""Trainings of such a search, at most."""
MIX = {"random": 0.2, "uncertainty": 0.5, "diversity": 0.3}
FIRST_MIX = {"random": 0.2, "typicality": 0.8}  # where no model is there that could be unsure
TEST_MIX = {"random": 1.0}  # chosen by the model that it judges, a test split is biased


@dataclass(frozen=True, kw_only=True)
class Possible:
    """An option before it is compared.

    Attributes:
        gain: `(DRAWS,)`, in the unit of the goals; None where nothing is known of it.
        slice: its name where no more is known of it than that.
        price: of labels and compute; None without prices.
    """

    action: Action
    why: str
    gain: Floats | None
    part: Part | None = None
    slice: str | None = None
    images: int | None = None
    mix: dict[str, float] | None = None
    labels: float | None = None
    price: float | None = None
    rests: tuple[str, ...] = ()


def possible(known: Known, aims: list[Goal], drawn: Sources) -> list[Possible]:
    """Everything that raises a number or decides a gate; labelling for the slice alone where that gains most."""
    chance = np.random.default_rng(1)
    found = [
        _labelling(known, aims, drawn),
        _collecting(known, aims, drawn),
        _cleaning(known, aims, drawn, chance),
        _tuning(known, aims, drawn, chance),
        _testing(known, aims, chance) or _renewing(known),
    ]
    return [option for option in found if option is not None]


# --- label, collect -------------------------------------------------------------------------------


def batch_size(known: Known, pool: int | None) -> int:
    """Images that the budget pays for, else half as many as are trained on; no more than there are."""
    prices = known.prices
    if prices.budget and prices.label:
        images = int(prices.budget / (prices.label * max(known.per_image, 1e-9)))
    else:
        images = max(2 * FEWEST, math.ceil(GROWTH * known.train))
    return images if pool is None else min(images, pool)


def _targets(known: Known, aims: list[Goal]) -> Iterator[Part | None]:
    """All of the pool, and the slices that a gate asks for, or else the weakest of those that do worse than the rest."""
    yield None
    asked = {goal.part.name: goal.part for goal in aims if goal.part is not None}
    if asked:
        yield from asked.values()
    elif known.measure is not None:
        worse = [part for part in known.parts if part.measure.value < known.measure.value and part.test >= 10]
        yield from sorted(worse, key=lambda part: (part.measure.value, part.name))[:3]


def _labelling(known: Known, aims: list[Goal], drawn: Sources) -> Possible | None:
    """Of the whole pool, or of the slice where the images gain most beside as many of the whole pool."""
    found = []
    for part in _targets(known, aims):
        pool = known.pool if part is None else part.pool
        images = batch_size(known, pool) if pool is not None else 0
        if images >= FEWEST:
            option = _labelled("label", known, aims, drawn, part, images)
            anyhow = _labelled("label", known, aims, drawn, None, images)
            found.append((_mean(option.gain) - _mean(anyhow.gain), option))
    return max(found, key=lambda entry: entry[0])[1] if found else None


def _mean(gain: Floats | None) -> float:
    return float(gain.mean()) if gain is not None else 0.0


def _labelled(
    action: Action, known: Known, aims: list[Goal], drawn: Sources, part: Part | None, images: int
) -> Possible:
    gain = np.zeros(DRAWS)
    by_curve = curve_rises(known, images) if part is None else None
    for goal in aims:
        whole = by_curve is not None and goal.gate is None
        raised = by_curve if whole else raised_by_labels(goal, part, images, drawn, known)
        gain += goal.worth(raised)  # type: ignore[arg-type]  # it is there where it is of the whole
    labels = images * known.per_image
    where = f"of {part.name}" if part else "of the pool"
    curve = _said(drawn, "learning curve: ", "slices: ")
    fitted = (
        ["learning curve: several families, fitted to all sprints of this recipe"]
        if by_curve is not None
        else []
    )
    rests = [*fitted, *curve, f"selection: {known.train} training images, {known.pool} in the pool"]
    if part is not None:
        rests.append(
            f"slice {part.name}: {part.measure.value:.3f} on {part.test} test images, {part.train} to train on, "
            f"{part.pool if part.pool is not None else 'an unknown number'} in the pool"
        )
    return Possible(
        action=action,
        why=f"{images} images {where} beside the {part.train if part else known.train} there are",
        gain=gain if aims else None,
        part=part,
        images=images,
        mix=dict(MIX if known.champion else FIRST_MIX),
        labels=labels,
        price=_money(known, labels=labels),
        rests=tuple(rests),
    )


def _collecting(known: Known, aims: list[Goal], drawn: Sources) -> Possible | None:
    """Where a slice that is asked for, or the whole pool, has nothing left to label."""
    lacking = [
        part for part in _targets(known, aims) if (known.pool if part is None else part.pool) is not None
    ]
    empty = [part for part in lacking if (known.pool if part is None else part.pool or 0) < FEWEST]
    named = [part for part in empty if part is not None]
    if not empty or (not named and known.pool >= FEWEST):
        return None
    part = named[0] if named else None
    option = _labelled("collect", known, aims, drawn, part, batch_size(known, None))
    there = known.pool if part is None else part.pool
    return Possible(
        action="collect",
        why=f"{there} {'image' if there == 1 else 'images'} {'of ' + part.name + ' ' if part else ''}left in the pool: {option.images} are to be taken; "
        "what taking them costs is not in the price",
        gain=option.gain,
        part=part,
        images=option.images,
        labels=option.labels,
        price=option.price,
        rests=option.rests,
    )


# --- clean, tune ----------------------------------------------------------------------------------


def _cleaning(known: Known, aims: list[Goal], drawn: Sources, chance: np.random.Generator) -> Possible | None:
    """A review of suspected labels, where somebody looked for them; else of all, those first that the model doubts."""
    to_review = known.labels if known.suspected is None else len(known.suspected.chances)
    if known.labels <= 0 or to_review == 0:
        chance.uniform(size=DRAWS)  # the draws of what follows are the same, whatever is known
        return None
    reviewed, budget = to_review, _budget(known)
    if budget is not None and known.prices.review:
        reviewed = min(to_review, int(budget / known.prices.review))
    why = f"a review of {reviewed} of {known.labels} training labels, those that the model doubts first"
    within = reviewed / known.labels
    if known.suspected is not None:
        found = sum(known.suspected.chances[:reviewed])
        why = f"a review of {reviewed} of {to_review} suspected training labels, about {found:.0f} of them wrong"
        within = found / max(known.suspected.expected, 1e-9)
    share = within * chance.uniform(*MENDED, size=DRAWS)
    return Possible(
        action="clean",
        why=why,
        gain=_mended([(goal, Lacks.of(goal, drawn, known).noise * share) for goal in aims]),
        labels=float(reviewed),
        price=_money(known, reviews=reviewed),
        rests=_said(drawn, "labels: ", "errors: "),
    )


def _tuning(known: Known, aims: list[Goal], drawn: Sources, chance: np.random.Generator) -> Possible | None:
    if known.measure is None:
        return None
    other = [gate.words for gate in known.gates if not gate.quality or gate.target_only]
    runs, budget = RUNS, _budget(known)
    if budget is not None and known.prices.run:
        runs = max(1, min(RUNS, int(budget / known.prices.run)))
    share = (1 - (1 - 1 / RUNS) ** runs) / (1 - (1 - 1 / RUNS) ** RUNS) * chance.uniform(*TUNED, size=DRAWS)
    what = "longer training" if (known.rise or 0) > 0.02 and not known.peaked else "another recipe or model"
    why = f"{what}: {runs} trainings"
    if other:
        why += f"; no label changes {', '.join(other[:3])}{' …' if len(other) > 3 else ''}"
    price = known.prices.run * runs if known.prices.run is not None else None
    return Possible(
        action="tune",
        why=why,
        gain=_mended([(goal, Lacks.of(goal, drawn, known).model * share) for goal in aims]),
        price=price,
        rests=(*_said(drawn, "training: "), *(f"gate: {words}" for words in other[:3])),
    )


def _mended(shares: list[tuple[Goal, Floats]]) -> Floats | None:
    """What mending so much of what each goal lacks is worth."""
    if not shares:
        return None
    gain = np.zeros(DRAWS)
    for goal, share in shares:
        gain += goal.worth(share)
    return gain


# --- label for the test split ---------------------------------------------------------------------


def _testing(known: Known, aims: list[Goal], chance: np.random.Generator) -> Possible | None:
    """Of the undecided gates with a known number of further images: the slice whose gates are worth most."""
    undecided = [
        goal
        for goal in aims
        if goal.gate is not None and goal.gate.outcome is Outcome.INCONCLUSIVE and goal.gate.further
    ]
    found = []
    for name in dict.fromkeys(goal.gate.slice for goal in undecided if goal.gate):
        mine = [goal for goal in undecided if goal.gate and goal.gate.slice == name]
        images = max(goal.gate.further or 0 for goal in mine if goal.gate)
        gain = np.zeros(DRAWS)
        for goal in mine:
            gain += narrowed(goal, images, chance, DRAWS)
        part = mine[0].part
        prices = [
            goal.gate.further_price for goal in mine if goal.gate and goal.gate.further_price is not None
        ]
        words = ", ".join(goal.gate.words for goal in mine if goal.gate)
        found.append(
            Possible(
                action="label_test",
                why=f"{images} test images{f' of {name}' if name else ''}, drawn at random, would decide {words} with 80 % power",
                gain=gain,
                part=part,
                slice=name,
                images=images,
                mix=dict(TEST_MIX),
                labels=images * known.per_image,
                price=max(prices, default=None),
                rests=tuple(f"verdict: {goal.gate.words} is INCONCLUSIVE" for goal in mine if goal.gate),
            )
        )
    return max(found, key=lambda option: _mean(option.gain), default=None)


def _renewing(known: Known) -> Possible | None:
    """A test split that decided too often is renewed by images that no decision was taken on: what that gains is trust, and no number."""
    if not known.exhausted or known.test <= 0:
        return None
    labels = known.test * known.per_image
    return Possible(
        action="label_test",
        why=f"the test split's budget of decisions is spent: {known.test} new images, drawn at random, would renew it",
        gain=None,
        images=known.test,
        mix=dict(TEST_MIX),
        labels=labels,
        price=labels * known.prices.label if known.prices.label else None,
        rests=("verdict: the test split's budget of significance is spent",),
    )


# --- money ----------------------------------------------------------------------------------------


def _money(known: Known, *, labels: float = 0.0, reviews: float = 0.0) -> float | None:
    """Of labels or reviews, and of one sprint's compute; None where a price is not entered."""
    prices = known.prices
    if (labels and not prices.label) or (reviews and not prices.review):
        return None
    return labels * (prices.label or 0) + reviews * (prices.review or 0) + (prices.run or 0)


def _budget(known: Known) -> float | None:
    """What the same sprint could spend on labels."""
    if known.prices.budget:
        return known.prices.budget
    return batch_size(known, None) * known.per_image * known.prices.label if known.prices.label else None


def _said(drawn: Sources, *kinds: str) -> tuple[str, ...]:
    return tuple(said for said in drawn.rests if said.startswith(kinds))
