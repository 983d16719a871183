"""Files that differ from what was recorded: noticed, told, and never trained on unseen."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from projects import SPEC, SPRINT, call, flywheel

from runner.record.catalogue import sprint_folder


def test_data_that_its_pointer_does_not_record_is_refused(project: Path) -> None:
    flywheel(project, "run", SPRINT, check=True)
    label = sorted((project / "data" / "labels" / "train").glob("*.txt"))[0]
    before = label.read_text()
    label.unlink()
    label.write_text(before + "0 0.5 0.5 0.2 0.2\n")
    refused = flywheel(project, "run", SPRINT)
    assert (refused.returncode, refused.stderr) == (
        3,
        "error: data/: its files are not those that data.dvc records\n"
        "  hint: dvc add data (keeps the changes), or dvc checkout data.dvc (drops them)\n",
    )
    call(project, sys.executable, "-m", "dvc", "checkout", "-q", "--force", "data.dvc")
    again = flywheel(project, "run", SPRINT, check=True)
    assert "running" not in again.stderr


def test_weights_that_were_not_pulled_are_named(project: Path) -> None:
    (project / "weights").mkdir()
    (project / "weights" / "base.pt").write_bytes(b"PK")
    call(project, sys.executable, "-m", "dvc", "add", "-q", "weights/base.pt")
    (project / "weights" / "base.pt").unlink()
    spec = SPEC.replace("model: yolo11n.yaml", "model: weights/base.pt")
    (project / "specs" / "0002-tuned.yaml").write_text(spec)
    result = flywheel(project, "run", "0002-tuned")
    assert (result.returncode, result.stderr) == (
        3,
        "error: weights/base.pt: the file is not here, only its pointer is\n"
        "  hint: dvc pull weights/base.pt.dvc, or run again with --pull\n",
    )


def test_a_prediction_edited_by_hand_is_restored(project: Path) -> None:
    file = sprint_folder(project, SPRINT) / "predictions" / "torch.parquet"
    before = file.read_bytes()
    file.unlink()
    file.write_bytes(b"edited")
    result = flywheel(project, "run", SPRINT, check=True)
    assert "running" not in result.stderr
    assert file.read_bytes() == before


def test_an_emptied_cache_is_planned_as_it_will_run(project: Path) -> None:
    shutil.rmtree(project / ".dvc" / "cache")
    plan = json.loads(flywheel(project, "plan", SPRINT, "--format", "json", check=True).stdout)
    assert plan["stages"][0]["action"] == "RUN"
    assert plan["stages"][0]["reasons"] == ["output missing in DVC's cache: index"]


def test_status_shows_a_sprint_whose_record_is_spoiled(project: Path) -> None:
    (project / "specs" / "0002-next.yaml").write_text(SPEC)
    (project / "specs" / "0003-folder.yaml").mkdir()
    (sprint_folder(project, SPRINT) / "verdict.json").write_text("<<<<<<< HEAD")
    rows = flywheel(project, "status", check=True).stdout.splitlines()
    assert rows[0].startswith(f"{SPRINT}    stopped  verdict.json: the mark of a merge that was not finished")
    assert rows[0].endswith(": run it again")
    assert rows[1].split()[1] == "planned"
    assert rows[2].startswith(
        "0003-folder  invalid  specs/0003-folder.yaml: could not be read: Is a directory"
    )
