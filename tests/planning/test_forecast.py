"""Forecasts come from history in proportion to the work, and say when there is none."""

from __future__ import annotations

import json
from pathlib import Path

from runner.adapters.dvc.metafiles import cache_path
from runner.config.load import load_project, load_sprint
from runner.config.project import Costs
from runner.domain.files import write_json
from runner.domain.records import Selection, SplitCounts, StageTiming
from runner.planning.forecast import Forecaster, forecast, forecast_stage
from runner.planning.records import Action, Forecast, StagePlan
from runner.planning.resolve import stages_of
from runner.record.timings import Timings

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


# --- what is not counted yet, and what never ran --------------------------------------------------


SPEC = """\
apiVersion: flywheel/v1
kind: Sprint
title: A sprint
train: {framework: ultralytics, model: yolo11n.yaml, epochs: 10, imgsz: 320}
"""
PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: p
task: detect
classes: [a]
dataset: {path: data, layout: yolo}
"""


def planned_in(root: Path, spec: str = SPEC) -> Forecaster:
    """A forecast of a project whose data was changed since its last run, if it had one."""
    (root / "specs").mkdir(exist_ok=True)
    (root / "flywheel.yaml").write_text(PROJECT)
    (root / "specs/0002-next.yaml").write_text(spec)
    if not (root / "data.dvc").exists():
        (root / "data.dvc").write_text("outs:\n- {md5: 1.dir, size: 9, nfiles: 200, path: data}\n")
    project = load_project(root)
    loaded = load_sprint(root, "0002", project)
    return Forecaster(root, project, loaded, stages_of(project, loaded), None)


def ran_before(root: Path, *, files: int | None = 100) -> None:
    """0001-first trained on 40 images and watched 20 for 10 epochs at 320 px; its data had `files` files."""
    folder = root / "reports/0001-first"
    counts = {
        split: SplitCounts(images=images, objects=images, per_class={})
        for split, images in (("train", 40), ("val", 20), ("test", 30))
    }
    selection = Selection(splits=counts, dropped=[], digest="", split_digests={})
    write_json(folder / "selection.json", selection)
    stages = [
        timing("index", 3.0, 1.0),
        timing("train", 50.0, 46 * 10 * 0.1024),
        timing("predict", 6.0, 30.0),
    ]
    write_json(folder / "timings.json", Timings(stages=stages))
    size = f", nfiles: {files}" if files else ""
    (folder / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  index:\n    cmd: x\n    deps:\n"
        f"    - {{path: ../../data, md5: 0.dir{size}}}\n"
    )


def test_changed_data_is_forecast_by_its_files_until_it_is_counted(tmp_path: Path) -> None:
    ran_before(tmp_path)
    ahead = planned_in(tmp_path)
    assert [ahead.seconds(stage) for stage in ("index", "train", "predict")] == [6.0, 100.0, 12.0]
    assert ahead.notes == ["the data is not counted: by its files (200 now, 100 in 0001-first)"]
    twice = planned_in(tmp_path, SPEC.replace("epochs: 10", "epochs: 20"))
    assert twice.seconds("train") == 200.0


def test_where_the_files_were_not_counted_it_is_said(tmp_path: Path) -> None:
    ran_before(tmp_path, files=None)
    ahead = planned_in(tmp_path)
    assert ahead.seconds("train") == 50.0
    assert ahead.notes == ["the data is not counted: taken to be as much as in 0001-first"]


def test_a_larger_model_takes_as_much_longer_as_it_computes(tmp_path: Path) -> None:
    ran_before(tmp_path)
    training = {"framework": "u", "framework_version": "", "base_model": "yolo11n.yaml", "class_names": []}
    device = {"kind": "cpu", "name": "", "threads": 1, "cpu_count": 1}
    record = {**training, "imgsz": 320, "device": device, "images": 40, "models": []}
    (tmp_path / "reports/0001-first/training.json").write_text(json.dumps(record))
    ahead = planned_in(tmp_path, SPEC.replace("yolo11n", "yolo11m"))
    assert ahead.seconds("train") == 1050.0
    assert ahead.notes[-1] == "train 10 times, for the size of the model"


def test_the_first_time_a_table_is_asked_and_it_says_so(tmp_path: Path) -> None:
    names = [
        f"images/{split}/{n}.jpg" for split, images in (("train", 80), ("test", 20)) for n in range(images)
    ]
    listing = cache_path(tmp_path, "1.dir")
    listing.parent.mkdir(parents=True)
    listing.write_text(json.dumps([{"relpath": name, "md5": "0" * 32} for name in names]))
    ahead = planned_in(tmp_path)
    few, many = (
        ahead.seconds("train"),
        planned_in(tmp_path, SPEC.replace("epochs: 10", "epochs: 1000")).seconds("train"),
    )
    assert few is not None
    assert many is not None
    assert 50 < many / few < 100
    assert ahead.notes[0] == "100 images, counted by their names"
    assert ahead.notes[1].startswith("by a table of 2 CPU cores")
    listing.unlink()
    assert planned_in(tmp_path).seconds("train")
    (tmp_path / "data.dvc").write_text("outs:\n- {md5: 1.dir, path: data}\n")  # not even a number
    assert planned_in(tmp_path).seconds("train") is None
