"""A gate's outcome, and the sentence that a reviewer reads."""

from __future__ import annotations

from typing import TypeAlias

from runner.domain.evaluation import LOWER_IS_BETTER, QUALITY_METRICS, Evaluation
from runner.domain.verdict import FurtherEvidence, Outcome, Wear
from runner.gates.evidence import Cell, Measured
from runner.gates.gate import Gate
from runner.gates.text import UNITS, amount, rule, telling_decimals, threshold

Ends: TypeAlias = tuple[float, float]

_MOST_NAMED = 6
_ROUNDING = 1e-9  # 0.50 − 0.48 must count as a drop of 0.02


def subject(gate: Gate, cell: Cell) -> str:
    """What is judged: `map50_95 of onnx-fp32 on slice dark`."""
    of_target = f" of {cell.target}" if gate.target is not None else ""
    return f"{gate.metric}{of_target}{cell.words}"


def limit(gate: Gate) -> float:
    """The threshold of what the gate judges: the value, or by how much it is above the reference's."""
    value = rule(gate)[1]
    return -value if gate.max_drop is not None else value


# --- without an interval --------------------------------------------------------------------------


def no_champion(gate: Gate, subject: str, value: float) -> str:
    return f"{subject} is {amount(gate.metric, value)}; there is no champion yet to compare it with"


def worn_out(wear: Wear | None) -> bool:
    """Whether the test split may no longer decide against the champion."""
    return wear is not None and wear.exhausted and wear.refresh == "required"


def worn(gate: Gate, subject: str, value: float, wear: Wear | None) -> str:
    split, uses = (wear.split, wear.uses) if wear else ("test", 0)
    return (
        f"{subject} is {amount(gate.metric, value)}, and is not compared with the champion: the {split} split has been "
        f"used {uses} time{'' if uses == 1 else 's'} to decide, which spent its budget; it must be renewed"
    )


def no_interval(gate: Gate, subject: str, value: Measured, groups: int, evaluation: Evaluation) -> str:
    shown = amount(gate.metric, value.value or 0.0)
    unit = evaluation.resampling.unit if evaluation.resampling else "image"
    if groups < 2:
        why = f"it rests on {groups} {unit}, and at least 2 are needed"
    else:
        why = "it could be measured in too few of the resamples"
    return f"{subject} is {shown}, but nobody can say how far off that may be: {why}"


def point(gate: Gate, subject: str, value: float, reference: Measured | None) -> tuple[Outcome, str]:
    """The outcome by the measured numbers alone."""
    if reference is None or reference.value is None:
        outcome, text = _absolute(gate, subject, value)
    else:
        outcome, text = _compared(gate, subject, value, reference)
    alone = gate.decide == "point" and gate.metric in QUALITY_METRICS
    return outcome, f"{text} (the measured number alone decides, as the gate asks)" if alone else text


def _absolute(gate: Gate, subject: str, value: float) -> tuple[Outcome, str]:
    sign, limit, _ = rule(gate)
    distance = value - limit
    passed = distance >= -_ROUNDING if sign == "≥" else distance <= _ROUNDING
    shown = amount(gate.metric, value, beside=limit)
    if abs(distance) <= _ROUNDING:
        text = f"{subject} is {shown}, exactly {_bound(gate)}"
    else:
        apart = amount(gate.metric, abs(distance), beside=0.0)
        text = f"{subject} is {shown}, {apart} {'above' if distance > 0 else 'below'} {_bound(gate)}"
    return (Outcome.PASS if passed else Outcome.FAIL), text


def _compared(gate: Gate, subject: str, value: float, reference: Measured) -> tuple[Outcome, str]:
    sign, limit, comparison = rule(gate)
    theirs = reference.value or 0.0
    gain = theirs - value if gate.metric in LOWER_IS_BETTER else value - theirs
    passed = gain >= limit - _ROUNDING if sign == "≥" else -gain <= limit + _ROUNDING
    verb = "required" if sign == "≥" else "allowed"
    demanded = f"a {comparison.strip()} of {_with_unit(gate.metric, limit)} is {verb}"
    return (Outcome.PASS if passed else Outcome.FAIL), (
        f"{subject} is {_beside(gate, value, reference, gain)}; {demanded}"
    )


# --- by an interval -------------------------------------------------------------------------------


def outcome(gate: Gate, ends: Ends) -> Outcome:
    """PASS when the whole interval satisfies the gate, FAIL when the whole of it violates, else INCONCLUSIVE."""
    low, high = ends
    bound = limit(gate)
    if gate.max is not None:
        low, high, bound = -high, -low, -bound
    if low >= bound - _ROUNDING:
        return Outcome.PASS
    return Outcome.FAIL if high < bound - _ROUNDING else Outcome.INCONCLUSIVE


def by_interval(
    gate: Gate, subject: str, measured: tuple[Measured, Measured | None], ends: Ends, asks: str
) -> str:
    """The sentence of a gate that an interval decides; `asks` is what an undecided one would need."""
    value, reference = measured
    if value.value is None:
        return f"{subject} was not measured: {value.why_not}"
    found = outcome(gate, ends)
    if reference is None or reference.value is None:
        shown = amount(gate.metric, value.value, beside=limit(gate))
        start, bound = f"{subject} is {shown} ({_span(ends, limit(gate))})", _bound(gate)
        side = "above" if (found is Outcome.PASS) == (gate.max is None) else "below"
        decided = f"{start}, {side} {bound} as a whole"
    else:
        gain = value.value - reference.value
        start = (
            f"{subject} is {_beside(gate, value.value, reference, gain)} ({_gain_span(ends, limit(gate))})"
        )
        _, size, comparison = rule(gate)
        verb = "required" if gate.min_gain is not None else "allowed"
        bound = f"the {verb} {comparison.strip()} of {threshold(size)}"
        meets, misses = ("above", "below") if gate.min_gain is not None else ("within", "beyond")
        decided = f"{start}; the whole interval is {meets if found is Outcome.PASS else misses} {bound}"
    return decided if found is not Outcome.INCONCLUSIVE else f"{start}; {bound} lies within; {asks}"


def without(gate: Gate, measured: Measured, evaluation: Evaluation) -> str:
    """Which classes the judged mean is without, why, and the mean with them; nothing where it is of all."""
    if not measured.left_out or measured.of_all is None:
        return ""
    unit = evaluation.resampling.unit if evaluation.resampling else "image"
    fewest = sorted(measured.left_out.items(), key=lambda named: (-named[1], named[0]))
    named = [f"{name} ({groups} {_units(unit, groups)})" for name, groups in fewest[:_MOST_NAMED]]
    more = f" and {len(fewest) - len(named)} more" if len(fewest) > len(named) else ""
    noun, verb, them = ("class", "is", "it") if len(fewest) == 1 else ("classes", "are", "them")
    return (
        f"; {noun} {', '.join(named)}{more} {verb} left out of this mean, as too few {_units(unit, 0)} hold {them}: "
        f"with {them}, it is {amount(gate.metric, measured.of_all)}"
    )


def _units(unit: str, number: int) -> str:
    """`image`, `images`, `groups (scene)`."""
    several = "" if number == 1 else "s"
    return f"image{several}" if unit == "image" else f"group{several} ({unit})"


def asks(further: FurtherEvidence | None, evaluation: Evaluation) -> str:
    """What would decide.

    Example:
        >>> asks(FurtherEvidence(images=120, slice="dark", cost=34, currency="EUR"), None)
        'about 120 further images of slice dark (34.00 EUR of labels) would decide it at 80 % power'
    """
    if further is not None and further.more_seeds:
        return "no number of images would decide it: training more seeds would narrow it"
    if further is None or further.images is None:
        return "no realistic number of further images would decide it"
    of_slice = f" of slice {further.slice}" if further.slice else ""
    unit = evaluation.resampling.unit if evaluation and evaluation.resampling else ""
    from_groups = f" from {further.groups} further groups ({unit})" if further.groups else ""
    counting = f", {further.counting} of them with something that this counts," if further.counting else ""
    cost = f" ({further.cost:.2f} {further.currency} of labels)" if further.cost else ""
    images = f"about {further.images} further image{'' if further.images == 1 else 's'}"
    return f"{images}{of_slice}{from_groups}{cost}{counting} would decide it at 80 % power"


def _span(ends: Ends, beside: float) -> str:
    low, high = (f"{end:.{telling_decimals(end, beside, at_least=2)}f}" for end in ends)
    return f"{low} to {high}"


def _gain_span(ends: Ends, beside: float) -> str:
    """`0.052 worse to 0.011 better`, `0.052 to 0.011 worse`."""
    low, high = (f"{abs(end):.{telling_decimals(end, beside, at_least=3)}f}" for end in ends)
    sides = ["better" if end > 0 else "worse" for end in ends]
    return f"{low} to {high} {sides[0]}" if sides[0] == sides[1] else f"{low} {sides[0]} to {high} {sides[1]}"


# --- numbers --------------------------------------------------------------------------------------


def _beside(gate: Gate, value: float, reference: Measured, gain: float) -> str:
    """`0.500, 0.020 worse than the champion 0001-first's 0.520`."""
    theirs = reference.value or 0.0
    shown = amount(gate.metric, value, beside=theirs)
    reference_shown = amount(gate.metric, theirs, beside=value)
    if abs(gain) <= _ROUNDING:
        return f"{shown}, the same as {reference.whose} {reference_shown}"
    apart = amount(gate.metric, abs(gain), beside=0.0)
    return f"{shown}, {apart} {'better' if gain > 0 else 'worse'} than {reference.whose} {reference_shown}"


def _bound(gate: Gate) -> str:
    sign, limit, _ = rule(gate)
    return f"the {'required' if sign == '≥' else 'allowed'} {_with_unit(gate.metric, limit)}"


def _with_unit(metric: str, value: float) -> str:
    return f"{threshold(value)}{UNITS.get(metric, '')}"
