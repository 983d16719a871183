"""The report's tables as typed rows, in the order that every rendering shows them: the worst first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from msgspec import structs

from runner.domain.evaluation import (
    REFERENCE_TARGET,
    Difference,
    FoundSlice,
    Interval,
    Metrics,
    TargetEvaluation,
)
from runner.domain.records import ExportedTarget, TargetBenchmark
from runner.domain.verdict import WORST_FIRST, GateResult, Outcome
from runner.gates.one_interval import judging_gate
from runner.record.report import SprintReport
from runner.report.wording import quality
from runner.tasks import TASKS, Task

OVERALL = "all images"
NO_INTERVAL = "no interval"
WIDE = 0.2  # an interval wider than this says little
UNREADABLE = (
    0.5  # and one wider than this, of a number between 0 and 1, says nothing that anybody could act on
)


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """A slice or a class of the judged target.

    Attributes:
        metric: what the row is judged by; `value` and `interval` are of it.
        delta: `value` minus the whole split's.
        unsure: why the value says little, in a word or two; empty where it can be relied on.
        against: the difference to the champion in the same cell.
    """

    name: str
    condition: str
    metrics: Metrics
    metric: str
    value: float | None
    interval: Interval | None
    delta: float | None
    unsure: str = ""
    against: Difference | None = None
    found: FoundSlice | None = None

    @property
    def readable(self) -> bool:
        """Whether the number says anything; without resampling nobody knows, and it is taken as it is."""
        return self.unsure != NO_INTERVAL and (self.interval is None or _width(self.interval) <= UNREADABLE)


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """One artefact: its quality, the difference to torch (absolute), its speed and size."""

    target: str
    judged: bool
    value: float | None
    delta: float | None
    speed: TargetBenchmark | None
    exported: ExportedTarget | None

    @property
    def size_mb(self) -> float | None:
        if self.speed is not None:
            return self.speed.size_mb
        return self.exported.size_mb if self.exported else None


def optimizing(report: SprintReport) -> str:
    """The metric to push."""
    if report.verdict is not None:
        return report.verdict.optimizing
    return report.evaluation.optimizing if report.evaluation is not None else "map50_95"


def evaluated(report: SprintReport, target: str) -> TargetEvaluation | None:
    """What was measured of one target."""
    targets = report.evaluation.targets if report.evaluation else []
    return next((measured for measured in targets if measured.target == target), None)


def judged(report: SprintReport) -> TargetEvaluation | None:
    """What was measured of the target that gates judge."""
    return evaluated(report, report.primary_target)


def task_of(report: SprintReport) -> type[Task] | None:
    """What was measured; None where nothing was."""
    return TASKS[report.evaluation.task] if report.evaluation else None


def resampled(report: SprintReport) -> bool:
    """Whether there are intervals at all."""
    return report.evaluation is not None and report.evaluation.resampling is not None


def class_metric(report: SprintReport) -> str:
    """What classes are ranked by."""
    task = task_of(report)
    return (task.class_metric if task else None) or optimizing(report)


def overall_row(report: SprintReport, metric: str | None = None) -> CellRow | None:
    """All test images on the judged target: what slices and classes are compared with."""
    measured = judged(report)
    if measured is None:
        return None
    row = _row(report, metric or optimizing(report), (OVERALL, ""), measured.overall)
    return replace(row, delta=None, against=_differences(report).get((None, None)))


def gates_worst_first(gates: Sequence[GateResult]) -> list[GateResult]:
    """Failed, then not measured, inconclusive, passed; in each the spec's order."""
    return sorted(gates, key=lambda gate: WORST_FIRST.index(gate.outcome))


def slice_rows(report: SprintReport) -> list[CellRow]:
    """The judged target's slices that somebody named, weakest first."""
    return sorted((row for row in _all_slices(report) if row.found is None), key=_weakest_first)


def found_rows(report: SprintReport) -> list[CellRow]:
    """The judged target's slices that were found, the most certain first.

    More goes wrong in them image by image. Where their metric is not below that of all images all the same (it weighs
    classes and ranks), no reader would call them weak: they are left out.
    """

    def order(row: CellRow) -> tuple[float, tuple[bool, float, str]]:
        return (row.found.p_value if row.found else 1.0, _weakest_first(row))

    weak = (row for row in _all_slices(report) if row.found is not None and (row.delta or 0) < 0)
    return sorted(weak, key=order)


def _all_slices(report: SprintReport) -> list[CellRow]:
    measured = judged(report)
    if measured is None:
        return []
    against = _differences(report)
    return [
        replace(
            _row(report, optimizing(report), (cell.name, cell.condition), cell.overall),
            against=against.get((cell.name, None)),
            found=cell.found,
        )
        for cell in measured.slices
    ]


def class_rows(report: SprintReport) -> list[CellRow]:
    """The judged target's classes, weakest first."""
    measured = judged(report)
    if measured is None:
        return []
    against = _differences(report)
    rows = [
        replace(
            _row(report, class_metric(report), (name, ""), metrics, of_class=True),
            against=against.get((None, name)),
        )
        for name, metrics in measured.per_class.items()
    ]
    return sorted(rows, key=_weakest_first)


def _differences(report: SprintReport) -> dict[tuple[str | None, str | None], Difference]:
    return {(row.slice, row.class_name): row for row in differences(report)}


def differences(report: SprintReport) -> list[Difference]:
    """Ours against the champion's by the optimizing metric, what matters most first.

    All images lead; then what was lost, what was gained, and what is unclear, the largest first.
    """
    champion = report.evaluation.champion if report.evaluation else None
    rows = [
        _as_judged(report, row)
        for row in (champion.differences if champion else [])
        if row.metric == optimizing(report)
    ]
    outcomes = ("lost", "gained", "unclear")

    def order(row: Difference) -> tuple[bool, int, float, str, str]:
        whole = row.slice is None and row.class_name is None
        place = (row.slice or "", row.class_name or "")
        return (not whole, outcomes.index(row.outcome), -abs(row.difference), *place)

    return sorted(rows, key=order)


def _as_judged(report: SprintReport, row: Difference) -> Difference:
    """The difference with the interval of the gate that judges it, and what that interval shows."""
    gate = _judging(report, row.metric, (row.slice, row.class_name), against_champion=True)
    if gate is None or gate.interval is None:
        return row
    low, high = gate.interval.low, gate.interval.high
    outcome: Literal["gained", "lost", "unclear"] = "gained" if low > 0 else "lost" if high < 0 else "unclear"
    return structs.replace(row, interval=gate.interval, outcome=outcome)


def readable(row: Difference) -> bool:
    """Whether the difference says anything: of 2 groups it may be −1 to +1, and nobody can act on that."""
    whole = row.slice is None and row.class_name is None
    return (
        whole
        or row.outcome != "unclear"
        or (row.interval is not None and _width(row.interval) <= 2 * UNREADABLE)
    )


def place_of(row: Difference | GateResult) -> str:
    """The cell in words, unescaped: `dark`, `class three`, `dark, class three`, `all images`."""
    parts = [row.slice] if row.slice else []
    parts += [f"class {row.class_name}"] if row.class_name else []
    return ", ".join(parts) or OVERALL


def target_rows(report: SprintReport) -> list[TargetRow]:
    """Torch, then the exports in the spec's order."""
    speeds = {speed.target: speed for speed in report.benchmark.targets} if report.benchmark else {}
    exported = {artefact.target: artefact for artefact in report.exports}
    measured = [target.target for target in report.evaluation.targets] if report.evaluation else []
    names = dict.fromkeys([*({REFERENCE_TARGET} & {*speeds, *measured}), *exported, *measured, *speeds])
    metric = optimizing(report)
    torch = evaluated(report, REFERENCE_TARGET)
    reference = quality(torch.overall, metric) if torch else None
    rows = []
    for name in names:
        evaluation = evaluated(report, name)
        value = quality(evaluation.overall, metric) if evaluation else None
        rows.append(
            TargetRow(
                target=name,
                judged=name == report.primary_target,
                value=value,
                delta=None if name == REFERENCE_TARGET else _minus(value, reference),
                speed=speeds.get(name),
                exported=exported.get(name),
            )
        )
    return rows


@dataclass(frozen=True, kw_only=True)
class SeedSpread:
    """The torch model's optimizing metric over at least two training seeds.

    Attributes:
        values: seed → value, the first seed first.
        deviation: their standard deviation (n − 1).
        share: of the difference to the champion on all images, what their range would explain; in [0, 1].
            None without a champion, or without any difference.
    """

    values: dict[str, float]
    deviation: float
    share: float | None

    @property
    def low(self) -> float:
        return min(self.values.values())

    @property
    def high(self) -> float:
        return max(self.values.values())


def seed_spread(report: SprintReport) -> SeedSpread | None:
    """How far training alone moves the result; None for a single seed."""
    torch, metric = evaluated(report, REFERENCE_TARGET), optimizing(report)
    if report.evaluation is None or not report.evaluation.seeds or torch is None:
        return None
    first = str(report.training.models[0].seed) if report.training and report.training.models else "first"
    cells = {first: torch.overall}
    for seed in report.evaluation.seeds:
        cells[seed.target.removeprefix(f"{REFERENCE_TARGET}-seed-")] = seed.overall
    found = {seed: quality(metrics, metric) for seed, metrics in cells.items()}
    values = {seed: value for seed, value in found.items() if value is not None}
    if len(values) < 2:
        return None
    mean = sum(values.values()) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values.values()) / (len(values) - 1))
    gain = _differences(report).get((None, None))
    spread = max(values.values()) - min(values.values())
    share = min(1.0, spread / abs(gain.difference)) if gain is not None and gain.difference else None
    return SeedSpread(values=values, deviation=deviation, share=share)


def undecided(report: SprintReport) -> list[GateResult]:
    """The INCONCLUSIVE gates, in the spec's order."""
    gates = report.verdict.gates if report.verdict else []
    return [gate for gate in gates if gate.outcome is Outcome.INCONCLUSIVE]


def _judging(
    report: SprintReport,
    metric: str,
    place: tuple[str | None, str | None],
    *,
    against_champion: bool = False,
) -> GateResult | None:
    """What judges this very number of the judged artefact."""
    target = report.primary_target
    return judging_gate(report.verdict, metric, target, place, against_champion=against_champion)


def _row(
    report: SprintReport, metric: str, named: tuple[str, str], metrics: Metrics, *, of_class: bool = False
) -> CellRow:
    measured = judged(report)
    place = (None if named[0] == OVERALL else named[0], None) if not of_class else (None, named[0])
    gate = _judging(report, metric, place)
    value = _judged_value(metrics, metric)
    interval = gate.interval if gate is not None else metrics.intervals.get(metric)
    return CellRow(
        name=named[0],
        condition=named[1],
        metrics=metrics,
        metric=metric,
        value=value,
        interval=interval,
        delta=_minus(value, _judged_value(measured.overall if measured else None, metric)),
        unsure=_unsure(interval) if value is not None and resampled(report) else "",
    )


def _judged_value(metrics: Metrics | None, metric: str) -> float | None:
    return metrics.judged.get(metric, quality(metrics, metric)) if metrics else None


def _unsure(interval: Interval | None) -> str:
    if interval is None:
        return NO_INTERVAL
    return "wide" if _width(interval) > WIDE else ""


def _width(interval: Interval) -> float:
    return interval.high - interval.low


def _minus(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference


def _weakest_first(row: CellRow) -> tuple[bool, float, str]:
    return (row.value is None, row.value or 0.0, row.name)
