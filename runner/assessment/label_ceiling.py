"""The metric that no further label can pass: what the truth itself would score against labels as annotators make them.

A test split that annotators labelled has their errors: a model that is always right is then counted wrong where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Literal

import numpy as np

from runner.assessment.agreements import measured
from runner.assessment.answered import LabelSet, Said, objects_table
from runner.assessment.cells import Draws, assess_target
from runner.domain.annotation_quality import LabelCeiling, Measured
from runner.domain.evaluation import Metrics, TargetEvaluation
from runner.evaluation.agreement import LEVEL, RESAMPLES, Estimate
from runner.evaluation.bootstrap import multiplicities
from runner.tasks.task import Task, TestData

Against = Literal["gold", "annotators"]
LabelledPair = tuple[LabelSet, LabelSet]


def gold_ceilings(pairs: Sequence[LabelledPair], task: Task) -> list[LabelCeiling]:
    """From annotators' labels (the first of each pair) of images whose labels are known (the second)."""
    return _ceilings(pairs, task, "gold")


def annotators_ceilings(sets: Sequence[LabelSet], task: Task) -> list[LabelCeiling]:
    """From images that several annotators labelled: each one's labels are scored against each other one's."""
    by_image: dict[str, list[LabelSet]] = {}
    for one in sorted(sets, key=lambda one: (one.image, one.source)):
        by_image.setdefault(one.image, []).append(one)
    pairs = [pair for several in by_image.values() for pair in permutations(several, 2)]
    return _ceilings(pairs, task, "annotators")


def _ceilings(pairs: Sequence[LabelledPair], task: Task, against: Against) -> list[LabelCeiling]:
    """One for each metric that is asked for; none without two images that hold a label."""
    images = {truth.image for truth, _ in pairs if truth.objects}
    if len(images) < 2:
        return []
    known = Said.of([side for pair in pairs for side in pair], task).task
    evaluation = _scored(pairs, known)
    wanted = dict.fromkeys((task.optimizing, *(name for name in task.further if name == "map50")))
    return [
        found
        for metric in wanted
        if (found := _ceiling(evaluation, metric, against, task, len(images))) is not None
    ]


def _scored(pairs: Sequence[LabelledPair], task: Task) -> TargetEvaluation:
    """The second of each pair as predictions that are all equally sure, against the first, as the project measures models."""
    names = [f"{number:08d}" for number in range(len(pairs))]
    truths = Said.of([_named(truth, name) for (truth, _), name in zip(pairs, names, strict=True)], task)
    shown = Said.of([_named(said, name) for (_, said), name in zip(pairs, names, strict=True)], task)
    sizes = np.array([truth.size_hw for truth, _ in pairs], dtype=np.int64).reshape(-1, 2)
    predictions = objects_table(shown, task)
    data = TestData(
        target="the annotators",
        images={
            "path": np.array(names, dtype=object),
            "height": sizes[:, 0],
            "width": sizes[:, 1],
        },
        objects=objects_table(truths, task),
        predictions={**predictions, "score": np.ones(len(shown.place), dtype=np.float32)},
    )
    number = {image: at for at, image in enumerate(sorted({truth.image for truth, _ in pairs}))}
    groups = np.array([number[truth.image] for truth, _ in pairs], dtype=np.int64)
    return assess_target(
        "the annotators",
        task.measurable(data),
        [],
        Draws(groups=groups, multiplicities=multiplicities(groups, RESAMPLES), level=LEVEL),
        classes=task.spec.classes,
        slice_classes=frozenset(),
    ).evaluation


def _named(said: LabelSet, name: str) -> LabelSet:
    return LabelSet(image=name, source=said.source, objects=said.objects, size_hw=said.size_hw)


def _ceiling(
    evaluation: TargetEvaluation, metric: str, against: Against, task: Task, images: int
) -> LabelCeiling | None:
    overall = _of(evaluation.overall, metric, images)
    if overall.value is None:
        return None
    half = against == "annotators"
    gains = _gains(evaluation, metric, is_mean=task.ranked)
    limited = max(sorted(gains), key=lambda name: gains[name], default=None)
    if limited is not None and gains[limited] <= 0:
        limited = None
    own = _of(evaluation.per_class[limited], metric, images) if limited is not None else Measured()
    without = None if limited is None else _part(min(1.0, overall.value + gains[limited]), half)
    return LabelCeiling(
        metric=metric,
        against=against,
        images=images,
        measured=overall,
        ceiling=_each_ones(overall) if half else overall,
        limited_by=limited,
        limited_value=own,
        without_limit=without,
    )


def _gains(evaluation: TargetEvaluation, metric: str, *, is_mean: bool) -> dict[str, float]:
    """By how much the metric would rise if a class had none of its errors; of classes with labels."""
    held = {
        name: (cell, value)
        for name, cell in evaluation.per_class.items()
        if cell.objects and (value := getattr(cell, metric)) is not None
    }
    total = sum(cell.objects for cell, _ in held.values())
    return {
        name: (1 - value) * (1 / len(held) if is_mean else cell.objects / total)
        for name, (cell, value) in held.items()
    }


def _of(cell: Metrics, metric: str, images: int) -> Measured:
    ends = cell.intervals.get(metric)
    value = getattr(cell, metric)
    return measured(Estimate(value=value, ends=(ends.low, ends.high) if ends else None, of=cell.objects))


def _each_ones(of_two: Measured) -> Measured:
    """What one side alone would leave: half of what is missing to 1, since both sides err alike and independently."""
    low, value, high = (
        None if number is None else _part(number, True) for number in (of_two.low, of_two.value, of_two.high)
    )
    return Measured(value=value, low=low, high=high, of=of_two.of)


def _part(value: float, half: bool) -> float:
    return round(1 - (1 - value) / 2 if half else value, 6)
