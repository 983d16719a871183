"""A sprint is judged against the champion of today from stored predictions: no training, no image, no torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from projects import SPRINT, call, commit, environment, flywheel
from promoting import NEXT, SPEC, add_sprint, record
from simulated_forge.repository import clone, with_remotes

from runner.adapters.dvc.metafiles import cache_path, cached_members, read_lock
from runner.record.catalogue import sprint_folder

FOLDER = f"reports/{NEXT}"
PROBE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "ultralytics", "onnxruntime", "openvino"):
            raise ImportError(f"{name} must not be needed")
sys.meta_path.insert(0, Refuse())
sys.executable = sys.argv.pop(1)  # the stages' Python
from runner.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_it_is_compared_with_the_champions_recorded_predictions_and_everything_agrees(
    overtaken: Path,
) -> None:
    assert "stale: judged against no champion" in flywheel(overtaken, "status").stdout
    gallery = {path.name: path.stat().st_mtime_ns for path in (overtaken / FOLDER / "gallery").iterdir()}
    result = flywheel(overtaken, "judge", NEXT, check=True)
    assert result.stderr == (
        f"{NEXT}: judged again, against {SPRINT} (tiny-digits#prod#1), from stored predictions\n"
    )
    model = record(overtaken, "champion/champion.json")
    assert (model["sprint"], model["target"], model["recorded"]) == (SPRINT, "onnx-fp32", True)
    assert record(overtaken, "evaluation.json")["champion"]["sprint"] == SPRINT
    assert record(overtaken, "verdict.json")["champion"] == SPRINT
    assert len(record(overtaken, "uses.json")) == 2  # a decision of its own
    assert {
        path.name: path.stat().st_mtime_ns for path in (overtaken / FOLDER / "gallery").iterdir()
    } == gallery
    assert flywheel(overtaken, "verify", NEXT, check=True).stdout.endswith("identical\n")
    assert "stale" not in flywheel(overtaken, "status").stdout
    plan = json.loads(flywheel(overtaken, "plan", NEXT, "--format", "json", check=True).stdout)
    assert {stage["action"] for stage in plan["stages"]} == {"CACHED"}
    commit(overtaken, "Judged again")
    promoted = flywheel(overtaken, "promote", NEXT, check=True)
    assert promoted.stdout.startswith(
        f"{NEXT}: promoted as v1.1.0: tiny-digits#prod#2, in place of {SPRINT}\n"
    )


def test_judging_twice_is_judging_once(overtaken: Path) -> None:
    flywheel(overtaken, "judge", NEXT, check=True)
    commit(overtaken, "Judged again")
    flywheel(overtaken, "judge", NEXT, check=True)
    assert call(overtaken, "git", "status", "--porcelain").stdout == ""


def test_a_clone_needs_neither_data_nor_models_nor_torch(overtaken: Path, tmp_path: Path) -> None:
    bare = with_remotes(overtaken, tmp_path)
    call(overtaken, "git", "push", "-q", "--tags")
    fresh = clone(bare, tmp_path / "fresh")
    refused = flywheel(fresh, "judge", NEXT)
    assert refused.returncode == 3
    assert refused.stderr == (
        f"error: {FOLDER}: index/, selection/, predictions/, outcomes/ are not here, only in DVC\n"
        f"  hint: flywheel judge {NEXT} --pull\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", PROBE, sys.executable, "judge", NEXT, "--pull"],
        cwd=fresh,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for absent in ("data", f"{FOLDER}/weights", f"{FOLDER}/exports", f"reports/{SPRINT}/exports"):
        assert not (fresh / absent).exists(), absent
    assert flywheel(fresh, "verify", NEXT).stdout.splitlines()[0].endswith("identical")
    assert "stale" not in flywheel(fresh, "status").stdout
    assert record(fresh, "report.json")["sprint"] == record(overtaken, "report.json")["sprint"]


def champions_table(project: Path) -> Path:
    folder = read_lock(sprint_folder(project, SPRINT) / "dvc.lock")["predict"].outs["predictions"]
    return cache_path(project, (cached_members(project, folder) or {})["onnx-fp32.parquet"])


def test_predictions_that_are_not_here_are_asked_for(overtaken: Path) -> None:
    champions_table(overtaken).unlink()
    result = flywheel(overtaken, "judge", NEXT)
    assert result.returncode == 3
    assert result.stderr == (
        f"error: reports/{SPRINT}/predictions: the champion's predictions (tiny-digits#prod#1, onnx-fp32) are not here, "
        f"only their record is\n  hint: flywheel judge {NEXT} --pull\n"
    )


def test_predictions_that_were_changed_in_the_cache_are_not_taken(overtaken: Path) -> None:
    table = champions_table(overtaken)
    content = table.read_bytes()
    table.chmod(0o644)
    table.unlink()
    table.write_bytes(content[:-1] + b"?")
    result = flywheel(overtaken, "judge", NEXT)
    assert result.returncode == 3
    assert (
        "spoiled in DVC's cache: what is stored for the champion's recorded predictions is not what its hash names"
        in result.stderr
    )


def test_another_test_split_needs_the_champions_model(overtaken: Path) -> None:
    path = overtaken / FOLDER / "selection.json"
    selection = json.loads(path.read_text())
    selection["split_digests"]["test"] = "0" * 32
    path.write_text(json.dumps(selection))
    result = flywheel(overtaken, "judge", NEXT)
    assert result.returncode == 3
    assert result.stderr.splitlines() == [
        f"error: {FOLDER}/selection.json: the champion {SPRINT} (tiny-digits#prod#1) was not evaluated on this test split: "
        "its model must run on it",
        f"  hint: flywheel run {NEXT} --pull",
    ]


def test_a_sprint_that_did_not_run_as_its_spec_says_is_not_judged(overtaken: Path) -> None:
    spec = overtaken / "specs" / f"{NEXT}.yaml"
    spec.write_text(SPEC + "train: {epochs: 2}\n")
    result = flywheel(overtaken, "judge", NEXT)
    assert result.returncode == 3
    assert result.stderr == (
        f"error: specs/{NEXT}.yaml: not run as the spec now says: train: epochs 1 → 2\n  hint: flywheel run {NEXT}\n"
    )


def test_a_run_takes_the_recorded_predictions_too(project: Path) -> None:
    flywheel(project, "promote", SPRINT, check=True)
    shutil.rmtree(sprint_folder(project, SPRINT) / "predictions")  # they are in DVC's cache
    add_sprint(project)
    assert record(project, "champion/champion.json")["recorded"] is True
    ours = {each["target"]: each["overall"] for each in record(project, "evaluation.json")["targets"]}
    assert record(project, "evaluation.json")["champion"]["evaluation"]["overall"] == ours["onnx-fp32"]
