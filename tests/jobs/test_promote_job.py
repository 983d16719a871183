"""After a merge: the record comes to main from a verified bundle, and what may be is promoted; with real git and DVC remotes.

What a promoted sprint leaves is looked at in tests/pullrequests/test_main_line.py, what a second one comes to in test_stale.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from projects import SPRINT, call
from simulated_forge.loop import NEXT, THIRD, Loop, spec

from runner.adapters.dvc.metafiles import read_lock
from runner.domain.errors import FlywheelError
from runner.forges.environment import read_environment
from runner.jobs import promote as job
from runner.pullrequests.merged.record import commit_record
from runner.pullrequests.trusted_runs import git_access

VERDICT = f"reports/{NEXT}/verdict.json"
PROMOTED = ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
RECORDED_AND_PROMOTED = [
    f"flywheel: {NEXT} is tiny-digits v1.0.0 [skip ci]",
    f"flywheel: record of {NEXT} [skip ci]",
]


@pytest.fixture
def merged(judged: Loop, tmp_path: Path) -> Loop:
    """Pull request 7, whose sprint is PASS, was merged, and no job ran yet."""
    loop = judged.copy(tmp_path)
    loop.merge(7)
    return loop


def bring_record(loop: Loop, number: int, message: str) -> None:
    """A merged pull request whose author wrote the record of pull request 7's sprint, and ran nothing."""
    bundle = loop.artifact("flywheel-bundle")
    # Pictures are in DVC: below reports/ git holds records and nothing else.
    record = {
        path: content
        for path, content in bundle.items()
        if path.startswith("reports/") and "/gallery/" not in path
    }
    files = {**record, f"specs/{NEXT}.yaml": spec(50), f"reports/{NEXT}/report.md": message}
    loop.propose(number, files, author="mallory", commit_message=message)
    loop.merge(number)


def record_by_job(loop: Loop) -> None:
    """The job's last record, of the sprint that main has."""
    root, notes = loop.clone("recorded"), f"reports/{SPRINT}/notes.md"
    (root / notes).write_text("Recorded\n")
    environment = read_environment(loop.environment("promote", "promote", "push", {}))
    commit_record(root, [notes], [SPRINT], git_access(environment))
    call(root, "git", "push", "-q", "origin", "HEAD:main")


def test_the_job_run_again_changes_nothing(promoted: Loop, tmp_path: Path) -> None:
    loop = promoted.copy(tmp_path)
    before = (loop.tags, loop.sha("main"), [each.body for each in loop.hub.comments(7)])
    assert loop.promote(7) == 0
    assert (loop.tags, loop.sha("main"), [each.body for each in loop.hub.comments(7)]) == before
    # somebody starts sprint.yml by hand, after the merge: there is nothing to run, and it leaves no bundle
    head = loop.hub.pull(7)["head_sha"]
    loop.hub.set_run(
        900,
        event="workflow_dispatch",
        head_sha=loop.sha("main"),
        head_branch="main",
        title=f"sprint #7 {head}",
        created_at=loop.memory.fake.now,
    )
    assert (loop.promote(7), loop.promote(sprint="0002")) == (0, 0)
    assert (loop.tags, loop.sha("main"), [each.body for each in loop.hub.comments(7)]) == before


def test_a_merge_whose_job_was_cancelled_is_recorded_by_the_next(rivals: Loop, tmp_path: Path) -> None:
    loop = rivals.copy(tmp_path)
    record_by_job(loop)
    loop.merge(7)
    loop.merge(8)
    assert loop.promote(8) == 0, loop.log[-1]
    assert loop.subjects[:7] == [
        f"flywheel: {THIRD} is judged again [skip ci]",
        f"flywheel: record of {THIRD} [skip ci]",
        *RECORDED_AND_PROMOTED,
        "Merge #8",
        "Merge #7",
        f"flywheel: record of {SPRINT} [skip ci]",
    ]
    assert {VERDICT, f"reports/{THIRD}/verdict.json"} <= {*loop.files()}
    assert loop.tags == PROMOTED


def test_main_that_moves_while_the_record_is_pushed_is_no_loss(
    merged: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.pullrequests.merged import after_merge

    push, moved = after_merge.trusted.push_refs, []

    def moving(root: Path, refs: list[str], access: object) -> bool:
        if not moved:
            moved.append(merged.on_main({"README.md": "meanwhile"}, "Meanwhile"))
        return push(root, refs, access)  # type: ignore[arg-type]

    monkeypatch.setattr(after_merge.trusted, "push_refs", moving)
    assert merged.promote(7) == 0
    assert merged.subjects[:4] == [*RECORDED_AND_PROMOTED, "Meanwhile", "Merge #7"]
    assert merged.tags == PROMOTED
    assert merged.sha("tiny-digits#prod#1") == merged.sha("main")


def test_a_verdict_that_is_not_pass_is_recorded_and_not_promoted(first: Loop, tmp_path: Path) -> None:
    loop = first.copy(tmp_path)
    loop.merge(7)
    assert loop.promote(7) == 0
    assert loop.subjects[0] == f"flywheel: record of {NEXT} [skip ci]"
    assert loop.tags == []
    assert loop.comment(7, f"promotion:{NEXT}").startswith(
        f"<!-- flywheel:promotion:{NEXT} -->\n## ○ `{NEXT}` is recorded, and was not promoted\n\n- FAIL: "
    )


def test_a_run_that_is_not_believed_records_nothing_and_says_why(merged: Loop) -> None:
    fake, run = merged.memory.fake, merged.newest()
    fake.runs = [replace(each, head_sha="2" * 40) if each.id == run else each for each in fake.runs]
    before = merged.sha("main")
    assert merged.promote(7) == 1
    assert (merged.sha("main"), merged.tags) == (before, [])
    assert "no finished run of sprint.yml" in merged.comment(7, "promotion:nothing")


def test_artifacts_that_expired_are_named_with_what_to_do(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    fake, run = loop.memory.fake, loop.newest()
    left = fake.left[run]
    fake.left[run] = [replace(each, expired=True) for each in left]
    with pytest.raises(FlywheelError, match="its flywheel-bundle is gone: forges keep it for 90 days"):
        loop.publish(run)
    loop.merge(7)
    assert loop.promote(7) == 5
    told = loop.comment(7, "promotion:nothing")
    for said in ("its flywheel-bundle is gone", "**Next:**", "/flywheel run"):
        assert said in told
    assert loop.tags == []
    fake.left[run] = left
    assert loop.promote(7) == 0
    assert loop.comment(7, "promotion:nothing") == (
        f"<!-- flywheel:promotion:nothing -->\nAn earlier job recorded nothing. By now `{NEXT}` is recorded.\n"
    )


def test_a_sprint_that_was_judged_against_the_champion_takes_its_place(
    promoted: Loop, tmp_path: Path
) -> None:
    loop = promoted.copy(tmp_path)
    with pytest.raises(FlywheelError, match="is the first that was promoted"):
        loop.promote(rollback="previous")
    loop.propose(8, {f"specs/{THIRD}.yaml": spec(40)})
    loop.sprint_run(8)
    loop.merge(8)
    assert loop.promote(8) == 0
    assert loop.tags[:2] == ["tiny-digits#prod#1", "tiny-digits#prod#2"]


def test_a_clone_with_work_in_it_is_left_alone(prepared: Loop, tmp_path: Path) -> None:
    loop = prepared.copy(tmp_path)
    root = loop.clone("mine")
    project = root / "flywheel.yaml"
    project.write_text(project.read_text() + "# mine\n")
    with pytest.raises(FlywheelError, match="holds changes or commits that were not pushed"):
        loop.promote(sprint=SPRINT, root=root)
    assert project.read_text().endswith("# mine\n")


def test_a_record_that_a_pull_request_brought_is_not_promoted(judged: Loop, tmp_path: Path) -> None:
    """Whoever may write can start the job by hand; the record is as its author wrote it."""
    loop = judged.copy(tmp_path)
    bring_record(loop, 8, f"flywheel: record of {NEXT}")
    root = loop.clone("trusted")
    for asked in (NEXT, "0002", "2", f"specs/{NEXT}.yaml"):
        with pytest.raises(FlywheelError) as refused:
            loop.promote(sprint=asked, root=root)
        assert refused.value.message == (
            f"the record of {NEXT} came with #8: what a pull request says of its own runs is not believed"
        )
    with pytest.raises(FlywheelError, match='no sprint "0009"'):
        loop.promote(sprint="0009", root=root)
    assert loop.tags == []


def test_another_model_in_a_record_is_not_promoted_and_is_recorded_again(
    promoted: Loop, tmp_path: Path
) -> None:
    """The model's hash stands in dvc.lock, which a pull request may change after the sprint was recorded."""
    loop = promoted.copy(tmp_path)
    file = f"reports/{NEXT}/dvc.lock"
    recorded = loop.show_file(file)
    lock = tmp_path / "dvc.lock"
    lock.write_text(recorded)
    outs = {out: md5 for stage in read_lock(lock).values() for out, md5 in stage.outs.items()}
    swapped = recorded.replace(outs["exports"], outs["predictions"])
    loop.propose(9, {file: swapped}, author="mallory", commit_message="Tidy")
    loop.merge(9)
    assert loop.show_file(file) == swapped != recorded
    with pytest.raises(FlywheelError, match=f"the record of {NEXT} came with #9"):
        loop.promote(sprint=NEXT)
    assert loop.promote(7) == 0
    assert loop.subjects[:2] == [f"flywheel: record of {NEXT} [skip ci]", "Merge #9"]
    assert loop.show_file(file) == recorded


def test_what_was_approved_before_a_report_that_nobody_was_told_of_does_not_count(
    overtaken: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job that judged again pushed its record, and died before it told the pull request."""
    loop = overtaken.copy(tmp_path)
    before = loop.checks(8)[f"flywheel / {THIRD}"]
    with monkeypatch.context() as patch:
        patch.setattr(job, "notify", lambda *told: (_ for _ in ()).throw(FlywheelError("403: rate limit")))
        with pytest.raises(FlywheelError, match="rate limit"):
            loop.promote(8)
    assert loop.subjects[0] == f"flywheel: {THIRD} is judged again [skip ci]"
    assert loop.checks(8)[f"flywheel / {THIRD}"] == before
    assert loop.promote(8) == 0
    assert loop.tags == PROMOTED
    assert "It was judged again" in loop.comment(8, f"promotion:{THIRD}")
    assert loop.checks(8)[f"flywheel / {THIRD}"].external_id.startswith("judged-again-")
    finding = loop.waits_for(8, THIRD)
    assert finding.startswith("stale-")
    assert finding in loop.comment(8, f"report:{THIRD}")
    assert loop.promote(sprint=THIRD) == 0  # told, and still nobody approved that
    assert loop.tags == PROMOTED
    loop.hub.write(8, "dave", f"/flywheel approve {finding}")
    assert loop.promote(sprint=THIRD) == 0
    assert "tiny-digits#prod#2" in loop.tags


def test_a_pull_request_that_only_takes_specs_away_has_nothing_to_record(
    prepared: Loop, tmp_path: Path
) -> None:
    """GitHub's Revert of a sprint's pull request."""
    loop = prepared.copy(tmp_path)
    loop.propose(9, {f"specs/{SPRINT}.yaml": None}, author="mallory", commit_message="Revert")
    loop.merge(9)
    assert loop.promote(9) == 0
    assert (loop.tags, loop.subjects[0], loop.memory.fake.discussion) == ([], "Merge #9", {})


def test_a_commit_that_calls_itself_the_record_does_not_stand_in_for_it(merged: Loop) -> None:
    judged = merged.artifact("flywheel-bundle")[VERDICT].decode()
    bring_record(merged, 8, f"flywheel: record of {NEXT} [skip ci]")
    merged.on_main({VERDICT: judged.replace("PASS", "FAIL")}, f"flywheel: record of {NEXT} [skip ci]")
    assert merged.show_file(VERDICT) != judged
    assert merged.promote(7) == 0
    assert merged.subjects[:2] == RECORDED_AND_PROMOTED
    assert merged.show_file(VERDICT) == judged
