"""A loosened gate, and whose word makes it count: nobody's but a named person's, after the last report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from projects import PROJECT, SPRINT
from simulated_forge.loop import POLICY, POLICY_CHECK, SMALL, Loop, spec

from runner.forges.forge import Review

CHECK = f"flywheel / {SMALL}"
LOOSE = {f"specs/{SMALL}.yaml": spec(100)}


@pytest.fixture
def loose(loosened: Loop, tmp_path: Path) -> Loop:
    return loosened.copy(tmp_path)


def finding(loop: Loop) -> str:
    [found] = set(loop.findings(7))
    return found


def test_a_loosened_gate_is_shown_and_the_bases_own_judges(loosened: Loop) -> None:
    plan = loosened.comment(7, "plan")
    assert "gate size_mb ≤ 1 → ≤ 100 **loosened**" in plan
    assert f"/flywheel approve {finding(loosened)}" in plan
    assert loosened.conclusions(7) == {CHECK: "failure", POLICY_CHECK: "action_required"}
    report = loosened.comment(7, f"report:{SMALL}")
    assert report.splitlines()[2] == f"## ✗ FAIL — {SMALL}: A smaller model is asked for"
    assert finding(loosened) in report
    [note] = loosened.checks(7)[POLICY_CHECK].annotations
    assert (note.path, note.line, note.level) == (f"specs/{SMALL}.yaml", 6, "warning")
    assert "carol" in loosened.checks(7)[POLICY_CHECK].summary


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("alice", "is the author&#39;s own"),
        ("bob", "the policy names others"),
        ("dave", "the policy names others"),
        ("eve", "Commands are for people who can write to this repository"),
        ("nobody-known", "Commands are for people who can write to this repository"),
    ],
)
def test_the_approval_of_anybody_else_changes_nothing(loose: Loop, who: str, why: str) -> None:
    before = (loose.comment(7, f"report:{SMALL}"), loose.checks(7)[CHECK])
    answer = loose.says(7, who, f"/flywheel approve {finding(loose)}")
    assert why in answer.replace("'", "&#39;")
    assert "Nothing was" in answer
    loose.publish(loose.newest())
    assert loose.conclusions(7) == {CHECK: "failure", POLICY_CHECK: "action_required"}
    assert (loose.comment(7, f"report:{SMALL}"), loose.checks(7)[CHECK]) == before


def test_the_named_persons_approval_makes_it_pass_and_promotes_it(loose: Loop) -> None:
    reported = loose.checks(7)[CHECK].completed_at
    answer = loose.says(7, "carol", f"/flywheel approve {finding(loose)}")
    assert answer == f"`{finding(loose)}` is approved by `carol`."
    assert loose.conclusions(7) == {CHECK: "success", POLICY_CHECK: "success"}
    assert loose.checks(7)[CHECK].completed_at == reported  # the approval is not older than its report now
    report = loose.comment(7, f"report:{SMALL}")
    assert report.splitlines()[2] == f"## ✓ PASS — {SMALL}: A smaller model is asked for"
    assert "approved by `carol`" in report
    loose.publish(loose.newest())  # nobody takes the approval back by publishing again
    assert loose.conclusions(7) == {CHECK: "success", POLICY_CHECK: "success"}
    loose.merge(7)
    assert loose.promote(7) == 0, loose.log[-1]
    assert loose.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    card = loose.show_file(f"reports/{SMALL}/model-card.md")
    assert "carol" in card


def test_an_approving_review_of_the_judged_commit_counts(loose: Loop) -> None:
    hub = loose.memory
    head = loose.hub.pull(7)["head_sha"]
    hub.later()
    for commit in ("1" * 40, head):
        hub.fake.reviewed[7] = [
            Review(author="carol", state="APPROVED", commit=commit, submitted_at=hub.fake.now)
        ]
        loose.publish(loose.newest())
        expected = "success" if commit == head else "action_required"
        assert loose.conclusions(7)[POLICY_CHECK] == expected


def test_a_comment_that_was_edited_approves_nothing(loose: Loop) -> None:
    loose.says(7, "carol", f"/flywheel approve {finding(loose)}", edited=True)
    loose.publish(loose.newest())
    assert loose.conclusions(7) == {CHECK: "failure", POLICY_CHECK: "action_required"}
    loose.merge(7)
    assert loose.promote(7) == 0
    assert loose.tags == []


@pytest.mark.parametrize("again", [Loop.once_more, Loop.run_again])
def test_what_was_approved_before_the_last_report_counts_no_more(
    loose: Loop, again: Callable[[Loop], int]
) -> None:
    found = finding(loose)
    loose.says(7, "carol", f"/flywheel approve {found}")
    assert loose.conclusions(7)[POLICY_CHECK] == "success"
    assert loose.publish(again(loose)) == 0  # the same commit, run again: another report
    assert finding(loose) == found
    assert loose.conclusions(7) == {CHECK: "failure", POLICY_CHECK: "action_required"}
    assert "is older than the last report" in loose.checks(7)[POLICY_CHECK].summary
    loose.merge(7)
    assert loose.promote(7) == 0
    assert loose.tags == []


def test_an_approval_before_there_is_a_report_counts_for_nothing(prepared: Loop, tmp_path: Path) -> None:
    loop = prepared.copy(tmp_path)
    loop.on_main({f"specs/{SMALL}.yaml": spec(1)})
    loop.propose(7, LOOSE)
    loop.planned(7)
    answer = loop.says(7, "carol", f"/flywheel approve {finding(loop)}")
    assert answer == (
        "The approval of carol does not count: nothing was reported yet. It takes `carol`. Nothing was approved."
    )
    loop.planned(7, by_hand=True)
    assert loop.conclusions(7) == {POLICY_CHECK: "action_required"}


def test_merged_without_approval_it_is_recorded_and_an_approval_afterwards_promotes_it(loose: Loop) -> None:
    loose.merge(7)
    assert loose.promote(7) == 0, loose.log[-1]
    assert loose.tags == []
    assert loose.subjects[0] == f"flywheel: record of {SMALL} [skip ci]"
    [found] = set(loose.findings(7))
    waiting = loose.comment(7, f"promotion:{SMALL}")
    assert waiting.splitlines()[1] == f"## ⏳ `{SMALL}` is recorded, and waits for approval"
    assert f"- `/flywheel approve {found}`" in waiting
    assert "Nothing was approved" in loose.says(7, "bob", f"/flywheel approve {found}")
    assert loose.follow() == []
    assert loose.says(7, "carol", f"/flywheel approve {found}").endswith(f"Promoting `{SMALL}`.")
    assert loose.follow() == ["promote.yml"]
    assert loose.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert loose.comment(7, f"promotion:{SMALL}").splitlines()[1] == f"## 🚀 `{SMALL}` was promoted as v1.0.0"
    assert "carol" in loose.show_file(f"reports/{SMALL}/model-card.md")


def test_commands_are_answered_once_and_lead_to_the_default_branchs_workflows(loose: Loop) -> None:
    assert loose.says(7, "bob", "/flywheel plan").startswith("Planning `")
    assert loose.says(7, "bob", "nice work") == ""
    assert loose.follow() == ["plan.yml"]
    assert loose.markers(7).count("plan") == 1
    assert loose.conclusions(7) == {CHECK: "failure", POLICY_CHECK: "action_required"}


def test_a_policy_that_is_loosened_is_approved_after_the_merge_too(loop: Loop) -> None:
    strict = POLICY.replace("policy: {", "policy: {gates: [{metric: size_mb, max: 20}], ")
    loop.on_main({"flywheel.yaml": PROJECT + strict})
    loop.propose(7, {"flywheel.yaml": PROJECT + strict.replace("20", "200")})
    loop.planned(7)
    loop.sprinted(7)  # the newest sprint, by the base's policy
    assert loop.conclusions(7) == {f"flywheel / {SPRINT}": "success", POLICY_CHECK: "action_required"}
    loop.merge(7)
    assert loop.promote(7) == 0, loop.log[-1]
    assert loop.tags == []
    answer = loop.says(7, "carol", f"/flywheel approve {finding(loop)}")
    assert answer.endswith(f"Promoting `{SPRINT}`.")
    assert loop.follow() == ["promote.yml"]
    assert loop.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"], loop.log[-1]
    assert (
        loop.comment(7, f"promotion:{SPRINT}").splitlines()[1] == f"## 🚀 `{SPRINT}` was promoted as v1.0.0"
    )
