"""A sprint runs end to end, is cached, and survives what happens to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import FRESH
from projects import SPRINT, call, environment, flywheel, make_project

from runner.record.catalogue import sprint_folder

# A recommendation's prices hold those of the machine's time, and its digests are of files with times in them.
MEASURED_TIMES = (
    "seconds",
    "finished_at",
    "money",
    "compute",
    "total",
    "explanation",
    "value",
    "price",
    "per_price",
    "rests_on",
)
RECORDS = (
    "selection.json",
    "checks.json",
    "evaluation.json",
    "errors.json",
    "metrics.json",
    "exports.json",
    "gallery.json",
    "uses.json",
)

# What takes longest of an export, and is not what every test is about.
INT8 = "  - {format: openvino, precision: int8, calibration: {split: train, size: 8}}\n"


def folder_of(project: Path) -> Path:
    return sprint_folder(project, SPRINT)


def stage_lines(stderr: str) -> dict[str, str]:
    """Stage → the first thing that was said of it."""
    lines: dict[str, str] = {}
    for stage, what in re.findall(r"^\[\d+/\d+\] +(\w+)\s+(\w+)", stderr, flags=re.MULTILINE):
        lines.setdefault(stage, what)
    return lines


def without_times(value: Any) -> Any:
    """A report without what was measured in time, cost or memory."""
    if isinstance(value, dict):
        dropped = {
            key
            for key in value
            if key in MEASURED_TIMES or "latency" in key or "throughput" in key or "peak_memory" in key
        }
        return {key: without_times(item) for key, item in value.items() if key not in dropped}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return value


def test_a_finished_sprint_has_every_file_of_its_record(finished: Path) -> None:
    names = {
        str(path.relative_to(folder_of(finished)))
        for path in folder_of(finished).rglob("*")
        if path.is_file()
    }
    assert {
        "dvc.yaml", "dvc.lock", "params.yaml", "index/images.parquet", "index/objects.parquet", "selection/manifest.parquet",
        "selection.json", "checks.json", "training.json", "weights/seed-0.safetensors", "exports.json",
        "predictions/torch.parquet", "predictions/onnx-fp32.parquet", "predictions/openvino-int8.parquet",
        "evaluation.json", "errors.json", "metrics.json", "plots/precision_recall.csv", "plots/f1_confidence.csv",
        "outcomes/resamples.parquet", "outcomes/onnx-fp32-detections.parquet", "gallery.json", "uses.json", "digests.json", "benchmark.json", "timings.json", "verdict.json", "report.json", "report.md",
    } <= names  # fmt: skip
    assert not (folder_of(finished) / "failure.json").exists()


def test_running_again_runs_nothing(project: Path) -> None:
    first = flywheel(project, "run", SPRINT, check=True)
    again = flywheel(project, "run", SPRINT, check=True)
    assert set(stage_lines(first.stderr).values()) <= {
        "cached"
    }  # a copied project is unknown here: DVC looks at it
    assert again.stderr == f"{SPRINT}: nothing to run, every stage is unchanged\n"


def test_a_report_that_was_spoiled_is_written_again_and_an_untouched_one_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flywheel(project, "run", SPRINT, check=True)
    report = folder_of(project) / "report.md"
    before = report.read_text()
    report.write_text("spoiled")
    again = flywheel(project, "run", SPRINT, check=True)
    assert again.stderr == f"{SPRINT}: nothing to run, every stage is unchanged\n"
    assert report.read_text() == before
    monkeypatch.setattr("runner.workflow.running.run.write_report", None)  # not called
    idle = flywheel(project, "run", SPRINT, check=True)
    assert idle.stdout == again.stdout


def test_a_changed_gate_is_judged_without_running_a_stage(project: Path) -> None:
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("max: 100", "max: 0.001"))
    result = flywheel(project, "run", SPRINT)
    assert result.returncode == 1
    assert "running" not in stage_lines(result.stderr).values()
    verdict = json.loads((folder_of(project) / "verdict.json").read_text())
    assert verdict["outcome"] == "FAIL"
    assert verdict["gates"][0]["source"] == f"specs/{SPRINT}.yaml:12:5"


def test_changed_epochs_rerun_training_and_what_follows_as_planned(project: Path) -> None:
    spec = project / "specs" / f"{SPRINT}.yaml"
    before = spec.read_text()
    spec.write_text(before.replace("epochs: 1", "epochs: 2").replace(INT8, ""))
    plan = json.loads(flywheel(project, "plan", SPRINT, "--format", "json", check=True).stdout)
    planned = {stage["stage"]: stage["action"] for stage in plan["stages"]}
    assert planned == {
        "index": "CACHED", "select": "CACHED", "check": "CACHED", "train": "RUN",
        "export": "RUN", "predict": "RUN", "evaluate": "RUN", "inspect": "RUN", "benchmark": "RUN",
    }  # fmt: skip
    assert next(stage for stage in plan["stages"] if stage["stage"] == "train")["reasons"] == ["epochs 1 → 2"]
    assert plan["forecast"]["basis"] == "timings of earlier runs"
    result = flywheel(project, "run", SPRINT, check=True)
    said = {
        stage: "RUN" if what == "running" else "CACHED" for stage, what in stage_lines(result.stderr).items()
    }
    assert said == planned

    spec.write_text(before)
    plan = json.loads(flywheel(project, "plan", SPRINT, "--format", "json", check=True).stdout)
    assert {stage["action"] for stage in plan["stages"]} == {"CACHED"}  # both runs are in DVC's cache
    back = flywheel(project, "run", SPRINT, check=True)
    assert "running" not in stage_lines(back.stderr).values()


def test_a_second_sprint_is_served_the_index_of_the_first(project: Path) -> None:
    spec = (project / "specs" / f"{SPRINT}.yaml").read_text()
    (project / "specs" / "0002-next.yaml").write_text(spec.replace("A sprint small", "The next, small"))
    plan = json.loads(flywheel(project, "plan", "0002-next", "--format", "json", check=True).stdout)
    assert {stage["action"] for stage in plan["stages"]} == {"CACHED"}
    counts = {split["split"]: split["images"] for split in plan["splits"]}
    assert counts == {"train": 16, "val": 6, "test": 10} | {
        key: value for key, value in counts.items() if key == "pool"
    }


def test_plan_changes_nothing_and_needs_no_data(project: Path) -> None:
    shutil.rmtree(project / "data")
    plan = flywheel(project, "plan", SPRINT, check=True)
    assert "16 images" in plan.stdout
    assert call(project, "git", "status", "--porcelain").stdout == ""


def kill_in(project: Path, stage: str, after_s: float) -> None:
    """Starts a run, and kills it some seconds into a stage. It and its stages are fresh processes."""
    process = subprocess.Popen(
        [FRESH, "-m", "runner.cli.main", "run", SPRINT],
        cwd=project,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert any(re.match(rf"\[\d+/\d+\] +{stage}\s+running", line) for line in process.stderr)
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGKILL)  # the stage's own process has to notice by itself
    process.wait()
    process.stderr.close()


def test_a_run_that_is_killed_again_and_again_ends_in_the_same_report(finished: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    kills = {"train": 1.5, "inspect": 0.0}
    for stage, after_s in kills.items():
        kill_in(project, stage, after_s)
    again = flywheel(project, "run", SPRINT, check=True)
    assert stage_lines(again.stderr)["inspect"] == "running"
    for name in RECORDS:
        assert (folder_of(project) / name).read_bytes() == (folder_of(finished) / name).read_bytes(), name
    reports = [json.loads((folder_of(each) / "report.json").read_text()) for each in (project, finished)]
    assert without_times(reports[0]) == without_times(reports[1])


def test_two_runs_of_one_sprint_at_once_are_refused(project: Path) -> None:
    from runner.workflow.locking import sprint_lock

    with sprint_lock(project, SPRINT):
        result = flywheel(project, "run", SPRINT)
        assert flywheel(project, "status").stdout.split()[1] == "running"
    assert result.returncode == 3
    assert result.stderr.startswith(
        f"error: reports/{SPRINT}: another run of this sprint is under way (process {os.getpid()})"
    )


def test_dvc_alone_works_on_the_repository(project: Path, tmp_path: Path) -> None:
    dvc = [sys.executable, "-m", "dvc"]
    call(project, *dvc, "remote", "add", "-d", "store", str(tmp_path / "store"))
    assert "up to date" in call(project, *dvc, "status").stdout
    shown = json.loads(call(project, *dvc, "metrics", "show", "--json").stdout)
    assert "torch" in shown[""]["data"][f"reports/{SPRINT}/metrics.json"]["data"]
    call(project, *dvc, "push", "-q")
    shutil.rmtree(project / ".dvc" / "cache")
    shutil.rmtree(folder_of(project) / "weights")
    shutil.rmtree(project / "data")
    call(project, *dvc, "pull", "-q")
    assert (folder_of(project) / "weights" / "seed-0.safetensors").is_file()
    assert "up to date" in call(project, *dvc, "status").stdout
    call(project, *dvc, "plots", "show", "-o", str(tmp_path / "plots"))
    assert (tmp_path / "plots" / "index.html").is_file()
    metrics = folder_of(project) / "metrics.json"
    changed = json.loads(metrics.read_text())
    changed["torch"]["map50"] = 0.5
    metrics.write_text(json.dumps(changed))
    assert "torch.map50" in call(project, *dvc, "metrics", "diff").stdout


def test_a_failing_check_stops_the_sprint_and_the_report_names_the_rows(project: Path) -> None:
    label = project / "data" / "labels" / "train"
    first = sorted(label.glob("*.txt"))[0]
    lines = first.read_text()
    first.unlink()  # DVC may have linked it to its cache
    first.write_text(lines + "17 0.5 0.5 0.1 0.1\nnonsense\n")
    call(project, sys.executable, "-m", "dvc", "add", "-q", "data")
    result = flywheel(project, "run", SPRINT)
    assert result.returncode == 3
    assert stage_lines(result.stderr)["check"] == "running"
    assert "train" not in stage_lines(result.stderr)
    report = (folder_of(project) / "report.md").read_text()
    assert f"labels/train/{first.name}" in report
    assert "class id 17" in report.replace("\\", "")
    assert report.startswith(f"## ✗ STAGE FAILED — {SPRINT}")
    assert "The stage check failed" in report
    assert "detection.label_problems" in report
    assert (
        json.loads((folder_of(project) / "report.json").read_text())["evaluation"] is None
    )  # not an older run's
    assert flywheel(project, "report", SPRINT).returncode == 3


def test_a_report_of_a_changed_spec_is_refused(project: Path) -> None:
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("epochs: 1", "epochs: 3"))
    result = flywheel(project, "report", SPRINT)
    assert result.returncode == 3
    assert result.stderr == (
        f"error: specs/{SPRINT}.yaml: not run as the spec now says: train: epochs 1 → 3\n  hint: flywheel run {SPRINT}\n"
    )
    assert "failed" not in flywheel(project, "status").stdout
    assert "stale" in flywheel(project, "status").stdout


def test_rendering_again_gives_the_same_bytes(project: Path) -> None:
    before = {
        path.name: path.read_bytes()
        for path in folder_of(project).rglob("*")
        if path.suffix in (".md", ".svg", ".png")
    }
    flywheel(project, "report", SPRINT, check=True)
    after = {
        path.name: path.read_bytes()
        for path in folder_of(project).rglob("*")
        if path.suffix in (".md", ".svg", ".png")
    }
    assert before == after


def test_the_champion_is_the_sprint_that_the_registrys_tag_names(project: Path) -> None:
    call(project, "git", "tag", "-a", "tiny-digits@v1.0.0", "-m", "tiny-digits v1.0.0")
    call(project, "git", "tag", "-a", "tiny-digits#prod#1", "-m", "tiny-digits in prod")
    spec = (project / "specs" / f"{SPRINT}.yaml").read_text()
    gate = "  - {metric: map50_95, slice: '*', max_drop: 0.02, against: champion}\n"
    (project / "specs" / "0002-next.yaml").write_text(spec + gate)
    result = flywheel(project, "run", "0002-next")
    verdict = json.loads((sprint_folder(project, "0002-next") / "verdict.json").read_text())
    assert verdict["champion"] == SPRINT
    ran = {stage for stage, what in stage_lines(result.stderr).items() if what == "running"}
    assert "champion" in ran
    assert not {"train", "export", "predict", "benchmark"} & ran  # the first sprint's stages serve them
    rows = flywheel(project, "status").stdout.splitlines()
    assert rows[0].split()[:2] == [SPRINT, "promoted"]
    plan = json.loads(flywheel(project, "plan", "0002-next", "--format", "json", check=True).stdout)
    assert plan["champion"] == SPRINT
    assert plan["splits"][0]["champion_images"] == plan["splits"][0]["images"]


def test_a_changed_check_reruns_the_checks_only(project: Path) -> None:
    spec = project / "specs" / f"{SPRINT}.yaml"
    own = "  - expect_column_values_to_be_between: {table: images, column: brightness, min_value: 0, max_value: 1}\n"
    spec.write_text(spec.read_text().replace("train: {framework", f"{own}train: {{framework"))
    plan = json.loads(flywheel(project, "plan", SPRINT, "--format", "json", check=True).stdout)
    # copies.json, which the checks write too, is the same again: what reads it is planned, and does not run
    running = [stage["stage"] for stage in plan["stages"] if stage["action"] == "RUN"]
    assert running == ["check", "evaluate", "inspect"]
    said = stage_lines(flywheel(project, "run", SPRINT, check=True).stderr)
    assert [stage for stage, what in said.items() if what == "running"] == ["check"]


def test_a_report_is_of_what_lies_here_and_not_of_what_the_run_cache_would_bring(project: Path) -> None:
    spec = project / "specs" / f"{SPRINT}.yaml"
    before = spec.read_text()
    spec.write_text(before.replace("iterations: 10", "iterations: 11"))
    flywheel(project, "run", check=True)
    spec.write_text(before)  # its benchmark is in the run cache, and the other one in the folder
    refused = flywheel(project, "report", SPRINT)
    assert refused.returncode == 3
    assert "not run as the spec now says: benchmark: an earlier run" in refused.stderr
    assert refused.stderr.endswith(f"  hint: flywheel run {SPRINT}\n")
