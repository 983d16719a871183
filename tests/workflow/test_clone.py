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


def test_a_new_sprint_takes_over_what_another_sprints_record_has(clone: Path) -> None:
    spec = (clone / "specs" / f"{SPRINT}.yaml").read_text()
    (clone / "specs" / "0002-other-gates.yaml").write_text(spec.replace("max: 100}", "max: 50}"))
    plan = flywheel(clone, "plan", "0002-other-gates", check=True).stdout
    assert "another sprint's record has this run; output missing in DVC's cache: index" in plan
    result = flywheel(clone, "run", "0002-other-gates", "--pull", check=True)
    assert "fetching index, selection, weights, exports, " in result.stderr
    assert "running" not in result.stderr
    assert "benchmark  cached (an earlier run's result, from DVC's cache)" in result.stderr
    assert flywheel(clone, "verify", "0002-other-gates", check=True).stdout.endswith(
        " made again: identical\n"
    )


def test_where_the_remote_lacks_a_recorded_run_it_runs(clone: Path, tmp_path: Path) -> None:
    spec = (clone / "specs" / f"{SPRINT}.yaml").read_text()
    (clone / "specs" / "0002-other-gates.yaml").write_text(spec)
    (tmp_path / "store").rename(tmp_path / "gone")
    flywheel(clone, "run", "0002-other-gates", "--pull")  # the data is not to be had either
    plan = flywheel(clone, "plan", "0002-other-gates", check=True).stdout
    assert "index" in plan
    assert "RUN" in plan


def test_another_sprints_record_with_other_parameters_is_not_taken(clone: Path) -> None:
    spec = (clone / "specs" / f"{SPRINT}.yaml").read_text()
    (clone / "specs" / "0002-longer.yaml").write_text(spec.replace("epochs: 1,", "epochs: 2,"))
    plan = flywheel(clone, "plan", "0002-longer", check=True).stdout
    stages = {line.split()[0]: line for line in plan.splitlines() if "RUN" in line}
    assert "another sprint's record" in stages["select"]
    assert "another sprint's record" not in stages["train"]
