"""DVC's cache is looked for where DVC's own configuration puts it."""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

import pytest
from projects import SPRINT, call, flywheel

from runner.adapters.dvc import metafiles
from runner.adapters.dvc.cache_objects import require_sound
from runner.adapters.dvc.cache_place import cache_folder
from runner.domain.errors import FlywheelError
from runner.domain.files import write_text
from runner.record.catalogue import sprint_folder

FILES = {
    "system": "system/config",
    "global": "global/config",
    "repo": "project/.dvc/config",
    "local": "project/.dvc/config.local",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "system"))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "global"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "project" / ".dvc").mkdir(parents=True)
    call(tmp_path / "project", "git", "init", "-q")
    return tmp_path / "project"


def of_dvc(root: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dvc.repo import Repo

        with Repo(str(root)) as repo:
            return Path(repo.cache.local_cache_dir)


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ({}, "project/.dvc/cache"),
        ({"repo": "[core]\n    remote = x\n"}, "project/.dvc/cache"),
        ({"repo": "[cache]\n    type = symlink\n    dir = ../../shared\n"}, "shared"),
        ({"repo": "[cache]\n    dir = inside\n"}, "project/.dvc/inside"),
        ({"local": '[Cache]\nDir = "{top}/with blank, and comma"  # ours\n'}, "with blank, and comma"),
        ({"local": "[cache]\ndir = ~/dvc\n"}, "home/dvc"),
        ({"global": "[cache]\ndir = mine\n"}, "global/mine"),
        ({"system": "[cache]\ndir = {top}/all\n"}, "all"),
        ({"system": "[cache]\ndir = a\n", "global": "[cache]\ndir = b\n"}, "global/b"),
        ({"global": "[cache]\ndir = b\n", "repo": "[cache]\ndir = c\n"}, "project/.dvc/c"),
        ({"repo": "[cache]\ndir = c\n", "local": "[cache]\ndir = ../d\n"}, "project/d"),
        ({"repo": "[cache]\ndir = c\n", "local": "[cache]\ntype = copy\n"}, "project/.dvc/c"),
        ({"repo": "['remote \"s\"']\n    url = {top}/s\n# dir = x\n"}, "project/.dvc/cache"),
    ],
)  # fmt: skip
def test_the_cache_is_where_dvc_has_it(root: Path, configured: dict[str, str], expected: str) -> None:
    for level, text in configured.items():
        write_text(root.parent / FILES[level], text.format(top=root.parent))
    assert cache_folder(root) == root.parent / expected == of_dvc(root)


def test_a_configuration_that_is_written_meanwhile_counts(root: Path) -> None:
    """A job writes .dvc/config.local, and takes it away again."""
    assert cache_folder(root) == root / ".dvc" / "cache"
    write_text(root / ".dvc/config.local", "[cache]\n    dir = elsewhere\n")
    assert cache_folder(root) == root / ".dvc" / "elsewhere"
    (root / ".dvc/config.local").unlink()
    assert cache_folder(root) == root / ".dvc" / "cache"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[cache\n    dir = x\n", ".dvc/config: DVC's configuration is not valid: "),
        (
            "[cache]\n<<<<<<< HEAD\n    dir = x\n",
            ".dvc/config:2: the mark of a merge that was not finished",
        ),
    ],
)
def test_a_configuration_that_cannot_be_read_is_no_default(root: Path, text: str, said: str) -> None:
    write_text(root / ".dvc/config", text)
    with pytest.raises(FlywheelError) as refused:
        cache_folder(root)
    assert str(refused.value).startswith(said)
    assert refused.value.exit_code == 2


def test_what_is_spoiled_in_a_shared_cache_is_named_in_full(root: Path) -> None:
    write_text(root / ".dvc/config.local", "[cache]\n    dir = ../../shared cache\n")
    stored = metafiles.cache_path(root, "0" * 32)
    write_text(stored, "abc")
    with pytest.raises(FlywheelError) as refused:
        require_sound(root, "0" * 32, "data/a.txt")
    assert str(refused.value).startswith(f"{stored}: spoiled in DVC's cache")
    call(root, "sh", "-c", (refused.value.hint or "").partition(", then")[0])
    assert not stored.exists()


def test_a_sprint_is_known_from_a_cache_that_checkouts_share(project: Path, tmp_path: Path) -> None:
    """What ran lies in the shared cache: nothing is to do, a missing output is restored, and an altered model is noticed."""
    shared, folder = tmp_path / "shared", sprint_folder(project, SPRINT)
    shutil.move(project / ".dvc" / "cache", shared)
    shutil.rmtree(folder / "selection")
    (folder / "dvc.lock").unlink()
    lost = flywheel(project, "plan", SPRINT, check=True).stdout
    call(project, sys.executable, "-m", "dvc", "cache", "dir", "--local", str(shared))
    known = flywheel(project, "plan", SPRINT, check=True).stdout
    assert lost != known
    assert "CACHED" in known
    assert "RUN" in lost
    ran = flywheel(project, "run", SPRINT)
    assert ran.returncode == 0, ran.stderr
    assert (folder / "selection").is_dir()
    assert not (project / ".dvc" / "cache").exists()
