"""A judged sprint's model is registered and assigned once, from a record that is verified again."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import SPRINT, call, commit, flywheel, named
from promoting import NEXT, SPEC, add_sprint, log, record, tags
from simulated_forge.repository import clone, with_remotes

from runner.adapters.dvc.metafiles import read_lock
from runner.adapters.git import commits
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.policy import Agreed, Finding, FindingKind
from runner.domain.verdict import Outcome, Verdict
from runner.policy.approvals import Decision
from runner.record.catalogue import sprint_folder
from runner.workflow.promoting import promote as promoting
from runner.workflow.promoting.promote import promote, public_url
from runner.workflow.promoting.readiness import Conditions, Readiness

FOLDER = f"reports/{SPRINT}"
FIRST_TAGS = ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
MOVED = (
    "error: origin/main: the push to origin failed, and nothing was pushed: main has commits there that are not here\n"
    "  hint: git pull --rebase origin main, then run the same command again\n"
)


def test_a_sprint_that_passed_is_registered_and_assigned_with_a_model_card(project: Path) -> None:
    record_commit = commits.head(project)
    result = flywheel(project, "promote", SPRINT, check=True)
    assert result.stdout == (
        f"{SPRINT}: promoted as v1.0.0: tiny-digits#prod#1\n  not pushed; next: flywheel promote {SPRINT} --push\n"
    )
    assert tags(project) == FIRST_TAGS
    assert log(project)[0] == f"flywheel: {SPRINT} is tiny-digits v1.0.0 [skip ci]"
    changed = call(project, "git", "show", "--name-only", "--format=", "HEAD").stdout.split()
    assert changed == ["dvc.yaml", f"{FOLDER}/model-card.md"]
    assert call(project, "git", "status", "--porcelain").stdout == ""
    message = call(project, "git", "tag", "-l", "--format=%(contents)", "tiny-digits#prod#1").stdout
    assert message.strip() == (
        "flywheel: promoted to tiny-digits prod\n\n"
        f"sprint: {SPRINT}\nrecord: {record_commit}\nverdict: PASS\napprovals: none needed\nevent: promotion"
    )
    assert flywheel(project, "verify", SPRINT, check=True).stdout.endswith("identical\n")
    assert flywheel(project, "status").stdout.split()[:2] == [SPRINT, "promoted"]


def test_an_undecided_gate_waits_for_somebody_who_accepts_it_with_a_reason(project: Path) -> None:
    named(project)
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text() + "  - {metric: recall, min: 0.1}\n")
    assert flywheel(project, "report", SPRINT).returncode == 1
    commit(project, "An open question")
    waits = flywheel(project, "promote", SPRINT)
    assert waits.returncode == 1
    first, reason, next_step = waits.stdout.splitlines()
    assert first == f"{SPRINT}: not promoted: it waits for approval"
    assert "needs the approval of somebody who may maintain the repository" in reason
    command = re.fullmatch(
        rf'  next: flywheel (promote {SPRINT} --approve (inconclusive-\w+)) --reason "…"', next_step
    )
    assert command is not None
    (decision,) = json.loads(flywheel(project, "promote", SPRINT, "--format", "json").stdout)["decisions"]
    assert decision["finding"]["id"] == command[2]  # a script approves by it
    done = flywheel(project, *command[1].split(), "--reason", "the dock is empty at night", check=True)
    assert f"{SPRINT}: promoted as v1.0.0" in done.stdout
    message = call(project, "git", "tag", "-l", "--format=%(contents)", "tiny-digits#prod#1").stdout
    assert "verdict: INCONCLUSIVE\n" in message
    assert f"approvals: {command[2]} by test\nreasons: {command[2]}: the dock is empty at night\n" in message
    card = (project / FOLDER / "model-card.md").read_text()
    assert "Accepted by test: undecided: recall" in card
    assert "Because: the dock is empty at night" in card
    row = flywheel(project, "history", check=True).stdout
    assert "INCONCLUSIVE, map50_95 0.000, accepted by test: the dock is empty at night" in row


def test_promoting_twice_leaves_one_tag_and_one_commit(project: Path) -> None:
    flywheel(project, "promote", SPRINT, check=True)
    before = (tags(project), log(project))
    again = flywheel(project, "promote", SPRINT, check=True)
    assert again.stdout == f"{SPRINT}: holds tiny-digits#prod already, as v1.0.0: tiny-digits#prod#1\n"
    assert (tags(project), log(project)) == before


def test_without_a_name_of_ones_own_nothing_is_promoted(project: Path) -> None:
    with pytest.raises(FlywheelError) as refused:
        promote(project, SPRINT, Conditions(), push=False)
    assert str(refused.value) == (
        ".git/config: the commit could not be made: git knows no name and address of yours\n"
        '  hint: git config user.name "NAME" && git config user.email ADDRESS, then run the same command again'
    )
    assert tags(project) == []
    named(project)
    assert promote(project, SPRINT, Conditions(), push=False).result == "promoted"


@pytest.mark.parametrize("killed_at", ["commit_model", "register", "assign"])
def test_a_promotion_that_was_killed_is_finished_by_the_next(
    project: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    from runner.workflow.promoting import registering

    named(project)

    def die(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if killed_at == "commit_model":  # the card and dvc.yaml are written, not committed
            patch.setattr(registering.commits, "commit_files", die)
        else:
            patch.setattr(registering.registry, killed_at, die)
        with pytest.raises(KeyboardInterrupt):
            promote(project, SPRINT, Conditions(), push=False)
    assert len(tags(project)) == (1 if killed_at == "assign" else 0)
    assert promote(project, SPRINT, Conditions(), push=False).result == "promoted"
    assert tags(project) == FIRST_TAGS
    assert len(log(project)) == 3
    tagged = {call(project, "git", "rev-parse", f"{tag}^{{commit}}").stdout for tag in tags(project)}
    assert tagged == {call(project, "git", "rev-parse", "HEAD").stdout}


def test_a_merge_that_weakens_is_not_promoted_by_the_policy_that_it_brings(project: Path) -> None:
    call(project, "git", "checkout", "-q", "-b", "lax")
    add_sprint(project)  # another operating confidence, and judged without a base
    call(project, "git", "checkout", "-q", "main")
    before = commits.head(project)
    call(project, "git", "merge", "-q", "--no-ff", "-m", "Merge it", "lax")
    refused = flywheel(project, "promote", NEXT)
    again = f"flywheel run {NEXT} --base {before[:10]}"
    assert (refused.returncode, refused.stdout) == (
        1,
        f"{NEXT}: not promoted\n  it was judged by its own policy, without a base, and the merge that brought it weakened what was "
        f"agreed (operating_point_changed): {again}\n",
    )
    flywheel(project, *again.split()[1:], check=True)
    commit(project, "Judged under the base")
    waiting = flywheel(project, "promote", NEXT)
    assert "waits for approval" in waiting.stdout
    typed = waiting.stdout.splitlines()[-1].partition("next: flywheel ")[2].split()
    named(project)
    flywheel(project, *typed, check=True)


def test_what_git_was_told_to_overlook_is_missed_all_the_same(project: Path) -> None:
    hidden = [f"{FOLDER}/{name}" for name in ("uses.json", "verdict.json")]
    (project / ".gitignore").write_text(
        f"/.flywheel/\nreports/*/uses.json\nreports/*/{Path(hidden[1]).name}\n"
    )
    call(project, "git", "rm", "-q", "--cached", *hidden)
    commit(project, "Ignored")
    report = f"{FOLDER}/report.md"
    call(project, "git", "update-index", "--assume-unchanged", report)
    (project / report).write_text("Another report\n")
    refused = flywheel(project, "promote", SPRINT)
    assert (refused.returncode, tags(project)) == (1, [])
    assert f"  not committed: {report}, {', '.join(hidden)}\n" in refused.stdout


def test_what_was_approved_is_committed_though_the_verdict_keeps_the_sprint(tmp_path: Path) -> None:
    call(tmp_path, "git", "init", "-q", "-b", "main")
    named(tmp_path)
    (tmp_path / ".gitignore").write_text("*.json\n")
    commit(tmp_path, "A repository")
    first, second = (
        Finding(kind=FindingKind.GATE_LOOSENED, sprint=NEXT, subject="gate recall", after=after, message="m")
        for after in ("≥ 0.6", "≥ 0.5")
    )
    approved = [
        Decision(finding=each, by="dana", at="2026-11-21T10:00:00Z", channel="comment")
        for each in (first, second)
    ]
    assert promoting.record_agreed(tmp_path, NEXT, approved[:1])
    assert not promoting.record_agreed(tmp_path, NEXT, approved[:1])
    assert promoting.record_agreed(tmp_path, NEXT, approved)
    kept = read_json(sprint_folder(tmp_path, NEXT) / "agreed.json", list[Agreed])
    assert [(each.finding, each.by) for each in kept] == [(first, "dana"), (second, "dana")]
    assert log(tmp_path) == [f"flywheel: approvals of {NEXT} [skip ci]"] * 2 + ["A repository"]


@pytest.mark.parametrize(
    ("changes", "agreed"),
    [
        ({}, True),
        ({"refused": ["FAIL"]}, True),
        ({"committed": False}, False),
        ({"stale": ["another champion"]}, False),
        ({"altered": ["dvc.lock"]}, False),
        ({"decisions": []}, False),
        ({"by": None}, False),
    ],
)
def test_approvals_of_a_sound_record_are_agreed(changes: dict[str, Any], agreed: bool) -> None:
    finding = Finding(kind=FindingKind.GATE_LOOSENED, sprint=NEXT, subject="gate recall", message="m")
    decision = Decision(finding=finding, by=changes.pop("by", "dana"))
    verdict = Verdict(gates=[], outcome=Outcome.FAIL, optimizing="map50_95", optimizing_value=None)
    parts = {"altered": [], "refused": [], "stale": [], "decisions": [decision], **changes}
    assert Readiness(verdict=verdict, **parts).agreed is agreed


def test_a_card_that_is_ignored_gets_into_the_commit_of_the_model(project: Path) -> None:
    (project / ".gitignore").write_text("/.flywheel/\nmodel-card.md\n")
    (project / ".gto").write_text("stages: [nowhere]\n")
    commit(project, "Ignored")
    flywheel(project, "promote", SPRINT, check=True)
    changed = call(project, "git", "show", "--name-only", "--format=", "tiny-digits@v1.0.0").stdout.split()
    assert f"{FOLDER}/model-card.md" in changed


def test_a_dry_run_changes_nothing(project: Path) -> None:
    result = flywheel(project, "promote", SPRINT, "--dry-run", check=True)
    assert result.stdout == f"{SPRINT}: would be promoted to tiny-digits#prod as v1.0.0\n"
    assert (tags(project), len(log(project))) == ([], 2)
    assert call(project, "git", "status", "--porcelain").stdout == ""


def test_what_the_registry_holds_is_found_by_gto_and_fetched_by_dvc(project: Path, tmp_path: Path) -> None:
    bare = with_remotes(project, tmp_path)
    flywheel(project, "promote", SPRINT, "--push", check=True)
    assert sorted(call(bare, "git", "tag").stdout.split()) == FIRST_TAGS
    assert call(bare, "git", "log", "-1", "--format=%s", "main").stdout.startswith(f"flywheel: {SPRINT} is")
    (shown,) = json.loads(call(project, "gto", "show", "--json").stdout).values()
    assert (shown["version"], shown["stage"]["prod"]) == ("v1.0.0", "v1.0.0")
    for number, asked in enumerate((("--stage", "prod"), ("--rev", "v1.0.0"))):
        out = tmp_path / f"fetched-{number}"
        call(
            tmp_path,
            sys.executable,
            "-m",
            "dvc",
            "artifacts",
            "get",
            str(bare),
            "tiny-digits",
            *asked,
            "-o",
            str(out),
        )
        ours = project / FOLDER / "exports" / "onnx-fp32"
        assert {path.name: path.read_bytes() for path in out.iterdir()} == {
            path.name: path.read_bytes() for path in ours.iterdir()
        }


def test_a_fresh_clone_promotes_without_the_model_when_the_remote_holds_it(
    project: Path, tmp_path: Path
) -> None:
    fresh = clone(with_remotes(project, tmp_path), tmp_path / "fresh")
    refused = flywheel(fresh, "promote", SPRINT)
    assert refused.returncode == 3
    assert "  hint: dvc pull reports/0001-tiny/index" in refused.stderr
    needed = [f"{FOLDER}/{name}" for name in ("index", "selection", "predictions", "outcomes")]
    call(fresh, sys.executable, "-m", "dvc", "pull", "-q", *needed)
    assert not (fresh / FOLDER / "exports").exists()
    flywheel(fresh, "promote", SPRINT, check=True)
    assert tags(fresh) == FIRST_TAGS


def test_a_model_that_is_nowhere_is_not_promoted(project: Path) -> None:
    shutil.rmtree(project / FOLDER / "exports")
    md5 = read_lock(project / FOLDER / "dvc.lock")["export"].outs["exports"]
    (project / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).unlink()
    result = flywheel(project, "promote", SPRINT)
    assert result.returncode == 1
    assert result.stdout == (
        f"{SPRINT}: not promoted\n  {FOLDER}/exports/ is neither here nor in DVC's remote: there is nothing to deliver "
        "(where it was made: dvc push)\n"
    )


def test_an_altered_model_is_not_promoted(project: Path) -> None:
    model = project / FOLDER / "exports" / "onnx-fp32" / "model.onnx"
    content = model.read_bytes()
    model.unlink()
    model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    result = flywheel(project, "promote", SPRINT)
    assert result.returncode == 1
    assert (
        result.stdout
        == f"{SPRINT}: not promoted\n  {FOLDER}/exports/ is not what the stage wrote, by dvc.lock\n"
    )
    assert tags(project) == []


def test_an_altered_record_is_not_promoted_even_when_it_is_committed(project: Path) -> None:
    path = project / FOLDER / "verdict.json"
    path.write_text(path.read_text().replace('"level": 0.95', '"level": 0.94'))
    result = flywheel(project, "promote", SPRINT, "--format", "json")
    first = json.loads(result.stdout)
    assert result.returncode == 1
    assert first["result"] == "altered"
    assert f"not committed: {FOLDER}/verdict.json" in first["reasons"]
    commit(project, "Tampered")
    reasons = json.loads(flywheel(project, "promote", SPRINT, "--format", "json").stdout)["reasons"]
    assert reasons[0].startswith(f"verification: {FOLDER}/verdict.json changed")
    assert tags(project) == []


def test_a_spec_that_is_not_the_recorded_one_is_not_promoted(project: Path) -> None:
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text() + "# another\n")
    commit(project, "Edited")
    reasons = promote(project, SPRINT, Conditions(), push=False).reasons
    assert any(reason.startswith(f"verification: specs/{SPRINT}.yaml changed") for reason in reasons)


def test_a_verdict_that_is_not_pass_is_not_promoted_and_the_gates_say_why(project: Path) -> None:
    add_sprint(project, spec=SPEC.replace("max: 50", "max: 0.001"))
    result = flywheel(project, "promote", NEXT)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0] == f"{NEXT}: not promoted"
    assert lines[1].startswith("  FAIL: ")
    assert "0.001" in lines[1]
    assert tags(project) == []


def test_a_project_without_a_model_has_nothing_to_promote_under(project: Path) -> None:
    path = project / "flywheel.yaml"
    path.write_text(path.read_text().replace("model: {name: tiny-digits, stage: prod}\n", ""))
    result = flywheel(project, "promote", SPRINT)
    assert (result.returncode, result.stdout) == (
        1,
        f"{SPRINT}: not promoted\n  the project names no model to promote under: add `model: {{name: …, stage: prod}}` to "
        "flywheel.yaml\n",
    )


def test_a_sprint_judged_before_another_was_promoted_is_stale(overtaken: Path) -> None:
    result = flywheel(overtaken, "promote", NEXT)
    assert result.returncode == 1
    assert result.stdout == (
        f"{NEXT}: not promoted: it is stale\n  judged against no champion, the champion is {SPRINT}\n"
        f"  next: flywheel judge {NEXT} --pull\n"
    )


def test_the_next_promotion_is_the_next_minor_version(challenged: Path) -> None:
    project = challenged
    result = flywheel(project, "promote", NEXT, check=True)
    assert (
        result.stdout.splitlines()[0]
        == f"{NEXT}: promoted as v1.1.0: tiny-digits#prod#2, in place of {SPRINT}"
    )
    assert record(project, "verdict.json")["champion"] == SPRINT


def test_what_else_the_top_level_dvc_yaml_holds_is_kept(project: Path) -> None:
    mine = "# mine\nstages:\n  clean:\n    cmd: python -m compileall specs\nartifacts:\n  other:\n    path: other.txt\n"
    (project / "dvc.yaml").write_text(mine)
    (project / "other.txt").write_text("other")
    commit(project, "Mine")
    flywheel(project, "promote", SPRINT, check=True)
    text = (project / "dvc.yaml").read_text()
    assert text.startswith(mine)
    assert f"path: {FOLDER}/exports/onnx-fp32" in text


def test_changes_of_the_users_own_do_not_get_into_the_commit(challenged: Path) -> None:
    project = challenged
    path = project / "dvc.yaml"
    path.write_text(path.read_text() + "plots:\n- mine.csv\n")
    result = flywheel(project, "promote", NEXT)
    assert result.returncode == 3
    assert result.stderr == (
        "error: dvc.yaml: it has changes that are not committed: they would get into the commit of the model\n"
        "  hint: git commit dvc.yaml, or: git checkout -- dvc.yaml\n"
    )
    call(project, "git", "checkout", "-q", "--", "dvc.yaml")
    (project / "notes.txt").write_text("mine")
    call(project, "git", "add", "notes.txt")
    flywheel(project, "promote", NEXT, check=True)
    assert call(project, "git", "status", "--porcelain").stdout == "A  notes.txt\n"


def test_no_hook_of_the_repository_runs(project: Path) -> None:
    hook = project / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\ntouch hook-ran\n")
    hook.chmod(0o755)
    flywheel(project, "promote", SPRINT, check=True)
    assert not (project / "hook-ran").exists()


def test_a_push_that_is_refused_leaves_no_tag_and_is_done_by_the_next(project: Path, tmp_path: Path) -> None:
    bare = with_remotes(project, tmp_path)
    other = clone(bare, tmp_path / "other")
    (other / "README.md").write_text("meanwhile")
    commit(other, "Meanwhile")
    call(other, "git", "push", "-q")
    refused = flywheel(project, "promote", SPRINT, "--push")
    assert refused.returncode == 5
    assert refused.stderr == MOVED
    assert tags(project) == []
    call(project, "git", "pull", "-q", "--rebase", "origin", "main")
    done = flywheel(project, "promote", SPRINT, "--push", check=True)
    assert done.stdout == (
        f"{SPRINT}: promoted as v1.0.0: tiny-digits#prod#1\n"
        "  pushed: the branch, and every tag of the model that the remote lacked\n"
    )
    assert sorted(call(bare, "git", "tag").stdout.split()) == FIRST_TAGS
    call(bare, "git", "merge-base", "--is-ancestor", "tiny-digits#prod#1^{commit}", "main")


def meanwhile(bare: Path, folder: Path) -> None:
    """Somebody else pushes a commit."""
    other = clone(bare, folder)
    (other / "README.md").write_text("meanwhile")
    commit(other, "Meanwhile")
    call(other, "git", "push", "-q")


def test_tags_that_a_rebase_left_behind_are_made_anew(project: Path, tmp_path: Path) -> None:
    bare = with_remotes(project, tmp_path)
    flywheel(project, "promote", SPRINT, check=True)
    left = call(project, "git", "rev-parse", "HEAD").stdout
    meanwhile(bare, tmp_path / "other")
    assert flywheel(project, "promote", SPRINT, "--push").stderr == MOVED
    assert tags(project) == FIRST_TAGS
    call(project, "git", "pull", "-q", "--rebase", "origin", "main")
    flywheel(project, "promote", SPRINT, "--push", check=True)
    tagged = {call(bare, "git", "rev-parse", f"{tag}^{{commit}}").stdout for tag in FIRST_TAGS}
    assert tagged == {call(bare, "git", "rev-parse", "main").stdout}
    assert left not in tagged
    assert log(project)[:2] == [f"flywheel: {SPRINT} is tiny-digits v1.0.0 [skip ci]", "Meanwhile"]


def test_tags_of_earlier_promotions_that_a_rebase_left_behind_are_not_pushed(
    project: Path, tmp_path: Path
) -> None:
    bare = with_remotes(project, tmp_path)
    flywheel(project, "promote", SPRINT, check=True)
    meanwhile(bare, tmp_path / "other")
    call(project, "git", "pull", "-q", "--rebase", "origin", "main")
    add_sprint(project)
    call(project, sys.executable, "-m", "dvc", "push", "-q")
    refused = flywheel(project, "promote", NEXT, "--push")
    names = " ".join(reversed(FIRST_TAGS))
    assert (refused.returncode, refused.stderr) == (
        5,
        "error: refs/tags: main does not hold the commits of these tags, as after a rebase, and nobody would find them: "
        f"{names}\n  hint: git tag --delete {names} && flywheel promote {SPRINT}, then run the same command again\n",
    )
    assert tags(project) == FIRST_TAGS
    assert call(bare, "git", "tag").stdout == ""


def test_every_tag_of_the_model_is_pushed(challenged: Path, tmp_path: Path) -> None:
    project = challenged
    bare = with_remotes(project, tmp_path)
    flywheel(project, "promote", NEXT, "--push", check=True)
    assert sorted(call(bare, "git", "tag").stdout.split()) == [
        "tiny-digits#prod#1",
        "tiny-digits#prod#2",
        "tiny-digits@v1.0.0",
        "tiny-digits@v1.1.0",
    ]


def test_another_tag_of_the_same_name_is_told(project: Path, tmp_path: Path) -> None:
    bare = with_remotes(project, tmp_path)
    other = clone(bare, tmp_path / "other")
    call(other, "git", "tag", "-a", "tiny-digits@v1.0.0", "-m", "theirs")
    call(other, "git", "push", "-q", "--tags")
    refused = flywheel(project, "promote", SPRINT, "--push")
    assert (refused.returncode, refused.stderr) == (
        5,
        "error: origin/main: the push to origin failed, and nothing was pushed: it has tiny-digits@v1.0.0 with another "
        "content\n  hint: git fetch origin --tags --force, then run the same command again\n",
    )
    assert tags(project) == []


def test_a_model_that_nobody_could_fetch_is_not_published(project: Path, tmp_path: Path) -> None:
    bare = with_remotes(project, tmp_path)
    shutil.rmtree(tmp_path / "store")
    before = log(project)
    refused = flywheel(project, "promote", SPRINT, "--push")
    assert refused.returncode == 5
    assert refused.stderr.startswith(
        f"error: {FOLDER}: nothing was pushed, since nobody could fetch the model: DVC's remote lacks "
    )
    assert refused.stderr.endswith("  hint: dvc push, then run the same command again\n")
    assert (tags(project), log(project), call(bare, "git", "tag").stdout) == ([], before, "")
    flywheel(project, "promote", SPRINT, check=True)
    assert flywheel(project, "promote", SPRINT, "--push").returncode == 5
    call(project, sys.executable, "-m", "dvc", "remote", "remove", "store")
    commit(project, "No remote")
    assert flywheel(project, "promote", SPRINT, "--push").stderr == (
        "error: .dvc/config: nothing was pushed, since nobody could fetch the model: DVC has no remote\n"
        "  hint: dvc remote add -d store URL, commit .dvc/config, dvc push, then run the same command again\n"
    )
    assert call(bare, "git", "tag").stdout == ""


def test_an_approval_of_what_is_no_finding_is_an_error(project: Path) -> None:
    named(project)
    refused = flywheel(project, "promote", SPRINT, "--approve", "gate_loosened-00000000")
    assert (refused.returncode, refused.stderr) == (
        2,
        f"error: {FOLDER}/terms.json: gate_loosened-00000000 is no finding of {SPRINT}; it has none to approve\n"
        f"  hint: flywheel promote {SPRINT}\n",
    )
    assert tags(project) == []


def test_an_approved_finding_is_passed_wherever_it_is_told(project: Path) -> None:
    named(project)
    spec = project / "specs" / f"{SPRINT}.yaml"
    strict = "  - {metric: map50_95, min: 0.9, decide: point}\n"
    spec.write_text(spec.read_text() + strict)
    commit(project, "A gate")
    call(project, "git", "checkout", "-q", "-b", "proposal")
    spec.write_text(spec.read_text().replace(strict, strict.replace("0.9", "0.0")))
    commit(project, "A looser gate")
    flywheel(project, "run", "--base", "main")
    commit(project, "Its record")
    call(project, "git", "checkout", "-q", "main")
    call(project, "git", "merge", "-q", "--no-ff", "proposal")
    waiting = flywheel(project, "promote", SPRINT)
    (finding,) = (line.split(":")[0].strip() for line in waiting.stdout.splitlines()[1:2])
    assert waiting.stdout == (
        f"{SPRINT}: not promoted: it waits for approval\n"
        f"  {finding}: needs the approval of somebody who may maintain the repository\n"
        f"  next: flywheel promote {SPRINT} --approve {finding}\n"
    )
    mistyped = flywheel(project, "promote", SPRINT, "--approve", f"{finding}0")
    assert mistyped.stderr.splitlines()[0].endswith(
        f"{finding}0 is no finding of {SPRINT}; its findings are: {finding}"
    )
    flywheel(project, "promote", SPRINT, "--approve", finding, check=True)
    message = call(project, "git", "tag", "-l", "--format=%(contents)", "tiny-digits#prod#1").stdout
    assert "verdict: PASS\n" in message
    assert "Verdict: **PASS**." in (project / FOLDER / "model-card.md").read_text()
    assert "  promoted  PASS, " in flywheel(project, "history").stdout
    # a promoted sprint's terms are those of its day; another one's must be today's
    assert "stale" not in flywheel(project, "status").stdout


def test_status_tells_terms_that_the_base_no_longer_holds(project: Path) -> None:
    call(project, "git", "checkout", "-q", "-b", "proposal")
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text() + "# as it was\n")
    commit(project, "Proposed")
    flywheel(project, "run", "--base", "main", check=True)
    commit(project, "Its record")
    call(project, "git", "checkout", "-q", "main")
    call(project, "git", "merge", "-q", "--no-ff", "proposal")
    assert "stale" not in flywheel(project, "status").stdout
    config = project / "flywheel.yaml"
    config.write_text(config.read_text() + "policy: {gates: [{metric: map50_95, min: 0.0, decide: point}]}\n")
    commit(project, "A policy")
    why = "judged under other terms than those of the base branch (policy)"
    assert f"  {why}\n" in flywheel(project, "promote", SPRINT).stdout
    assert f"stale: {why}" in flywheel(project, "status").stdout
    call(project, "git", "checkout", "-q", "-b", "another-proposal")
    assert "other terms" not in flywheel(project, "status").stdout


@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        ("https://user:secret@git.example.org/acme/digits.git", "https://git.example.org/acme/digits.git"),
        ("git@git.example.org:acme/digits.git", "git@git.example.org:acme/digits.git"),
        ("/somewhere/here", "."),
        (None, "."),
    ],
)
def test_a_card_shows_the_repositorys_address_without_secrets_or_folders(
    tmp_path: Path, remote: str | None, shown: str
) -> None:
    call(tmp_path, "git", "init", "-q")
    if remote:
        call(tmp_path, "git", "remote", "add", "origin", remote)
    assert public_url(tmp_path) == shown


def test_an_approval_needs_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(tmp_path, "git", "init", "-q")
    for key in ("user.name", "github.user"):
        call(tmp_path, "git", "config", key, "")
    with pytest.raises(promoting.FlywheelError, match="an approval needs a name"):
        promoting.terminal_approvals(tmp_path, ["gate_loosened-00000000"])
    call(tmp_path, "git", "config", "github.user", "alice")
    (approval,) = promoting.terminal_approvals(tmp_path, ["gate_loosened-00000000"])
    assert (approval.by, approval.channel) == ("alice", "terminal")
