"""The suspected labels of a sprint's train split, from what its folds' models predicted there, ranked by what mending each is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import read_table
from runner.assessment.slices import resolve_slices
from runner.assessment.split import TestSplit, data_of, load_split
from runner.config.sprint import SliceSpec
from runner.domain.label_issues import ISSUE_KINDS, LabelIssue
from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.fault_costs import FaultCosts, fault_costs
from runner.evaluation.label_issues import (
    BADLY_PLACED,
    MISSED,
    SPURIOUS,
    WRONG_CLASS,
    Suspects,
    image_class_issues,
    label_issues,
)
from runner.evaluation.problem import Problem
from runner.evaluation.slices import ImageSlice, ObjectSlice
from runner.record.catalogue import FOLDS_FOLDER
from runner.tasks import TASKS
from runner.tasks.arrays import boxes, detections, ground_truths, known_objects
from runner.tasks.ranked import RankedTask
from runner.tasks.task import Task, TestData

TRAIN = "train"
_PLACED = 0.6  # overlap of a badly placed label beside a good one's, where none is suspected

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A number that is to rise: an open gate's, or the optimizing metric.

    Attributes:
        class_name, slice: None for all classes, all images.
        most: what it lacks; None: no gate asks.
        beyond: of what a slice lacks, the share that all images do not, 0 to 1.
    """

    metric: str
    class_name: str | None = None
    slice: str | None = None
    most: float | None = None
    beyond: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FoldData:
    """The train split with its out-of-fold predictions.

    Attributes:
        fold: `(I,)` which model never saw each image.
    """

    task: Task
    split: TestSplit
    data: TestData
    fold: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path, task: Task) -> FoldData:
        """Reads what the stage `folds` stored in a sprint's folder.

        Raises:
            FlywheelError: a table is missing, or cannot be measured.
        """
        split = load_split(folder, task, TRAIN)
        stored = folder / FOLDS_FOLDER.name
        dealt = read_table(stored / "folds.parquet", ["path", "fold"])
        fold_of = dict(zip(dealt["path"].tolist(), dealt["fold"].tolist(), strict=True))
        return cls(
            task=task,
            split=split,
            data=data_of(split, "the folds", stored / "predictions.parquet", task),
            fold=np.array([fold_of[path] for path in split.images["path"].tolist()], np.int64),
        )


def suspected(found: FoldData) -> tuple[Suspects, Problem | None]:
    """What is wrong with the labels, likeliest first; and the problem, None where labels are classes of images."""
    data, task = found.data, found.task
    if not isinstance(task, RankedTask):
        truths, seen = ground_truths(data, task.spec), detections(data, task.spec)
        return image_class_issues(truths, seen, len(found.fold), len(task.spec.classes), found.fold), None
    problem = task.problem(data)
    predicted = boxes(data.predictions)
    labelled = boxes(data.objects)[known_objects(data.objects, task.spec)]
    return label_issues(
        problem,
        fold=found.fold,
        area=np.prod(labelled[:, 2:] - labelled[:, :2], axis=1),
        among_detections=BoxSimilarity(
            truths_xyxy=predicted, detections_xyxy=predicted, crowd=np.zeros(len(predicted), bool)
        ),
    ), problem


def ranked_issues(
    found: FoldData, aims: Sequence[Aim], slices: Sequence[SliceSpec], *, least: float
) -> list[LabelIssue]:
    """Every suspected label, worth most first; ties by suspicion, then by place.

    Args:
        aims: what is to rise.
        slices: the project's and the sprint's, which aims name.
        least: suspicions below it are left out.
    """
    suspects, problem = suspected(found)
    suspects = suspects.rows(np.flatnonzero(suspects.suspicion >= least))
    effect = suspects.suspicion * _worth(found, suspects, problem, aims, slices)
    issues = _Issues(found).all(suspects, effect)
    order = sorted(
        range(len(issues)),
        key=lambda at: (
            -(issues[at].effect or 0.0),
            -issues[at].suspicion,
            -suspects.evidence[at],
            issues[at].path,
            issues[at].issue,
        ),
    )
    return [issues[at] for at in order]


def _worth(
    found: FoldData,
    suspects: Suspects,
    problem: Problem | None,
    aims: Sequence[Aim],
    slices: Sequence[SliceSpec],
) -> Floats:
    """`(S,)` what mending each is worth if it is wrong, in the gates' unit."""
    parts = {part.name: part for part in resolve_slices(slices, found.split, found.data.predictions)}
    usable = [aim for aim in aims if aim.slice is None or aim.slice in parts]
    worth = np.zeros(len(suspects.kind))
    if problem is None:
        for aim in usable:
            worth += _of_image_classes(found, suspects, aim, parts.get(aim.slice or ""))
        return worth
    names = {name: at for at, name in enumerate(found.task.spec.classes)}
    asked = [(aim, names.get(aim.class_name or ""), parts.get(aim.slice or "")) for aim in usable]
    everywhere = [(aim.metric, at, None) for aim, at, _ in asked]
    inside = [(aim.metric, at, _known(part, found)) for aim, at, part in asked]
    costs = fault_costs(
        problem, found.task.operating_confidence, [*everywhere, *inside], _usually_placed(suspects)
    )
    kind, label = suspects.kind.astype(np.int64), _label(suspects, problem)
    for (aim, _, part), whole, own in zip(asked, costs[: len(asked)], costs[len(asked) :], strict=True):
        beyond = aim.beyond if part is not None else 0.0
        share = (1 - beyond) * _one_of(whole, label)
        share += beyond * _holds(part, suspects, problem) * _one_of(own, label)
        gain = own.lost[kind, label] * share
        worth += gain if aim.most is None else np.minimum(gain, aim.most)
    return worth


def _one_of(costs: FaultCosts, label: NDArray[np.int64]) -> Floats:
    """`(S,)` the share of its class's labels that one is."""
    return np.asarray(1 / np.maximum(costs.objects[label], 1.0))


def _known(part: ImageSlice | ObjectSlice | None, found: FoldData) -> ImageSlice | ObjectSlice | None:
    """Object slices are of all rows; those of unknown classes are no truths."""
    if isinstance(part, ObjectSlice):
        return replace(part, objects=part.objects[known_objects(found.data.objects, found.task.spec)])
    return part


def _usually_placed(suspects: Suspects) -> float:
    """What suspected labels overlap their objects by, beside what others do."""
    rows = suspects.kind == BADLY_PLACED
    weight = suspects.suspicion[rows]
    if not weight.sum():
        return _PLACED
    return float(
        np.average(suspects.similarity[rows] / np.maximum(suspects.usual[rows], 1e-6), weights=weight)
    )


def _label(suspects: Suspects, problem: Problem) -> NDArray[np.int64]:
    """`(S,)` the class that is at stake: that of the object as it is seen, or else as it is labelled."""
    seen = problem.detections.label[suspects.detection] if len(problem.detections.label) else suspects.truth
    labelled = problem.truths.label[suspects.truth] if len(problem.truths.label) else suspects.detection
    return np.where(suspects.kind == SPURIOUS, labelled, seen)


def _image(suspects: Suspects, problem: Problem) -> NDArray[np.int64]:
    seen = problem.detections.image[suspects.detection] if len(problem.detections.image) else suspects.truth
    labelled = problem.truths.image[suspects.truth] if len(problem.truths.image) else suspects.detection
    return np.where(suspects.truth >= 0, labelled, seen)


def _holds(part: ImageSlice | ObjectSlice | None, suspects: Suspects, problem: Problem) -> Floats:
    """`(S,)` 1 where the label, or the place without one, lies in the slice; 0 elsewhere."""
    if part is None:
        return np.ones(len(suspects.kind))
    if isinstance(part, ImageSlice):
        return part.images[_image(suspects, problem)].astype(np.float64)
    labelled = suspects.truth >= 0
    inside = np.zeros(len(suspects.kind))
    inside[labelled] = part.objects[suspects.truth[labelled]]
    if part.detections is not None:
        inside[~labelled] = part.detections[suspects.detection[~labelled]]
    return inside


def _of_image_classes(
    found: FoldData, suspects: Suspects, aim: Aim, part: ImageSlice | ObjectSlice | None
) -> Floats:
    """One image of so many: all count the same, or those of each class where the metric is a mean over classes."""
    truths = ground_truths(found.data, found.task.spec)
    classes = found.task.spec.classes
    inside = np.ones(len(found.fold), bool) if not isinstance(part, ImageSlice) else part.images
    count = np.bincount(truths.label, minlength=len(classes))
    label, image = truths.label[suspects.truth], truths.image[suspects.truth]
    if aim.class_name is not None:
        named = np.isin(label, [classes.index(aim.class_name)]).astype(np.float64)
        one = named / np.maximum(count[label], 1)
    elif aim.metric in ("balanced_accuracy", "precision", "recall", "f1"):
        one = 1 / np.maximum(count[label], 1) / max(1, int((count > 0).sum()))
    else:
        one = np.full(len(label), 1 / max(1, len(truths.label)))
    beyond = aim.beyond if part is not None else 0.0
    share = (1 - beyond) + beyond * inside[image] * len(inside) / max(1, int(inside.sum()))
    gain = one * share
    return gain if aim.most is None else np.minimum(gain, aim.most)


class _Issues:
    """Suspects as rows of label_issues.csv."""

    def __init__(self, found: FoldData) -> None:
        data = found.data
        self._found = found
        self._ranked = TASKS[found.task.name].ranked
        self._classes = found.task.spec.classes
        self._known = np.flatnonzero(known_objects(data.objects, found.task.spec))
        self._paths = data.images["path"].tolist()
        self._ids = data.images["image_id"].tolist()
        self._row_of = {path: at for at, path in enumerate(self._paths)}
        self._truth_box = self._fractions(data.objects, self._known) if self._ranked else None
        self._seen_box = self._fractions(data.predictions, None) if self._ranked else None

    def _fractions(self, table: Any, rows: NDArray[np.intp] | None) -> Floats:
        found = boxes(table) if rows is None else boxes(table)[rows]
        paths = table["path"] if rows is None else table["path"][rows]
        at = np.array([self._row_of[path] for path in paths.tolist()], np.int64)
        images = self._found.data.images
        side = np.stack([images["width"], images["height"]], axis=1).astype(np.float64)[at]
        return np.clip(found / np.tile(side, 2), 0.0, 1.0) if len(found) else np.zeros((0, 4))

    def all(self, suspects: Suspects, effect: Floats) -> list[LabelIssue]:
        return [self._one(suspects, row, float(effect[row])) for row in range(len(suspects.kind))]

    def _one(self, suspects: Suspects, row: int, effect: float) -> LabelIssue:
        kind, truth, seen = (
            int(values[row]) for values in (suspects.kind, suspects.truth, suspects.detection)
        )
        objects, predictions = self._found.data.objects, self._found.data.predictions
        at = int(self._known[truth]) if truth >= 0 else -1
        path = str(objects["path"][at] if truth >= 0 else predictions["path"][seen])
        both = bool(suspects.both_wrong[row])
        label = str(objects["class"][at]) if truth >= 0 else None
        suggested = str(predictions["class"][seen]) if seen >= 0 and not both else None
        labelled_box = _box(self._truth_box, truth)
        seen_box = None if both else _box(self._seen_box, seen)
        image = self._row_of[path]
        object_id = str(objects["object_id"][at]) if truth >= 0 and self._ranked else None
        content = (
            self._ids[image],
            path,
            ISSUE_KINDS[kind],
            object_id,
            label,
            suggested,
            labelled_box,
            seen_box,
        )
        return LabelIssue(
            issue=hashlib.sha256(repr(content).encode()).hexdigest()[:12],
            path=path,
            image_id=str(self._ids[image]),
            split=TRAIN,
            kind=ISSUE_KINDS[kind],
            object_id=object_id,
            label=label,
            suggested=suggested,
            box=labelled_box or _box(self._seen_box, seen),
            suggested_box=seen_box if kind != SPURIOUS else None,
            polygons=() if both or seen < 0 else self._outlines(seen, image),
            suspicion=round(float(suspects.suspicion[row]), 4),
            effect=float(f"{effect:.4g}"),
            both_wrong=both,
            reason=_reason(suspects, row, label, str(predictions["class"][seen]) if seen >= 0 else None),
        )

    def _outlines(self, seen: int, image: int) -> tuple[tuple[float, ...], ...]:
        """The suggested mask's outlines in fractions; none for tasks without masks."""
        if TASKS[self._found.task.name].shape != "mask_rle":
            return ()
        from runner.adapters.pictures.coco_masks import mask_outlines

        images = self._found.data.images
        size_hw = (int(images["height"][image]), int(images["width"][image]))
        return tuple(
            tuple(round(float(value), 5) for value in (outline / (size_hw[1], size_hw[0])).ravel())
            for outline in mask_outlines(self._found.data.predictions["mask_rle"][seen], size_hw)
        )


def _box(table: Floats | None, row: int) -> tuple[float, float, float, float] | None:
    if table is None or row < 0:
        return None
    x_min, y_min, x_max, y_max = (round(float(value), 6) for value in table[row])
    return x_min, y_min, x_max, y_max


def _reason(suspects: Suspects, row: int, label: str | None, seen: str | None) -> str:
    """In words, with the figures that decided."""
    kind = int(suspects.kind[row])
    sure = f"as sure as {suspects.sureness[row]:.0%} of right ones"
    if kind == SPURIOUS:
        return f"nothing is seen where {label} is labelled, and such labels are nearly always found"
    if kind == MISSED:
        return f"{seen} is seen on no label, {sure}"
    if kind == WRONG_CLASS:
        said = f"{seen} is seen in place of {label}, {sure}"
    else:
        said = f"overlaps what is seen by {suspects.similarity[row]:.2f}, where {suspects.usual[row]:.2f} is usual"
        if suspects.parts[row] > 1:
            said += f"; {suspects.parts[row]} objects are seen on it"
    if suspects.both_wrong[row]:
        said += f"; but such predictions are right in {suspects.believed[row]:.0%} only: neither is believed"
    return said
