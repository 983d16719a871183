"""Was a sprint worth it? From its record and earlier ones' to what worth.json says. Reads no file.

How intervals of ratios are formed and what they promise: docs/worth.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from msgspec import UNSET

from runner.assessment.past_sprints import PastSprint, changes
from runner.assessment.worth_cleaning import cleaning
from runner.assessment.worth_curve import Wanted, curve
from runner.domain.evaluation import (
    CHAMPION_TARGET,
    QUALITY_METRICS,
    Interval,
    common_target,
)
from runner.domain.verdict import GateResult, Outcome
from runner.domain.worth import POINT, CausedGain, Cleaning, Diagnosis, Effort, Gain, Rate, Worth
from runner.evaluation.intervals import Sample, difference, simultaneous
from runner.gates.evidence import Samples
from runner.gates.one_interval import judging_gate

_MOST_SHARED = 0.95
_FALLS = 3  # that are diagnosed, the newest


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Prices and what was paid.

    Attributes:
        unit: of a label, as `costs.label` names it; `price` of one, None where nobody entered one.
        answered: labels that annotators gave for the sprint; None where no answers are recorded. `paid`: what they cost, as
            annotation.json counts it: what was only looked at is cheaper than what was drawn.
        compute: money for the sprint's stages; None where their times are not recorded.
        review: price of the review of one label; None where nobody entered one.
    """

    unit: str
    currency: str
    price: float | None = None
    answered: int | None = None
    paid: float | None = None
    compute: float | None = None
    review: float | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Everything that worth.json is made from beside the records of sprints.

    Attributes:
        samples: of this sprint's evaluation; None where they are not here.
        target, target_metric, value_per_point: `goal` of flywheel.yaml.
        ceiling, caused, arms: see `Curve.ceiling`, `Worth`.
    """

    spent: Spent
    samples: Samples | None = None
    target: float | None = None
    target_metric: str | None = None
    value_per_point: float | None = None
    ceiling: float | None = None
    caused: Sequence[CausedGain] = ()
    arms: Mapping[str, int] = field(default_factory=dict)


def worth(own: PastSprint, earlier: Sequence[PastSprint], asked: Asked) -> Worth:
    """What the sprint gained beside the champion, else beside the one before it.

    Args:
        earlier: in the order of their names; the champion among them where its record is here.
    """
    champion = own.evaluation.champion
    known = {sprint.name: sprint for sprint in earlier}
    before = known.get(champion.sprint) if champion else (earlier[-1] if earlier else None)
    level = own.evaluation.resampling.level if own.evaluation.resampling else 0.95
    metric = own.verdict.optimizing
    shared = _shared(asked.samples, own, asked.target_metric or metric)
    gains = _gains(own, before, asked.samples, level)
    compared = champion.sprint if champion else before.name if before else None
    cleaned = cleaning(own, earlier, before, gains, asked.spent.review, since=compared)
    effort = _effort(own, before, asked.spent, cleaned)
    return Worth(
        compared_with=compared,
        as_champion=champion is not None,
        level=level,
        optimizing=metric,
        effort=effort,
        gains=gains,
        rate=rate(gains[0] if gains else None, effort),
        seed_deviation=_seed_deviation(own),
        curve=curve(
            own,
            earlier,
            Wanted(
                metric=asked.target_metric or metric,
                level=level,
                target=asked.target,
                price=asked.spent.price,
                value_per_point=asked.value_per_point,
                shared=shared,
                ceiling=asked.ceiling,
            ),
        ),
        diagnoses=_diagnoses(own, earlier, before, gains, shared),
        arms=dict(sorted(asked.arms.items())),
        cleaned=cleaned or UNSET,
        caused=list(asked.caused) or UNSET,
    )


def rate(gain: Gain | None, effort: Effort) -> Rate:
    """The gain by labels and by money; empty where nothing was added, or nobody knows what.

    >>> effort = Effort(unit="box", labels_before=100, labels_after=300, images_before=10, images_after=30, labelling=8.0)
    >>> found = rate(Gain(metric="map50", value=0.5, reference=0.46, difference=0.04, interval=Interval(low=0.02, high=0.08)), effort)
    >>> found.per_label, found.cost_per_point, found.cost_per_point_low, found.cost_per_point_high
    (0.0002, 2.0, 1.0, 4.0)
    """
    if gain is None:
        return Rate()
    labels, money = effort.labels_added, effort.money
    by_labels = labels if labels is not None and labels > 0 else None
    by_money = money if money is not None and money > 0 else None
    ends = gain.interval
    return Rate(
        per_label=_divided(gain.difference, by_labels),
        per_label_interval=_over(ends, by_labels),
        per_money=_divided(gain.difference, by_money),
        per_money_interval=_over(ends, by_money),
        cost_per_point=_turned(by_money, gain.difference),
        cost_per_point_low=_turned(by_money, ends.high) if ends else None,
        cost_per_point_high=_turned(by_money, ends.low) if ends else None,
    )


def _divided(value: float, by: float | None) -> float | None:
    return None if by is None else value / by


def _over(ends: Interval | None, by: float | None) -> Interval | None:
    return None if ends is None or by is None else Interval(low=ends.low / by, high=ends.high / by)


def _turned(money: float | None, gain: float) -> float | None:
    """Money for a point; without end where there is no gain."""
    return money / (gain / POINT) if money is not None and gain > 0 else None


def _gains(own: PastSprint, before: PastSprint | None, samples: Samples | None, level: float) -> list[Gain]:
    champion = own.evaluation.champion
    if champion is None:
        return _unpaired(own, before) if before is not None else []
    whole = next((row for row in champion.differences if row.slice is None and row.class_name is None), None)
    if whole is None:
        return []
    first = Gain(
        metric=whole.metric,
        value=whole.value,
        reference=whole.reference,
        difference=whole.difference,
        interval=_judged_interval(own, whole.metric, (None, None)) or whole.interval,
    )
    return [first, *_of_gates(own, samples, level)]


def _judged_interval(own: PastSprint, metric: str, place: tuple[str | None, str | None]) -> Interval | None:
    """Of the difference to the champion, where a gate or the claim is about it: a number has one interval."""
    gate = judging_gate(own.verdict, metric, own.target, place, against_champion=True)
    return gate.interval if gate is not None else None


def _unpaired(own: PastSprint, before: PastSprint) -> list[Gain]:
    """Beside a sprint whose model was not run on these images: the two numbers, where they are of the same test split.

    The interval is put together from both sides' own, as if their images were others, which is wider than a paired one.
    Source: Zou & Donner (2008), Construction of confidence limits about effect measures, Statistics in Medicine 27.
    """
    metric = own.verdict.optimizing
    now, then = own.measured(metric), before.measured(metric)
    if now is None or then is None or not own.same_test(before):
        return []
    ends = None
    if now[1] is not None and then[1] is not None:
        low = math.hypot(now[0] - now[1].low, then[1].high - then[0])
        high = math.hypot(now[1].high - now[0], then[0] - then[1].low)
        ends = Interval(low=now[0] - then[0] - low, high=now[0] - then[0] + high)
    return [
        Gain(
            metric=metric,
            value=now[0],
            reference=then[0],
            difference=now[0] - then[0],
            interval=ends,
            paired=False,
        )
    ]


def _of_gates(own: PastSprint, samples: Samples | None, level: float) -> list[Gain]:
    """The open gates that ask for a quality metric, paired with the champion; their intervals hold together."""
    if samples is None:
        return []
    found: list[tuple[GateResult, Sample, Sample]] = []
    for gate in own.verdict.gates:
        open_ = (
            gate.outcome is Outcome.INCONCLUSIVE and gate.metric in QUALITY_METRICS and gate.finding is None
        )
        pair = _pair(own, samples, gate.metric, gate.slice, gate.class_name) if open_ else None
        if pair is not None:
            found.append((gate, *pair))
    paired = [difference(ours, theirs) for _, ours, theirs in found]
    return [
        Gain(
            metric=gate.metric,
            slice=gate.slice,
            class_name=gate.class_name,
            gate=gate.gate,
            value=ours.centre,
            reference=theirs.estimate,
            difference=ours.centre - theirs.estimate,
            interval=_judged_interval(own, gate.metric, (gate.slice, gate.class_name))
            or (Interval(low=ends[0], high=ends[1]) if ends else None),
        )
        for (gate, ours, theirs), ends in zip(found, simultaneous(paired, level), strict=True)
    ]


def _pair(
    own: PastSprint, samples: Samples, metric: str, slice_name: str | None, class_name: str | None
) -> tuple[Sample, Sample] | None:
    """This sprint's judged artefact and the champion in one cell, on the classes that both know."""
    champion = own.evaluation.champion
    target = common_target(own.target) if champion is not None and champion.unknown_classes else own.target
    ours = samples.get(target, slice_name, class_name, metric)
    theirs = samples.get(CHAMPION_TARGET, slice_name, class_name, metric)
    if (
        ours is None
        or theirs is None
        or not math.isfinite(ours.estimate)
        or not math.isfinite(theirs.estimate)
    ):
        return None
    return ours, theirs


def _shared(samples: Samples | None, own: PastSprint, metric: str) -> float:
    """How far two models' numbers err together on this test split: the correlation of this sprint's and the champion's resamples.

    0 where there is no champion: then points seem to scatter more than they do, and the curve's interval is too wide.
    """
    pair = _pair(own, samples, metric, None, None) if samples is not None else None
    if pair is None:
        return 0.0
    one, other = (sample.replicates for sample in pair)
    measured = np.isfinite(one) & np.isfinite(other)
    if measured.sum() < 3 or np.std(one[measured]) == 0 or np.std(other[measured]) == 0:
        return 0.0
    return float(np.clip(np.corrcoef(one[measured], other[measured])[0, 1], 0.0, _MOST_SHARED))


def _effort(own: PastSprint, before: PastSprint | None, spent: Spent, cleaned: Cleaning | None) -> Effort:
    """What a review added or deleted was paid for as a review, and not as a label."""
    added = own.labels - before.labels if before is not None else None
    paid = spent.answered
    if paid is None and added is not None:
        paid = added - (cleaned.net if cleaned else 0)
    by_price = max(0, paid) * spent.price if spent.price is not None and paid is not None else None
    labelling = spent.paid if spent.paid is not None else by_price
    if cleaned is not None and cleaned.cost is not None and (labelling is not None or not paid):
        labelling = (labelling or 0.0) + cleaned.cost
    return Effort(
        unit=spent.unit,
        labels_before=before.labels if before is not None else None,
        labels_after=own.labels,
        images_before=before.images if before is not None else None,
        images_after=own.images,
        answered=spent.answered,
        labelling=labelling,
        compute=spent.compute,
        currency=spent.currency,
    )


def _seed_deviation(own: PastSprint) -> float | None:
    champion = own.evaluation.champion
    rows = champion.differences if champion else []
    return next((row.seed_deviation for row in rows if row.slice is None and row.class_name is None), None)


def _diagnoses(
    own: PastSprint,
    earlier: Sequence[PastSprint],
    before: PastSprint | None,
    gains: Sequence[Gain],
    shared: float,
) -> list[Diagnosis]:
    """Each sprint that has more labels and less of the metric than the one before it, and this one beside whom it is compared with."""
    sprints = [*earlier, own]
    pairs = list(pairwise(sprints))
    if before is not None and before is not pairs[-1][0]:
        pairs.append((before, own))
    found = []
    for then, now in pairs:
        paired = gains[0] if gains and now is own and then is before else None
        diagnosed = _fall(then, now, own.verdict.optimizing, paired, shared)
        if diagnosed is not None:
            found.append(diagnosed)
    return found[-_FALLS:]


def _fall(
    then: PastSprint, now: PastSprint, metric: str, paired: Gain | None, shared: float
) -> Diagnosis | None:
    values = then.measured(metric), now.measured(metric)
    if values[0] is None or values[1] is None or now.labels <= then.labels:
        return None
    was, is_ = (paired.reference, paired.value) if paired else (values[0][0], values[1][0])
    if is_ >= was:
        return None
    return Diagnosis(
        before=then.name,
        after=now.name,
        labels_before=then.labels,
        labels_after=now.labels,
        value_before=was,
        value_after=is_,
        beyond_noise=paired.separable
        if paired and paired.interval
        else _beyond(then, now, metric, was - is_, shared),
        changes=changes(then, now),
    )


def _beyond(then: PastSprint, now: PastSprint, metric: str, drop: float, shared: float) -> bool | None:
    from scipy.special import ndtri

    errors = then.deviation(metric), now.deviation(metric)
    if errors[0] is None or errors[1] is None:
        return None
    together = shared if then.same_test(now) else 0.0
    variance = errors[0] ** 2 + errors[1] ** 2 - 2 * together * errors[0] * errors[1]
    level = now.evaluation.resampling.level if now.evaluation.resampling else 0.95
    return bool(drop > ndtri((1 + level) / 2) * math.sqrt(max(variance, 0.0)))
