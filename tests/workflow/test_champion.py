"""The champion is run again on each sprint's test split, once, and what a sprint decided is counted."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import SPRINT, call, commit, flywheel

from runner.adapters.dvc.metafiles import cache_path, cached_members
from runner.record.catalogue import sprint_folder

NEXT = f"""\
apiVersion: flywheel/v1
kind: Sprint
title: Judged a little differently
extends: {SPRINT}
evaluate: {{operating_confidence: 0.1}}
gates:
  - {{metric: map50_95, max_drop: 0.02, against: champion}}
"""
THIRD = NEXT.replace("0.1", "0.2")
CHAMPION = "reports/0002-next/champion"


@pytest.fixture
def promoted(project: Path) -> Path:
    """The finished sprint is in production, and a second one follows; nothing of it has run."""
    call(project, "git", "tag", "-a", "tiny-digits#prod#1", "-m", "tiny-digits in prod")
    (project / "specs" / "0002-next.yaml").write_text(NEXT)
    commit(project, "Next")
    return project


def said(stderr: str) -> dict[str, str]:
    """Stage → `running` or `cached`; without those of the scoring that a run ends with."""
    own = stderr.partition(" scores the pool")[0]
    lines = [line.split() for line in own.splitlines() if line.startswith("[")]
    return {line[1]: line[2].rstrip(":") for line in reversed(lines)}


def record(project: Path, file: str, sprint: str = "0002-next") -> Any:
    return json.loads((sprint_folder(project, sprint) / file).read_text())


def test_the_champion_is_evaluated_on_the_next_sprints_test_split(promoted: Path) -> None:
    result = flywheel(promoted, "run", "0002-next")
    assert result.returncode in (0, 1), result.stderr
    ran = {stage for stage, what in said(result.stderr).items() if what == "running"}
    assert {"champion", "drift", "evaluate"} <= ran <= {"champion", "drift", "evaluate", "inspect"}
    drift = record(promoted, "drift.json")
    assert (drift["champion"], drift["not_measured"]) == (SPRINT, "")
    assert {(each["new"], each["gone"]) for each in drift["images"]} == {(0, 0)}  # the same data
    assert all(result["success"] for result in drift["results"])
    model = record(promoted, "champion/champion.json")
    assert (model["sprint"], model["tag"], model["target"]) == (SPRINT, "tiny-digits#prod#1", "onnx-fp32")
    champion = record(promoted, "evaluation.json")["champion"]
    ours = next(
        each for each in record(promoted, "evaluation.json")["targets"] if each["target"] == "onnx-fp32"
    )
    assert champion["evaluation"]["overall"] == ours["overall"]  # the same model, by the same path
    assert {each["difference"] for each in champion["differences"]} == {0.0}
    assert champion["unknown_classes"] == []
    assert record(promoted, "verdict.json")["champion"] == SPRINT
    assert flywheel(promoted, "verify", "0002-next", check=True).stdout.endswith("identical\n")


def test_an_unchanged_champion_on_an_unchanged_split_is_not_run_again(promoted: Path) -> None:
    flywheel(promoted, "run", "0002-next")
    (promoted / "specs" / "0003-third.yaml").write_text(THIRD)
    plan = json.loads(flywheel(promoted, "plan", "0003-third", "--format", "json", check=True).stdout)
    actions = {stage["stage"]: stage["action"] for stage in plan["stages"]}
    assert (actions["champion"], actions["evaluate"]) == ("CACHED", "RUN")
    stages = said(flywheel(promoted, "run", "0003-third").stderr)
    assert (stages["champion"], stages["evaluate"]) == ("cached", "running")
    again = flywheel(promoted, "run", "0003-third")
    assert again.stderr == "0003-third: nothing to run, every stage is unchanged\n"


def test_the_promoted_sprint_itself_stays_as_it_was_judged(promoted: Path) -> None:
    plan = json.loads(flywheel(promoted, "plan", SPRINT, "--format", "json", check=True).stdout)
    assert {stage["action"] for stage in plan["stages"]} == {"CACHED"}
    assert plan["champion"] is None
    assert flywheel(promoted, "status").stdout.splitlines()[0].split()[:2] == [SPRINT, "promoted"]


def test_a_sprint_judged_before_another_was_promoted_is_stale(project: Path) -> None:
    (project / "specs" / "0002-next.yaml").write_text(NEXT.partition("gates")[0])
    flywheel(project, "run", "0002-next", check=True)
    call(project, "git", "tag", "-a", "tiny-digits#prod#1", "-m", "prod", "HEAD")
    rows = flywheel(project, "status").stdout.splitlines()
    assert f"judged against no champion, the champion is {SPRINT}" in rows[1]
    plan = json.loads(flywheel(project, "plan", "0002-next", "--format", "json", check=True).stdout)
    evaluate = next(stage for stage in plan["stages"] if stage["stage"] == "evaluate")
    assert evaluate["reasons"][0] == f"champion (unset) → {SPRINT}"


def forget_model(project: Path) -> None:
    """Takes the champion's artefacts out of DVC's cache."""
    tag = "tiny-digits#prod#1^{commit}"
    lock = call(project, "git", "show", f"{tag}:reports/{SPRINT}/dvc.lock").stdout
    digest = next(
        after.split("md5: ")[1].split("\n")[0]
        for after in lock.split("path: ")
        if after.startswith("exports\n") and "md5: " in after and ".dir" in after
    )
    for md5 in (*(cached_members(project, digest) or {}).values(), digest):
        cache_path(project, md5).unlink()
    shutil.rmtree(sprint_folder(project, SPRINT) / "exports")


def test_a_model_that_is_not_here_is_fetched_when_asked_for_and_only_then(
    promoted: Path, tmp_path: Path
) -> None:
    dvc = (sys.executable, "-m", "dvc")
    call(promoted, *dvc, "remote", "add", "-d", "store", str(tmp_path / "store"))
    call(promoted, *dvc, "push", "-q")
    forget_model(promoted)
    # the sprint has an export fewer: artefacts of its own, which DVC need not look for
    spec = promoted / "specs" / "0002-next.yaml"
    spec.write_text(spec.read_text() + "export: [{format: onnx}]\n")
    refused = flywheel(promoted, "run", "0002-next")
    assert refused.returncode == 3
    assert refused.stderr == (
        f"error: reports/{SPRINT}/exports/onnx-fp32: the champion's model (tiny-digits#prod#1, onnx-fp32) is not here, "
        f"only its record is\n  hint: run again with --pull, or: dvc fetch reports/{SPRINT}/exports\n"
    )
    fetched = flywheel(promoted, "run", "0002-next", "--pull")
    assert fetched.returncode in (0, 1), fetched.stderr
    assert said(fetched.stderr)["champion"] == "running"
    assert record(promoted, "champion/champion.json")["sprint"] == SPRINT


def test_without_the_tag_the_champion_leaves_the_sprint(promoted: Path) -> None:
    flywheel(promoted, "run", "0002-next")
    call(promoted, "git", "tag", "-d", "tiny-digits#prod#1")
    stages = said(flywheel(promoted, "run", "0002-next").stderr)
    assert "champion" not in stages
    assert stages["evaluate"] == "running"
    assert record(promoted, "evaluation.json")["champion"] is None
    assert not (promoted / CHAMPION).exists()
    assert flywheel(promoted, "verify", "0002-next", check=True)


def test_every_judged_evaluation_is_counted_and_the_plan_and_the_verdict_say_so(promoted: Path) -> None:
    project = (promoted / "flywheel.yaml").read_text()
    (promoted / "flywheel.yaml").write_text(f"{project}policy: {{holdout: {{significance: 0.05}}}}\n")
    assert (
        "test split  used 1 time to decide; 0.025 of 0.05 significance left"
        in flywheel(promoted, "plan", "0002-next", check=True).stdout
    )
    flywheel(promoted, "run", "0002-next")
    flywheel(promoted, "run", "0002-next")
    assert [use["uses_before"] for use in record(promoted, "uses.json")] == [1]
    assert record(promoted, "verdict.json")["wear"] == {
        "split": "test",
        "uses": 2,
        "spent": 0.05,
        "budget": 0.05,
        "left": 0.0,
        "exhausted": False,
        "refresh": "advised",
        "look": 1,
    }
    (promoted / "specs" / "0003-third.yaml").write_text(THIRD)
    shown = flywheel(promoted, "plan", "0003-third", check=True).stdout
    assert (
        "test split  used 2 times to decide, 1 of them for this recipe beside this champion, so that each gate is judged more "
        "strictly; 0 of 0.05 significance left: too little for this sprint" in shown
    )
    flywheel(promoted, "run", "0003-third")
    third = record(promoted, "verdict.json", "0003-third")
    assert (third["wear"]["exhausted"], third["wear"]["look"], third["level"]) == (True, 2, 0.975)
    assert flywheel(promoted, "verify", "0003-third", check=True).stdout.endswith("identical\n")


def test_without_tags_no_gate_passes_against_a_champion_that_is_not_known(promoted: Path) -> None:
    model = f"reports/{SPRINT}/exports/onnx-fp32"
    (promoted / "dvc.yaml").write_text(f"artifacts:\n  tiny-digits:\n    path: {model}\n    type: model\n")
    commit(promoted, "As a promotion leaves it")
    call(promoted, "git", "tag", "-d", "tiny-digits#prod#1")
    plan = flywheel(promoted, "plan", "0002-next", check=True).stdout
    why = f"dvc.yaml: it names the model of {SPRINT}, and no tag here says what holds tiny-digits#prod"
    assert f"  champion: not known, gates against it are not measured: {why} (git fetch --tags" in plan
    ran = flywheel(promoted, "run", "0002-next")
    assert ran.returncode == 1
    assert f"gates against the champion are not measured: {why}" in ran.stderr
    (gate,) = record(promoted, "verdict.json")["gates"]
    assert (gate["outcome"], record(promoted, "verdict.json")["champion"]) == ("NOT_MEASURED", None)
    assert flywheel(promoted, "verify", "0002-next", check=True).stdout.endswith("identical\n")
    status = flywheel(promoted, "status", check=True)
    assert f"warning: {why}" in status.stderr
    assert "judged against" not in status.stdout
    for command in ("judge", "promote"):
        stopped = flywheel(promoted, command, "0002-next")
        assert (stopped.returncode, why in stopped.stderr) == (1, True)
