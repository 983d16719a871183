"""What did it take?"""

from __future__ import annotations

from runner.record.report import SprintReport, StageCost
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import Part, table_head, table_row
from runner.report.sections.section import Fold, Section, Shown
from runner.report.tables import target_rows
from runner.report.wording import NOT_MEASURED, bar, duration, money, number


def _costs(report: SprintReport, _: Shown) -> list[Part]:
    """Time and money per stage."""
    cost = report.cost
    if not cost.stages or not cost.seconds:
        return [Part(title="cost and time", head=f"### Cost and time\n\n{NOT_MEASURED}")]
    currency = markdown(cost.currency, 3)
    prices = sorted({(stage.device, stage.price_per_hour) for stage in cost.stages})
    listed = ", ".join(
        f"{markdown(device, 40)} {money(price, currency)} per hour" for device, price in prices
    )
    head = (
        f"### Cost and time\n\n"
        f"**{money(cost.total, currency)}** for {duration(cost.seconds)} of compute ({listed}). "
        "A cached stage counts with the time it took when it last ran.\n\n"
        f"{table_head(['Stage', 'Time', 'Share', 'Cost'], numbers=(1, 3))}"
    )
    rows = tuple(_stage_row(stage, cost.seconds, currency) for stage in cost.stages)
    return [Part(title="cost and time", head=head, rows=rows)]


def _stage_row(stage: StageCost, seconds: float, currency: str) -> str:
    share = stage.seconds / seconds
    return table_row(
        [
            code(stage.stage, 40),
            duration(stage.seconds),
            f"{number(100 * share, 0, ' %')} {bar(share)}".rstrip(),
            money(stage.money, currency),
        ]
    )


def _cost(report: SprintReport) -> str:
    if report.cost.total is None:
        return ""
    return f": {duration(report.cost.seconds)}, {money(report.cost.total, markdown(report.cost.currency, 3))}"


def _foot(report: SprintReport) -> str:
    """The judged artefact's speed and size, and the effort."""
    row = next((row for row in target_rows(report) if row.judged and row.speed is not None), None)
    if row is None or row.speed is None:
        return _effort(report)
    return (
        f"{plain(row.target, 40)}: {number(row.speed.latency_p95_ms, 1, ' ms')} p95, "
        f"{number(row.speed.throughput_ips, 1, ' images/s')}, {number(row.size_mb, 1, ' MB')} · {_effort(report)}"
    )


def _effort(report: SprintReport) -> str:
    cost = report.cost
    if cost.seconds is None:
        # The run cache keeps what a stage wrote, not how long that took.
        taken = ": no stage ran for this sprint, all are from earlier runs" if report.failure is None else ""
        return f"time and cost {NOT_MEASURED}{taken}"
    return f"{duration(cost.seconds)} of compute · {money(cost.total, plain(cost.currency, 3))}"


FOLD = Fold(line=lambda report: f"Training, time and cost{_cost(report)}")
COST = Section(parts=_costs, fold=FOLD, foot=_foot)
