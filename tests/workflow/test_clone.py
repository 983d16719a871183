"""A fresh clone: what was run and pushed elsewhere is neither stale nor run again."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import pytest
from projects import SPRINT, call, commit, flywheel

from runner.record.catalogue import sprint_folder

FOLDER = f"reports/{SPRINT}"


@pytest.fixture
def clone(project: Path, tmp_path: Path) -> Path:
    """The finished project as a colleague gets it: from git, with DVC's remote at hand."""
    dvc = (sys.executable, "-m", "dvc")
    call(project, *dvc, "remote", "add", "-d", "store", str(tmp_path / "store"))
    call(project, *dvc, "push", "-q")
    commit(project, "A remote")
    call(tmp_path, "git", "clone", "-q", str(project), "clone")
    return tmp_path / "clone"


def test_a_clone_runs_nothing_again_when_it_may_pull(clone: Path) -> None:
    assert "stale" not in flywheel(clone, "status", check=True).stdout
    refused = flywheel(clone, "report", SPRINT)
    assert refused.returncode == 3
    assert refused.stderr.startswith(f"error: {FOLDER}: index, selection, weights, exports, ")
    assert f"are not here, only in DVC\n  hint: dvc pull {FOLDER}/dvc.yaml; " in refused.stderr
    result = flywheel(clone, "run", SPRINT, "--pull", check=True)
    assert "fetching index, selection, weights, exports, " in result.stderr
    assert "running" not in result.stderr
    assert (clone / FOLDER / "weights" / "seed-0.safetensors").is_file()
    changed = call(clone, "git", "status", "--porcelain", "--untracked-files=no").stdout
    assert changed == ""
    assert flywheel(clone, "verify", SPRINT, check=True).stdout.endswith(" made again: identical\n")


def test_a_new_sprint_takes_over_what_another_sprints_record_has(clone: Path) -> None:
    spec = (clone / "specs" / f"{SPRINT}.yaml").read_text()
    (clone / "specs" / "0002-other-gates.yaml").write_text(spec.replace("max: 100}", "max: 50}"))
    plan = flywheel(clone, "plan", "0002-other-gates", check=True).stdout
    assert "another sprint's record has this run; output missing in DVC's cache: index" in plan
    result = flywheel(clone, "run", "0002-other-gates", "--pull", check=True)
    assert "fetching index, selection, weights, exports, " in result.stderr
    assert "running" not in result.stderr
    assert "benchmark  cached (an earlier run's result, from DVC's cache)" in result.stderr
    assert flywheel(clone, "verify", "0002-other-gates", check=True).stdout.endswith(
        " made again: identical\n"
    )


def test_where_the_remote_lacks_a_recorded_run_it_runs(clone: Path, tmp_path: Path) -> None:
    spec = (clone / "specs" / f"{SPRINT}.yaml").read_text()
    (clone / "specs" / "0002-other-gates.yaml").write_text(spec)
    (tmp_path / "store").rename(tmp_path / "gone")
    flywheel(clone, "run", "0002-other-gates", "--pull")  # the data is not to be had either
    plan = flywheel(clone, "plan", "0002-other-gates", check=True).stdout
    assert "index" in plan
    assert "RUN" in plan


def test_another_sprints_record_with_other_parameters_is_not_taken(clone: Path) -> None:
    spec = (clone / "specs" / f"{SPRINT}.yaml").read_text()
    (clone / "specs" / "0002-longer.yaml").write_text(spec.replace("epochs: 1,", "epochs: 2,"))
    plan = flywheel(clone, "plan", "0002-longer", check=True).stdout
    stages = {line.split()[0]: line for line in plan.splitlines() if "RUN" in line}
    assert "another sprint's record" in stages["select"]
    assert "another sprint's record" not in stages["train"]


def test_a_sprint_starts_from_anothers_model_in_any_clone(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.numpy import load_file

    from runner.planning import resolve

    to_train = dataclasses.replace(resolve.SPRINT, steps=resolve.SPRINT.steps[:4])  # which is what differs
    monkeypatch.setattr(resolve, "SPRINT", to_train)
    (clone / "specs" / "0002-tuned.yaml").write_text(
        f"apiVersion: flywheel/v1\nkind: Sprint\ntitle: Tuned\nextends: {SPRINT}\n"
        f"train: {{from: {SPRINT}, freeze: 10}}\n"
    )
    assert (
        f"training starts from the model of {SPRINT}\n" in flywheel(clone, "plan", "0002", check=True).stdout
    )
    call(clone, sys.executable, "-m", "dvc", "pull", "-q", "data.dvc")
    refused = flywheel(clone, "run", "0002")
    assert refused.returncode == 3
    assert f"the model of {SPRINT}, from which training starts, is not here" in refused.stderr
    result = flywheel(clone, "run", "0002", "--pull")
    assert f"fetching the model of {SPRINT}, from which training starts, through DVC" in result.stderr
    assert "train      done in" in result.stderr
    training = json.loads((clone / "reports/0002-tuned/training.json").read_text())
    assert training["base_model"] == SPRINT
    assert training["ancestor"]["line"] == [SPRINT]
    assert len(training["ancestor"]["carried"]) == 10
    call(clone, sys.executable, "-m", "dvc", "checkout", "-q", f"{FOLDER}/dvc.yaml", check=False)
    tuned, start = (
        load_file(sprint_folder(clone, name) / "weights/seed-0.safetensors")
        for name in ("0002-tuned", SPRINT)
    )
    frozen, trained = "model.0.conv.weight", "model.23.cv3.0.2.bias"
    assert (tuned[frozen] == start[frozen]).all()
    assert (tuned[trained] != start[trained]).any()
    assert "train  CACHED" in flywheel(clone, "plan", "0002", check=True).stdout.replace(
        "train   ", "train  "
    )


def test_line_ends_that_git_changed_are_said_and_what_it_says_to_type_helps(
    finished: Path, tmp_path: Path
) -> None:
    call(tmp_path, "git", "clone", "-q", "-c", "core.autocrlf=true", str(finished), "windows")
    root = tmp_path / "windows"
    shutil.copytree(finished / ".dvc" / "cache", root / ".dvc" / "cache")
    call(root, sys.executable, "-m", "dvc", "checkout", "-q")
    refused = flywheel(root, "verify", SPRINT)
    assert refused.returncode == 1
    assert " other line ends than they were recorded with\n" in refused.stderr
    call(root, "sh", "-c", refused.stderr.partition("then: ")[2])
    assert flywheel(root, "verify", SPRINT).stdout.endswith(": identical\n")


def test_a_sprint_is_trained_on_images_that_were_fetched_without_the_rest(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.planning import resolve

    to_train = dataclasses.replace(resolve.SPRINT, steps=resolve.SPRINT.steps[:4])
    monkeypatch.setattr(resolve, "SPRINT", to_train)
    spec = (clone / "specs" / f"{SPRINT}.yaml").read_text()
    few = "data: {train: {sample: {size: 6, seed: 1}}, val: {sample: {size: 3, seed: 1}}}\n"
    (clone / "specs" / "0002-few.yaml").write_text(spec + few)
    result = flywheel(clone, "run", "0002-few", "--pull")
    selection = json.loads((clone / "reports/0002-few/selection.json").read_text())
    selected = sum(split["images"] for split in selection["splits"].values())
    assert f"fetching {selected} files of data/ through DVC" in result.stderr
    assert "train      done in" in result.stderr
    assert not (clone / "data").exists()
    assert [selection["splits"][split]["images"] for split in ("train", "val")] == [6, 3]
