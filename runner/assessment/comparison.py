"""This sprint's judged artefact beside the champion's, cell by cell, on the same resamples."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runner.assessment.cells import CellSample, SeedDeviations
from runner.domain.evaluation import Difference, Interval, common_target
from runner.evaluation.intervals import Sample, difference, simultaneous
from runner.evaluation.slices import ObjectSlice
from runner.tasks.task import Table


def differences(
    ours: Sequence[CellSample],
    theirs: Sequence[CellSample],
    *,
    metric: str,
    level: float,
    seeds: SeedDeviations,
    skipped_slices: frozenset[str],
) -> list[Difference]:
    """Every cell that both have, all images first; the intervals of all of them hold together.

    Args:
        ours, theirs: samples of the two artefacts.
        metric: which is compared.
        level: the confidence that all intervals hold.
        seeds: see `seed_deviations`.
        skipped_slices: slices that were chosen for being weak for one of the two: comparing there would be unfair.
    """
    reference = {(sample.slice, sample.class_name): sample for sample in theirs if sample.metric == metric}
    pairs = [
        (sample, reference[place])
        for sample in ours
        if sample.metric == metric
        and (place := (sample.slice, sample.class_name)) in reference
        and sample.slice not in skipped_slices
        and not (sample.slice and sample.class_name)
    ]
    paired = [difference(own.sample(seeds), other.sample()) for own, other in pairs]
    return [
        _difference(own, other, ends, own.sample(seeds))
        for (own, other), ends in zip(pairs, simultaneous(paired, level), strict=True)
    ]


def known_to(classes: Sequence[str], known: Collection[str]) -> NDArray[np.bool_]:
    """`(K,)` which of the project's classes a model knows, by their names."""
    return np.array([name in known for name in classes], dtype=np.bool_)


def of_classes(classes: NDArray[np.bool_], objects: Table, predictions: Table) -> ObjectSlice:
    """Everything of some classes `(K,)`: what is labelled as another one or found as one does not count at all."""
    return ObjectSlice(
        name="",
        condition="",
        objects=np.ones(len(objects["path"]), dtype=np.bool_),
        detections=np.ones(len(predictions["path"]), dtype=np.bool_),
        classes=classes,
    )


def common_samples(samples: Iterable[CellSample]) -> list[CellSample]:
    """Under the names of numbers on the classes that both know."""
    return [replace(sample, target=common_target(sample.target)) for sample in samples]


def _difference(
    own: CellSample, other: CellSample, ends: tuple[float, float] | None, recipe: Sample
) -> Difference:
    return Difference(
        slice=own.slice,
        class_name=own.class_name,
        metric=own.metric,
        value=recipe.centre,
        reference=other.estimate,
        difference=recipe.centre - other.estimate,
        interval=Interval(low=ends[0], high=ends[1]) if ends else None,
        outcome=_outcome(ends),
        seed_deviation=float(np.std([own.estimate, *recipe.seeds], ddof=1)) if recipe.seeds else None,
    )


def _outcome(ends: tuple[float, float] | None) -> Literal["gained", "lost", "unclear"]:
    if ends is None or ends[0] <= 0 <= ends[1]:
        return "unclear"
    return "gained" if ends[0] > 0 else "lost"
