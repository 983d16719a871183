"""Twins on a test split: what the strategy's images gained over as many of the control arm, everywhere and on each named slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.assessment.cells import CellSample, Draws, assess_target
from runner.assessment.slices import resolve_slices
from runner.assessment.split import TestSplit, data_of, load_split
from runner.config.sprint import Confidence, SliceSpec
from runner.domain.evaluation import Interval
from runner.domain.worth import CausedGain
from runner.evaluation.ablation import caused
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.intervals import simultaneous
from runner.evaluation.sample import Sample
from runner.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Twins:
    """What both were trained on beside the same images, and where their predictions on the test split lie.

    Attributes:
        images: of the batch, in each.
        pairs: `(the strategy's, the control arm's)` predictions.
    """

    images: int
    pairs: Sequence[tuple[Path, Path]]


def caused_gains(
    folder: Path,
    task: Task,
    twins: Twins,
    *,
    metric: str,
    slices: Sequence[SliceSpec],
    confidence: Confidence,
) -> list[CausedGain]:
    """On all test images first, then on each slice that somebody named and that could be measured; the intervals hold together.

    Args:
        folder: the sprint's, with its index and selection.
    """
    split = load_split(folder, task)
    draws = Draws(
        groups=split.groups,
        multiplicities=multiplicities(split.groups, confidence.resamples),
        level=confidence.level,
    )
    named = [spec for spec in slices if spec.auto is None]
    measured = [
        tuple(_samples(split, task, file, named, draws, metric) for file in pair) for pair in twins.pairs
    ]
    cells = [cell for cell in measured[0][0] if all(cell in one for pair in measured for one in pair)]
    found = [caused([(pair[0][cell], pair[1][cell]) for pair in measured]) for cell in cells]
    return [
        CausedGain(
            metric=metric,
            slice=cell,
            images=twins.images,
            pairs=len(twins.pairs),
            difference=sample.centre,
            interval=Interval(low=ends[0], high=ends[1]) if ends else None,
        )
        for cell, sample, ends in zip(cells, found, simultaneous(found, confidence.level), strict=True)
    ]


def _samples(
    split: TestSplit, task: Task, file: Path, slices: Sequence[SliceSpec], draws: Draws, metric: str
) -> dict[str | None, Sample]:
    """The metric of one twin by slice; None: all test images."""
    data = data_of(split, file.stem, file, task)
    parts = [(part, None) for part in resolve_slices(slices, split, data.predictions)]
    assessed = assess_target(
        file.stem,
        task.measurable(data),
        parts,
        draws,
        classes=task.spec.classes,
        slice_classes=frozenset(),
    )
    return {cell.slice: cell.sample() for cell in assessed.samples if _is_asked(cell, metric)}


def _is_asked(cell: CellSample, metric: str) -> bool:
    return cell.metric == metric and cell.class_name is None and cell.estimate == cell.estimate  # not NaN
