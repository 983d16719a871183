"""The stage goes back to what held it before: another assignment of an older version, and nothing is deleted."""

from __future__ import annotations

import json
from pathlib import Path

from projects import SPRINT, call, commit, flywheel
from promoting import NEXT, add_sprint, log, record, tags
from simulated_forge.repository import with_remotes


def stage(project: Path) -> str:
    (shown,) = json.loads(call(project, "gto", "show", "--json").stdout).values()
    return str(shown["stage"]["prod"])


def test_the_previous_champions_version_is_assigned_again(succeeded: Path) -> None:
    result = flywheel(succeeded, "rollback", check=True)
    assert result.stdout == (
        f"rolled back from {NEXT} to {SPRINT} (v1.0.0): tiny-digits#prod#3\n"
        f"  not pushed; next: flywheel rollback {SPRINT} --push\n"
    )
    assert stage(succeeded) == "v1.0.0"
    assert tags(succeeded) == [
        *(f"tiny-digits#prod#{number}" for number in (1, 2, 3)),
        "tiny-digits@v1.0.0",
        "tiny-digits@v1.1.0",
    ]
    named = [
        call(succeeded, "git", "rev-parse", f"tiny-digits#prod#{number}^{{commit}}").stdout
        for number in (1, 3)
    ]
    assert named[0] == named[1]
    assert f"path: reports/{SPRINT}/exports/onnx-fp32" in (succeeded / "dvc.yaml").read_text()
    assert log(succeeded)[0] == f"flywheel: tiny-digits goes back to {SPRINT} v1.0.0 [skip ci]"
    assert call(succeeded, "git", "status", "--porcelain").stdout == ""
    assert flywheel(succeeded, "status").stdout.split()[:2] == [SPRINT, "promoted"]


def test_rolling_back_twice_is_rolling_back_once(succeeded: Path) -> None:
    flywheel(succeeded, "rollback", check=True)
    before = (tags(succeeded), log(succeeded))
    again = flywheel(succeeded, "rollback", check=True)
    assert again.stdout == (
        f"{SPRINT} (v1.0.0) holds the stage already: tiny-digits#prod#3\n"
        "  it was rolled back; to go further back: flywheel rollback SPRINT (flywheel history shows which)\n"
    )
    assert (tags(succeeded), log(succeeded)) == before


def test_a_named_sprint_gets_the_stage_back(succeeded: Path) -> None:
    flywheel(succeeded, "rollback", check=True)
    assert "would roll back" in flywheel(succeeded, "rollback", "0002", "--dry-run", check=True).stdout
    result = flywheel(succeeded, "rollback", "2", check=True)
    assert (
        result.stdout.splitlines()[0] == f"rolled back from {SPRINT} to {NEXT} (v1.1.0): tiny-digits#prod#4"
    )
    assert stage(succeeded) == "v1.1.0"
    assert f"path: reports/{NEXT}/exports/onnx-fp32" in (succeeded / "dvc.yaml").read_text()
    assert flywheel(succeeded, "rollback", NEXT, check=True).stdout == (
        f"{NEXT} (v1.1.0) holds the stage already: tiny-digits#prod#4\n"
    )


def test_promoting_again_after_a_rollback_keeps_the_version(succeeded: Path) -> None:
    flywheel(succeeded, "rollback", check=True)
    result = flywheel(succeeded, "promote", NEXT, check=True)
    assert (
        result.stdout.splitlines()[0]
        == f"{NEXT}: promoted as v1.1.0: tiny-digits#prod#4, in place of {SPRINT}"
    )
    assert f"path: reports/{NEXT}/exports/onnx-fp32" in (succeeded / "dvc.yaml").read_text()
    assert call(succeeded, "git", "status", "--porcelain").stdout == ""
    rows = json.loads(flywheel(succeeded, "history", "--format", "json", check=True).stdout)
    assert [row["event"] for row in rows] == ["promoted", "rolled back", "promoted", "promoted"]


def test_a_former_champion_comes_back_by_a_rollback_alone(succeeded: Path) -> None:
    before = tags(succeeded)
    kept = (
        f"{SPRINT}: not promoted\n"
        f"  its model held the stage before, and {NEXT} (tiny-digits#prod#2) took its place: only a rollback brings it back "
        f"(flywheel rollback {SPRINT})\n"
    )
    refused = flywheel(succeeded, "promote", SPRINT)
    assert (refused.returncode, refused.stdout) == (1, kept)
    spec = succeeded / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("title: A sprint", "title: The sprint"))
    commit(succeeded, "Another title")
    flywheel(succeeded, "run", SPRINT, check=True)
    assert record(succeeded, "verdict.json", SPRINT)["champion"] == NEXT
    commit(succeeded, "Its record")
    refused = flywheel(succeeded, "promote", SPRINT)
    assert (refused.returncode, refused.stdout, tags(succeeded)) == (1, kept, before)
    flywheel(succeeded, "rollback", SPRINT, check=True)
    assert stage(succeeded) == "v1.0.0"


def test_what_was_judged_against_a_champion_is_current_again_when_that_is(succeeded: Path) -> None:
    spec = (succeeded / "specs" / f"{NEXT}.yaml").read_text().replace("0.1", "0.2")
    add_sprint(succeeded, "0003-third", spec)
    flywheel(succeeded, "rollback", check=True)
    assert "0003-third  passed, stale" in flywheel(succeeded, "status").stdout
    assert "it is stale" in flywheel(succeeded, "promote", "0003-third").stdout
    flywheel(succeeded, "rollback", NEXT, check=True)
    assert "stale" not in flywheel(succeeded, "status").stdout
    assert flywheel(succeeded, "promote", "0003-third", "--dry-run", check=True)


def test_the_commit_and_the_tag_are_pushed_together(succeeded: Path, tmp_path: Path) -> None:
    bare = with_remotes(succeeded, tmp_path)
    call(succeeded, "git", "push", "-q", "--tags")
    done = flywheel(succeeded, "rollback", "--push", check=True)
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


def test_a_dry_run_says_where_it_would_go(succeeded: Path) -> None:
    before = (tags(succeeded), log(succeeded))
    result = flywheel(succeeded, "rollback", "--dry-run", "--format", "json", check=True)
    assert json.loads(result.stdout)["result"] == "would roll back"
    assert (tags(succeeded), log(succeeded)) == before
