"""Which numbers a gate asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from runner.domain.evaluation import REFERENCE_TARGET
from runner.gates import common
from runner.gates.evidence import Cell, Evidence, find_target
from runner.gates.gate import Gate


def cells_of(gate: Gate, evidence: Evidence) -> Iterator[Cell]:
    """Where the gate applies: "*" is every exported artefact (torch where there is none), every slice, or every class.

    Slices that were found are left out: they differ from sprint to sprint, and were chosen for being weak.
    """
    if gate.target == "*":
        targets = [export.target for export in evidence.exports] or [REFERENCE_TARGET]
    else:
        targets = [gate.target or evidence.primary_target]
    for target in targets:
        slices: list[str | None] = [gate.slice]
        if gate.slice == "*":
            known = find_target(evidence.evaluation, target)
            named = [part.name for part in known.slices if part.found is None] if known else []
            slices = [*named] or ["*"]
        classes: list[str | None] = [gate.class_name]
        if gate.class_name == "*":
            known = find_target(evidence.evaluation, target)
            new = common.narrowed(gate, evidence)
            named = [
                name
                for name in (known.per_class if known else ())
                if new is None or name not in new.unknown_classes
            ]
            classes = [*named] or ["*"]
        for slice_name, class_name in product(slices, classes):
            yield Cell(target=target, slice_name=slice_name, class_name=class_name)
