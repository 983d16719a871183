"""The same line against GitHub's API: every request is one that GitHub describes, with the token that the job's file asks for.

What ran is replayed from the states that the other tests begin with: the bundles are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from forges.emulator import Emulator, Fault
from projects import call
from simulated_forge.hubs import EmulatedHub
from simulated_forge.loop import NEXT, POLICY_CHECK, SMALL, Loop

from runner.domain.errors import ExitCode, FlywheelError

CHECK = f"flywheel / {NEXT}"
REPORT = f"report:{NEXT}"
REFUSED: list[Fault] = ["401", "403", "404", "422"]
PASSING: list[Fault] = ["403-retry-after", "502", "reset", "applied-then-502", "applied-then-reset"]
Replay = Callable[..., int]


@pytest.fixture
def replay(real: Loop) -> Replay:
    """Brings the newest run of a state to the forge, with its commit as the pull request's head; its number there."""

    def bring(state: Loop, workflow: str) -> int:
        run, pull = state.newest(workflow), state.hub.pull(7)
        head = pull["head_sha"]
        refs = [f"{head}:refs/pull/7/head", f"{head}:refs/heads/pr-7", f"{state.sha('main')}:refs/heads/main"]
        call(state.author, "git", "fetch", "-q", "origin", "main")
        call(state.author, "git", "push", "-q", "-f", str(real.bare), *refs)
        del pull["number"]
        real.hub.set_pull(7, **pull)
        known = next(each for each in state.memory.fake.runs if each.id == run)
        fields = {
            name: getattr(known, name)
            for name in known.__struct_fields__
            if name not in ("id", "url", "called")
        }
        real.hub.set_run(run, **fields)
        for each in state.memory.fake.left[run]:
            real.hub.leave(run, each.name, state.memory.fake.archives[each.id])
        return run

    return bring


def hub(loop: Loop) -> Emulator:
    assert isinstance(loop.hub, EmulatedHub)
    return loop.hub.github


def test_two_pushes_and_a_merge(real: Loop, first: Loop, judged: Loop, replay: Replay) -> None:
    for state in (first, judged):
        real.publish(replay(state, "plan"))
        run = replay(state, "sprint")
        assert (real.show(run), real.publish(run)) == (0, 0)
    assert real.markers(7) == ["plan", REPORT]
    assert "Older verdicts (1)" in real.comment(7, REPORT)
    assert real.conclusions(7) == {CHECK: "success", POLICY_CHECK: "success"}
    old, new = (state.hub.pull(7)["head_sha"] for state in (first, judged))
    [note] = hub(real).annotations(
        next(each["id"] for each in hub(real).check_runs(old) if each["name"] == CHECK)
    )
    assert (note["path"], note["start_line"]) == (f"specs/{NEXT}.yaml", 6)
    assert {path.split("/")[1] for path in real.files("flywheel-reports")} == {new}
    real.merge(7)
    assert real.promote(7) == 0, real.log[-1]
    assert real.promote(7) == 0, real.log[-1]
    assert real.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert real.markers(7) == ["plan", REPORT, f"promotion:{NEXT}"]


def test_an_approval_in_a_comment_before_and_after_the_merge(
    real: Loop, loosened: Loop, replay: Replay
) -> None:
    assert real.publish(replay(loosened, "sprint")) == 0
    [finding] = set(real.findings(7))
    assert "Nothing was approved" in real.says(7, "alice", f"/flywheel approve {finding}")
    assert "Nothing was done" in real.says(7, "eve", f"/flywheel approve {finding}")
    assert real.conclusions(7) == {f"flywheel / {SMALL}": "failure", POLICY_CHECK: "action_required"}
    real.merge(7)
    assert real.promote(7) == 0, real.log[-1]
    assert real.tags == []
    assert real.says(7, "carol", f"/flywheel approve {finding}").endswith(f"Promoting `{SMALL}`.")
    assert real.follow() == ["promote.yml"]
    assert real.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]


@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("path", ["check-runs$", "issues/7/comments$"])
def test_a_refusal_publishes_the_rest_and_the_next_try_the_whole(
    real: Loop, judged: Loop, replay: Replay, fault: Fault, path: str
) -> None:
    run = replay(judged, "sprint")
    hub(real).fault(fault, method="POST", path=path)
    with pytest.raises(FlywheelError) as told:
        real.publish(run)
    assert told.value.exit_code is ExitCode.PUBLISH_FAILED
    assert told.value.hint == "run this job again: it publishes what is missing, and nothing twice"
    hub(real).fault_free()
    assert len(real.markers(7)) == (1 if path == "check-runs$" else 0)
    assert POLICY_CHECK in real.checks(7)
    assert real.publish(run) == 0
    assert real.markers(7) == [REPORT]
    assert real.conclusions(7) == {CHECK: "success", POLICY_CHECK: "success"}


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("path", ["check-runs$", "issues/7/comments$"])
def test_a_passing_trouble_is_sat_out_and_leaves_nothing_twice(
    real: Loop, judged: Loop, replay: Replay, fault: Fault, path: str
) -> None:
    run = replay(judged, "sprint")
    hub(real).fault(fault, method="POST", path=path, retry_after=1)
    assert real.publish(run) == 0
    assert real.markers(7) == [REPORT]
    query = {"filter": "all"}
    head = real.hub.pull(7)["head_sha"]
    every = hub(real).api("GET", f"commits/{head}/check-runs", params=query)["check_runs"]
    assert sorted(check["name"] for check in every) == [CHECK, POLICY_CHECK]
