"""Forks, and pull requests that change code: what runs for them, what of it is believed, and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import call
from simulated_forge.loop import NEXT, POLICY_CHECK, Loop, spec

from runner.domain.errors import FlywheelError

CHECK = f"flywheel / {NEXT}"
SPEC = {f"specs/{NEXT}.yaml": spec(50)}


def test_a_forks_sprint_runs_when_somebody_who_may_names_its_commit_and_is_promoted(loop: Loop) -> None:
    head = loop.propose(7, SPEC, fork=True)
    loop.planned(7)
    plan = loop.comment(7, "plan")
    assert "/flywheel run" in plan
    assert f"name the commit in full: `/flywheel run {head}`" in loop.says(7, "bob", "/flywheel run")
    assert "Commands are for people who can write" in loop.says(7, "stranger", f"/flywheel run {head}")
    assert loop.follow() == []
    assert loop.says(7, "bob", f"/flywheel run {head}").startswith(f"Running the sprints of `{head[:10]}`.")
    assert loop.follow() == ["sprint.yml"]
    assert loop.conclusions(7) == {CHECK: "success", POLICY_CHECK: "success"}
    assert loop.comment(7, f"report:{NEXT}").splitlines()[2].startswith("## ✓ PASS")
    loop.merge(7)
    assert loop.promote(7) == 0, loop.log[-1]
    assert loop.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]


def by_hand(loop: Loop, **changes: str) -> int:
    """Makes the newest run one of a fork's commit that a maintainer started, changed as asked."""
    loop.hub.set_pull(7, head_repository="stranger/digits")
    run = loop.newest()
    fields = {
        "path": ".github/workflows/sprint.yml",
        "event": "workflow_dispatch",
        "head_sha": loop.sha("main"),
        "head_branch": "main",
        "title": f"sprint #7 {loop.hub.pull(7)['head_sha']}",
    }
    loop.hub.set_run(run, **{**fields, **changes})
    return run


def test_a_forks_finding_is_approved_as_any_other(loosened: Loop, tmp_path: Path) -> None:
    loop = loosened.copy(tmp_path)
    by_hand(loop)
    call(loop.bare, "git", "branch", "-q", "-D", "pr-7")  # a fork's commits are on no branch of ours
    [finding] = set(loop.findings(7))
    assert loop.says(7, "carol", f"/flywheel approve {finding}") == f"`{finding}` is approved by `carol`."
    assert loop.conclusions(7)[POLICY_CHECK] == "success"


def state(loop: Loop) -> object:
    """Everything that a report changes."""
    return [each.body for each in loop.hub.comments(7)], loop.checks(7), loop.files("flywheel-reports")


def test_a_forks_push_after_the_run_was_started_leaves_nothing_published(
    judged: Loop, tmp_path: Path
) -> None:
    loop = judged.copy(tmp_path)
    run = by_hand(loop)
    assert loop.publish(run) == 0
    loop.propose(7, {f"specs/{NEXT}.yaml": spec(49)}, fork=True)
    before = state(loop)
    assert loop.show(run) == 0
    assert loop.publish(run) == 0
    assert "does not propose" in loop.log[-1]
    assert state(loop) == before


@pytest.mark.parametrize(
    "forged",
    [
        {"head_branch": "pr-7"},  # a workflow file of the pull request's own
        {"head_sha": "7" * 40},  # a tag that is called like the default branch
        {"path": ".github/workflows/other.yml"},
        {"event": "push"},
        {"event": "schedule"},
        {"title": "sprint #7 main"},
    ],
)
def test_a_run_that_somebody_else_made_is_not_believed(
    judged: Loop, tmp_path: Path, forged: dict[str, str]
) -> None:
    loop = judged.copy(tmp_path)
    before = state(loop)
    run = by_hand(loop, **forged)
    for publish in (loop.publish, loop.show):
        with pytest.raises(FlywheelError) as refused:
            publish(run)
        assert refused.value.exit_code == 5
    assert state(loop) == before


@pytest.mark.parametrize("path", ["runner/gates/judge.py", ".github/workflows/sprint.yml"])
def test_a_proposal_that_changes_code_runs_no_sprint_and_is_told(loop: Loop, path: str) -> None:
    loop.propose(7, {**SPEC, path: "anything"})
    loop.planned(7)
    told = loop.comment(7, "plan")
    assert told.splitlines()[1] == "## ⚠ No plan is shown"
    assert "changes code" in told
    run = loop.sprinted(7)
    assert run.code == 2
    assert not (run.out / "bundle").exists()
    assert (loop.markers(7), loop.checks(7)) == (["plan"], {})


def test_a_bundle_that_such_a_proposal_forges_is_not_believed(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    before = [each.body for each in loop.hub.comments(7)]
    loop.propose(7, {"runner/gates/judge.py": "PASS"})
    head = loop.hub.pull(7)["head_sha"]
    loop.hub.set_run(
        900,
        path=".github/workflows/sprint.yml",
        event="pull_request",
        head_sha=head,
        head_branch="pr-7",
        head_repository="acme/digits",
    )
    [honest] = [
        loop.memory.fake.archives[each.id]
        for each in loop.memory.fake.left[judged.newest()]
        if each.name == "flywheel-bundle"
    ]
    loop.hub.leave(900, "flywheel-bundle", honest)
    for publish in (loop.show, loop.publish):
        with pytest.raises(FlywheelError, match="changes code"):
            publish(900)
    assert [each.body for each in loop.hub.comments(7)] == before
    assert loop.checks(7) == {}
    loop.merge(7)
    assert loop.promote(7) == 5
    assert loop.tags == []
    assert "changes code" in loop.comment(7, "promotion:nothing")


def test_two_pull_requests_of_one_commit_are_told_apart_by_their_branch(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    known = loop.hub.pull(7)
    del known["number"]
    loop.hub.set_pull(8, **{**known, "head_ref": "other", "head_repository": "stranger/digits"})
    assert loop.publish(loop.newest()) == 0
    assert (len(loop.markers(7)), loop.markers(8)) == (2, [])
