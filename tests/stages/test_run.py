"""The process that one stage runs in."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain.files import read_json
from runner.domain.records import StageFailure
from runner.record.catalogue import FAILURE, sprint_folder
from runner.stages.run import main


def test_a_recorded_failure_holds_no_path_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sprint_folder(tmp_path, "0001-x")
    folder.mkdir(parents=True)
    (tmp_path / "flywheel.yaml").write_text("")
    (folder / "params.yaml").write_text(
        "select: {version: 1, digest: x, task: detect, classes: [a], splits: {}, data: {}}\ntrain: {trainer: {framework: ultralytics, model: yolo11n.yaml}}\n"
    )
    monkeypatch.chdir(folder)
    assert main(["select"]) == 3
    # Ultralytics, Great Expectations, OpenVINO, matplotlib, numba and others look into it for files of their own.
    assert not Path.cwd().is_relative_to(tmp_path)
    assert list(Path.cwd().iterdir()) == []
    failure = read_json(folder / FAILURE.name, StageFailure)
    assert failure.where == "reports/0001-x/index/images.parquet"
    assert str(tmp_path) not in (folder / FAILURE.name).read_text()
    assert str(tmp_path) not in capsys.readouterr().err
