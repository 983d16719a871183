"""The DVC remote of the promote job: its credentials leave no trace, and what was pushed is there."""

from __future__ import annotations

import hashlib
import stat
import sys
from pathlib import Path

import pytest
from projects import call

from runner.adapters.dvc_store import local_config, push_objects
from runner.domain.errors import FlywheelError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    call(folder, "git", "init", "-q")
    call(folder, sys.executable, "-m", "dvc", "init", "-q")
    return folder


def cache(folder: Path, *contents: bytes) -> list[str]:
    """A cache with these objects; their hashes."""
    hashes = [hashlib.md5(content, usedforsecurity=False).hexdigest() for content in contents]
    for each, content in zip(hashes, contents, strict=True):
        path = folder / "files" / "md5" / each[:2] / each[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return hashes


def config(store: Path) -> str:
    return f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n"


def test_the_secret_configuration_is_private_and_gone_afterwards(project: Path, tmp_path: Path) -> None:
    path = project / ".dvc" / "config.local"
    with local_config(project, config(tmp_path / "store")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() == config(tmp_path / "store")
    assert not path.exists()
    with pytest.raises(KeyError), local_config(project, "x"):
        raise KeyError
    assert not path.exists()
    with local_config(project, None):
        assert not path.exists()


def test_a_configuration_that_was_there_comes_back(project: Path) -> None:
    path = project / ".dvc" / "config.local"
    path.write_text("# mine\n")
    with local_config(project, "# the secret\n"):
        assert path.read_text() == "# the secret\n"
    assert path.read_text() == "# mine\n"


def test_a_link_in_its_place_is_not_written_through(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("untouched")
    (project / ".dvc" / "config.local").symlink_to(tmp_path / "outside")
    with local_config(project, "# the secret\n"):
        pass
    assert (tmp_path / "outside").read_text() == "untouched"


def test_objects_are_in_the_remote_after_the_push_and_not_pushed_twice(project: Path, tmp_path: Path) -> None:
    hashes = cache(tmp_path / "cache", b"weights", b"predictions")
    with local_config(project, config(tmp_path / "store")):
        assert push_objects(project, tmp_path / "cache", hashes) == 2
        assert push_objects(project, tmp_path / "cache", hashes) == 0
        assert push_objects(project, tmp_path / "cache", []) == 0
        more = cache(tmp_path / "cache", b"exports")
        assert push_objects(project, tmp_path / "cache", [*hashes, *more]) == 1
    stored = sorted(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert stored == [b"exports", b"predictions", b"weights"]


def test_a_project_without_a_remote_is_told_what_to_do(project: Path, tmp_path: Path) -> None:
    hashes = cache(tmp_path / "cache", b"weights")
    with pytest.raises(FlywheelError) as error:
        push_objects(project, tmp_path / "cache", hashes)
    assert error.value.exit_code == 5
    assert "the outputs could not be stored: config file error: no remote specified" in error.value.message
    assert error.value.hint == (
        "look at the remote with: dvc remote list, and at the secret FLYWHEEL_DVC_CONFIG with: flywheel doctor"
    )


def test_an_object_that_the_remote_does_not_get_is_an_error(project: Path, tmp_path: Path) -> None:
    cache(tmp_path / "cache", b"weights")
    with local_config(project, config(tmp_path / "store")), pytest.raises(FlywheelError) as error:
        push_objects(project, tmp_path / "cache", ["a" * 32])
    assert error.value.message == "the remote lacks 1 of 1 objects after the push"
