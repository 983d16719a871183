"""Which runs are believed, and of what they left, what git can contradict."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from forges.fake_forge import FakeForge, pull_request
from planted_record import FOLDER, SPEC, SPRINT, Planted, access, git, plant, remanifest
from projects import call, commit

from runner.domain.errors import FlywheelError
from runner.forges.environment import Environment
from runner.forges.forge import CalledWorkflow, PullRequest, WorkflowRun
from runner.pullrequests.trusted_runs import HeadMoved, bundle_of, git_access, outputs_of, require_believed

AGAIN = "run the sprint again: /flywheel run, in a comment on the pull request"


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return plant(tmp_path)


def propose(planted: Planted, file: str, text: str = "changed\n") -> str:
    """Adds a change to the proposal and pushes it; the new head."""
    (planted.proposal / file).parent.mkdir(parents=True, exist_ok=True)
    (planted.proposal / file).write_text(text)
    call(planted.proposal, "git", "add", "-f", file)
    call(planted.proposal, "git", "commit", "-q", "-m", "More")
    call(planted.proposal, "git", "push", "-q", "origin", "more-dark")
    return git(planted.proposal, "rev-parse", "HEAD")


def on_default(planted: Planted, run: WorkflowRun, **changes: object) -> WorkflowRun:
    """The run as one that somebody started by hand."""
    fields = {
        "event": "workflow_dispatch",
        "head_branch": "main",
        "head_sha": planted.base,
        "title": f"sprint #7 {planted.head}",
    }
    return msgspec.structs.replace(run, **{**fields, **changes})


def refusal(planted: Planted, forge: FakeForge, run: WorkflowRun, **more: object) -> str:
    with pytest.raises(FlywheelError) as error:
        require_believed(forge, planted.trusted, run, "sprint.yml", access=access(), **more)
    assert not isinstance(error.value, HeadMoved)
    assert error.value.exit_code == 5
    return error.value.message


# --- pull_request ---------------------------------------------------------------------------------------


def test_a_run_of_a_proposal_without_code_is_believed_and_its_head_is_fetched(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    # actions/checkout knows the default branch; nothing of the proposal
    call(planted.trusted, "git", "update-ref", "-d", "refs/remotes/origin/more-dark")
    assert require_believed(forge, planted.trusted, run, "sprint.yml", access=access()) == pull
    assert git(planted.trusted, "cat-file", "-t", planted.head) == "commit"
    assert git(planted.trusted, "status", "--porcelain") == ""
    assert git(planted.trusted, "rev-parse", "HEAD") == planted.base


def test_a_head_that_only_the_pull_requests_ref_names_is_fetched(planted: Planted, tmp_path: Path) -> None:
    call(planted.origin, "git", "update-ref", "refs/pull/7/head", planted.head)
    call(planted.origin, "git", "branch", "-q", "-D", "more-dark")
    call(tmp_path, "git", "clone", "-q", str(planted.origin), "fresh")
    forge, pull, run = planted.forge()
    assert require_believed(forge, tmp_path / "fresh", run, "sprint.yml", access=access()) == pull


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/other.yml",
        ".github/workflows/plan.yml",
        ".github/workflows/sprint.yml.yml",
        ".github/workflows/sprint.yml@x.yml",
        ".github/workflows/sprint.yml@main@x",
        "sprint.yml",
    ],
)
def test_a_run_of_another_workflow_is_not_believed(planted: Planted, path: str) -> None:
    forge, _, run = planted.forge(path=path)
    assert refusal(planted, forge, run) == (
        f"run 100 is not believed: it was made by '{path}', not by .github/workflows/sprint.yml"
    )


def test_a_path_may_name_the_ref_that_it_came_from(planted: Planted) -> None:
    forge, pull, run = planted.forge(path=".github/workflows/sprint.yml@refs/heads/main")
    assert require_believed(forge, planted.trusted, run, "sprint.yml", access=access()) == pull


@pytest.mark.parametrize(
    "file",
    [".github/workflows/sprint.yml", "runner/cli/main.py", "pyproject.toml", "constraints.txt", "Makefile", ".ci/run", ".dvc/config"],
)  # fmt: skip
def test_a_proposal_that_changes_code_is_not_believed(planted: Planted, file: str) -> None:
    head = propose(planted, file)
    forge, pull, run = planted.forge()
    forge.change_pull(pull.number, head_sha=head)
    assert refusal(planted, forge, msgspec.structs.replace(run, head_sha=head)) == (
        f"#7 changes code ({file}), and could have changed what its own runs say: they are not believed"
    )


def test_code_that_was_changed_and_changed_back_is_no_change(planted: Planted) -> None:
    propose(planted, "Makefile")
    (planted.proposal / "Makefile").unlink()
    commit(planted.proposal, "Back")
    call(planted.proposal, "git", "push", "-q", "origin", "more-dark")
    head = git(planted.proposal, "rev-parse", "HEAD")
    forge, pull, run = planted.forge()
    forge.change_pull(pull.number, head_sha=head)
    believed = require_believed(
        forge, planted.trusted, msgspec.structs.replace(run, head_sha=head), "sprint.yml", access=access()
    )
    assert believed.head_sha == head


def test_code_that_the_default_branch_changed_meanwhile_is_not_the_proposals(planted: Planted) -> None:
    (planted.trusted / "Makefile").write_text("all:\n")
    commit(planted.trusted, "Elsewhere")
    call(planted.trusted, "git", "push", "-q", "origin", "main")
    forge, pull, run = planted.forge()
    assert require_believed(forge, planted.trusted, run, "sprint.yml", access=access()) == pull


def test_a_head_that_moved_on_ends_quietly(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    forge.change_pull(pull.number, head_sha="f" * 40)
    with pytest.raises(HeadMoved):
        require_believed(forge, planted.trusted, run, "sprint.yml", access=access())
    forge.change_pull(pull.number, head_sha=planted.head, state="closed")
    with pytest.raises(HeadMoved):
        require_believed(forge, planted.trusted, run, "sprint.yml", access=access())


def test_another_pull_request_of_the_same_commit_is_told_apart(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    forge.add_pull(msgspec.structs.replace(pull, number=8, base_ref="release", head_ref="more-dark-2"))
    forge.add_pull(msgspec.structs.replace(pull, number=9, head_repository="mallory/digits"))
    assert require_believed(forge, planted.trusted, run, "sprint.yml", access=access()).number == 7
    forge.add_pull(msgspec.structs.replace(pull, number=10))
    assert refusal(planted, forge, run) == (
        "run 100 is not believed: its commit is the head of several pull requests: #7, #10"
    )


def test_a_proposal_to_another_branch_could_have_brought_its_own_workflow(planted: Planted) -> None:
    """The merge with a branch of the author's own brings any sprint.yml, and the run looks like one of main's."""
    forge, pull, run = planted.forge()
    forge.add_pull(
        msgspec.structs.replace(pull, number=8, base_ref="evil", state="closed", head_sha="f" * 40)
    )
    assert refusal(planted, forge, run) == (
        "run 100 is not believed: #8, of the same branch, is or was proposed to another branch, whose workflow could have "
        "made it"
    )
    del forge.pulls[8]
    forge.retargeted.add(pull.number)
    assert refusal(planted, forge, run) == (
        "run 100 is not believed: it is or was proposed to another branch, whose workflow could have made it"
    )
    by_hand = on_default(planted, run)  # the default branch's workflow
    assert require_believed(forge, planted.trusted, by_hand, "sprint.yml", access=access()) == pull


def test_a_merged_proposals_run_is_of_its_branch_and_of_no_other_base(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    done = merged(planted, forge, pull, planted.merge())
    other = msgspec.structs.replace(
        run, head_branch="mine"
    )  # the same commit, proposed to a branch of one's own
    assert refusal(planted, forge, other, merged=done) == (
        "run 100 is not believed: it is of the branch 'mine', and #7 of 'more-dark'"
    )
    forge.retargeted.add(pull.number)
    assert "is or was proposed to another branch" in refusal(planted, forge, run, merged=done)


@pytest.mark.parametrize(
    ("path", "ref"),
    [
        ("acme/digits/.github/workflows/run-sprint.yml", "refs/tags/main"),
        ("acme/digits/.github/workflows/run-sprint.yml", "refs/heads/more-dark"),
        ("acme/digits/.github/workflows/other.yml", "refs/heads/main"),
        ("mallory/digits/.github/workflows/run-sprint.yml", "refs/heads/main"),
        ("acme/digits/.github/workflows/run-sprint.yml", ""),
    ],
)
def test_a_run_that_used_another_workflow_than_the_default_branchs_is_not_believed(
    planted: Planted, path: str, ref: str
) -> None:
    """`uses: …@main` takes a tag `main` before the branch, and whoever may write makes tags."""
    forge, _, run = planted.forge()
    called = [*run.called, CalledWorkflow(path=path, ref=ref)]
    expected = f"run 100 is not believed: it used '{path}' of '{ref}', and not run-sprint.yml of main"
    for each in (run, on_default(planted, run)):
        assert refusal(planted, forge, msgspec.structs.replace(each, called=called)) == expected
    assert refusal(planted, forge, msgspec.structs.replace(run, called=[])) == (
        "run 100 is not believed: it did not use run-sprint.yml"
    )


def test_a_commit_that_a_merge_brought_along_does_not_pass_for_the_default_branch(planted: Planted) -> None:
    """A proposal that changes the workflow and changes it back: its commits are in main, and a tag `main` may name one."""
    evil = propose(planted, ".github/workflows/sprint.yml", "evil\n")
    (planted.proposal / ".github/workflows/sprint.yml").unlink()
    commit(planted.proposal, "Back")
    call(planted.proposal, "git", "push", "-q", "origin", "more-dark")
    forge, pull, run = planted.forge()
    pull = forge.change_pull(pull.number, head_sha=git(planted.proposal, "rev-parse", "HEAD"))
    dataclasses.replace(planted, head=pull.head_sha).merge()
    tagged = on_default(planted, run, head_sha=evil, title=f"sprint #7 {pull.head_sha}")
    assert refusal(planted, forge, tagged) == (
        f"run 100 is not believed: sprint.yml at {evil[:12]} is not the one that main has now"
    )


@pytest.mark.parametrize("event", ["push", "pull_request_target", "workflow_run", "schedule"])
def test_a_run_that_something_else_started_is_not_believed(planted: Planted, event: str) -> None:
    forge, _, run = planted.forge(event=event)
    assert refusal(planted, forge, run) == (
        f"run 100 is not believed: it was started by '{event}', which no pull request and nobody by hand does"
    )


# --- by hand ----------------------------------------------------------------------------------------------


def test_a_run_that_was_started_by_hand_is_of_whom_its_title_names(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    fork = forge.change_pull(pull.number, head_repository="stranger/digits")
    by_hand = on_default(planted, run)
    assert require_believed(forge, planted.trusted, by_hand, "sprint.yml", access=access()) == fork


@pytest.mark.parametrize(
    "title",
    ["sprint #7", "sprint #7 main", "plan #7 {head}", "sprint #7 {head} ", "sprint #7 {head}\n", "sprint #07 {head}", "More dark images"],
)  # fmt: skip
def test_a_title_that_is_not_the_workflows_is_not_believed(planted: Planted, title: str) -> None:
    forge, _, run = planted.forge()
    text = title.format(head=planted.head)
    by_hand = on_default(planted, run, title=text)
    assert refusal(planted, forge, by_hand) == (
        f"run 100 is not believed: its title {text!a} does not name a pull request and a commit"
    )


def test_a_run_by_hand_on_another_branch_or_a_tag_of_its_name_is_not_believed(planted: Planted) -> None:
    forge, _, run = planted.forge()
    assert refusal(planted, forge, on_default(planted, run, head_branch="more-dark")) == (
        "run 100 is not believed: it was started by hand on 'more-dark', not on main"
    )
    tagged = on_default(planted, run, head_sha=planted.head)  # a tag `main` at the proposal's commit
    assert refusal(planted, forge, tagged) == (
        f"run 100 is not believed: its workflow came from {planted.head[:12]}, which is not a commit of main"
    )


def test_a_run_by_hand_of_a_head_that_moved_on_ends_quietly(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    forge.change_pull(pull.number, head_sha="f" * 40)
    with pytest.raises(HeadMoved):
        require_believed(forge, planted.trusted, on_default(planted, run), "sprint.yml", access=access())


# --- after the merge ----------------------------------------------------------------------------------------


def merged(planted: Planted, forge: FakeForge, pull: PullRequest, commit: str) -> PullRequest:
    return forge.change_pull(pull.number, state="closed", merged=True, merge_commit=commit)


def test_a_merged_pull_request_is_found_by_its_head(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    done = merged(planted, forge, pull, planted.merge())
    believed = require_believed(
        forge, planted.trusted, run, "sprint.yml", access=access(), merged=done, before=planted.base
    )
    assert believed == done
    assert require_believed(forge, planted.trusted, run, "sprint.yml", access=access(), merged=done) == done
    by_hand = on_default(planted, run)
    assert (
        require_believed(forge, planted.trusted, by_hand, "sprint.yml", access=access(), merged=done) == done
    )
    other = msgspec.structs.replace(run, head_sha=planted.base)
    with pytest.raises(HeadMoved):
        require_believed(forge, planted.trusted, other, "sprint.yml", access=access(), merged=done)


@pytest.mark.parametrize("how", ["merge", "squash", "forward"])
def test_code_in_a_merged_pull_request_is_seen_however_it_was_merged(planted: Planted, how: str) -> None:
    propose(planted, ".github/workflows/sprint.yml")
    head = propose(planted, "specs/more.md")  # the code is not in the last commit
    forge, pull, run = planted.forge()
    call(planted.trusted, "git", "fetch", "-q", "origin", "more-dark")
    ways = {
        "merge": ["merge", "-q", "--no-ff", "-m", "Merge", head],
        "squash": ["merge", "-q", "--squash", head],
        "forward": ["merge", "-q", "--ff-only", head],
    }
    call(planted.trusted, "git", *ways[how])
    if how == "squash":
        commit(planted.trusted, "Squashed")
    done = merged(planted, forge, pull, git(planted.trusted, "rev-parse", "HEAD"))
    done = forge.change_pull(done.number, head_sha=head)
    own = msgspec.structs.replace(run, head_sha=head)
    for before in (None, planted.base):
        assert refusal(planted, forge, own, merged=done, before=before).startswith(
            "#7 changes code (.github/workflows/sprint.yml)"
        )


EVIL = ".github/workflows/sprint.yml"


def hidden(planted: Planted, how: str) -> tuple[FakeForge, PullRequest, WorkflowRun]:
    """#8 brings an evil workflow and takes it back; #7 rests on the commit between, has run with it, and #8 is merged."""
    call(planted.proposal, "git", "checkout", "-q", "-b", "harmless", "main")
    (planted.proposal / EVIL).parent.mkdir(parents=True)
    (planted.proposal / EVIL).write_text("evil\n")
    commit(planted.proposal, "What is not seen")
    between = git(planted.proposal, "rev-parse", "HEAD")
    call(planted.proposal, "git", "revert", "--no-edit", "HEAD")
    call(planted.proposal, "git", "push", "-q", "origin", "harmless")
    last = git(planted.proposal, "rev-parse", "HEAD")
    call(planted.proposal, "git", "checkout", "-q", "-B", "more-dark", between)
    call(planted.proposal, "git", "push", "-q", "-f", "origin", "more-dark")
    head = propose(planted, "specs/0004-more.yaml")
    forge, pull, run = planted.forge()
    pull = forge.change_pull(pull.number, head_sha=head)
    run = msgspec.structs.replace(run, head_sha=head)
    assert refusal(planted, forge, run).startswith(f"#7 changes code ({EVIL})")
    call(planted.trusted, "git", "fetch", "-q", "origin")
    call(planted.trusted, "git", "merge", "-q", how, last)
    call(planted.trusted, "git", "push", "-q", "origin", "main")
    merge = git(planted.trusted, "rev-parse", "HEAD")
    harmless = {"number": 8, "head_ref": "harmless", "head_sha": last, "state": "closed"}
    forge.add_pull(msgspec.structs.replace(pull, **harmless, merged=True, merge_commit=merge))
    forge.merged |= {between: [8], last: [8]}
    return forge, pull, run


@pytest.mark.parametrize("how", ["--no-ff", "--ff-only"])
def test_an_old_run_with_a_workflow_that_another_merge_brought_and_took_back_is_not_believed(
    planted: Planted, how: str
) -> None:
    forge, pull, run = hidden(planted, how)
    before = git(planted.trusted, "rev-parse", "HEAD")
    between = git(planted.proposal, "rev-parse", "more-dark~1")
    assert git(planted.trusted, "merge-base", "main", pull.head_sha) == between
    expected = {
        "--no-ff": f"#7 changes code ({EVIL}), and could have changed what its own runs say: they are not believed",
        "--ff-only": f"run 100 is not believed: it rests on {between[:12]}, a commit within #8, whose code has changed since",
    }[how]
    assert refusal(planted, forge, run) == expected
    call(planted.trusted, "git", "merge", "-q", "--no-ff", "-m", "Merge", pull.head_sha)
    assert not (planted.trusted / EVIL).exists()  # nobody sees it in the merge either
    done = merged(planted, forge, pull, git(planted.trusted, "rev-parse", "HEAD"))
    for known in (None, before):
        assert refusal(planted, forge, run, merged=done, before=known) == expected


def test_a_branch_that_left_between_two_pull_requests_is_believed_though_code_has_changed_since(
    planted: Planted,
) -> None:
    forge, pull, run = planted.forge()
    forge.add_pull(pull_request(6, state="closed", merged=True, merge_commit=planted.base))
    (planted.trusted / "Makefile").write_text("all:\n")
    commit(planted.trusted, "Elsewhere")
    call(planted.trusted, "git", "push", "-q", "origin", "main")
    assert require_believed(forge, planted.trusted, run, "sprint.yml", access=access()) == pull


def test_a_merge_whose_first_parent_is_the_proposal_hides_no_code(planted: Planted) -> None:
    """Whoever merges main into a branch and pushes that to main makes the branch main's own line."""
    head = propose(planted, EVIL)
    (planted.trusted / "README.md").write_text("meanwhile\n")
    commit(planted.trusted, "Meanwhile")
    before = git(planted.trusted, "rev-parse", "HEAD")
    call(planted.trusted, "git", "fetch", "-q", "origin", "more-dark")
    call(planted.trusted, "git", "checkout", "-q", "--detach", head)
    call(planted.trusted, "git", "merge", "-q", "-m", "Merge main", "main")
    call(planted.trusted, "git", "branch", "-q", "-f", "main", "HEAD")
    forge, pull, run = planted.forge()
    forge.change_pull(pull.number, head_sha=head, base_sha=before)
    done = merged(planted, forge, pull, git(planted.trusted, "rev-parse", "main"))
    own = msgspec.structs.replace(run, head_sha=head)
    assert refusal(planted, forge, own, merged=done).startswith(f"#7 changes code ({EVIL})")


def test_a_pull_request_that_is_not_merged_is_not_promoted(planted: Planted) -> None:
    forge, pull, run = planted.forge()
    assert refusal(planted, forge, run, merged=pull) == "run 100 is not believed: #7 is not merged"


# --- what it left -------------------------------------------------------------------------------------------


def test_the_bundle_and_the_outputs_of_a_run_are_brought_and_compared_with_git(
    planted: Planted, tmp_path: Path
) -> None:
    planted.pack()
    forge, pull, run = planted.forge()
    require_believed(forge, planted.trusted, run, "sprint.yml", access=access())
    bundle = bundle_of(forge, planted.trusted, run, pull, tmp_path / "left")
    assert bundle is not None
    assert bundle.manifest.sprints == [SPRINT]
    hashes = outputs_of(forge, run, pull, bundle, tmp_path / "left")
    assert len(list((tmp_path / "left" / "cache").rglob("*/md5/*/*"))) == len(hashes) > 10
    assert sorted(path.name for path in (tmp_path / "left").iterdir()) == ["bundle", "cache"]


def test_a_run_that_left_nothing_and_one_whose_artifacts_are_gone(planted: Planted, tmp_path: Path) -> None:
    forge, pull, run = planted.forge()
    assert bundle_of(forge, planted.trusted, run, pull, tmp_path / "left") is None
    planted.pack()
    forge.add_artifact(run.id, "flywheel-bundle", planted.archive("bundle"), expired=True)
    with pytest.raises(FlywheelError) as error:
        bundle_of(forge, planted.trusted, run, pull, tmp_path / "left")
    assert str(error.value) == (
        f"run 100 is not believed: its flywheel-bundle is gone: forges keep it for 90 days\n  hint: {AGAIN}"
    )


def test_what_was_judged_stays_when_the_run_is_run_again_after_the_merge(
    planted: Planted, tmp_path: Path
) -> None:
    planted.pack()
    forge, pull, run = planted.forge()
    left = [msgspec.structs.replace(each, created_at="2027-01-01T11:30:00Z") for each in forge.left[run.id]]
    forge.left[run.id] = left
    again = msgspec.structs.replace(
        run, attempt=2, created_at="2027-01-01T11:00:00Z", started_at="2027-01-01T12:30:00Z"
    )
    merged = msgspec.structs.replace(pull, merged_at="2027-01-01T12:00:00Z")
    assert bundle_of(forge, planted.trusted, again, pull, tmp_path / "open") is None
    bundle = bundle_of(forge, planted.trusted, again, merged, tmp_path / "merged")
    assert bundle is not None
    assert outputs_of(forge, again, merged, bundle, tmp_path / "merged") != []


def test_outputs_that_the_bundle_names_and_the_run_did_not_leave(planted: Planted, tmp_path: Path) -> None:
    planted.pack()
    forge, pull, run = planted.forge()
    forge.left[run.id] = [each for each in forge.left[run.id] if each.name == "flywheel-bundle"]
    require_believed(forge, planted.trusted, run, "sprint.yml", access=access())
    bundle = bundle_of(forge, planted.trusted, run, pull, tmp_path / "left")
    assert bundle is not None
    with pytest.raises(FlywheelError, match="it left no flywheel-outputs, which its bundle names"):
        outputs_of(forge, run, pull, bundle, tmp_path / "left")


def refused_bundle(planted: Planted, into: Path) -> str:
    forge, pull, run = planted.forge()
    require_believed(forge, planted.trusted, run, "sprint.yml", access=access())
    with pytest.raises(FlywheelError) as error:
        bundle_of(forge, planted.trusted, run, pull, into)
    return error.value.message


def test_a_base_that_is_no_commit_of_the_default_branch_is_refused(planted: Planted, tmp_path: Path) -> None:
    planted.pack()
    remanifest(planted.output / "bundle", base_commit=planted.head)
    assert refused_bundle(planted, tmp_path / "left") == (
        f"run 100 is not believed: it was judged by {planted.head[:12]}, which is not a commit of main"
    )


@pytest.mark.parametrize("file", ["flywheel.yaml", "data.dvc"])
def test_a_bundle_that_rests_on_other_files_than_the_commits_is_refused(
    planted: Planted, tmp_path: Path, file: str
) -> None:
    planted.pack()
    path = planted.output / "bundle" / FOLDER / "digests.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {file: "0" * 64}))
    remanifest(planted.output / "bundle")
    assert refused_bundle(planted, tmp_path / "left") == (
        f"run 100 is not believed: {SPRINT} rests on another '{file}' than the one of {planted.head[:12]}"
    )


def test_a_report_on_another_spec_than_the_commits_is_refused(planted: Planted, tmp_path: Path) -> None:
    planted.pack()
    folder = planted.output / "bundle" / FOLDER
    report = json.loads((folder / "report.json").read_text())
    report["spec"]["sha256"] = "0" * 64
    (folder / "report.json").write_text(json.dumps(report))
    known = json.loads((folder / "digests.json").read_text())
    del known[f"{FOLDER}/report.json"]
    (folder / "digests.json").write_text(json.dumps(known))
    remanifest(planted.output / "bundle")
    assert refused_bundle(planted, tmp_path / "left") == (
        f"run 100 is not believed: {SPRINT} rests on another '{SPEC}' than the one of {planted.head[:12]}"
    )


def test_access_is_by_the_environment_and_shows_no_secret() -> None:
    environment = Environment(
        repository="acme/digits",
        server_url="https://git.example.org",
        api_url="https://git.example.org/api/v3",
        token="canary-token",  # noqa: S106 - no secret
        bot="flywheel[bot]",
    )
    found = git_access(environment, key="canary-key")
    assert (found.server_url, found.repository, found.bot) == (
        "https://git.example.org",
        "acme/digits",
        "flywheel[bot]",
    )
    assert (found.token, found.key) == ("canary-token", "canary-key")
    assert "canary" not in f"{found} {found!r} {[found]}"
    assert git_access(environment, key="").key is None
