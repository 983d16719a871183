"""A project in a folder of a larger repository works as one at the top does."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from projects import SPRINT, call, commit, flywheel, named

from runner.adapters.git import commit_trees, commits, repository
from runner.record.catalogue import sprint_folder
from runner.workflow.snapshots import proposal_paths

FOLDER = "ml/v1"
TAGS = [f"{FOLDER}=tiny-digits#prod#1", f"{FOLDER}=tiny-digits@v1.0.0"]


@pytest.fixture
def inside(finished: Path, tmp_path: Path) -> Path:
    """The finished project as a folder of another repository, which has files of its own."""
    top = tmp_path / "larger"
    project = top / FOLDER
    shutil.copytree(finished, project, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    call(top, "git", "init", "-q", "-b", "main")
    named(top)
    (top / "README").write_text("more than one project\n")
    (top / "flywheel-notes").mkdir()
    commit(top, "Everything")
    return project


def test_what_a_proposal_changes_is_found(inside: Path) -> None:
    call(inside, "git", "switch", "-q", "-c", "loosen")
    spec = inside / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("max: 100", "max: 200"))
    (inside.parents[1] / "README").write_text("changed\n")
    commit(inside.parents[1], "Loosen")
    plan = json.loads(flywheel(inside, "plan", "--base", "main", "--format", "json", check=True).stdout)
    assert [finding["kind"] for finding in plan["findings"]] == ["gate_loosened"]
    assert [sprint["sprint"] for sprint in plan["sprints"]] == [SPRINT]
    assert (plan["uncommitted"], plan["refused"], plan["code"]) == (False, [], [])
    result = flywheel(inside, "run", SPRINT, "--base", "main")
    assert "1 finding to approve" in result.stderr
    terms = json.loads((sprint_folder(inside, SPRINT) / "terms.json").read_text())
    assert (len(terms["findings"]), len(terms["kept_gates"])) == (1, 1)


def test_workflows_above_the_project_are_code_and_other_projects_are_not(inside: Path) -> None:
    top = inside.parents[1]
    call(inside, "git", "switch", "-q", "-c", "more")
    for path in (".github/workflows/x.yml", "other/main.py", ".gitattributes", f"{FOLDER}/notes.md"):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text("x\n")
    commit(top, "More")
    plan = json.loads(flywheel(inside, "plan", "--base", "main", "--format", "json").stdout)
    assert plan["code"] == ["../../.gitattributes", "../../.github/workflows/x.yml"]
    assert [sentence.partition(":")[0] for sentence in plan["refused"]] == ["../../.gitattributes"]
    assert proposal_paths(inside, "main") == ["notes.md"]


def test_it_is_promoted_under_the_name_that_gto_and_dvc_have_for_it(inside: Path, tmp_path: Path) -> None:
    top = inside.parents[1]
    promoted = flywheel(inside, "promote", SPRINT)
    assert (promoted.returncode, promoted.stderr) == (0, "")
    assert call(top, "git", "tag").stdout.split() == TAGS
    assert call(top, "git", "status", "--porcelain").stdout == ""
    shown = call(top, "gto", "show", "--json").stdout
    assert json.loads(shown)[f"{FOLDER}:tiny-digits"]["stage"] == {"prod": "v1.0.0"}
    assert "promoted" in flywheel(inside, "status", check=True).stdout
    assert "1  " in flywheel(inside, "history", check=True).stdout
    assert flywheel(inside, "verify", SPRINT).returncode == 0
    again = flywheel(inside, "promote", SPRINT, check=True)
    assert call(top, "git", "tag").stdout.split() == TAGS, again.stdout
    refused = flywheel(inside, "rollback")
    assert (refused.returncode, "is the first that was promoted" in refused.stderr) == (1, True)
    got = tmp_path / "got"
    call(
        *(tmp_path, sys.executable, "-m", "dvc", "artifacts", "get", str(top), f"{FOLDER}:tiny-digits"),
        *("--stage", "prod", "-o", str(got)),
    )
    assert (got / "model.onnx").is_file()


def test_tags_of_another_project_with_the_same_models_name_are_none_of_its_own(inside: Path) -> None:
    call(inside, "git", "tag", "-a", "ml/v2=tiny-digits#prod#1", "-m", "the other's")
    assert "promoted" not in flywheel(inside, "status", check=True).stdout
    assert "champion: none yet" in flywheel(inside, "plan", SPRINT, check=True).stdout


def test_tags_that_an_older_flywheel_made_without_the_folder_still_count(inside: Path) -> None:
    call(inside, "git", "tag", "-a", "tiny-digits#prod#1", "-m", "by hand")
    assert "promoted" in flywheel(inside, "status", check=True).stdout


def test_its_paths_are_the_projects_everywhere(inside: Path) -> None:
    (inside / "new.txt").write_text("x")
    (inside.parents[1] / "new.txt").write_text("x")
    assert repository.uncommitted(inside) == ["new.txt"]
    assert commits.uncommitted(inside, ["specs"]) == []
    assert repository.read_file(inside, "HEAD", "README") is None
    assert repository.read_file(inside, "HEAD", "flywheel.yaml") == (inside / "flywheel.yaml").read_bytes()
    assert repository.read_file_of_repository(inside, "HEAD", "README") == b"more than one project\n"
    paths = {entry.path for entry in commit_trees.tree(inside, "HEAD")}
    assert {"flywheel.yaml", f"specs/{SPRINT}.yaml", "data.dvc"} <= paths
    assert not {path for path in paths if path.startswith(FOLDER) or path == "README"}
    assert (
        repository.newest_change(inside, "HEAD", "reports/*/metrics.json") == f"reports/{SPRINT}/metrics.json"
    )


def test_its_workflows_are_written_to_the_top_and_work_in_its_folder(inside: Path) -> None:
    written = flywheel(inside, "init", "--workflows", check=True).stdout
    top = inside.parents[1]
    assert ".github/workflows/plan.yml" in written
    assert not (inside / ".github").exists()
    plan = (top / ".github" / "workflows" / "plan.yml").read_text()
    assert f"flywheel ci plan --root proposal/{FOLDER} --base" in plan
    assert f'paths: ["{FOLDER}/specs/**", "{FOLDER}/flywheel.yaml", "{FOLDER}/**.dvc"' in plan
    sprint = (top / ".github" / "workflows" / "run-sprint.yml").read_text()
    assert f'flywheel report "$sprint" --root proposal/{FOLDER} --format' in sprint
    doctor = flywheel(inside, "doctor", "--format", "json", "--offline").stdout
    states = {each["id"]: each["state"] for each in json.loads(doctor)}
    assert (states["workflows"], states["pinned-actions"]) == ("ok", "ok")
