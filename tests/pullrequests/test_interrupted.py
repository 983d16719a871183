"""Jobs that are killed, and forges that refuse: run again, they finish what is missing and do nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from projects import call
from simulated_forge.loop import NEXT, POLICY_CHECK, Loop

from runner.adapters.dvc import artifacts
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.forge import AnswerLost
from runner.pullrequests.merged import after_merge

CHECK = f"flywheel / {NEXT}"


class Killed(BaseException):
    """The machine is gone."""


def at(place: tuple[Any, str], *, done: bool) -> Callable[[pytest.MonkeyPatch], None]:
    """Kills the job at a call, before it or when it has done its work."""
    module, name = place
    real = getattr(module, name)

    def dying(*arguments: Any, **options: Any) -> Any:
        if done:
            real(*arguments, **options)
        raise Killed

    return lambda patch: patch.setattr(module, name, dying)


KILLS = {
    "when the objects are stored": at((artifacts, "push_objects"), done=True),
    "before the push": at((after_merge.trusted, "push_refs"), done=False),
    "after the push, before the comment": at((after_merge.trusted, "push_refs"), done=True),
}


@pytest.mark.parametrize("kill", KILLS)
def test_a_promote_job_that_was_killed_is_finished_by_the_next(
    judged: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: str
) -> None:
    loop = judged.copy(tmp_path)
    loop.merge(7)
    with monkeypatch.context() as patch:
        KILLS[kill](patch)
        with pytest.raises(Killed):
            loop.promote(7)
    assert loop.promote(7) == 0, loop.log[-1]
    assert loop.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert loop.subjects[:3] == [
        f"flywheel: {NEXT} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {NEXT} [skip ci]",
        "Merge #7",
    ]
    assert loop.markers(7) == ["plan", f"report:{NEXT}", f"promotion:{NEXT}"]
    stored = {path.name for path in (tmp_path / "store").rglob("*") if path.is_file()}
    lock = loop.show_file(f"reports/{NEXT}/dvc.lock")
    hashes = [line.split()[-1] for line in lock.splitlines() if line.strip().startswith("md5: ")]
    folders = [md5 for md5 in hashes if md5.endswith(".dir")]
    assert folders
    assert {md5[2:] for md5 in folders} <= stored


REFUSALS = {
    "401": FlywheelError(
        "401: the token is not valid", hint="a new token", exit_code=ExitCode.PUBLISH_FAILED
    ),
    "403": FlywheelError("403: checks: write is missing", exit_code=ExitCode.PUBLISH_FAILED),
    "502": AnswerLost("502, three times", exit_code=ExitCode.PUBLISH_FAILED),
}


@pytest.mark.parametrize("method", ["put_check_run", "edit_comment"])
@pytest.mark.parametrize("fault", REFUSALS)
def test_what_can_be_published_is_and_the_rest_by_running_the_job_again(
    first: Loop, judged: Loop, tmp_path: Path, method: str, fault: str
) -> None:
    loop = first.copy(tmp_path)
    run = follow_up(loop, judged)
    fake = loop.memory.fake
    ids = [each.id for each in loop.hub.comments(7)]
    looks = 3 if fault == "502" and method == "edit_comment" else 1
    fake.fail(method, *[REFUSALS[fault]] * looks)
    with pytest.raises(FlywheelError) as told:
        loop.publish(run)
    assert told.value.exit_code is ExitCode.PUBLISH_FAILED
    assert told.value.hint == "run this job again: it publishes what is missing, and nothing twice"
    what = f"the check of {NEXT}" if method == "put_check_run" else f"the report of {NEXT}"
    assert str(told.value).startswith(f"not published: {what}: {REFUSALS[fault].message}; nothing is lost: ")
    assert ("## ✓ PASS" in loop.comment(7, f"report:{NEXT}")) == (method == "put_check_run")
    assert (CHECK in loop.checks(7)) == (method == "edit_comment")
    assert POLICY_CHECK in loop.checks(7)
    assert loop.publish(run) == 0
    assert loop.conclusions(7) == {CHECK: "success", POLICY_CHECK: "success"}
    assert [each.id for each in loop.hub.comments(7)] == ids
    assert "## ✓ PASS" in loop.comment(7, f"report:{NEXT}")
    assert "Older verdicts (1)" in loop.comment(7, f"report:{NEXT}")


def follow_up(loop: Loop, judged: Loop) -> int:
    """Brings the second push and its finished run into the state after the first; nothing of it is published yet."""
    run, head = judged.newest(), judged.hub.pull(7)["head_sha"]
    call(judged.author, "git", "push", "-q", "-f", str(loop.bare), f"{head}:refs/pull/7/head")
    loop.hub.set_pull(7, head_sha=head)
    known = next(each for each in judged.memory.fake.runs if each.id == run)
    loop.memory.fake.add_run(known)
    loop.memory.fake.left[run] = judged.memory.fake.left[run]
    loop.memory.fake.archives |= judged.memory.fake.archives
    return run


def test_a_remote_that_takes_nothing_leaves_main_as_it_is(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    loop.merge(7)
    merged = loop.sha("main")
    store = tmp_path / "store"
    store.rename(tmp_path / "gone")
    store.write_text("no folder")
    assert loop.promote(7) == 5, loop.log[-1]
    assert (loop.sha("main"), loop.tags) == (merged, [])
    assert loop.comment(7, "promotion:nothing").splitlines()[1] == "## ✗ Nothing was recorded"
    store.unlink()
    (tmp_path / "gone").rename(store)
    assert loop.promote(7) == 0, loop.log[-1]
    assert loop.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]


def test_a_branch_that_nobody_may_push_to_is_told_with_what_to_do(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    loop.merge(7)
    hook = loop.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed for refs/heads/main.'\nexit 1\n")
    hook.chmod(0o755)
    assert loop.promote(7) == 5
    told = loop.comment(7, "promotion:nothing")
    assert "FLYWHEEL_PUSH_KEY" in told
    assert loop.tags == []
