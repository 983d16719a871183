"""What a kind of wrong label costs a metric: what predictions lose that make the same faults in a share of their objects.

A model that learns from labels of which a share is wrong makes, at worst, the same faults in that share of what it predicts. So the cost
of one label is what the metric loses so, by the share that was made faulty and the number of labels. It orders labels by worth;
how much of a fault a model really takes over, nobody knows before it is mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.error_types import FOREGROUND
from runner.evaluation.label_evidence import Floats, Ints, overlapping
from runner.evaluation.label_issues import BADLY_PLACED, MISSED, SPURIOUS, WRONG_CLASS
from runner.evaluation.problem import Detections, Problem
from runner.evaluation.ranked import RankedMeasurable
from runner.evaluation.slices import ImageSlice, ObjectSlice

KINDS = (WRONG_CLASS, MISSED, BADLY_PLACED, SPURIOUS)
_EVERY = 5  # one label of so many is made faulty


@dataclass(frozen=True, kw_only=True)
class FaultCosts:
    """What a metric would lose if all labels had a fault, by kind and class, going by a part of them.

    Attributes:
        lost: `(4, K)` in the metric's unit, at least 0: of all classes together where the metric is of all, of a class else.
        objects: `(K,)` labels that count there.
    """

    lost: Floats
    objects: Ints


def fault_costs(
    problem: Problem,
    confidence: float,
    asked: Sequence[tuple[str, int | None, ImageSlice | ObjectSlice | None]],
    placed: float,
) -> list[FaultCosts]:
    """The costs for each of the numbers asked for: a metric, a class (None: all), a slice (None: all images).

    Args:
        problem: labels, and predictions of models that never saw them.
        confidence: the operating confidence.
        placed: what a badly placed label overlaps its object by, as a share of what a good one does.
    """
    before = RankedMeasurable(problem, confidence)
    pairs = overlapping(problem, before.matches.counted)
    near = pairs.similarity >= FOREGROUND
    truth, detection = pairs.truth[near], pairs.detection[near]
    chosen = _chosen(problem, before.matches.counted)
    faulty = [_faulty(problem, kind, chosen, truth, detection, placed) for kind in KINDS]
    after = [RankedMeasurable(each.problem, confidence) for each in faulty]
    found = []
    for metric, class_id, part in asked:
        column = before.metrics.index(metric)
        macro = metric in before.means
        now = _values(before, part, None)[:, column]
        values = [
            _values(measurable, part, each.source)[:, column]
            for measurable, each in zip(after, faulty, strict=True)
        ]
        objects = _objects(problem, before.matches.counted, part)
        share = _share(problem, chosen, objects, before.matches.counted, part)
        lost = np.stack([_lost(now, then, share, class_id, macro=macro, objects=objects) for then in values])
        found.append(FaultCosts(lost=lost, objects=objects))
    return found


@dataclass(frozen=True, kw_only=True)
class _Faulty:
    """Predictions with faults. `source`: `(M',)` the row that each was made from."""

    problem: Problem
    source: Ints


def _chosen(problem: Problem, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`(N,)` one label of each few, evenly within each class."""
    chosen = np.zeros(len(counted), bool)
    for name in range(problem.n_classes):
        rows = np.flatnonzero(counted & (problem.truths.label == name))
        chosen[rows[_EVERY // 2 :: _EVERY] if len(rows) > _EVERY // 2 else rows[:1]] = True
    return chosen


def _faulty(
    problem: Problem, kind: int, chosen: NDArray[np.bool_], truth: Ints, detection: Ints, placed: float
) -> _Faulty:
    """The predictions on chosen labels: unseen, called by the next class, placed worse, or there twice, elsewhere."""
    found = problem.detections
    m = len(found.label)
    hit = np.zeros(m, bool)
    hit[detection[chosen[truth]]] = True
    same = np.arange(m)
    if kind == MISSED:
        score = np.where(hit, found.score.dtype.type(0), found.score)
        return _Faulty(problem=replace(problem, detections=replace(found, score=score)), source=same)
    if kind == WRONG_CLASS:
        label = np.where(hit, (found.label + 1) % problem.n_classes, found.label)
        return _Faulty(problem=replace(problem, detections=replace(found, label=label)), source=same)
    if kind == BADLY_PLACED:
        factor = np.where(hit, placed, 1.0)
        return _Faulty(
            problem=replace(problem, similarity=lambda a, b: problem.similarity(a, b) * factor[b]),
            source=same,
        )
    extra = np.flatnonzero(hit)
    source = np.concatenate([same, extra])
    more = Detections(
        image=np.concatenate([found.image, (found.image[extra] + 1) % problem.n_images]),
        label=found.label[source],
        score=found.score[source],
    )
    return _Faulty(
        problem=replace(
            problem,
            detections=more,
            similarity=lambda a, b: np.where(b < m, problem.similarity(a, np.minimum(b, m - 1)), 0.0),
        ),
        source=source,
    )


def _values(
    measurable: RankedMeasurable, part: ImageSlice | ObjectSlice | None, source: Ints | None
) -> Floats:
    """`(K + 1, metrics)` on a part."""
    weights = np.ones((1, measurable.n_images), np.uint8)
    if isinstance(part, ObjectSlice):
        inside = part.detections
        if inside is not None and source is not None:
            part = replace(part, detections=inside[source])
        measurable = measurable.restricted(part)
    elif part is not None:
        weights = part.images.astype(np.uint8)[None]
    return np.asarray(measurable.measure(weights, threads=1).values[0])


def _inside(
    problem: Problem, counted: NDArray[np.bool_], part: ImageSlice | ObjectSlice | None
) -> NDArray[np.bool_]:
    if part is None:
        return counted
    if isinstance(part, ObjectSlice):
        return counted & part.holds(problem.truths.label)
    return counted & part.images[problem.truths.image]


def _objects(problem: Problem, counted: NDArray[np.bool_], part: ImageSlice | ObjectSlice | None) -> Ints:
    return np.bincount(problem.truths.label[_inside(problem, counted, part)], minlength=problem.n_classes)


def _share(
    problem: Problem,
    chosen: NDArray[np.bool_],
    objects: Ints,
    counted: NDArray[np.bool_],
    part: ImageSlice | ObjectSlice | None,
) -> Floats:
    """`(K,)` of the labels of each class there the share that was made faulty; NaN without any."""
    inside = _inside(problem, counted, part) & chosen
    made = np.bincount(problem.truths.label[inside], minlength=problem.n_classes)
    return np.where(made > 0, made / np.maximum(objects, 1), np.nan)


def _lost(
    now: Floats, then: Floats, share: Floats, class_id: int | None, *, macro: bool, objects: Ints
) -> Floats:
    """`(K,)` by the class of the label; of a class where nothing was made faulty, what the others lose on average."""
    drop = np.maximum(np.nan_to_num(now - then), 0.0)
    if class_id is not None:
        one = np.zeros(len(share))
        one[class_id] = np.nan_to_num(drop[class_id] / share[class_id])
        return one
    if not macro:  # every object counts the same
        total, made = objects.sum(), np.nansum(share * objects)
        return np.asarray(drop[-1] / max(made / max(total, 1), 1e-9) * objects / max(total, 1))
    each = drop[:-1] / share / max(1, int((objects > 0).sum()))
    known = np.isfinite(each)
    return np.where(known, each, float(each[known].mean()) if known.any() else 0.0)
