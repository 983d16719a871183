"""Every assignment of the stage: from git's tags, and what the commits that they name hold."""

from __future__ import annotations

import json
from pathlib import Path

from projects import SPRINT, call, flywheel
from promoting import NEXT


def test_promotions_and_rollbacks_are_listed_the_newest_first(succeeded: Path) -> None:
    project = succeeded
    flywheel(project, "rollback", check=True)
    rows = json.loads(flywheel(project, "history", "--format", "json", check=True).stdout)
    shown = [
        (row["number"], row["version"], row["sprint"], row["event"], row["outcome"], row["current"])
        for row in rows
    ]
    assert shown == [
        (3, "v1.0.0", SPRINT, "rolled back", "PASS", True),
        (2, "v1.1.0", NEXT, "promoted", "PASS", False),
        (1, "v1.0.0", SPRINT, "promoted", "PASS", False),
    ]
    assert {row["optimizing"] for row in rows} == {"map50_95"}
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert len({row["at"] for row in rows}) == 3  # GTO orders by whole seconds
    lines = flywheel(project, "history", check=True).stdout.splitlines()
    assert lines[0].split() == ["#", "when", "(UTC)", "version", "sprint", "what", "verdict", "by"]
    first = lines[1].split()
    assert (first[0], first[3], first[4], first[-1]) == ("3", "v1.0.0", SPRINT, "current")
    assert lines[1].startswith(f"3  {rows[0]['at'][:10]} {rows[0]['at'][11:19]}")


def test_a_tag_made_by_hand_is_listed_without_a_version(project: Path) -> None:
    call(project, "git", "tag", "-a", "tiny-digits#prod#7", "-m", "by hand")
    lines = flywheel(project, "history", check=True).stdout.splitlines()
    assert lines[1].split()[3:5] == ["none", SPRINT]


def test_before_the_first_promotion_there_is_nothing_to_list(project: Path) -> None:
    assert (
        flywheel(project, "history", check=True).stdout
        == "nothing was promoted yet: flywheel promote SPRINT\n"
    )
    assert json.loads(flywheel(project, "history", "--format", "json", check=True).stdout) == []


def test_a_project_without_a_model_has_no_history(project: Path) -> None:
    path = project / "flywheel.yaml"
    path.write_text(path.read_text().replace("model: {name: tiny-digits, stage: prod}\n", ""))
    result = flywheel(project, "history")
    assert (result.returncode, result.stderr) == (
        2,
        "error: flywheel.yaml: the project names no model: there is nothing to promote under\n"
        "  hint: add: model: {name: my-model, stage: prod}\n",
    )


def test_a_clone_without_tags_says_what_to_fetch(project: Path, tmp_path: Path) -> None:
    flywheel(project, "promote", SPRINT, check=True)
    for number, options in enumerate(([], ["--depth", "1"])):
        bare = tmp_path / f"clone-{number}"
        call(tmp_path, "git", "clone", "-q", "--no-tags", *options, f"file://{project}", str(bare))
        said = (
            f"dvc.yaml: it names the model of {SPRINT}, and no tag here says what holds tiny-digits#prod\n"
            f"  hint: git config --unset-all remote.origin.tagOpt; git fetch --tags{' --unshallow' * bool(options)}; where its promotion was not finished: "
            f"flywheel promote {SPRINT}\n"
        )
        for command in ("history", "rollback"):
            result = flywheel(bare, command)
            assert (result.returncode, result.stdout, result.stderr) == (1, "", f"error: {said}")
        shown = flywheel(bare, "status")
        assert (shown.returncode, shown.stderr) == (0, f"warning: {said}")
        call(bare, "git", "fetch", "-q", "--tags", *(["--unshallow"] if options else []))
        assert flywheel(bare, "history", check=True).stdout.endswith("current\n")


def test_a_report_against_another_champion_is_judged_again_not_run(overtaken: Path) -> None:
    project = overtaken
    refused = flywheel(project, "report", NEXT)
    assert refused.returncode == 3
    assert refused.stderr.startswith(f"error: reports/{NEXT}: not judged as it would be today: ")
    assert refused.stderr.endswith(f"  hint: flywheel judge {NEXT}\n")
    flywheel(project, "judge", NEXT, check=True)
    flywheel(project, "report", NEXT, check=True)
