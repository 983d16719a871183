"""From records to one report."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from runner.config.project import Costs
from runner.domain.files import encode_json, read_json
from runner.domain.records import StageTiming
from runner.report import markdown
from runner.report.build import build, sprint_cost
from runner.report.record import ReportInputs, SprintReport
from runner.report.tables import slice_rows


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile"])
def test_the_record_survives_json(name: str, request: pytest.FixtureRequest, tmp_path) -> None:
    report = request.getfixturevalue(name)
    path = tmp_path / "report.json"
    path.write_bytes(encode_json(report))
    assert read_json(path, SprintReport) == report


def test_an_unknown_schema_version_is_refused(passing: SprintReport) -> None:
    content = encode_json(passing).replace(b'"schema_version": 1', b'"schema_version": 2')
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(content, type=SprintReport)


def test_each_stage_costs_the_price_of_its_own_device() -> None:
    timings = [
        StageTiming(stage="train", seconds=3600, work=1, device="cuda:0", finished_at=""),
        StageTiming(stage="check", seconds=1800, work=1, device="cpu", finished_at=""),
    ]
    cost = sprint_cost(timings, Costs(currency="USD", gpu_hour=2.0, cpu_hour=0.1))
    assert [stage.money for stage in cost.stages] == [2.0, 0.05]
    assert (cost.total, cost.seconds, cost.currency) == (2.05, 5400, "USD")


def test_no_timing_costs_nothing_known() -> None:
    cost = sprint_cost([], Costs(cpu_hour=0.1))
    assert (cost.total, cost.compute, cost.seconds) == (None, None, None)


def test_the_champion_is_compared_by_the_artefact_it_ships(inputs: ReportInputs) -> None:
    assert inputs.evaluation is not None
    champion = build(replace(inputs, champion_name="m@v1", champion=inputs.evaluation)).champion
    assert champion is not None
    assert champion.target == "onnx-fp32"
    only_torch = replace(inputs.evaluation, targets=inputs.evaluation.targets[:1])
    champion = build(replace(inputs, champion_name="m@v1", champion=only_torch)).champion
    assert champion is not None
    assert champion.target == "torch"


def test_a_champion_measured_on_another_test_split_is_not_compared(inputs: ReportInputs) -> None:
    assert inputs.evaluation is not None
    other = replace(inputs.evaluation, split_digest="00" * 32)
    report = build(replace(inputs, champion_name="m@v1", champion=other))
    assert report.champion is not None
    assert report.champion.overall is None
    text = markdown.render(report)
    assert "champion m@&#8203;v1 (not compared: it was measured on another test split)" in text
    assert "against champion" not in text


def test_a_slice_that_meant_something_else_for_the_champion_is_not_compared(inputs: ReportInputs) -> None:
    assert inputs.evaluation is not None
    shipped = inputs.evaluation.targets[1]
    slices = [
        replace(part, condition="brightness < 0.5") if part.name == "dark" else part
        for part in shipped.slices
    ]
    theirs = replace(inputs.evaluation, targets=[replace(shipped, slices=slices)])
    report = build(replace(inputs, champion_name="m@v1", champion=theirs))
    compared = {row.name for row in slice_rows(report) if row.champion_delta is not None}
    assert compared == {"bright", "camera=dock", "camera=gate", "small"}


def test_libraries_are_those_that_trained_and_ran(passing: SprintReport) -> None:
    assert passing.reproduction.libraries == {
        "onnxruntime": "1.31.1",
        "openvino": "2026.4.1",
        "torch": "2.15.0",
        "ultralytics": "8.4.190",
    }
