"""The stage goes back to what held it before: another assignment of an older version, and nothing is deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from projects import SPRINT, call, commit, flywheel
from promoting import NEXT, add_sprint, log, record, tags, with_remotes

pytestmark = pytest.mark.xdist_group("sprint-2")


@pytest.fixture
def promoted(project: Path) -> Path:
    """Two sprints, promoted one after the other."""
    flywheel(project, "promote", SPRINT, check=True)
    add_sprint(project)
    flywheel(project, "promote", NEXT, check=True)
    return project


def stage(project: Path) -> str:
    (shown,) = json.loads(call(project, "gto", "show", "--json").stdout).values()
    return str(shown["stage"]["prod"])


def test_the_previous_champions_version_is_assigned_again(promoted: Path) -> None:
    result = flywheel(promoted, "rollback", check=True)
    assert result.stdout == (
        f"rolled back from {NEXT} to {SPRINT} (v1.0.0): tiny-digits#prod#3\n"
        f"  not pushed; next: flywheel rollback {SPRINT} --push\n"
    )
    assert stage(promoted) == "v1.0.0"
    assert tags(promoted) == [
        *(f"tiny-digits#prod#{number}" for number in (1, 2, 3)),
        "tiny-digits@v1.0.0",
        "tiny-digits@v1.1.0",
    ]
    named = [
        call(promoted, "git", "rev-parse", f"tiny-digits#prod#{number}^{{commit}}").stdout
        for number in (1, 3)
    ]
    assert named[0] == named[1]
    assert f"path: reports/{SPRINT}/exports/onnx-fp32" in (promoted / "dvc.yaml").read_text()
    assert log(promoted)[0] == f"flywheel: tiny-digits goes back to {SPRINT} v1.0.0 [skip ci]"
    assert call(promoted, "git", "status", "--porcelain").stdout == ""
    assert flywheel(promoted, "status").stdout.split()[:2] == [SPRINT, "promoted"]


def test_rolling_back_twice_is_rolling_back_once(promoted: Path) -> None:
    flywheel(promoted, "rollback", check=True)
    before = (tags(promoted), log(promoted))
    again = flywheel(promoted, "rollback", check=True)
    assert again.stdout == (
        f"{SPRINT} (v1.0.0) holds the stage already: tiny-digits#prod#3\n"
        "  it was rolled back; to go further back: flywheel rollback SPRINT (flywheel history shows which)\n"
    )
    assert (tags(promoted), log(promoted)) == before


def test_a_named_sprint_gets_the_stage_back(promoted: Path) -> None:
    flywheel(promoted, "rollback", check=True)
    assert "would roll back" in flywheel(promoted, "rollback", "0002", "--dry-run", check=True).stdout
    result = flywheel(promoted, "rollback", "2", check=True)
    assert (
        result.stdout.splitlines()[0] == f"rolled back from {SPRINT} to {NEXT} (v1.1.0): tiny-digits#prod#4"
    )
    assert stage(promoted) == "v1.1.0"
    assert f"path: reports/{NEXT}/exports/onnx-fp32" in (promoted / "dvc.yaml").read_text()
    assert flywheel(promoted, "rollback", NEXT, check=True).stdout == (
        f"{NEXT} (v1.1.0) holds the stage already: tiny-digits#prod#4\n"
    )


def test_promoting_again_after_a_rollback_keeps_the_version(promoted: Path) -> None:
    flywheel(promoted, "rollback", check=True)
    result = flywheel(promoted, "promote", NEXT, check=True)
    assert (
        result.stdout.splitlines()[0]
        == f"{NEXT}: promoted as v1.1.0: tiny-digits#prod#4, in place of {SPRINT}"
    )
    assert f"path: reports/{NEXT}/exports/onnx-fp32" in (promoted / "dvc.yaml").read_text()
    assert call(promoted, "git", "status", "--porcelain").stdout == ""
    rows = json.loads(flywheel(promoted, "history", "--format", "json", check=True).stdout)
    assert [row["event"] for row in rows] == ["promoted", "rolled back", "promoted", "promoted"]


def test_a_former_champion_comes_back_by_a_rollback_alone(promoted: Path) -> None:
    before = tags(promoted)
    kept = (
        f"{SPRINT}: not promoted\n"
        f"  its model held the stage before, and {NEXT} (tiny-digits#prod#2) took its place: only a rollback brings it back "
        f"(flywheel rollback {SPRINT})\n"
    )
    refused = flywheel(promoted, "promote", SPRINT)
    assert (refused.returncode, refused.stdout) == (1, kept)
    spec = promoted / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("title: A sprint", "title: The sprint"))
    commit(promoted, "Another title")
    flywheel(promoted, "run", SPRINT, check=True)
    assert record(promoted, "verdict.json", SPRINT)["champion"] == NEXT
    commit(promoted, "Its record")
    refused = flywheel(promoted, "promote", SPRINT)
    assert (refused.returncode, refused.stdout, tags(promoted)) == (1, kept, before)
    flywheel(promoted, "rollback", SPRINT, check=True)
    assert stage(promoted) == "v1.0.0"


def test_what_was_judged_against_a_champion_is_current_again_when_that_is(promoted: Path) -> None:
    spec = (promoted / "specs" / f"{NEXT}.yaml").read_text().replace("0.1", "0.2")
    add_sprint(promoted, "0003-third", spec)
    flywheel(promoted, "rollback", check=True)
    assert "0003-third  passed, stale" in flywheel(promoted, "status").stdout
    assert "it is stale" in flywheel(promoted, "promote", "0003-third").stdout
    flywheel(promoted, "rollback", NEXT, check=True)
    assert "stale" not in flywheel(promoted, "status").stdout
    assert flywheel(promoted, "promote", "0003-third", "--dry-run", check=True)


def test_the_commit_and_the_tag_are_pushed_together(promoted: Path, tmp_path: Path) -> None:
    bare = with_remotes(promoted, tmp_path)
    call(promoted, "git", "push", "-q", "--tags")
    done = flywheel(promoted, "rollback", "--push", check=True)
    assert done.stdout.splitlines()[1:] == [
        "  pushed: the branch, and every tag of the model that the remote lacked"
    ]
    assert "tiny-digits#prod#3" in call(bare, "git", "tag").stdout.split()
    assert call(bare, "git", "log", "-1", "--format=%s", "main").stdout.startswith(
        "flywheel: tiny-digits goes back"
    )


def test_without_an_earlier_champion_there_is_nothing_to_go_back_to(project: Path) -> None:
    none = flywheel(project, "rollback")
    assert (none.returncode, none.stderr) == (
        1,
        "error: refs/tags: nothing was promoted yet: there is nothing to go back to\n  hint: flywheel promote SPRINT\n",
    )
    flywheel(project, "promote", SPRINT, check=True)
    first = flywheel(project, "rollback")
    assert (first.returncode, first.stderr) == (
        1,
        f"error: refs/tags: {SPRINT} is the first that was promoted: there is nothing to go back to\n"
        "  hint: flywheel history\n",
    )
    other = flywheel(project, "rollback", NEXT)
    assert (other.returncode, other.stderr) == (
        1,
        f"error: refs/tags: {NEXT} never held the stage; these did: {SPRINT}\n  hint: flywheel history\n",
    )


def test_a_dry_run_says_where_it_would_go(promoted: Path) -> None:
    before = (tags(promoted), log(promoted))
    result = flywheel(promoted, "rollback", "--dry-run", "--format", "json", check=True)
    assert json.loads(result.stdout)["result"] == "would roll back"
    assert (tags(promoted), log(promoted)) == before
