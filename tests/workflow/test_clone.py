"""A fresh clone: what was run and pushed elsewhere is neither stale nor run again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from projects import SPRINT, call, commit, flywheel

pytestmark = pytest.mark.xdist_group("sprint-2")
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
