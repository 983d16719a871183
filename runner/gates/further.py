"""What an undecided gate would need: images, groups, and money for their labels."""

from __future__ import annotations

import math

from runner.domain.verdict import FurtherEvidence
from runner.gates.evidence import Cell, Evidence, find_slice, find_target


def further_evidence(
    groups: int | None, known_groups: int, cell: Cell, evidence: Evidence, *, seeds_dominate: bool = False
) -> FurtherEvidence:
    """Images of the cell's slice as they come: where every tenth holds something to count, ten times as many groups.

    Args:
        groups: further groups that would decide; None when no realistic number would.
        known_groups: those that the cell rests on.
        cell: what is undecided.
        evidence: for the size of the slice, and the price.
        seeds_dominate: the spread over training seeds is wider than that over images.
    """
    evaluation = evidence.evaluation
    target = find_target(evaluation, cell.target)
    if groups is None or target is None:
        return FurtherEvidence(images=None, slice=cell.slice_name, more_seeds=seeds_dominate)
    part = find_slice(target, cell.slice_name) if cell.slice_name is not None else None
    inside = part.overall if part else target.overall
    times = groups / known_groups
    images = rounded_up(times * inside.images)
    grouped = evaluation.resampling is not None and evaluation.resampling.unit != "image"
    labelled = target.overall if part is None or part.kind == "objects" else inside  # all objects get a label
    return FurtherEvidence(
        images=images,
        groups=rounded_up(times * inside.groups) if grouped and inside.groups else None,
        counting=rounded_up(groups)
        if known_groups < ((inside.groups or 0) if grouped else inside.images)
        else None,
        slice=cell.slice_name,
        cost=_cost(images, labelled.objects / max(1, labelled.images), evidence),
        currency=evidence.label_price.currency if evidence.label_price else "",
    )


def _cost(images: int, objects_per_image: float, evidence: Evidence) -> float | None:
    price = evidence.label_price.per_object if evidence.label_price else None
    return None if price is None else round(images * objects_per_image * price, 2)


def rounded_up(number: float) -> int:
    """Up to two significant digits: an estimate should not look more precise than it is.

    Example:
        >>> rounded_up(7.2), rounded_up(120.0), rounded_up(121.0), rounded_up(1385)
        (8, 120, 130, 1400)
    """
    whole = math.ceil(number - 1e-9)
    step = int(10 ** max(0, len(str(whole)) - 2))
    return -(-whole // step) * step
