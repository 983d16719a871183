"""The metric that no further label can pass: what the truth itself would score against labels as annotators make them.

A test split that annotators labelled has their errors: a model that is always right is counted wrong where they are. With known labels
that score is measured. Of two annotators only their common score M is: both err. What one of them alone would leave follows from two
properties of independent errors that are alike. Whether an object is drawn, and as which class, has to go right twice, so that part
of the score is a square; it is the score M₀ where both draw everything in the same place. And two boxes are √2 times as far apart as
each of them is from the truth, so that what their places cost, 1 − M / M₀, is √2 times what one's do. The ceiling is then
√M₀ · (1 − (1 − M / M₀) / √2). How near that comes: benchmarks/consensus.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.assessment.agreements import measured
from runner.assessment.answered import LabelSet, Said, objects_table
from runner.assessment.cells import AssessedTarget, CellSample, Draws, assess_target
from runner.domain.annotation_quality import NOT_MEASURED, LabelCeiling, Measured
from runner.domain.labelling import AnsweredObject
from runner.evaluation.agreement import LEVEL, RESAMPLES, Estimate
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.intervals import Sample, interval
from runner.tasks.task import Task, TestData

Against = Literal["gold", "annotators"]
LabelledPair = tuple[LabelSet, LabelSet]
_NO_GAIN = 1e-6
_LEAST = 1e-9


def gold_ceilings(pairs: Sequence[LabelledPair], task: Task) -> list[LabelCeiling]:
    """From annotators' labels (the first of each pair) of images whose labels are known (the second).

    One for each metric that is asked for; none without two images that hold a label.
    """
    return _ceilings(pairs, task, "gold")


def annotators_ceilings(sets: Sequence[LabelSet], task: Task) -> list[LabelCeiling]:
    """From images that several annotators labelled: each one's labels are scored against each other one's."""
    by_image: dict[str, list[LabelSet]] = {}
    for one in sorted(sets, key=lambda one: (one.image, one.source)):
        by_image.setdefault(one.image, []).append(one)
    pairs = [pair for several in by_image.values() for pair in permutations(several, 2)]
    return _ceilings(pairs, task, "annotators")


def one_sided(score: NDArray[np.float64], in_place: NDArray[np.float64]) -> NDArray[np.float64]:
    """What one of two annotators alone would leave of a score; see the module.

    Args:
        score: `(N,)` in [0, 1], of one annotator's labels against the other's.
        in_place: `(N,)` the same where both draw what both drew in the same place.

    Example:
        >>> one_sided(np.array([0.81, 0.5, 1.0]), np.array([0.81, 1.0, 1.0])).round(3).tolist()
        [0.9, 0.646, 1.0]
    """
    nothing = in_place < _LEAST
    placed = np.clip(score / np.where(nothing, 1.0, in_place), 0.0, 1.0)
    found = np.sqrt(np.clip(in_place, 0.0, 1.0)) * (1 - (1 - placed) / math.sqrt(2))
    return np.asarray(np.where(nothing, 0.0, found))


def _ceilings(pairs: Sequence[LabelledPair], task: Task, against: Against) -> list[LabelCeiling]:
    images = {truth.image for truth, _ in pairs if truth.objects}
    if len(images) < 2:
        return []
    known = Said.of([side for pair in pairs for side in pair], task).task
    scored = _scored(pairs, known)
    in_place = _scored(_in_place(pairs, known), known) if against == "annotators" else None
    wanted = dict.fromkeys((task.optimizing, *(name for name in task.further if name == "map50")))
    found = [_ceiling(_Scores.of(scored, in_place, metric), task, against, len(images)) for metric in wanted]
    return [one for one in found if one is not None]


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """One metric: of all classes (None) and of each, what it is and what one side alone would leave of it."""

    metric: str
    raw: Mapping[str | None, Sample]
    ceiling: Mapping[str | None, Sample]
    objects: Mapping[str, int]

    @classmethod
    def of(cls, scored: AssessedTarget, in_place: AssessedTarget | None, metric: str) -> _Scores:
        raw = _samples(scored, metric)
        ceiling = raw
        if in_place is not None:
            there = _samples(in_place, metric)
            ceiling = {name: _one_sided(sample, there.get(name, sample)) for name, sample in raw.items()}
        return cls(
            metric=metric,
            raw=raw,
            ceiling=ceiling,
            objects={
                name: cell.objects for name, cell in scored.evaluation.per_class.items() if cell.objects
            },
        )

    def shown(self, of: Mapping[str | None, Sample], name: str | None) -> Measured:
        """A value with its interval."""
        if name not in of:
            return NOT_MEASURED
        count = sum(self.objects.values()) if name is None else self.objects.get(name, 0)
        return measured(Estimate(value=of[name].estimate, ends=interval(of[name], LEVEL), of=count))

    def gains(self, *, is_mean: bool) -> dict[str, float]:
        """By how much the ceiling would rise if annotators made no errors in a class; of classes with labels."""
        total = sum(self.objects.values())
        held = {name: count for name, count in sorted(self.objects.items()) if name in self.ceiling}
        return {
            name: (1 - self.ceiling[name].estimate) * (1 / len(held) if is_mean else count / total)
            for name, count in held.items()
        }


def _samples(scored: AssessedTarget, metric: str) -> dict[str | None, Sample]:
    cells: list[CellSample] = [
        cell for cell in scored.samples if cell.metric == metric and cell.slice is None
    ]
    return {cell.class_name: cell.sample() for cell in cells}


def _one_sided(score: Sample, in_place: Sample) -> Sample:
    """The same resamples, turned into what one side leaves."""
    if len(score.replicates) != len(in_place.replicates):
        return score
    return replace(
        score,
        estimate=float(one_sided(np.array([score.estimate]), np.array([in_place.estimate]))[0]),
        replicates=one_sided(score.replicates, in_place.replicates),
    )


def _ceiling(scores: _Scores, task: Task, against: Against, images: int) -> LabelCeiling | None:
    overall = scores.shown(scores.raw, None)
    if overall.value is None:
        return None
    ceiling = scores.shown(scores.ceiling, None)
    gains = scores.gains(is_mean=task.ranked)
    limited = max(gains, key=lambda name: gains[name], default=None)
    if limited is None or gains[limited] < _NO_GAIN or ceiling.value is None:
        return LabelCeiling(
            metric=scores.metric, against=against, images=images, measured=overall, ceiling=ceiling
        )
    return LabelCeiling(
        metric=scores.metric,
        against=against,
        images=images,
        measured=overall,
        ceiling=ceiling,
        limited_by=limited,
        limited_value=scores.shown(scores.ceiling, limited),
        without_limit=round(min(1.0, ceiling.value + gains[limited]), 6),
    )


def _scored(pairs: Sequence[LabelledPair], task: Task) -> AssessedTarget:
    """The second of each pair as predictions that are all equally sure, against the first, as the project measures models."""
    names = [f"{number:08d}" for number in range(len(pairs))]
    truths = Said.of([_named(truth, name) for (truth, _), name in zip(pairs, names, strict=True)], task)
    shown = Said.of([_named(said, name) for (_, said), name in zip(pairs, names, strict=True)], task)
    sizes = np.array([truth.size_hw for truth, _ in pairs], dtype=np.int64).reshape(-1, 2)
    data = TestData(
        target="the annotators",
        images={"path": np.array(names, dtype=object), "height": sizes[:, 0], "width": sizes[:, 1]},
        objects=objects_table(truths, task),
        predictions={
            **objects_table(shown, task),
            "score": np.ones(len(shown.place), dtype=np.float32),
        },
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
    )


def _named(said: LabelSet, name: str) -> LabelSet:
    return LabelSet(image=name, source=said.source, objects=said.objects, size_hw=said.size_hw)


def _in_place(pairs: Sequence[LabelledPair], task: Task) -> list[LabelledPair]:
    """The pairs, with the second's objects where the first drew the same ones."""
    sides = [_named(side, f"{number:08d}") for number, pair in enumerate(pairs) for side in pair]
    said = Said.of(sides, task)  # sets 2 n and 2 n + 1 are those of pair n
    drawn = [list(shown.objects) for _, shown in pairs]
    first = {int(group): row for row, group in enumerate(said.groups) if said.place[row] % 2 == 0}
    for row, group in enumerate(said.groups.tolist()):
        pair, second = divmod(int(said.place[row]), 2)
        if second and group in first:
            at = int(said.within[row])
            drawn[pair][at] = _placed(drawn[pair][at], said.object(first[group]))
    return [
        (truth, replace(shown, objects=objects)) for (truth, shown), objects in zip(pairs, drawn, strict=True)
    ]


def _placed(item: AnsweredObject, like: AnsweredObject) -> AnsweredObject:
    return msgspec.structs.replace(
        item, box=like.box, polygons=like.polygons, keypoints=like.keypoints, corners=like.corners
    )
