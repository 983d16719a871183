"""Forecasts come from history in proportion to the work, and say when there is none."""

from __future__ import annotations

from runner.config.project import Costs
from runner.domain.records import StageTiming
from runner.planning.forecast import forecast, forecast_stage
from runner.planning.records import Action, Forecast, StagePlan

COSTS = Costs(currency="EUR", gpu_hour=2.0, cpu_hour=0.1)


def timing(stage: str, seconds: float, work: float, device: str = "cpu") -> StageTiming:
    return StageTiming(
        stage=stage, seconds=seconds, work=work, device=device, finished_at="2026-11-20T00:00:00+00:00"
    )


def planned(stage: str, seconds: float | None, action: Action = Action.RUN) -> StagePlan:
    return StagePlan(stage=stage, action=action, reasons=[], forecast_s=seconds)


def test_seconds_grow_with_the_work() -> None:
    assert forecast_stage(timing("train", 100, 50), 75) == 150


def test_without_history_nothing_is_forecast() -> None:
    assert forecast_stage(None, 10) is None
    assert forecast([planned("train", None)], {}, COSTS) == Forecast(
        seconds=None, cost=None, currency="EUR", basis="no history"
    )


def test_cached_stages_cost_nothing() -> None:
    result = forecast([planned("train", 100, Action.CACHED)], {}, COSTS)
    assert (result.seconds, result.cost, result.basis) == (0.0, 0.0, "nothing will run")


def test_stages_are_priced_by_the_device_they_ran_on() -> None:
    timings = {"train": timing("train", 1, 1, "cuda"), "index": timing("index", 1, 1)}
    result = forecast([planned("train", 3600), planned("index", 3600)], timings, COSTS)
    assert (result.seconds, result.cost) == (7200, 2.1)


def test_stages_without_history_are_named() -> None:
    result = forecast(
        [planned("train", 60), planned("export", None)], {"train": timing("train", 1, 1)}, COSTS
    )
    assert result.basis == "timings of earlier runs; no history of export"
