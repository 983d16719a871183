"""Time and cost of the stages that will run, from what earlier runs took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.config.project import Costs
from runner.domain.records import StageTiming
from runner.planning.records import Action, Forecast, StagePlan
from runner.stages.timings import read_timings


def history(root: Path, sprint: str) -> dict[str, StageTiming]:
    """Per stage the newest timing: this sprint's own first, else any sprint's."""
    newest: dict[str, StageTiming] = {}
    for folder in sorted((root / "reports").glob("*/")):
        for timing in read_timings(folder).stages:
            known = newest.get(timing.stage)
            own = folder.name == sprint
            if known is None or own or timing.finished_at > known.finished_at:
                newest[timing.stage] = timing
    return newest | {timing.stage: timing for timing in read_timings(root / "reports" / sprint).stages}


def forecast_stage(timing: StageTiming | None, work: float) -> float | None:
    """Seconds, in proportion to the work; None without history."""
    return None if timing is None or timing.work <= 0 else round(timing.seconds * work / timing.work, 1)


def stage_cost(seconds: float, device: str, costs: Costs) -> float:
    """Money for `seconds` of one stage on `device`."""
    return seconds / 3600 * hourly_price(device, costs)


def hourly_price(device: str, costs: Costs) -> float:
    """What an hour on `device` ("cpu", "cuda", "cuda:0") costs."""
    return costs.gpu_hour if device.startswith("cuda") else costs.cpu_hour


def forecast(stages: Sequence[StagePlan], timings: Mapping[str, StageTiming], costs: Costs) -> Forecast:
    """The sum over the stages that will run."""
    running = [stage for stage in stages if stage.action is Action.RUN]
    if not running:
        return Forecast(seconds=0.0, cost=0.0, currency=costs.currency, basis="nothing will run")
    known = [stage for stage in running if stage.forecast_s is not None]
    if not known:
        return Forecast(seconds=None, cost=None, currency=costs.currency, basis="no history")
    seconds = sum(stage.forecast_s or 0.0 for stage in known)
    cost = sum(stage_cost(stage.forecast_s or 0.0, timings[stage.stage].device, costs) for stage in known)
    unknown = [stage.stage for stage in running if stage.forecast_s is None]
    basis = "timings of earlier runs"
    if unknown:
        basis += f"; no history of {', '.join(unknown)}"
    return Forecast(seconds=round(seconds, 1), cost=round(cost, 4), currency=costs.currency, basis=basis)
