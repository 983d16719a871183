"""From records to one report."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace
from planted_report import with_champion

from runner.config.project import Costs
from runner.domain.files import encode_json, read_json
from runner.domain.records import StageTiming
from runner.record.report import SprintReport
from runner.report import markdown
from runner.report.build import build, sprint_cost
from runner.report.inputs import ReportInputs
from runner.report.tables import class_rows, differences, found_rows, place_of, seed_spread, slice_rows


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile", "classifying"])
def test_the_record_survives_json(name: str, request: pytest.FixtureRequest, tmp_path) -> None:
    report = request.getfixturevalue(name)
    path = tmp_path / "report.json"
    path.write_bytes(encode_json(report))
    assert read_json(path, SprintReport) == report


def test_an_unknown_schema_version_is_refused(passing: SprintReport) -> None:
    content = encode_json(passing).replace(b'"schema_version": 2', b'"schema_version": 1')
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


def test_the_champion_is_named_with_the_artefact_that_was_run(inputs: ReportInputs) -> None:
    report = build(replace(inputs, evaluation=with_champion(), champion_name="m#prod#1"))
    assert report.champion is not None
    assert (report.champion.name, report.champion.target, report.champion.why_not) == (
        "m#prod#1",
        "onnx-fp32",
        "",
    )


@pytest.mark.parametrize(
    ("why_not", "said"),
    [
        ("its artefact is not in the DVC remote", "its artefact is not in the DVC remote"),
        ("", "it was not run on this test split"),
    ],
)
def test_a_champion_that_was_not_run_says_why(inputs: ReportInputs, why_not: str, said: str) -> None:
    report = build(replace(inputs, champion_name="m#prod#1", champion_why_not=why_not))
    text = markdown.render(report)
    assert f"champion m#&#8203;prod#&#8203;1 (not compared: {said})" in text
    assert f"### Against the champion\n\nNot compared with m#&#8203;prod#&#8203;1: {said}." in text
    assert "| against champion |" not in text


def test_what_was_lost_comes_before_what_was_gained_and_all_images_before_both(failing: SprintReport) -> None:
    rows = differences(failing)
    assert [(row.outcome, place_of(row)) for row in rows[:6]] == [
        ("gained", "all images"),
        ("lost", "camera=gate"),
        ("gained", "dark"),
        ("gained", "class zero"),
        ("gained", "camera=dock"),
        ("unclear", "camera=dock, time=night"),
    ]


def test_seeds_say_how_much_of_the_gain_they_would_explain(
    failing: SprintReport, passing: SprintReport
) -> None:
    seeds = seed_spread(failing)
    assert seeds is not None
    assert list(seeds.values) == ["0", "1", "2"]
    assert seeds.share == pytest.approx(0.024 / 0.031)
    assert seeds.deviation == pytest.approx(0.012124, abs=1e-6)
    alone = seed_spread(passing)
    assert alone is not None
    assert alone.share is None


def test_one_seed_has_no_spread(inputs: ReportInputs) -> None:
    assert inputs.evaluation is not None
    report = build(replace(inputs, evaluation=replace(inputs.evaluation, seeds=[])))
    assert seed_spread(report) is None


def test_found_slices_are_apart_from_the_named_ones(passing: SprintReport) -> None:
    assert {row.found for row in slice_rows(passing)} == {None}
    assert [row.name for row in found_rows(passing)] == ["brightness < 0.31 AND camera = 'dock'"]


def test_a_region_that_is_no_worse_than_all_images_is_not_called_weak(inputs: ReportInputs) -> None:
    assert inputs.evaluation is not None
    targets = [
        replace(
            target,
            slices=[
                part if part.found is None else replace(part, overall=replace(part.overall, map50_95=0.99))
                for part in target.slices
            ],
        )
        for target in inputs.evaluation.targets
    ]
    report = build(replace(inputs, evaluation=replace(inputs.evaluation, targets=targets)))
    assert found_rows(report) == []
    assert "None with mAP50-95 below that of all images was found among" in markdown.render(report)


def test_a_value_is_unsure_by_its_interval_not_by_the_number_of_images(passing: SprintReport) -> None:
    words = {row.name: row.unsure for row in slice_rows(passing)}
    assert words["dark"] == "wide"
    assert words["camera=dock, time=night"] == "no interval"
    assert words["bright"] == words["weather=fog"] == ""


def test_without_resampling_nothing_is_called_unsure(inputs: ReportInputs) -> None:
    assert inputs.evaluation is not None
    report = build(replace(inputs, evaluation=replace(inputs.evaluation, resampling=None)))
    assert {row.unsure for row in slice_rows(report)} == {""}
    assert "No intervals were computed: the measured numbers alone decided." in markdown.render(report)


def test_classes_of_a_classifier_are_ranked_by_f1(classifying: SprintReport) -> None:
    rows = class_rows(classifying)
    assert {row.metric for row in rows} == {"f1"}
    assert [row.name for row in rows[:2]] == ["part-a", "part-b"]


def test_libraries_are_those_that_trained_and_ran(passing: SprintReport) -> None:
    assert passing.reproduction.libraries == {
        "onnxruntime": "1.31.1",
        "openvino": "2026.4.1",
        "torch": "2.15.0",
        "ultralytics": "8.4.190",
    }
