"""Nothing lies in a sprint's folder but what flywheel and DVC write: it is where stages work, and who reads a pull request."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import SPRINT, call, commit, flywheel

from runner.record.strangers import committed_strangers, strangers

FOLDER = f"reports/{SPRINT}"
PLANTED = (
    *(
        ".numba_config.yaml",
        "matplotlibrc",
        "conftest.py",
        "sitecustomize.py",
        "numpy.py",
        "x.pth",
        "setup.cfg",
    ),
    *(
        "pytest.ini",
        ".env",
        "pip.conf",
        "uv.toml",
        ".duckdbrc",
        "yolo26n.yaml",
        "yolo11n.pt",
        "notes.md",
        ".hidden",
    ),
    *(
        "__pycache__/numpy.cpython-311.pyc",
        "gx/great_expectations.yml",
        ".c/evaluation_0/x.nbi",
        "config",
        "HEAD",
    ),
    *(
        "plots/evil.py",
        "plots/a b.svg",
        "sub/report.md",
        "dvc.yaml.dvc",
        "plots/.env",
        ".dvcignore",
        "Report.md",
    ),
    "\nreport.md",
)


@pytest.mark.parametrize("name", PLANTED)
def test_what_lies_there_besides_is_a_stranger(tmp_path: Path, name: str) -> None:
    file = tmp_path / FOLDER / name
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert strangers(tmp_path, SPRINT) == [f"{FOLDER}/{name}"]
    assert committed_strangers([f"{FOLDER}/{name}", f"{FOLDER}/report.md"]) == [f"{FOLDER}/{name}"]


def test_links_are_strangers_and_so_is_what_git_has_of_what_dvc_keeps(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "seed-0.safetensors").write_text("")
    (folder / "plots").symlink_to(tmp_path)
    call(tmp_path, "git", "init", "-q")
    assert strangers(tmp_path, SPRINT) == [f"{FOLDER}/plots"]
    (folder / "plots").unlink()
    commit(tmp_path, "Weights")
    assert strangers(tmp_path, SPRINT) == [f"{FOLDER}/weights/seed-0.safetensors"]
    assert committed_strangers(["Reports/0001-x/report.md"]) == ["Reports/0001-x/report.md"]


def test_what_a_killed_process_left_is_none(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    (folder / ".gallery.partial").mkdir(parents=True)
    (folder / "plots").mkdir()
    for name in (
        ".gallery.partial/01.jpg",
        ".report.md.k3j_d8fa.md",
        "plots/.ap.svg.k3jxd8fa.svg",
        ".DS_Store",
    ):
        (folder / name).write_text("")
    assert strangers(tmp_path, SPRINT) == []


def test_run_verify_and_promote_refuse_by_name_and_say_what_to_type(project: Path) -> None:
    (project / FOLDER / ".numba_config.yaml").write_text("cache_dir: .c\n")
    commit(project, "Planted")
    message = f"git rm -r --cached --ignore-unmatch {FOLDER}/.numba_config.yaml && rm -r {FOLDER}/.numba_config.yaml"
    ran = flywheel(project, "run", SPRINT)
    assert (ran.returncode, f"not of a record: {FOLDER}/.numba_config.yaml" in ran.stderr) == (2, True)
    assert message in ran.stderr
    verified = flywheel(project, "verify", SPRINT)
    assert verified.returncode == 1
    assert f"{FOLDER}/.numba_config.yaml" in verified.stdout
    promoted = flywheel(project, "promote", SPRINT)
    assert promoted.returncode == 1
    assert f"{FOLDER}/.numba_config.yaml" in promoted.stdout + promoted.stderr
    call(project, "sh", "-c", message)  # what was advised is typed
    assert strangers(project, SPRINT) == []
    commit(project, "Taken away")
    assert flywheel(project, "verify", SPRINT).returncode == 0


def test_what_a_failed_run_leaves_is_not_taken_by_git(tmp_path: Path) -> None:
    """DVC tells git what it keeps when a run has ended; until then `git add` would take the weights."""
    from runner.pipeline.compile import compile_pipeline
    from runner.planning.resolve import ResolvedStage

    stage = ResolvedStage(
        name="train", cmd="true", params={}, deps=[], outs=["weights"], records=[], metrics=[]
    )
    (tmp_path / ".gitignore").write_text("/index\n")
    compile_pipeline(tmp_path, [stage], "specs/0001-x.yaml")
    compile_pipeline(tmp_path, [stage], "specs/0001-x.yaml")
    assert (tmp_path / ".gitignore").read_text() == "/index\n/weights\n"
