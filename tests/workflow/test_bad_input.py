"""What a user can get wrong around a run: each has one clear error, and nothing is lost."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from conftest import FRESH
from projects import SPEC, SPRINT, call, flywheel

from runner.record.catalogue import sprint_folder


def error_of(project: Path, *arguments: str) -> tuple[int, str]:
    result = flywheel(project, *arguments)
    return result.returncode, result.stderr


def test_no_data_pointer(project: Path) -> None:
    (project / "data.dvc").unlink()
    code, error = error_of(project, "run", SPRINT)
    assert code == 2
    assert "data.dvc" in error
    assert "dvc add data" in error


def test_data_not_pulled(project: Path) -> None:
    shutil.rmtree(project / "data")
    assert error_of(project, "run", SPRINT)[0] == 0  # every stage is unchanged, and none looks at an image
    shutil.rmtree(project / ".dvc" / "cache")
    assert error_of(project, "run", SPRINT) == (
        3,
        "error: data/: the dataset is not here, and all of it is needed: the index, which tells the images that are "
        "looked at, is not here (--pull takes it from the remote where it was pushed)\n"
        "  hint: dvc pull data.dvc, or run again with --pull\n",
    )


def test_pull_fetches_no_data_where_no_stage_looks_at_it(project: Path) -> None:
    shutil.rmtree(project / "data")
    code, error = error_of(project, "run", SPRINT, "--pull")
    assert code == 0
    assert not (project / "data").exists()
    assert "fetching" not in error


def test_unreachable_remote(project: Path, tmp_path: Path) -> None:
    call(project, sys.executable, "-m", "dvc", "remote", "add", "-d", "away", "http://127.0.0.1:9/nothing")
    shutil.rmtree(project / "data")
    shutil.rmtree(project / ".dvc" / "cache")
    # a process of its own: the network client keeps threads
    command = (sys.executable, "-m", "runner.cli.main", "run", SPRINT, "--pull")
    result = call(project, *command, check=False)
    code, error = result.returncode, result.stderr
    assert code == 3
    assert (
        "error: data.dvc: nothing could be fetched from DVC's remote: the storage does not answer (" in error
    )
    assert "dvc remote list" in error


def test_no_remote(project: Path) -> None:
    shutil.rmtree(project / "data")
    shutil.rmtree(project / ".dvc" / "cache")
    code, error = error_of(project, "run", SPRINT, "--pull")
    assert code == 3
    assert "nothing could be fetched from DVC's remote: no remote specified" in error


def test_an_empty_split_names_its_condition(project: Path) -> None:
    (project / "specs" / "0002-empty.yaml").write_text(SPEC + "data: {test: {where: brightness > 2}}\n")
    code, error = error_of(project, "run", "0002-empty")
    assert code == 3
    assert "test" in error
    assert "brightness > 2" in error


def test_a_test_split_that_shares_groups_with_train_stops_at_the_checks(project: Path) -> None:
    text = (project / "flywheel.yaml").read_text()
    shared = (
        "splits: {train: \"split = 'train' AND path NOT LIKE '%_00.jpg'\", "
        "test: \"split = 'test' OR (split = 'train' AND path LIKE '%_00.jpg')\", pool: \"split = 'pool'\"}"
    )
    (project / "flywheel.yaml").write_text(text.replace("splits: {pool: \"split = 'pool'\"}", shared))
    code, error = error_of(project, "run", SPRINT)
    assert code == 3
    assert "detection.group_leakage" in error
    assert "detection.group_leakage" in (sprint_folder(project, SPRINT) / "report.md").read_text()


def test_weights_that_are_not_weights(project: Path) -> None:
    (project / "weights").mkdir()
    (project / "weights" / "bad.pt").write_bytes(b"not a checkpoint")
    (project / "specs" / "0002-weights.yaml").write_text(
        SPEC.replace("model: yolo11n.yaml", "model: weights/bad.pt")
    )
    code, error = error_of(project, "run", "0002-weights")
    assert code == 3
    assert "weights/bad.pt" in error
    assert (sprint_folder(project, "0002-weights") / "report.md").is_file()


def test_weights_that_do_not_exist(project: Path) -> None:
    (project / "specs" / "0002-weights.yaml").write_text(
        SPEC.replace("model: yolo11n.yaml", "model: weights/none.pt")
    )
    code, error = error_of(project, "run", "0002-weights")
    assert code == 2
    assert "specs/0002-weights.yaml:6:" in error
    assert "weights/none.pt" in error


def test_a_full_disk_loses_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLIMIT_FSIZE refuses any file over 64 KiB, as a full disk does, in the stage's own process."""
    spec = project / "specs" / f"{SPRINT}.yaml"
    exports = SPEC[SPEC.index("export:") : SPEC.index("benchmark:")]
    spec.write_text(spec.read_text().replace("epochs: 1", "epochs: 1, lr0: 0.02").replace(exports, ""))
    limited = [
        "bash",
        "-c",
        f"ulimit -f 2048; trap '' XFSZ; exec {FRESH} -m runner.cli.main run {SPRINT}",
    ]
    result = call(project, *limited, check=False)
    assert result.returncode == 3
    assert "no space left" in result.stderr
    assert flywheel(project, "run", SPRINT).returncode == 0


def test_a_name_that_is_no_specs(project: Path) -> None:
    (project / "specs" / "First Model.yaml").write_text(SPEC)
    code, error = error_of(project, "validate")
    assert code == 2
    assert "specs/First Model.yaml" in error
    assert "not a spec's name" in error
    assert "rename it, for example: 0001-first-model.yaml" in error


def test_outside_a_project(tmp_path: Path) -> None:
    code, error = error_of(tmp_path, "plan")
    assert code == 2
    assert "flywheel.yaml" in error


def test_a_committed_symlink_is_refused_before_dvc_runs(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (sprint_folder(project, "elsewhere")).symlink_to(tmp_path / "outside")
    call(project, "git", "add", "reports/elsewhere")
    code, error = error_of(project, "run", SPRINT)
    assert code == 2
    assert error.splitlines()[-2].startswith("error: reports/elsewhere: a symbolic link is committed")
    assert not list((tmp_path / "outside").iterdir())
