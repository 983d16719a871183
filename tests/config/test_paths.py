"""SECURITY.md rule 11: every path is relative, inside the repository, and no symlink."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.adapters.models.architectures import architecture_files
from runner.config.load import validate
from runner.domain.paths import is_tracked_by_dvc, path_problem
from runner.domain.task import TASK_NAMES, TaskName
from runner.trainers.ultralytics_start import usual_architectures


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/etc/passwd", '"/etc/passwd" must be relative to the repository\'s top'),
        ("~/x", '"~/x" must be relative to the repository\'s top'),
        ("C:/x", '"C:/x" must be relative to the repository\'s top'),
        ("../x", '"../x" leaves the repository; `..` is not allowed'),
        ("a/../../x", '"a/../../x" leaves the repository; `..` is not allowed'),
        ("a\\..\\x", "a path is written with /, not \\"),
        ("a\nb", "a path must not contain control characters"),
        ("a\x00b", "a path must not contain control characters"),
        (".git/config", '".git/config" lies in git\'s own folder'),
        ("./.GIT/config", '"./.GIT/config" lies in git\'s own folder'),
        ("sub/.git/config", '"sub/.git/config" lies in git\'s own folder'),
        (".dvc/config.local", '".dvc/config.local" lies in DVC\'s own folder'),
    ],
)
def test_paths_that_leave_the_repository_are_refused(tmp_path: Path, path: str, message: str) -> None:
    assert path_problem(tmp_path, path) == message


@pytest.mark.parametrize("path", ["data", "data/metadata.csv", "./data", "not/there/yet.pt", "a..b/c"])
def test_paths_inside_are_fine(tmp_path: Path, path: str) -> None:
    assert path_problem(tmp_path, path) is None


def test_symlinks_are_refused_wherever_they_lead(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "inside").symlink_to(tmp_path / "real")
    (tmp_path / "outside").symlink_to("/etc")
    (tmp_path / "broken").symlink_to("nowhere")
    for name in ("inside", "outside", "broken"):
        expected = f'"{name}" is a symlink; a path must not lead through one'
        assert path_problem(tmp_path, name) == expected
        assert path_problem(tmp_path, f"{name}/file.csv") == expected


def test_dvcs_own_links_into_its_cache_are_fine(tmp_path: Path) -> None:
    cached = tmp_path / ".dvc" / "cache" / "files" / "md5" / "ab" / "cd"
    cached.parent.mkdir(parents=True)
    cached.write_text("path\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "metadata.csv").symlink_to(cached)
    assert path_problem(tmp_path, "data/metadata.csv") is None


def test_every_path_of_both_files_is_checked(repository: Path) -> None:
    (repository / "link").symlink_to("/etc")
    project = repository / "flywheel.yaml"
    project.write_text(project.read_text().replace("data/metadata.csv", "link/passwd"))
    spec = repository / "specs" / "0001-first-model.yaml"
    spec.write_text(spec.read_text().replace("yolo11n.yaml", "link/x.pt"))
    spec.write_text(spec.read_text() + "annotation: {strategy: boxes, guidelines: link/x.md}\n")
    assert [str(error) for error in validate(repository)] == [
        'flywheel.yaml:9:13: dataset.metadata: "link" is a symlink; a path must not lead through one',
        'specs/0001-first-model.yaml:12:10: train.model: "link" is a symlink; a path must not lead through one',
        'specs/0001-first-model.yaml:28:43: annotation.guidelines: "link" is a symlink; a path must not lead through one',
    ]


def test_weights_may_wait_in_dvc(repository: Path) -> None:
    (repository / "weights").mkdir()
    spec = repository / "specs" / "0001-first-model.yaml"
    spec.write_text(spec.read_text().replace("yolo11n.yaml", "weights/base.pt"))
    (repository / "weights" / "other-base.pt").write_bytes(b"")
    assert [error.hint for error in validate(repository)] == ['did you mean "weights/other-base.pt"?']
    (repository / "weights" / "base.pt.dvc").write_text("outs: []\n")
    assert is_tracked_by_dvc(repository, "weights/base.pt")
    assert validate(repository) == []
    (repository / "weights" / "base.pt.dvc").unlink()
    (repository / "weights" / "base.pt").write_bytes(b"")
    assert validate(repository) == []


@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_usual_architectures_can_be_trained(task: TaskName) -> None:
    assert set(usual_architectures(task)) <= set(architecture_files(task))
