"""The recommendation: what is possible, compared, and one of it chosen, or none where the evidence does not separate them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.domain.evaluation import Interval
from runner.domain.verdict import Outcome
from runner.recommending.goals import Goal, goals, of_gates
from runner.recommending.known import Known
from runner.recommending.options import Possible, possible
from runner.recommending.phases import phase
from runner.recommending.separating import what_separates
from runner.recommending.sources import LUCK, middle, rounded, sources
from runner.record.recommendation import Action, Option, Recommendation

Floats = NDArray[np.float64]

SURE = 0.6
"""An option is recommended when the chance that no other gains more is at least this."""
WIDER = 1.5
"""By so much draws are pulled apart for the intervals of points gained. Set on seed 0 of benchmarks/recommendation.py."""
SMALL = 0.005
"""A gain of the optimizing metric below this is none: no test split of a usual size would show it."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Options that raise something, with their use: what they gain for what a sprint may spend; the best first."""

    options: list[tuple[Possible, float]]  # with the chance that none is better

    @property
    def best(self) -> tuple[Possible, float] | None:
        return self.options[0] if self.options else None


def recommend(known: Known) -> Recommendation:
    """What to do next. The same input gives the same answer, to the last digit."""
    aims = goals(known)
    drawn = sources(known)
    compared = compare(known, possible(known, aims, drawn))
    action, abstains = _choose(known, aims, compared)
    ranked = [_option(known, aims, option, best) for option, best in compared.options]
    options = [*_shipping(known, action), *ranked, _stopping(known, compared, worthwhile=action != "stop")]
    options.sort(key=lambda option: option.action != action)  # stable: the chosen one leads
    question, answer = phase(known, aims, drawn)
    distances = [goal.most for goal in aims if goal.most is not None]
    return Recommendation(
        sprint=known.sprint,
        metric=known.metric,
        value=known.measure.value if known.measure else None,
        unit="gates" if of_gates(aims) else "metric",
        currency=known.prices.currency,
        action=action,
        options=options,
        abstains=abstains,
        separates=what_separates(known, compared.options) if abstains else [],
        open_distance=rounded(sum(distances)) if distances else None,
        phase=known.phase,
        question=question,
        answer=answer,
        sources=drawn.middles if known.measure else {},
    )


def compare(known: Known, options: list[Possible]) -> Compared:
    """Options by what they gain for the same money; those of which nobody knows it come last."""
    told = [option for option in options if option.gain is not None]
    others = [option for option in options if option.gain is None]
    if not told:
        return Compared(options=[(option, 0.0) for option in others])
    uses = np.stack([_use(known, option, told) for option in told])  # (options, DRAWS)
    best = np.bincount(uses.argmax(axis=0), minlength=len(told)) / uses.shape[1]
    order = sorted(
        range(len(told)), key=lambda at: (-rounded(best[at]), -float(uses[at].mean()), told[at].action)
    )
    return Compared(
        options=[(told[at], rounded(best[at])) for at in order] + [(option, 0.0) for option in others]
    )


def _use(known: Known, option: Possible, options: list[Possible]) -> Floats:
    """Net of its price where the project says what a point is worth; else the gain, less where it costs more than others."""
    gain = option.gain if option.gain is not None else np.zeros(1)
    if known.prices.point is not None and option.price is not None:
        return gain * 100 * known.prices.point - option.price
    prices = sorted(other.price for other in options if other.price)
    usual = prices[len(prices) // 2] if len(prices) == len(options) else None
    return gain if not usual or not option.price else gain * min(1.0, usual / option.price)


# --- which ----------------------------------------------------------------------------------------


def _choose(known: Known, aims: list[Goal], compared: Compared) -> tuple[Action | None, str]:
    """The action, or why there is none."""
    if known.outcome is Outcome.PASS and not known.promoted and not _surely_worse(known):
        return "ship", ""
    best = compared.best
    if known.measure is None:
        return ("label", "") if known.pool else ("collect", "")
    if best is None:
        return "stop", ""
    option, sure = best
    if not of_gates(aims):
        if known.gates and option.gain is not None:
            return "tune", ""  # what is open is speed, size, or an export's loss
        if _nothing_pays(known, compared):
            return "stop", ""
    if sure >= SURE:
        return option.action, ""
    second = compared.options[1][0] if len(compared.options) > 1 else option
    return None, (
        f"{WORDS[option.action]} is best with a chance of {sure:.0%}, {WORDS[second.action]} with "
        f"{compared.options[1][1]:.0%}: {SURE:.0%} is asked for"
    )


def _surely_worse(known: Known) -> bool:
    interval = known.gain[1] if known.gain else None
    return interval is not None and interval.high < 0


def _nothing_pays(known: Known, compared: Compared) -> bool:
    """Whether no option is likely to give more than it costs, or than could be told from nothing."""
    if known.ceiling is not None and known.measure is not None:
        error = known.measure.error or 0.0
        if known.measure.value >= known.ceiling - error and not known.gates:
            return True
    gains = [option for option, _ in compared.options if option.gain is not None]
    if known.prices.point is not None and all(option.price is not None for option in gains):
        pays = [option.gain * 100 * known.prices.point > option.price for option in gains]  # type: ignore[operator]
    else:
        pays = [option.gain > max(SMALL, known.seed_deviation or 0.0) for option in gains]  # type: ignore[operator]
    return bool(gains) and float(np.any(np.stack(pays), axis=0).mean()) < 1 - SURE


# --- as the record says it ------------------------------------------------------------------------

WORDS: dict[Action, str] = {
    "label": "labelling",
    "clean": "cleaning labels",
    "tune": "tuning",
    "collect": "collecting images",
    "label_test": "labelling test images",
    "ship": "shipping",
    "stop": "stopping",
}


def _option(known: Known, aims: list[Goal], option: Possible, best: float) -> Option:
    gain = rounded(option.gain.mean()) if option.gain is not None else None
    price = round(option.price, 2) if option.price is not None else None
    return Option(
        action=option.action,
        slice=option.part.name if option.part else option.slice,
        images=option.images,
        mix=option.mix or {},
        gain=gain,
        interval=_interval(known, option, of_gates=of_gates(aims)),
        measurable=_measurable(known, option.gain)
        if option.gain is not None and not of_gates(aims)
        else None,
        labels=round(option.labels, 1) if option.labels is not None else None,
        price=price,
        per_price=round(gain / price, 6) if gain is not None and price else None,
        best=best if option.gain is not None else None,
        why=option.why,
        rests=list(option.rests),
        command=_command(known, option.action),
    )


def _interval(known: Known, option: Possible, *, of_gates: bool) -> Interval | None:
    """Distances of gates, which further test images shorten too, are never below nothing.

    It holds the expected gain: where fewer than one draw in ten gains anything, the middle of the draws does not.
    """
    if option.gain is None:
        return None
    found = middle(option.gain) if of_gates else _truly(known, option.gain)
    expected = rounded(option.gain.mean())
    return Interval(low=min(found.low, expected), high=max(found.high, expected))


def _wider(gain: Floats) -> Floats:
    """Draws around their mean, for an interval: what the model leaves out is in no draw."""
    mean = float(gain.mean())
    return np.asarray(mean + WIDER * (gain - mean), dtype=np.float64)


def _truly(known: Known, gain: Floats) -> Interval:
    """What the next model gains, with the luck of two trainings: it may come to less than nothing."""
    return middle(
        _wider(gain) + np.random.default_rng(3).standard_normal(len(gain)) * np.sqrt(2) * _luck(known)
    )


def _measurable(known: Known, gain: Floats) -> Interval:
    """The same as a test split shows it, with half the sampling error of two looks at the same images."""
    error = known.measure.error if known.measure and known.measure.error is not None else LUCK
    noise = np.random.default_rng(2).standard_normal(len(gain))
    return middle(_wider(gain) + noise * float(np.hypot(error, np.sqrt(2) * _luck(known))))


def _luck(known: Known) -> float:
    return known.seed_deviation if known.seed_deviation is not None else LUCK


def _shipping(known: Known, action: Action | None) -> list[Option]:
    if known.promoted or known.outcome is not Outcome.PASS:
        return []
    gain, interval = known.gain or (None, None)
    beside = f" over {known.champion}" if known.champion and gain is not None else ""
    why = (
        f"every gate passes; measured gain{beside}"
        if gain is not None
        else "every gate passes; there is no champion yet"
    )
    if action != "ship":
        why = f"every gate passes, and it is surely worse than {known.champion}"
    return [
        Option(
            action="ship",
            gain=rounded(gain) if gain is not None else None,
            interval=interval,
            price=0.0,
            why=why,
            rests=["verdict: PASS"],
            command=f"flywheel promote {known.sprint}",
        )
    ]


def _stopping(known: Known, compared: Compared, *, worthwhile: bool) -> Option:
    gains = [option.gain for option, _ in compared.options if option.gain is not None]
    most = max((float(gain.mean()) for gain in gains), default=0.0)
    why = f"the best of the others gains {most:.3f} on average"
    if known.ceiling is not None:
        why += f"; labels agree up to {known.ceiling:.3f}"
    if known.exhausted:
        why += "; the test split's budget of decisions is spent"
    if worthwhile and known.gates:
        why += f"; {len(known.gates)} gate{'s' * (len(known.gates) > 1)} would stay open"
    return Option(action="stop", gain=0.0, interval=Interval(low=0.0, high=0.0), price=0.0, why=why)


def _command(known: Known, action: Action) -> str:
    match action:
        case "label" | "tune" | "clean" | "label_test":
            return f"flywheel next {known.sprint} --write" + (f" --option {action}")
        case _:
            return ""
