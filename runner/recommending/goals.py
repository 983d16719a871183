"""What is to be gained: the distance that open gates lack, or else points of the optimizing metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.domain.verdict import Outcome
from runner.recommending.known import Known, OpenGate, Part
from runner.recommending.sources import Sources

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One number that is to rise.

    Attributes:
        lacks: what it lacks to 1: what labels, clean labels and tuning can give at most.
        most: what is worth gaining, as far as the gate's threshold asks; None: all of it is.
        part: the slice that it is of; None: all images.
    """

    lacks: float
    most: float | None = None
    part: Part | None = None
    gate: OpenGate | None = None

    def worth(self, raised: Floats) -> Floats:
        """What a rise is worth: nothing beyond the threshold."""
        return np.clip(raised, 0.0, self.most)


def goals(known: Known) -> list[Goal]:
    """Those of the open gates on quality; where there are none, the optimizing metric."""
    open_ = [goal for gate in known.gates if (goal := _of_gate(gate, known)) is not None]
    return open_ or ([Goal(lacks=known.lacks)] if known.measure else [])


def of_gates(aims: list[Goal]) -> bool:
    """Whether it is gates that are to be closed."""
    return any(goal.gate is not None for goal in aims)


def distance(gate: OpenGate) -> float | None:
    """What the lower end of the interval lacks to the limit: by so much must it rise, or the interval narrow, to pass."""
    if gate.limit is None or gate.value is None:
        return None
    low = gate.interval.low if gate.interval else gate.value
    return max(0.0, gate.limit - low)


def _of_gate(gate: OpenGate, known: Known) -> Goal | None:
    """An export that lost quality is no matter of labels: its distance to torch is not raised by any."""
    lacking = distance(gate)
    if not gate.quality or gate.target_only or not lacking or gate.level is None:
        return None
    part = next((part for part in known.parts if part.name == gate.slice), None)
    return Goal(lacks=max(0.0, 1 - gate.level), most=lacking, part=part, gate=gate)


@dataclass(frozen=True, kw_only=True)
class Lacks:
    """Of what a goal's number lacks to 1, how much is for want of what; `(DRAWS,)` each, in the metric's unit.

    What a slice lacks as all images do has their shares. What it lacks beyond that is for want of its own images, or because it is
    more difficult: the fewer training images it has for what is tested of it, the more of that is the first. No image of another
    slice mends that.

    Attributes:
        labels: mended by further labels of any images; `own`: by those of the slice alone.
    """

    labels: Floats
    own: Floats
    noise: Floats
    model: Floats

    @classmethod
    def of(cls, goal: Goal, drawn: Sources, known: Known) -> Lacks:
        part = goal.part
        beyond = max(0.0, 1 - known.lacks / max(1 - part.measure.value, 1e-6)) if part is not None else 0.0
        usual, more = goal.lacks * (1 - beyond), goal.lacks * beyond
        mended = drawn.excess
        if part is not None:
            density = part.train / max(1, known.train) / max(part.share, 1e-6)
            least = 0.5 * (1 - min(1.0, density))
            mended = least + (1 - least) * drawn.excess
        return cls(
            labels=usual * drawn.labels,
            own=more * mended,
            noise=usual * drawn.noise,
            model=usual * drawn.model + more * (1 - mended),
        )


def raised_by_labels(goal: Goal, target: Part | None, images: int, drawn: Sources, known: Known) -> Floats:
    """`(DRAWS,)` by how much further training images raise the goal's number.

    Args:
        target: the slice that all of them are of; None: as the pool has them.
    """
    lacks, part = Lacks.of(goal, drawn, known), goal.part
    raised = _raised(lacks.labels, images / max(1, known.train), drawn.exponent)
    if part is not None:
        inside = 1.0 if target is part else 0.0 if target is not None else _share_of_pool(part, known)
        return raised + _raised(lacks.own, images * inside / max(1, part.train), drawn.exponent)
    if target is not None:  # of all images, the slice's part is raised by more
        own = Lacks.of(Goal(lacks=1 - target.measure.value, part=target), drawn, known).own
        raised = raised + target.share * _raised(own, images / max(1, target.train), drawn.exponent)
    return raised


def _raised(reducible: Floats, times: float, exponent: Floats) -> Floats:
    return reducible * (1 - (1 + times) ** -exponent)


def _share_of_pool(part: Part, known: Known) -> float:
    if part.pool is not None and known.pool > 0:
        return min(1.0, part.pool / known.pool)
    return part.train / max(1, known.train)


def narrowed(goal: Goal, images: int, chance: np.random.Generator, size: int) -> Floats:
    """`(size,)` by how much further test images bring the lower end of an undecided gate's interval up to its limit.

    Nothing where the number turns out to lie below the limit: then the gate fails.
    """
    gate = goal.gate
    if gate is None or gate.interval is None or gate.outcome is not Outcome.INCONCLUSIVE or goal.most is None:
        return np.zeros(size)
    value, limit = gate.value or 0.0, gate.limit or 0.0
    half = (gate.interval.high - gate.interval.low) / 2
    known_images = max(2, goal.part.test if goal.part else images)
    share = images / (known_images + images)
    then = value + chance.standard_normal(size) * (half / 2) * np.sqrt(share)
    low = then - half * np.sqrt(1 - share)
    return np.where(then >= limit, goal.worth(low - gate.interval.low), 0.0)
