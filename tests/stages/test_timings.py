"""The history of measured times: in the pipeline's order, and nothing depends on it."""

from __future__ import annotations

from pathlib import Path

from runner.record.timings import Timings
from runner.stages.kinds import SPRINT
from runner.stages.timings import read_timings, record_timing


def test_timings_are_in_the_pipelines_order(tmp_path: Path) -> None:
    for stage in ("benchmark", "train", "index", "train"):
        record_timing(tmp_path, SPRINT, stage, 1.5, 1.0)
    assert [timing.stage for timing in read_timings(tmp_path).stages] == ["index", "train", "benchmark"]


def test_a_spoiled_history_is_no_history(tmp_path: Path) -> None:
    (tmp_path / "timings.json").write_text("<<<<<<< HEAD")
    assert read_timings(tmp_path) == Timings()
    record_timing(tmp_path, SPRINT, "index", 1.5, 1.0)
    assert len(read_timings(tmp_path).stages) == 1
