"""Whether the data is what its pointer says, and what is told when DVC cannot work at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.adapters.dvc import repo
from runner.domain.errors import FlywheelError


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, sys.executable, "-m", "dvc", "init", "-q")
    run(tmp_path, sys.executable, "-m", "dvc", "config", "core.analytics", "false")
    (tmp_path / "data").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "data" / name).write_text(name)
    run(tmp_path, sys.executable, "-m", "dvc", "add", "-q", "data")
    return tmp_path


def unchanged(root: Path) -> bool:
    return repo.is_unchanged(root, root / "data.dvc")


def test_a_changed_a_new_and_a_missing_file_are_changes(repository: Path) -> None:
    assert unchanged(repository)
    (repository / "data" / "new.txt").write_text("new")
    assert not unchanged(repository)
    (repository / "data" / "new.txt").unlink()
    assert unchanged(repository)
    (repository / "data" / "a.txt").unlink()
    assert not unchanged(repository)
    (repository / "data" / "a.txt").write_text("A.txt")
    assert not unchanged(repository)


def test_an_emptied_cache_is_no_change_of_the_data(repository: Path) -> None:
    shutil.rmtree(repository / ".dvc" / "cache")
    assert unchanged(repository)


def test_without_dvc_the_error_says_how_to_set_it_up(repository: Path) -> None:
    shutil.rmtree(repository / ".dvc")
    with pytest.raises(FlywheelError) as caught:
        unchanged(repository)
    assert str(caught.value) == (
        ".dvc/: DVC is not set up in this project\n"
        "  hint: git checkout -- .dvc, when it was committed; else: dvc init"
    )


def test_without_git_the_error_says_so(repository: Path) -> None:
    shutil.rmtree(repository / ".git")
    with pytest.raises(FlywheelError) as caught:
        repo.reproduce(repository, repository / "dvc.yaml", lambda stage, event: None)
    assert str(caught.value) == (
        f"{repository}: the project is not in a git repository, which DVC asks for\n  hint: git init"
    )
