"""`flywheel score`: the champion on the pool, really run; and what it says where it cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import FRESH
from projects import PROJECT, SPRINT, call, commit, environment, flywheel, make_tag

from runner.adapters.tables.parquet import read_table
from runner.dataset.columns import SCORE_COLUMNS

FOLDER = f"scores/{SPRINT}-pool"
TAG = "tiny-digits#prod#1"


@pytest.fixture
def promoted(project: Path) -> Path:
    """The finished project, its sprint the champion."""
    make_tag(project, TAG)
    return project


def written(root: Path, file: str) -> Any:
    return json.loads((root / FOLDER / file).read_text())


def kill_in(root: Path, stage: str) -> None:
    """Starts a scoring, and kills it as soon as it says that a stage runs."""
    command = [FRESH, "-m", "runner.cli.main", "score"]
    process = subprocess.Popen(
        command, cwd=root, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    assert any(f" {stage} " in line and "running" in line for line in process.stderr)
    os.kill(process.pid, signal.SIGKILL)  # the stage's own process has to notice by itself
    process.wait()
    process.stderr.close()


def test_the_champion_scores_the_pool_after_a_kill_and_what_did_not_change_does_not_run_again(
    promoted: Path,
) -> None:
    nothing = flywheel(promoted, "query", "entropy > 0.8")
    assert (nothing.returncode, nothing.stdout) == (3, "")
    assert nothing.stderr == (
        f"error: {FOLDER}/: the champion {SPRINT} ({TAG}) has not scored the pool yet\n  hint: flywheel score\n"
    )
    kill_in(promoted, "champion")
    result = flywheel(promoted, "score", check=True)
    did = {
        line.split()[1]: line.split()[2] for line in reversed(result.stderr.splitlines()) if line[0] == "["
    }
    assert did == {"index": "cached", "select": "cached", "champion": "running:", "score": "running:"}
    assert result.stdout.startswith(f"{SPRINT} ({TAG}, onnx-fp32) on 4 images of the pool")
    assert f"scores: {FOLDER}/images.parquet, one row per image  (scores.json beside it)" in result.stdout

    images = read_table(promoted / FOLDER / "images.parquet")
    assert list(images) == ["path", "image_id", *SCORE_COLUMNS]
    assert images["path"].tolist() == sorted(images["path"].tolist())
    assert all(path.startswith("images/pool/") for path in images["path"])
    predictions = read_table(promoted / FOLDER / "champion" / "predictions.parquet")
    assert set(predictions["path"]) <= set(images["path"])
    scores = written(promoted, "scores.json")
    assert (scores["sprint"], scores["tag"], scores["target"]) == (SPRINT, TAG, "onnx-fp32")
    assert sum(row["predictions"] for row in scores["per_class"].values()) == images["predictions"].sum()
    timings = written(promoted, "timings.json")["stages"]
    assert [timing["stage"] for timing in timings] == [
        "select",
        "champion",
        "score",
    ]  # a sprint built the index

    told = json.loads(
        flywheel(promoted, "query", "confidence >= 0", "--sort", "entropy", "--format", "json").stdout
    )
    assert told["index"].endswith(f", 4 of them scored by {SPRINT} ({TAG})")
    listed = {row["path"]: row["confidence"] for row in told["rows"]}
    assert listed == dict(zip(images["path"].tolist(), images["confidence"].tolist(), strict=True))
    entropies = [row["entropy"] for row in told["rows"]]
    assert entropies == sorted(images["entropy"].tolist())
    none = json.loads(flywheel(promoted, "query", "entropy IS NULL", "--format", "json").stdout)
    assert none["images"] == none["rows_of_table"] - 4  # what the champion was not asked about

    commit(promoted, "Scores of the pool")
    tracked = call(promoted, "git", "ls-files", FOLDER).stdout.split()
    assert [Path(path).name for path in tracked] == [
        *(
            ".gitignore",
            "dvc.lock",
            "dvc.yaml",
            "params.yaml",
            "scores.json",
            "selection.json",
            "timings.json",
        )
    ]
    (promoted / FOLDER / ".scores.json.a1b2c3d4").write_text("half")  # left by a killed process
    for path in ("scores.json", "images.parquet"):
        (promoted / FOLDER / path).unlink()
    call(promoted, "git", "checkout", "-q", "--", f"{FOLDER}/scores.json")
    absent = flywheel(promoted, "query", "entropy > 0.8")
    assert absent.stderr == (
        f"error: {FOLDER}/: images.parquet is not here, only its record is\n  hint: flywheel score --pull\n"
    )
    again = flywheel(promoted, "score", check=True)
    assert again.stdout == result.stdout
    assert "running" not in again.stderr  # what was deleted came out of DVC's cache
    (promoted / FOLDER / ".scores.json.a1b2c3d4").unlink()
    assert call(promoted, "git", "status", "--porcelain").stdout == ""

    # it is no sprint to whoever walks those
    listed = json.loads(flywheel(promoted, "status", "--format", "json").stdout)
    assert [row["sprint"] for row in listed] == [SPRINT]
    assert flywheel(promoted, "plan", SPRINT, check=True).stdout.count("CACHED") == 9

    (promoted / FOLDER / "numpy.py").write_text("raise SystemExit")
    refused = flywheel(promoted, "score")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"{FOLDER}/: 'numpy.py' is of no scoring" in refused.stderr


def test_a_model_that_is_not_here_is_fetched_when_that_is_asked_for(promoted: Path, tmp_path: Path) -> None:
    dvc = (sys.executable, "-m", "dvc")
    call(promoted, *dvc, "remote", "add", "-d", "store", str(tmp_path / "store"))
    call(promoted, *dvc, "push", "-q")
    commit(promoted, "A remote")
    call(tmp_path, "git", "clone", "-q", str(promoted), "clone")
    clone = tmp_path / "clone"
    refused = flywheel(clone, "score")
    assert refused.returncode == 3
    assert "the dataset is not here" in refused.stderr
    call(clone, *dvc, "pull", "-q", "data.dvc")
    refused = flywheel(clone, "score")
    assert refused.returncode == 3
    assert f"the champion's model ({TAG}, onnx-fp32) is not here, only its record is" in refused.stderr
    assert "--pull" in refused.stderr
    result = flywheel(clone, "score", "--pull", check=True)
    assert "fetching the champion's model" in result.stderr
    assert written(clone, "scores.json")["images"] == 4


def configured(root: Path, content: str) -> Path:
    (root / "flywheel.yaml").write_text(content)
    return root


def test_without_a_pool_a_champion_or_a_name_it_says_what_is_missing(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    call(root, "git", "init", "-q", "-b", "main")
    (root / "data").mkdir()
    (root / "data" / "metadata.csv").write_text("path,scene,camera\n")
    (root / "data.dvc").write_text(f"outs:\n- {{md5: {'0' * 32}.dir, path: data}}\n")
    commit(configured(root, PROJECT), "A project")

    nobody = flywheel(root, "score")
    assert (nobody.returncode, nobody.stdout) == (3, "")
    assert "there is no champion to score with: nothing was promoted to tiny-digits#prod" in nobody.stderr
    assert "flywheel promote SPRINT" in nobody.stderr

    pool = flywheel(configured(root, PROJECT.replace("splits: {pool: \"split = 'pool'\"}\n", "")), "score")
    assert pool.returncode == 2
    assert "flywheel.yaml: there is no pool to score: `splits.pool` is not set" in pool.stderr

    model = flywheel(
        configured(root, PROJECT.replace("model: {name: tiny-digits, stage: prod}\n", "")), "score"
    )
    assert model.returncode == 2
    assert (
        "flywheel.yaml: there is no champion to score with: the project's model has no name" in model.stderr
    )

    call(root, "git", "tag", "-a", TAG, "-m", "promoted")
    unknown = flywheel(configured(root, PROJECT), "score")
    assert unknown.returncode == 3
    assert "it is not known which model is the champion" in unknown.stderr
    assert not (root / "scores").exists()
