"""What gates judge by, and where each number is found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from runner.domain.evaluation import (
    COST_METRICS,
    QUALITY_METRICS,
    REFERENCE_TARGET,
    Evaluation,
    Metrics,
    SliceMetrics,
    TargetEvaluation,
)
from runner.domain.records import Benchmark, ExportedTarget, Record
from runner.domain.verdict import Wear

if TYPE_CHECKING:
    from runner.evaluation.intervals import Sample


class Samples(Protocol):
    """What the bootstrap's resamples gave, cell by cell (outcomes/resamples.parquet)."""

    def get(self, target: str, slice_name: str | None, class_name: str | None, metric: str) -> Sample | None:
        """One cell's sample; None where nothing was recorded."""
        ...


class LabelPrice(Record, frozen=True, kw_only=True):
    """What the label of one object costs (of one image, for classify); None when the project has no price."""

    per_object: float | None
    currency: str


class Evidence(Record, frozen=True, kw_only=True):
    """Everything that a verdict rests on.

    Attributes:
        primary_target: the artefact that gates judge when they name none.
        samples: of this evaluation; None when they were not recorded.
        champion: the sprint whose model the registry names; None when no other sprint was promoted yet.
        champion_unknown: why that could not be looked up; empty where it could.
        wear: how often the test split was used to decide, this time included.
        cost: of this sprint, in the project's currency.
        duration_min: of this sprint's stages.
    """

    evaluation: Evaluation
    benchmark: Benchmark | None
    exports: list[ExportedTarget]
    primary_target: str
    samples: Samples | None = None
    champion: str | None = None
    champion_unknown: str = ""
    wear: Wear | None = None
    label_price: LabelPrice | None = None
    cost: float | None = None
    duration_min: float | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Where a number stands: a target, and a part of the test split (all of it when both are None)."""

    target: str
    slice_name: str | None = None
    class_name: str | None = None

    @property
    def words(self) -> str:
        """` for class three on slice dark`, or nothing for the whole split."""
        of_class = f" for class {self.class_name}" if self.class_name else ""
        if self.class_name == "*":
            of_class = " for every class"
        if self.slice_name == "*":
            return f"{of_class} on every slice"
        return of_class + (f" on slice {self.slice_name}" if self.slice_name else "")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number, or why there is none. A reference also says whose it is: "the torch model's".

    Attributes:
        left_out: of a mean over classes, those that it is without, and on how many groups each is.
        of_all: the same mean with them.
    """

    value: float | None = None
    why_not: str = ""
    whose: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    of_all: float | None = None


def measured(evidence: Evidence, metric: str, cell: Cell) -> Measured:
    """This sprint's number."""
    if metric in QUALITY_METRICS:
        return quality(evidence.evaluation, metric, cell)
    if metric in COST_METRICS:
        return _speed_or_size(evidence, metric, cell.target)
    value = {"cost": evidence.cost, "duration_min": evidence.duration_min}.get(metric)
    return (
        Measured(value=value)
        if value is not None
        else Measured(why_not="the stages' times were not recorded")
    )


def torch_reference(evidence: Evidence, metric: str, cell: Cell) -> Measured:
    """The same number of the torch model, before export."""
    return replace(
        measured(evidence, metric, replace(cell, target=REFERENCE_TARGET)), whose="the torch model's"
    )


def champion_reference(champion: str, evaluation: Evaluation, metric: str, cell: Cell) -> Measured:
    """The number of the champion's shipped artefact, run anew on the same images."""
    theirs = evaluation.champion
    if metric not in QUALITY_METRICS:
        return Measured(why_not="only quality metrics are compared with the champion")
    if theirs is None:
        return Measured(why_not=f"the champion {champion} was not evaluated on this test split")
    if theirs.sprint != champion:
        return Measured(
            why_not=f"the champion is {champion} now, and {theirs.sprint} was evaluated on this test split"
        )
    found = in_target(theirs.evaluation, metric, cell)
    if found.value is None:
        return Measured(why_not=f"the champion {champion} has no such number: {found.why_not}")
    return replace(found, whose=f"the champion {champion}'s")


def sample(evidence: Evidence, metric: str, cell: Cell) -> Sample | None:
    """What the cell's number was in each resample."""
    if evidence.samples is None:
        return None
    return evidence.samples.get(cell.target, cell.slice_name, cell.class_name, metric)


def quality(evaluation: Evaluation, metric: str, cell: Cell) -> Measured:
    """A quality metric of one cell of an evaluation."""
    found = find_target(evaluation, cell.target)
    if found is None:
        return Measured(why_not=f"there is no artefact {cell.target}")
    return _without(evaluation, in_target(found, metric, cell), cell)


def _without(evaluation: Evaluation, found: Measured, cell: Cell) -> Measured:
    """With the names of the classes that the number is without."""
    if found.of_all is None:
        return found
    named = (part.classes for part in evaluation.left_out if part.slice == cell.slice_name)
    return replace(found, left_out=next(named, {}))


def find_target(evaluation: Evaluation, name: str) -> TargetEvaluation | None:
    """One artefact's evaluation."""
    return next((target for target in evaluation.targets if target.target == name), None)


def find_slice(target: TargetEvaluation, name: str) -> SliceMetrics | None:
    """One slice of an artefact's evaluation."""
    return next((part for part in target.slices if part.name == name), None)


def in_target(found: TargetEvaluation, metric: str, cell: Cell) -> Measured:
    """A quality metric of one cell of an artefact's evaluation."""
    part: TargetEvaluation | SliceMetrics = found
    if cell.slice_name is not None:
        inside = find_slice(found, cell.slice_name)
        if inside is None:
            return Measured(why_not=_no_slice(cell.slice_name))
        part = inside
    metrics = part.overall if cell.class_name is None else part.per_class.get(cell.class_name)
    if metrics is None:
        return Measured(why_not=_no_class(cell.class_name))
    value = getattr(metrics, metric)
    if value is None or not math.isfinite(value):
        return Measured(why_not=_no_data(metrics))
    if metric in metrics.judged:
        return Measured(value=metrics.judged[metric], of_all=float(value))
    return Measured(value=float(value))


def _no_slice(name: str) -> str:
    return "there are no slices" if name == "*" else f"the test split has no slice {name}"


def _no_class(name: str | None) -> str:
    return "there are no classes" if name == "*" else f"the class {name} was not evaluated"


def _no_data(metrics: Metrics) -> str:
    if metrics.objects == 0:
        return "there are no labelled objects"
    return "nothing is detected at the operating confidence"


def _speed_or_size(evidence: Evidence, metric: str, target: str) -> Measured:
    for speed in evidence.benchmark.targets if evidence.benchmark else []:
        if speed.target == target:
            return Measured(value=float(getattr(speed, metric)))
    if metric == "size_mb":
        for export in evidence.exports:
            if export.target == target:
                return Measured(value=export.size_mb)
    return Measured(why_not=f"there is no benchmark of {target}")
