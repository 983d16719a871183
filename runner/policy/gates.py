"""Gates side by side: which is the same gate, which of two is stricter, which covers another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from runner.domain.evaluation import REFERENCE_TARGET
from runner.gates import Gate
from runner.gates.text import rule, threshold

Effect = Literal["added", "removed", "changed", "loosened", "tightened"]


class WrittenGates(Struct, frozen=True, kw_only=True):
    """The gates of one file, where each is written, and the artefact that those judge that name none."""

    gates: Sequence[Gate]
    sources: Sequence[str]
    primary_target: str | None  # None: of a policy, which has no exports


class GatePair(Struct, frozen=True, kw_only=True):
    """A gate before and after; one is None where it was added or removed."""

    before: Gate | None
    after: Gate | None
    effect: Effect
    source: str  # of the gate after; of the gate before, for one that was removed
    source_before: str

    @property
    def subject(self) -> str:
        """`gate recall on dark`."""
        return next(subject(gate) for gate in (self.after, self.before) if gate is not None)


def subject(gate: Gate) -> str:
    """The gate without its threshold.

    >>> subject(Gate(metric="recall", min=0.7, slice="dark", target="*"))
    'gate recall on dark for every target'
    """
    place = {None: "", "*": " on every slice"}.get(gate.slice, f" on {gate.slice}")
    of_class = {None: "", "*": " for every class"}.get(gate.class_name, f" for class {gate.class_name}")
    target = {None: "", "*": " for every target"}.get(gate.target, f" for {gate.target}")
    versus = f" vs {gate.against}" if gate.against else ""
    return f"gate {gate.metric}{place}{of_class}{target}{versus}"


def demanded(gate: Gate) -> str:
    """What it demands.

    >>> demanded(Gate(metric="recall", min=0.7, decide="point"))
    '≥ 0.70 by the point alone'
    >>> demanded(Gate(metric="map50", max_drop=0.02, against="champion"))
    'drop ≤ 0.02'
    """
    sign, value, comparison = rule(gate)
    point = " by the point alone" if gate.decide == "point" else ""
    return f"{comparison} {sign} {threshold(value)}{point}".strip()


def pair_gates(before: WrittenGates, after: WrittenGates) -> list[GatePair]:
    """Every gate that differs, the gates after in their order, then those that are gone.

    A gate is the same when it judges the same: metric, slice, class, artefact, reference, and the kind of threshold
    (drops and gains are one kind). The order of gates means nothing.
    """
    pairs = _matched(before, after)
    found = []
    for new, gate in enumerate(after.gates):
        old_gate = before.gates[pairs[new]] if new in pairs else None
        effect = _effect(old_gate, gate)
        if effect is not None:
            found.append(
                GatePair(
                    before=old_gate,
                    after=gate,
                    effect=effect,
                    source=after.sources[new],
                    source_before=before.sources[pairs[new]] if new in pairs else "",
                )
            )
    return [
        *found,
        *(
            GatePair(
                before=before.gates[old],
                after=None,
                effect="removed",
                source=before.sources[old],
                source_before=before.sources[old],
            )
            for old in range(len(before.gates))
            if old not in pairs.values()
        ),
    ]


def _matched(before: WrittenGates, after: WrittenGates) -> dict[int, int]:
    """For each gate after that was there before, which one it was."""
    left = list(range(len(before.gates)))
    pairs: dict[int, int] = {}
    for key in _keys(before, after):
        for new, gate in enumerate(after.gates):
            match = next((old for old in left if key(0, before.gates[old]) == key(1, gate)), None)
            if new not in pairs and match is not None:
                pairs[new] = match
                left.remove(match)
    return pairs


Key = Callable[[int, Gate], object]


def _keys(before: WrittenGates, after: WrittenGates) -> tuple[Key, Key, Key, Key]:
    """From the narrowest idea of "the same gate" to the widest; `side` is 0 before, 1 after."""
    primary = (before.primary_target, after.primary_target)

    def artefact(side: int, gate: Gate) -> str | None:
        return gate.target or primary[side]

    return (
        lambda side, gate: gate,
        lambda side, gate: (_same_but_target(gate), artefact(side, gate), _margin(gate), gate.decide),
        lambda side, gate: (_same_but_target(gate), gate.target),
        lambda side, gate: (_same_but_target(gate), artefact(side, gate)),
    )


def _same_but_target(gate: Gate) -> tuple[object, ...]:
    return (gate.metric, gate.slice, gate.class_name, gate.against, _kind(gate))


def _kind(gate: Gate) -> str:
    if gate.max_drop is not None or gate.min_gain is not None:
        return "compared"
    return "max" if gate.max is not None else "min"


def _margin(gate: Gate) -> float:
    """A number that is larger for a stricter gate of the same kind."""
    if gate.max_drop is not None:
        return -gate.max_drop
    if gate.max is not None:
        return -gate.max
    return gate.min_gain if gate.min_gain is not None else gate.min or 0.0


def at_least_as_strict(gate: Gate, as_gate: Gate) -> bool:
    """Whether whatever passes `gate` passes the threshold of `as_gate`, which is of the same kind."""
    decided = gate.decide == "interval" or as_gate.decide == "point"
    return decided and _margin(gate) >= _margin(as_gate)


def _effect(before: Gate | None, after: Gate) -> Effect | None:
    if before is None:
        return "added"
    if _margin(before) == _margin(after) and before.decide == after.decide:
        return None
    return "tightened" if at_least_as_strict(after, before) else "loosened"


def covers(gate: Gate, primary: str | None, other: Gate, other_primary: str | None) -> bool:
    """Whether a gate demands all that another one does: as strictly, on the same part or every one like it.

    `primary` and `other_primary` are the artefacts that each judges when it names none.
    """
    if (gate.metric, gate.against, _kind(gate)) != (other.metric, other.against, _kind(other)):
        return False
    every_class = gate.class_name == "*" and other.class_name is not None
    every_slice = gate.slice == "*" and other.slice is not None
    artefact, other_artefact = gate.target or primary, other.target or other_primary
    shipped = other_artefact != REFERENCE_TARGET
    every_target = gate.target == "*" and shipped
    return (
        at_least_as_strict(gate, other)
        and (gate.slice == other.slice or every_slice)
        and (gate.class_name == other.class_name or every_class)
        and (artefact == other_artefact or every_target or gate.target == other.target is None)
    )
