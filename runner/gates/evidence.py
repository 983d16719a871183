"""What gates judge by, and where each number is found."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from runner.domain.records import (
    COST_METRICS,
    QUALITY_METRICS,
    REFERENCE_TARGET,
    Benchmark,
    Evaluation,
    ExportedTarget,
    Metrics,
    Record,
    SliceMetrics,
    TargetEvaluation,
)


class ChampionEvidence(Record, frozen=True, kw_only=True):
    """The registry's champion: its sprint, and what was measured of it (None when that cannot be read)."""

    name: str
    evaluation: Evaluation | None


class Evidence(Record, frozen=True, kw_only=True):
    """Everything that a verdict rests on.

    Attributes:
        primary_target: the artefact that gates judge when they name none.
        champion: None when no other sprint was promoted yet.
        cost: of this sprint, in the project's currency.
        duration_min: of this sprint's stages.
    """

    evaluation: Evaluation
    benchmark: Benchmark | None
    exports: list[ExportedTarget]
    primary_target: str
    champion: ChampionEvidence | None = None
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
        if self.slice_name == "*":
            return f"{of_class} on every slice"
        return of_class + (f" on slice {self.slice_name}" if self.slice_name else "")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number, or why there is none. A reference also says whose it is: "the torch model's"."""

    value: float | None = None
    why_not: str = ""
    whose: str = ""


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
    there = Cell(target=REFERENCE_TARGET, slice_name=cell.slice_name, class_name=cell.class_name)
    return replace(measured(evidence, metric, there), whose="the torch model's")


def champion_reference(
    champion: ChampionEvidence, evaluation: Evaluation, metric: str, cell: Cell, *, target_named: bool
) -> Measured:
    """The champion's number on the same images and labels.

    A gate that names a target is compared with the champion's target of that name, else with the artefact
    that the champion ships.
    """
    theirs = champion.evaluation
    if metric not in QUALITY_METRICS:
        return Measured(why_not="only quality metrics are compared with the champion")
    if theirs is None or not theirs.targets:
        return Measured(why_not=f"the evaluation of the champion {champion.name} could not be read")
    if theirs.split_digest != evaluation.split_digest:
        return Measured(why_not=f"the champion {champion.name} was measured on another test split")
    names = [target.target for target in theirs.targets]
    target = cell.target if target_named and cell.target in names else shipped(theirs).target
    there = Cell(target=target, slice_name=cell.slice_name, class_name=cell.class_name)
    if (changed := _redefined(evaluation, theirs, cell, there)) is not None:
        return Measured(why_not=changed)
    found = quality(theirs, metric, there)
    if found.value is None:
        return Measured(why_not=f"the champion {champion.name} has no such number: {found.why_not}")
    as_target = "" if target == cell.target else f" {target}"
    return Measured(value=found.value, whose=f"the champion {champion.name}'s{as_target}")


def shipped(evaluation: Evaluation) -> TargetEvaluation:
    """What a sprint ships: its first export, else the torch model. `evaluation` has at least one target."""
    exported = (found for found in evaluation.targets if found.target != REFERENCE_TARGET)
    return next(exported, evaluation.targets[0])


def same_slice(one: SliceMetrics, other: SliceMetrics) -> bool:
    """Whether two slices mean the same: a name alone can be given to another condition."""
    return (one.name, one.kind, one.condition) == (other.name, other.kind, other.condition)


def quality(evaluation: Evaluation, metric: str, cell: Cell) -> Measured:
    """A quality metric of one cell of an evaluation."""
    found = _target(evaluation, cell.target)
    if found is None:
        return Measured(why_not=f"there is no artefact {cell.target}")
    part: TargetEvaluation | SliceMetrics = found
    if cell.slice_name is not None:
        inside = _slice(found, cell.slice_name)
        if inside is None:
            return Measured(why_not=_no_slice(cell.slice_name))
        part = inside
    metrics = part.overall if cell.class_name is None else part.per_class.get(cell.class_name)
    if metrics is None:
        return Measured(why_not=f"the class {cell.class_name} was not evaluated")
    value = getattr(metrics, metric)
    if value is None or not math.isfinite(value):
        return Measured(why_not=_no_data(metrics))
    return Measured(value=float(value))


def _no_slice(name: str) -> str:
    return "there are no slices" if name == "*" else f"the test split has no slice {name}"


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


def _redefined(ours: Evaluation, theirs: Evaluation, cell: Cell, there: Cell) -> str | None:
    """Says so when both have a slice of this name, but not the same one."""
    own, their = _target(ours, cell.target), _target(theirs, there.target)
    if cell.slice_name is None or own is None or their is None:
        return None
    here, before = _slice(own, cell.slice_name), _slice(their, cell.slice_name)
    if here is None or before is None or same_slice(here, before):
        return None
    return f"the slice {cell.slice_name} was another one for the champion: {before.condition}"


def _target(evaluation: Evaluation, name: str) -> TargetEvaluation | None:
    return next((target for target in evaluation.targets if target.target == name), None)


def _slice(target: TargetEvaluation, name: str) -> SliceMetrics | None:
    return next((part for part in target.slices if part.name == name), None)
