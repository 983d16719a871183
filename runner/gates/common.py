"""Comparisons with a champion that does not know all of the project's classes: on those that both know.

A class that the champion never learnt is one that it scores 0 on. Counted, it would let a new model pass that is worse on every
class that both know, by having learnt one more, or by having renamed one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.domain.evaluation import QUALITY_METRICS, ChampionEvaluation, common_target
from runner.gates.evidence import Cell, Evidence, Measured, in_target, measured, sample
from runner.gates.gate import Gate
from runner.gates.text import amount

if TYPE_CHECKING:
    from runner.evaluation.intervals import Sample

_MOST_NAMED = 6


def narrowed(gate: Gate, evidence: Evidence) -> ChampionEvaluation | None:
    """The champion's evaluation where a gate's comparison is on some of the classes only; None where it is on all."""
    theirs = evidence.evaluation.champion
    if gate.against != "champion" or gate.metric not in QUALITY_METRICS or theirs is None:
        return None
    return theirs if theirs.unknown_classes and theirs.sprint == evidence.champion else None


def ours(gate: Gate, cell: Cell, evidence: Evidence) -> Measured:
    """This sprint's number as the gate judges it."""
    theirs = narrowed(gate, evidence)
    if theirs is None:
        return measured(evidence, gate.metric, cell)
    if cell.class_name in theirs.unknown_classes:
        return Measured(why_not=_never_learnt(theirs, str(cell.class_name)))
    there = next((target for target in theirs.beside if target.target == cell.target), None)
    if there is None:
        return Measured(why_not=f"there is no artefact {cell.target}")
    found = in_target(there, gate.metric, cell)
    if cell.class_name is not None:
        return found
    if found.value is None and measured(evidence, gate.metric, cell).value is not None:
        return replace(found, why_not=_nothing_in_common(theirs, cell))
    return replace(found, of_all=None)


def ours_sampled(gate: Gate, cell: Cell, evidence: Evidence) -> Sample | None:
    """What that number was in each resample."""
    there = cell if narrowed(gate, evidence) is None else replace(cell, target=common_target(cell.target))
    return sample(evidence, gate.metric, there)


def without_new(gate: Gate, cell: Cell, evidence: Evidence) -> str:
    """Which classes the comparison is without, and the number with them; nothing where it is of all."""
    theirs = narrowed(gate, evidence)
    if theirs is None or cell.class_name is not None:
        return ""
    every = measured(evidence, gate.metric, cell)
    number = every.value if every.of_all is None else every.of_all
    with_them = f"; with {'it' if len(theirs.unknown_classes) == 1 else 'them'}, it is "
    return f"; compared without {_named(theirs.unknown_classes)}, which the champion never learnt" + (
        f"{with_them}{amount(gate.metric, number)}" if number is not None else ""
    )


def _named(classes: list[str]) -> str:
    more = f" and {len(classes) - _MOST_NAMED} more" if len(classes) > _MOST_NAMED else ""
    return f"{'class' if len(classes) == 1 else 'classes'} {', '.join(classes[:_MOST_NAMED])}{more}"


def _never_learnt(theirs: ChampionEvaluation, class_name: str) -> str:
    return (
        f"the champion {theirs.sprint} never learnt the class {class_name}; a gate with `min`, without `against`, "
        "judges it"
    )


def _nothing_in_common(theirs: ChampionEvaluation, cell: Cell) -> str:
    here = f"slice {cell.slice_name}" if cell.slice_name is not None else "the test split"
    todo = (
        "a gate with `min`, without `against`, judges it"
        if cell.slice_name is not None
        else "give the model another name in flywheel.yaml (`model: {name: …}`), so that it gets a champion of its own, or its "
        "classes their old names"
    )
    return (
        f"{here} holds no object of a class that the champion {theirs.sprint} knows: it never learnt "
        f"{_named(theirs.unknown_classes)}; {todo}"
    )
