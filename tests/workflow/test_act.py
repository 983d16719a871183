"""The workflow, run by `act` with the real runner inside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import SPRINT, call, commit, environment

pytestmark = pytest.mark.xdist_group("sprint-2")
ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "sprint.yml"


@pytest.fixture
def proposed(project: Path, tmp_path: Path) -> Path:
    """The finished project with its data in a remote, and a branch that proposes another sprint."""
    dvc = [sys.executable, "-m", "dvc"]
    call(project, *dvc, "remote", "add", "-d", "store", str(tmp_path / "store"))
    call(project, *dvc, "push", "-q")
    (project / ".github" / "workflows").mkdir(parents=True)
    shutil.copy(WORKFLOW, project / ".github" / "workflows" / "sprint.yml")
    commit(project, "A remote and a workflow")
    call(project, "git", "switch", "-q", "-c", "proposal")
    spec = (project / "specs" / f"{SPRINT}.yaml").read_text()
    (project / "specs" / "0002-next.yaml").write_text(spec.replace("A sprint small", "The next, small"))
    commit(project, "Propose 0002-next")
    return project


def event(project: Path, head_repository: str) -> dict[str, Any]:
    base = call(project, "git", "rev-parse", "main").stdout.strip()
    head = call(project, "git", "rev-parse", "proposal").stdout.strip()
    return {
        "number": 1,
        "repository": {
            "full_name": "team/tiny",
            "name": "tiny",
            "owner": {"login": "team"},
            "default_branch": "main",
        },
        "pull_request": {
            "number": 1,
            "base": {"ref": "main", "sha": base, "repo": {"full_name": "team/tiny"}},
            "head": {"ref": "proposal", "sha": head, "repo": {"full_name": head_repository}},
        },
    }


def act(project: Path, tmp_path: Path, head_repository: str = "team/tiny") -> list[dict[str, Any]]:
    """Fires a pull request at the workflow; returns act's JSON lines."""
    payload = tmp_path / "event.json"
    payload.write_text(json.dumps(event(project, head_repository)))
    home = tmp_path / "home"
    home.mkdir()
    command = [
        str(Path(sys.executable).parent / "act"), "pull_request", "--json", "--pull=false",
        "-W", ".github/workflows/sprint.yml", "-e", str(payload), "-P", "ubuntu-latest=-self-hosted",
        "--env", "GITHUB_REPOSITORY=team/tiny", "--artifact-server-addr", "127.0.0.1", "--cache-server-addr", "127.0.0.1",
        "--cache-server-path", str(tmp_path / "cache"), "--action-cache-path", str(tmp_path / "actions"),
    ]  # fmt: skip
    variables = {
        **environment(),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "ACT_DISABLE_VERSION_CHECK": "1",
    }
    result = subprocess.run(
        command, cwd=project, env=variables, capture_output=True, text=True, check=False, timeout=300
    )
    lines = [
        json.loads(line) for line in (result.stdout + result.stderr).splitlines() if line.startswith("{")
    ]
    assert lines, result.stderr
    return lines


def summary(lines: list[dict[str, Any]]) -> str:
    return "".join(str(line.get("content", "")) for line in lines if line.get("command") == "summary")


def test_the_changed_spec_is_run_and_its_report_is_the_step_summary(proposed: Path, tmp_path: Path) -> None:
    lines = act(proposed, tmp_path)
    said = "\n".join(str(line.get("msg", "")) for line in lines)
    assert any(line.get("jobResult") == "success" for line in lines), said
    assert "valid: flywheel.yaml and 2 specs" in said
    shown = summary(lines)
    assert "0002-next" in shown
    assert "PASS" in shown
    assert SPRINT not in shown.split("\n", 1)[0]  # the sprint that did not change was not run


def test_a_forks_pull_request_gets_no_sprint(proposed: Path, tmp_path: Path) -> None:
    lines = act(proposed, tmp_path, head_repository="stranger/tiny")
    assert not any("jobResult" in line for line in lines)
    assert summary(lines) == ""


def test_new_projects_get_the_same_workflow() -> None:
    template = ROOT / "runner" / "scaffold" / "templates" / "sprint-workflow.yml"
    assert template.read_bytes() == WORKFLOW.read_bytes()


@pytest.mark.parametrize(
    "workflow", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name
)
def test_workflows_are_valid_and_pass_zizmor(workflow: Path) -> None:
    bin_folder = Path(sys.executable).parent
    variables = {**os.environ, "NO_COLOR": "1"}
    for command in (
        [bin_folder / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow],
        [bin_folder / "zizmor", "--offline", "--no-progress", workflow],
    ):
        result = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
