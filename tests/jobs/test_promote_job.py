"""After a merge: the record comes to main from a verified bundle, and what may be is promoted; with real git and DVC remotes."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from forges.fake_forge import workflow_run
from jobs.merging import LATER, SPEC, A, B, World, merged_record
from projects import SPRINT, call, commit, flywheel
from promoting import clone

from runner.adapters.dvc.metafiles import read_lock
from runner.domain.errors import FlywheelError
from runner.forges.forge import CheckRun
from runner.jobs import promote as job
from runner.record.catalogue import sprint_folder


def test_a_merged_sprint_is_recorded_verified_and_promoted(merged: World) -> None:
    world = merged
    assert world.job(7) == 0
    assert world.subjects[:3] == [
        f"flywheel: {A} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {A} [skip ci]",
        "Merge #7",
    ]
    assert world.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert world.said(7, f"promotion:{A}") == (
        f"<!-- flywheel:promotion:{A} -->\n## 🚀 `{A}` was promoted as v1.0.0\n\n"
        f"It holds the stage `prod` of `tiny-digits`. Its record is in `reports/{A}/`, its model card in `reports/{A}/model-card.md`.\n\n"
        "To go back: a comment `/flywheel rollback`.\n"
    )
    author = call(world.bare, "git", "log", "-1", "--format=%an <%ae>", "main").stdout.strip()
    assert author == "github-actions[bot] <github-actions[bot]@users.noreply.git.example.org>"
    fresh = clone(world.bare, world.folder / "fresh")
    call(fresh, sys.executable, "-m", "dvc", "pull", "-q", f"reports/{A}/dvc.yaml")
    assert flywheel(fresh, "verify", A, check=True).stdout.endswith("identical\n")
    assert (sprint_folder(fresh, A) / "exports" / "onnx-fp32" / "model.onnx").is_file()


def test_the_job_run_again_changes_nothing(merged: World) -> None:
    world = merged
    world.job(7)
    before = (world.tags, world.subjects, world.said(7, "promotion"))
    assert world.job(7) == 0
    assert (world.tags, world.subjects, world.said(7, "promotion")) == before
    # somebody starts sprint.yml by hand, after the merge: there is nothing to run, and it leaves no bundle
    main, head = call(world.bare, "git", "rev-parse", "main").stdout.strip(), world.forge.pulls[7].head_sha
    by_hand = {"event": "workflow_dispatch", "head_branch": "main", "title": f"sprint #7 {head}"}
    world.forge.add_run(workflow_run(900, head_sha=main, created_at=LATER, **by_hand))
    assert (world.job(7), world.job(sprint="0002")) == (0, 0)
    assert (world.tags, world.subjects, world.said(7, "promotion")) == before


def test_a_second_sprint_is_judged_again_and_waits_until_that_is_approved(overtaken: World) -> None:
    world = overtaken
    world.forge.permissions |= {"carol": "maintain"}
    # what was approved before the new report does not count for it
    world.review(8, "2027-01-01T13:00:00Z")
    world.forge.now = "2027-01-01T14:00:00Z"
    assert world.job(8) == 0
    assert world.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert world.subjects[:2] == [
        f"flywheel: {B} is judged again [skip ci]",
        f"flywheel: record of {B} [skip ci]",
    ]
    said = world.said(8, "promotion")
    (finding,) = [
        line.split("`")[1].split()[-1]
        for line in said.splitlines()
        if line.startswith("- `/flywheel approve")
    ]
    assert said.startswith(
        f"<!-- flywheel:promotion:{B} -->\n## ⏳ `{B}` is recorded, and waits for approval\n"
    )
    assert finding.startswith("stale-")
    assert finding in world.said(8, f"report:{B}")
    assert f"flywheel / {B}" in {each.name for each in world.forge.checks[world.forge.pulls[8].head_sha]}

    assert world.job(sprint=B) == 0
    assert len(world.tags) == 2  # nobody approved
    world.forge.now = LATER
    world.forge.add_comment(8, "alice", f"/flywheel approve {finding}")
    assert world.job(sprint=B) == 0
    assert len(world.tags) == 2  # the author's own
    assert "it is the author's own" in world.said(8, "promotion").replace("&#39;", "'")
    world.forge.add_comment(8, "carol", f"/flywheel approve {finding}")
    assert world.job(sprint=B) == 0
    assert world.tags == [
        "tiny-digits#prod#1",
        "tiny-digits#prod#2",
        "tiny-digits@v1.0.0",
        "tiny-digits@v1.1.0",
    ]
    assert f"in place of `{A}`" in world.said(8, "promotion")
    contents = call(world.bare, "git", "tag", "-l", "--format=%(contents)", "tiny-digits#prod#2").stdout
    assert f"approvals: {finding} by carol" in contents


def test_a_merge_whose_job_was_cancelled_is_recorded_by_the_next(world: World) -> None:
    world.propose(1, A, SPEC)
    world.merge(1)
    assert world.job(1) == 0
    world.propose(2, B, SPEC)
    world.propose(3, "0004-fourth", SPEC)
    world.merge(2)
    world.merge(3)
    assert world.job(3, name="only-the-last") == 0
    fresh = clone(world.bare, world.folder / "fresh-after-both")
    assert (sprint_folder(fresh, B) / "verdict.json").is_file()
    assert (sprint_folder(fresh, "0004-fourth") / "verdict.json").is_file()


def test_main_that_moves_while_the_record_is_pushed_is_no_loss(
    merged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.pullrequests.merged import after_merge

    world = merged
    push, moved = after_merge.trusted.push_refs, []

    def moving(root: Path, refs: list[str], access: object) -> bool:
        if not moved:
            other = clone(world.bare, world.folder / "other")
            (other / "README.md").write_text("meanwhile")
            commit(other, "Meanwhile")
            call(other, "git", "push", "-q")
            moved.append(True)
        return push(root, refs, access)  # type: ignore[arg-type]

    monkeypatch.setattr(after_merge.trusted, "push_refs", moving)
    assert world.job(7) == 0
    assert world.subjects[:4] == [
        f"flywheel: {A} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {A} [skip ci]",
        "Meanwhile",
        "Merge #7",
    ]
    assert world.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    tagged = call(world.bare, "git", "rev-parse", "tiny-digits#prod#1^{commit}").stdout
    assert tagged == call(world.bare, "git", "rev-parse", "main").stdout


def test_a_verdict_that_is_not_pass_is_recorded_and_not_promoted(world: World) -> None:
    world.propose(7, A, SPEC.replace("max: 50", "max: 0.001"))
    world.merge(7)
    assert world.job(7) == 0
    assert world.subjects[0] == f"flywheel: record of {A} [skip ci]"
    assert world.tags == []
    assert world.said(7, "promotion").startswith(
        f"<!-- flywheel:promotion:{A} -->\n## ○ `{A}` is recorded, and was not promoted\n\n- FAIL: "
    )


def test_a_run_that_is_not_believed_records_nothing_and_says_why(merged: World) -> None:
    world = merged
    world.forge.runs[0] = workflow_run(107, path=".github/workflows/sprint.yml", head_sha="2" * 40)
    before = world.subjects
    assert world.job(7) == 1
    assert (world.subjects, world.tags) == (before, [])
    assert "no finished run of sprint.yml" in world.said(7, "promotion:nothing")


def test_artifacts_that_expired_are_named_with_what_to_do(merged: World) -> None:
    world = merged
    run = world.forge.runs[0].id
    world.forge.left[run] = [msgspec.structs.replace(each, expired=True) for each in world.forge.left[run]]
    assert world.job(7) == 5
    assert "**Next:**" in world.said(7, "promotion:nothing")
    assert world.tags == []
    kept = [msgspec.structs.replace(each, expired=False) for each in world.forge.left[run]]
    world.forge.left[run] = kept
    assert world.job(7) == 0
    assert world.said(7, "promotion:nothing") == (
        f"<!-- flywheel:promotion:nothing -->\nAn earlier job recorded nothing. By now `{A}` is recorded.\n"
    )


def test_a_rollback_is_pushed_and_is_done_once(merged: World) -> None:
    world = merged
    world.job(7)
    with pytest.raises(FlywheelError, match="is the first that was promoted"):
        world.job(rollback="previous")
    call(world.project, "git", "fetch", "-q", "origin")
    world.propose(8, B, SPEC.replace("50", "40"))
    world.merge(8)
    assert world.job(8) == 0
    assert world.tags[:2] == ["tiny-digits#prod#1", "tiny-digits#prod#2"]
    assert world.job(rollback="previous") == 0
    assert "tiny-digits#prod#3" in world.tags
    assert world.subjects[0] == f"flywheel: tiny-digits goes back to {A} v1.0.0 [skip ci]"
    done = (world.tags, world.subjects)
    assert world.job(rollback="previous") == 0
    assert (world.tags, world.subjects) == done


def test_a_clone_with_work_in_it_is_left_alone(world: World) -> None:
    root = clone(world.bare, world.folder / "mine")
    (root / "flywheel.yaml").write_text((root / "flywheel.yaml").read_text() + "# mine\n")
    with pytest.raises(FlywheelError, match="holds changes or commits that were not pushed"):
        world.job_in(root, sprint=SPRINT)
    assert (root / "flywheel.yaml").read_text().endswith("# mine\n")


def test_a_record_that_a_pull_request_brought_is_not_promoted(world: World) -> None:
    """Whoever may write can start the job by hand; the record is as its author wrote it."""
    world.propose(7, A, SPEC)
    merged_record(world, 8, f"flywheel: record of {A}")
    for asked in (A, "0002", "2", f"specs/{A}.yaml"):
        with pytest.raises(FlywheelError) as refused:
            world.job(sprint=asked)
        assert refused.value.message == (
            f"the record of {A} came with #8: what a pull request says of its own runs is not believed"
        )
    with pytest.raises(FlywheelError, match='no sprint "0009"'):
        world.job(sprint="0009")
    assert world.tags == []


def test_another_model_in_a_record_is_not_promoted_and_is_recorded_again(merged: World) -> None:
    """The model's hash stands in dvc.lock, which a pull request may change after the sprint was recorded."""
    world = merged
    world.job(7)
    file = f"reports/{A}/dvc.lock"
    recorded = call(world.bare, "git", "show", f"main:{file}").stdout

    def swap(project: Path) -> None:
        lock = project / file
        outs = {out: md5 for stage in read_lock(lock).values() for out, md5 in stage.outs.items()}
        lock.write_text(lock.read_text().replace(outs["exports"], outs["predictions"]))

    world.bring(9, swap)
    assert call(world.bare, "git", "show", f"main:{file}").stdout != recorded
    with pytest.raises(FlywheelError, match=f"the record of {A} came with #9"):
        world.job(sprint=A)
    assert world.job(7) == 0
    assert world.subjects[:2] == [f"flywheel: record of {A} [skip ci]", "Merge #9"]
    assert call(world.bare, "git", "show", f"main:{file}").stdout == recorded


def test_what_was_approved_before_a_report_that_nobody_was_told_of_does_not_count(
    overtaken: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job that judged again pushed its record, and died before it told the pull request."""
    world = overtaken
    head = world.forge.pulls[8].head_sha
    first = CheckRun(name=f"flywheel / {B}", head_sha=head, conclusion="success", title="PASS", summary="…")
    world.forge.put_check_run(first)
    world.review(8, "2027-01-01T13:00:00Z")
    world.forge.now = "2027-01-01T14:00:00Z"
    with monkeypatch.context() as patch:
        patch.setattr(job, "notify", lambda *told: (_ for _ in ()).throw(FlywheelError("403: rate limit")))
        with pytest.raises(FlywheelError, match="rate limit"):
            world.job(8)
    assert world.subjects[0] == f"flywheel: {B} is judged again [skip ci]"
    assert world.job(8) == 0
    assert world.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert "It was judged again" in world.said(8, f"promotion:{B}")
    [check] = world.forge.checks[head]
    assert check.external_id.startswith("judged-again-")
    finding = next(
        line.split()[-1].strip("`")
        for line in world.said(8, "promotion").splitlines()
        if "approve stale-" in line
    )
    assert finding in world.said(8, f"report:{B}")
    assert world.job(sprint=B) == 0  # told, and still nobody approved that
    assert len(world.tags) == 2
    world.forge.now = LATER
    world.forge.add_comment(8, "carol", f"/flywheel approve {finding}")
    assert world.job(sprint=B) == 0
    assert "tiny-digits#prod#2" in world.tags


def test_a_pull_request_that_only_takes_specs_away_has_nothing_to_record(world: World) -> None:
    """GitHub's Revert of a sprint's pull request."""
    world.bring(9, lambda project: (project / "specs" / f"{SPRINT}.yaml").unlink(), "Revert")
    assert world.job(9) == 0
    assert (world.tags, world.subjects[0], world.forge.discussion) == ([], "Merge #9", {})


def test_a_commit_that_calls_itself_the_record_does_not_stand_in_for_it(merged: World) -> None:
    world = merged
    merged_record(world, 8, f"flywheel: record of {A} [skip ci]")
    forged = sprint_folder(clone(world.bare, world.folder / "forged"), A) / "verdict.json"
    forged.write_text(forged.read_text().replace("PASS", "FAIL"))
    commit(forged.parents[2], f"flywheel: record of {A} [skip ci]")
    call(forged.parents[2], "git", "push", "-q")
    assert world.job(7) == 0
    assert world.subjects[:2] == [
        f"flywheel: {A} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {A} [skip ci]",
    ]
    fresh = clone(world.bare, world.folder / "fresh-after-forgery")
    record = sprint_folder(world.folder / "run-7" / "bundle", A) / "verdict.json"
    assert (sprint_folder(fresh, A) / "verdict.json").read_bytes() == record.read_bytes()
