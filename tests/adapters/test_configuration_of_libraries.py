"""What libraries would read from the working folder, where a pull request's files lie, and from the environment, is not read.

One real process per way of starting: a command that imports numba and matplotlib, and (tests/stages/test_run.py) a stage.
"""

from __future__ import annotations

import ast
import logging
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from projects import call

from runner.adapters.git.repository import run_git
from runner.adapters.system import private_folders
from runner.adapters.system.compiled import code_key
from runner.adapters.system.private_folders import cache_home, is_private, out_of_reach

RUNNER = Path(__file__).parents[2] / "runner"


class Planted:
    """Unpickled, it leaves a file where the process works."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.file}",)


def numba_cache_files(folder: Path) -> list[Path]:
    """Where numba would look for the compiled functions of `evaluation/`, were its cache `folder`."""
    from numba.core.caching import UserProvidedCacheLocator

    from runner.evaluation import boxes, matching

    files = []
    for module in (boxes, matching):
        below = UserProvidedCacheLocator.get_suitable_cache_subpath(module.__file__)
        for name in dir(module):
            cache = getattr(getattr(module, name), "_cache", None)
            if cache is not None and hasattr(cache, "_impl"):
                files.append(folder / below / f"{cache._impl.filename_base}.py311.nbi")
    return files


def test_a_command_reads_no_configuration_of_the_folder_it_is_typed_in(tmp_path: Path) -> None:
    folder, left = tmp_path / "reports", tmp_path / "left"
    folder.mkdir()
    (folder / ".numba_config.yaml").write_text("cache_dir: .c\ndisable_jit: 1\n")
    (folder / "matplotlibrc").write_text("backend: module://planted\nlines.linewidth: 77\nfont.size: [not\n")
    (folder / "planted.py").write_text(f"open({str(left)!r}, 'w')\n")
    planted = [*numba_cache_files(folder / ".c"), *numba_cache_files(folder / ".d")]
    assert planted
    for file in planted:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(Planted(left)))
    script = """
import numpy as np
from runner.evaluation import boxes, matching
from numba.core import config
from numba.core.dispatcher import Dispatcher
compiled = [each for each in vars(boxes).values() if isinstance(each, Dispatcher)]
assert compiled and not config.DISABLE_JIT and config.OPT == 3, "numba was configured by the folder"
for each in compiled:
    each._cache.load_overload(("unknown",), each.targetctx)  # reads the index
from runner.adapters.pictures.canvas import drawing
with drawing():
    import matplotlib
    assert matplotlib.matplotlib_fname()
assert matplotlib.rcParamsOrig["lines.linewidth"] != 77, "matplotlib was configured by the folder"
print(config.CACHE_DIR)
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / ".d"), "NUMBA_OPT": "0"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "matplotlibrc" not in done.stderr
    cache = Path(done.stdout.strip())
    assert cache.name == f"numba-{code_key()}"
    assert is_private(cache)
    assert not cache.is_relative_to(tmp_path)
    assert not left.exists()


def test_the_working_folder_of_later_compilations_is_not_looked_at_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numba.core import config

    import runner.evaluation.boxes  # noqa: F401 - it brings numba

    (tmp_path / ".numba_config.yaml").write_text("cache_dir: .c\n")
    monkeypatch.chdir(tmp_path)
    config.reload_config()
    assert Path(config.CACHE_DIR).is_absolute()


def test_numba_is_imported_in_one_place() -> None:
    importing = [
        path.relative_to(RUNNER).as_posix()
        for path in sorted(RUNNER.rglob("*.py"))
        if "numba" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "numba" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba")
    ]
    assert set(importing) == {"adapters/system/compiled.py"}


def test_a_cache_that_others_can_write_or_that_a_checkout_holds_is_not_used(tmp_path: Path) -> None:
    good, open_to_all, link = tmp_path / "good", tmp_path / "open", tmp_path / "link"
    good.mkdir(mode=0o700)
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    link.symlink_to(good)
    assert is_private(good)
    assert not is_private(open_to_all)
    assert not is_private(link)
    inside = open_to_all / "inside"
    inside.mkdir(mode=0o700)
    assert not is_private(inside), "who may write the folder above may put another one in its place"
    (tmp_path / ".git").mkdir()
    assert not is_private(good)


def test_without_a_folder_of_its_own_a_process_uses_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(private_folders, "cache_home", private_folders.cache_home.__wrapped__)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(private_folders.VARIABLE, "")
    made = private_folders.cache_home()
    assert not made.is_relative_to(tmp_path)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert os.environ[private_folders.VARIABLE] == str(made), (
        "the processes that are started from here share it"
    )


def test_imports_see_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with out_of_reach():
        assert Path.cwd().is_relative_to(cache_home())
        assert list(Path.cwd().iterdir()) == []
    assert Path.cwd() == tmp_path


def test_dvc_unpickles_nothing_that_a_committed_configuration_names(tmp_path: Path) -> None:
    from runner.adapters.dvc.repo import opened, quiet_dvc

    call(tmp_path, "git", "init", "-q")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(f"[core]\n    site_cache_dir = {tmp_path / 'planted'}\n")
    with quiet_dvc(logging.NullHandler()), opened(tmp_path) as repo:
        assert repo.config["core"]["site_cache_dir"] == str(tmp_path / "planted")
        assert not Path(repo.site_cache_dir).is_relative_to(tmp_path)
    assert not (tmp_path / "planted").exists()


def test_git_follows_no_repository_that_lies_among_the_files(tmp_path: Path) -> None:
    left = tmp_path / "left"
    call(tmp_path, "git", "init", "-q", "--bare", "planted")
    call(tmp_path / "planted", "git", "config", "core.bare", "false")
    call(tmp_path / "planted", "git", "config", "core.worktree", str(tmp_path))
    call(tmp_path / "planted", "git", "config", "core.fsmonitor", f"touch {left}; false")
    run_git(tmp_path / "planted", "status")
    assert not left.exists()


def test_an_environment_cannot_have_checkpoints_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.adapters.system import offline

    for name in ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "MPLBACKEND", "MATPLOTLIBRC"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("ULTRALYTICS_SAFE_LOAD", "false")
    monkeypatch.setenv("YOLO_CONFIG_DIR", "unset by prepare_offline")
    monkeypatch.delenv("FLYWHEEL_OFFLINE_PID", raising=False)
    offline.prepare_offline()
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ
    assert "MPLBACKEND" not in os.environ
    assert os.environ["ULTRALYTICS_SAFE_LOAD"] == "true"
