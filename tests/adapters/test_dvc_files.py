"""DVC's files, read without DVC, must mean what DVC means by them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.adapters.dvc import metafiles
from runner.domain.errors import FlywheelError

DVC_YAML = """\
stages:
  copy:
    cmd: cp in.txt out.txt
    deps: [in.txt]
    params: [copy]
    outs: [out.txt]
    metrics: [{m.json: {cache: false}}]
"""


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, sys.executable, "-m", "dvc", "init", "-q")
    run(tmp_path, sys.executable, "-m", "dvc", "config", "core.analytics", "false")
    (tmp_path / "in.txt").write_text("hello\n")
    (tmp_path / "params.yaml").write_text(
        "copy: {version: 1, rate: 0.25, names: [{size: 3, of: a}, b], none: null, size: 8}\n"
    )
    (tmp_path / "dvc.yaml").write_text(
        DVC_YAML.replace("cp in.txt out.txt", "cp in.txt out.txt && echo {} > m.json")
    )
    run(tmp_path, sys.executable, "-m", "dvc", "repro", "-q")
    return tmp_path


def test_run_cache_key_is_dvcs_own(repository: Path) -> None:
    locked = metafiles.read_lock(repository / "dvc.lock")["copy"]
    key = metafiles.run_cache_key(locked.cmd, locked.deps, locked.params, list(locked.outs))
    assert (repository / ".dvc" / "cache" / "runs" / key[:2] / key).is_dir()
    found = metafiles.run_cache_lookup(repository, key)
    assert found is not None
    assert found.outs == locked.outs


def test_file_hash_is_dvcs_own(repository: Path) -> None:
    locked = metafiles.read_lock(repository / "dvc.lock")["copy"]
    assert metafiles.file_md5(repository / "in.txt") == locked.deps["in.txt"]


def test_an_emptied_cache_is_noticed(repository: Path) -> None:
    locked = metafiles.read_lock(repository / "dvc.lock")["copy"]
    assert metafiles.is_cached(repository, locked.outs["out.txt"])
    metafiles.cache_path(repository, locked.outs["out.txt"]).unlink()
    assert not metafiles.is_cached(repository, locked.outs["out.txt"])


def test_absent_lock_is_empty(tmp_path: Path) -> None:
    assert metafiles.read_lock(tmp_path / "dvc.lock") == {}


def test_broken_lock_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text("stages: [\n")
    with pytest.raises(FlywheelError) as error:
        metafiles.read_lock(tmp_path / "dvc.lock")
    assert str(error.value).startswith(f"{tmp_path / 'dvc.lock'}: not a DVC file: ")


@pytest.mark.parametrize(
    "content", ["stages: {index: 3}", "stages: [a]", "stages: {index: {deps: [3]}}", "- a"]
)
def test_a_lock_of_another_shape_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "dvc.lock").write_text(content)
    with pytest.raises(FlywheelError) as error:
        metafiles.read_lock(tmp_path / "dvc.lock")
    assert str(error.value) == (
        f"{tmp_path / 'dvc.lock'}: not a DVC lock file\n"
        "  hint: delete it and run the sprint again: what ran before is served from DVC's cache"
    )


def test_a_spoiled_pointer_names_the_command_that_restores_it(tmp_path: Path) -> None:
    (tmp_path / "data.dvc").write_text(": : {")
    with pytest.raises(FlywheelError) as error:
        metafiles.pointer_md5(tmp_path / "data.dvc")
    assert str(error.value).endswith(f"hint: restore it from git: git checkout -- {tmp_path / 'data.dvc'}")
