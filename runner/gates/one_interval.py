"""A number that a gate judges has one interval, wherever it is shown: that of the gate."""

from __future__ import annotations

from msgspec import UNSET

from runner.domain.verdict import GateResult, Verdict

_AGAINST_CHAMPION = " vs champion"  # how `gates.text.demand` ends


def judging_gate(
    verdict: Verdict | None,
    metric: str,
    target: str,
    place: tuple[str | None, str | None],
    *,
    against_champion: bool = False,
) -> GateResult | None:
    """The gate, or else the claim, whose interval is of this very number; None where none has one.

    Args:
        target: the artefact that is measured.
        place: slice and class; None: all of them.
        against_champion: the number is the difference to the champion, else the value.
    """
    if verdict is None:
        return None
    claim = [] if verdict.claim is UNSET else [verdict.claim]
    sought = (metric, target, place)
    for gate in [*verdict.gates, *claim]:
        compared = gate.gate.endswith(_AGAINST_CHAMPION) if against_champion else gate.reference is None
        same = (gate.metric, gate.target, (gate.slice, gate.class_name)) == sought
        if same and compared and gate.interval is not None:
            return gate
    return None
