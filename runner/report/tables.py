"""The report's tables as typed rows, in the order that every rendering shows them: the worst first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.domain.records import (
    REFERENCE_TARGET,
    WORST_FIRST,
    ExportedTarget,
    GateResult,
    Metrics,
    TargetBenchmark,
    TargetEvaluation,
    Verdict,
)
from runner.report.record import SprintReport
from runner.report.wording import quality

OVERALL = "all images"
FEW = 30  # images or objects below which a number says little


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """A slice or a class of the judged target.

    Attributes:
        value: the optimizing metric.
        delta: `value` minus the whole split's; `champion_delta`: minus the champion's on the same cell.
    """

    name: str
    condition: str
    metrics: Metrics
    value: float | None
    delta: float | None
    champion_value: float | None
    champion_delta: float | None

    @property
    def few(self) -> bool:
        """Whether the value rests on so little that it says little."""
        return self.value is not None and min(self.metrics.images, self.metrics.objects) < FEW


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


def overall_row(report: SprintReport) -> CellRow | None:
    """All test images on the judged target: what slices and classes are compared with."""
    measured = judged(report)
    if measured is None:
        return None
    row = _row(
        report,
        measured,
        (OVERALL, ""),
        measured.overall,
        report.champion.overall if report.champion else None,
    )
    return replace(row, delta=None)


def gates_worst_first(verdict: Verdict) -> list[GateResult]:
    """Failed, then not measured, inconclusive, passed; in each the spec's order."""
    return sorted(verdict.gates, key=lambda gate: WORST_FIRST.index(gate.outcome))


def slice_rows(report: SprintReport) -> list[CellRow]:
    """The judged target's slices, weakest first."""
    measured = judged(report)
    if measured is None:
        return []
    champion = {cell.name: cell.overall for cell in report.champion.slices} if report.champion else {}
    rows = [
        _row(report, measured, (cell.name, cell.condition), cell.overall, champion.get(cell.name))
        for cell in measured.slices
    ]
    return sorted(rows, key=_weakest_first)


def class_rows(report: SprintReport) -> list[CellRow]:
    """The judged target's classes, weakest first."""
    measured = judged(report)
    if measured is None:
        return []
    champion = report.champion.per_class if report.champion else {}
    rows = [
        _row(report, measured, (name, ""), metrics, champion.get(name))
        for name, metrics in measured.per_class.items()
    ]
    return sorted(rows, key=_weakest_first)


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


def seed_values(report: SprintReport) -> dict[str, float]:
    """The torch model's optimizing metric per training seed, where there is more than one."""
    torch = evaluated(report, REFERENCE_TARGET)
    if report.evaluation is None or not report.evaluation.seeds or torch is None:
        return {}
    first = str(report.training.models[0].seed) if report.training and report.training.models else "first"
    cells = {first: torch.overall, **report.evaluation.seeds}
    values = {seed: quality(metrics, optimizing(report)) for seed, metrics in cells.items()}
    return {seed: value for seed, value in values.items() if value is not None}


def _row(
    report: SprintReport,
    measured: TargetEvaluation,
    named: tuple[str, str],
    metrics: Metrics,
    champion: Metrics | None,
) -> CellRow:
    metric = optimizing(report)
    value = quality(metrics, metric)
    theirs = quality(champion, metric)
    return CellRow(
        name=named[0],
        condition=named[1],
        metrics=metrics,
        value=value,
        delta=_minus(value, quality(measured.overall, metric)),
        champion_value=theirs,
        champion_delta=_minus(value, theirs),
    )


def _minus(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference


def _weakest_first(row: CellRow) -> tuple[bool, float, str]:
    return (row.value is None, row.value or 0.0, row.name)
