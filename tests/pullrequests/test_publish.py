"""Publishing: what a run left gets to its pull request, whatever the forge does, and nothing that is not believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from forges.fake_forge import BOT, FakeForge, pull_request, workflow_run, wrote
from msgspec.structs import replace
from planted_bundle import SPRINT, Proposed, bundle_files, plan_files, propose_sprint, zipped
from planted_proposal import LOOSENED, PROPOSAL
from planted_report import failing_inputs, sprint_inputs
from projects import call

from runner.adapters.git.access import Access
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.records import StageFailure
from runner.forges.environment import Environment
from runner.forges.forge import CheckRun, Comment, Review
from runner.planning.proposal import ConfigProblem, Proposal
from runner.pullrequests.publishing.publish import publish, publish_again
from runner.pullrequests.publishing.publisher import Publisher
from runner.pullrequests.trusted_runs import HeadMoved, newest_run
from runner.record.report import SprintReport
from runner.report.build import build

NUMBER, RUN = 7, 100
ENVIRONMENT = Environment(
    repository="acme/digits", server_url="https://git.example.org", api_url="https://git.example.org/api/v3"
)


class Loop:
    """A pull request with a forge in memory; runs leave what a test says."""

    def __init__(self, folder: Path, proposed: Proposed) -> None:
        self.folder, self.proposed = folder, proposed
        self.forge = FakeForge()
        self.forge.add_pull(
            pull_request(NUMBER, head_sha=proposed.head, base_sha=proposed.base, author="alice")
        )
        self.forge.permissions |= {"bob": "write", "alice": "admin"}
        self.said: list[str] = []
        self.publisher = Publisher(
            forge=self.forge,
            environment=ENVIRONMENT,
            root=proposed.root,
            access=Access(),
            say=self.said.append,
        )

    def run(self, workflow: str = "sprint", run: int = RUN, **changes: object) -> None:
        path = f".github/workflows/{workflow}.yml"
        self.forge.add_run(workflow_run(run, **{"path": path, "head_sha": self.proposed.head, **changes}))

    def leave(self, name: str, files: dict[str, bytes], run: int = RUN) -> None:
        self.forge.add_artifact(run, name, zipped(self.folder / f"{name}-{run}.zip", files))

    def reports(self, *reports: SprintReport, run: int = RUN) -> None:
        """A finished run of sprint.yml with these reports."""
        self.run(run=run)
        self.leave("flywheel-bundle", bundle_files([*reports], self.proposed, [LOOSENED]), run)

    def plan(self, proposal: Proposal, run: int = RUN) -> None:
        """A finished run of plan.yml with this proposal."""
        self.run("plan", run)
        self.leave("flywheel-plan", plan_files(proposal, self.proposed), run)

    def publish(self, run: int = RUN) -> None:
        publish(self.publisher, self.forge.workflow_run(run))

    @property
    def comments(self) -> list[Comment]:
        return self.forge.discussion.get(NUMBER, [])

    def check(self, name: str) -> CheckRun:
        return next(each for each in self.forge.checks[self.proposed.head] if each.name == name)


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Proposed:
    return propose_sprint(tmp_path_factory.mktemp("proposed"))


@pytest.fixture
def loop(tmp_path: Path, proposed: Proposed) -> Loop:
    return Loop(tmp_path, proposed)


def passing(proposed: Proposed) -> SprintReport:
    return _about(proposed, build(sprint_inputs()))


def failing(proposed: Proposed) -> SprintReport:
    return _about(proposed, build(failing_inputs()))


def stopped(proposed: Proposed) -> SprintReport:
    failure = StageFailure(stage="train", message="out of memory", hint="a smaller batch")
    return _about(proposed, build(sprint_inputs(failure=failure, verdict=None, evaluation=None, errors=None)))


def _about(proposed: Proposed, report: SprintReport) -> SprintReport:
    sha256 = proposed.digest(f"specs/{SPRINT}.yaml")
    return replace(report, spec=replace(report.spec, path=f"specs/{SPRINT}.yaml", sha256=sha256))


# --- reports --------------------------------------------------------------------------------------


def test_the_first_run_posts_and_the_next_one_edits(loop: Loop) -> None:
    loop.reports(failing(loop.proposed))
    loop.publish()
    assert [comment.author for comment in loop.comments] == [BOT]
    assert loop.comments[0].body.startswith(f"<!-- flywheel:report:{SPRINT} -->\n")
    assert "## ✗ FAIL" in loop.comments[0].body
    loop.reports(passing(loop.proposed), run=101)
    loop.publish(101)
    assert len(loop.comments) == 1
    assert "## ✓ PASS" in loop.comments[0].body
    assert "<summary>Older verdicts (1)</summary>" in loop.comments[0].body
    assert f"https://git.example.org/acme/digits/commit/{loop.proposed.head}" in loop.comments[0].body
    assert "https://git.example.org/acme/digits/actions/runs/101" in loop.comments[0].body


def test_publishing_the_same_run_again_writes_no_comment(loop: Loop) -> None:
    loop.reports(failing(loop.proposed))
    loop.publish()
    before = loop.comments[0]
    loop.publish()
    assert loop.comments == [before]
    assert wrote(loop.forge).count("edit_comment") == 0


@pytest.mark.parametrize(
    ("report", "conclusion"), [(passing, "success"), (failing, "failure"), (stopped, "failure")]
)
def test_the_check_is_on_the_head_commit(
    loop: Loop, report: Callable[[Proposed], SprintReport], conclusion: str
) -> None:
    loop.reports(report(loop.proposed))
    loop.publish()
    found = loop.check(f"flywheel / {SPRINT}")
    assert (found.head_sha, found.conclusion) == (loop.proposed.head, conclusion)
    assert found.external_id == f"sprint-{RUN}-1"


def test_a_strangers_marker_is_left_alone(loop: Loop) -> None:
    planted = loop.forge.add_comment(NUMBER, "mallory", f"<!-- flywheel:report:{SPRINT} -->\n## ✓ PASS")
    loop.reports(failing(loop.proposed))
    loop.publish()
    assert loop.comments[0] == planted
    assert len(loop.comments) == 2


def test_one_report_that_cannot_be_published_does_not_lose_the_others(loop: Loop) -> None:
    loop.reports(failing(loop.proposed))
    loop.forge.fail("post_comment", FlywheelError("502 from the server", exit_code=ExitCode.PUBLISH_FAILED))
    with pytest.raises(FlywheelError) as caught:
        loop.publish()
    assert str(caught.value) == (
        f"not published: the report of {SPRINT}: 502 from the server; nothing is lost: the bundle and the HTML reports are "
        "artifacts of https://git.example.org/acme/digits/actions/runs/100\n"
        "  hint: run this job again: it publishes what is missing, and nothing twice"
    )
    assert caught.value.exit_code == ExitCode.PUBLISH_FAILED
    assert loop.check(f"flywheel / {SPRINT}").conclusion == "failure"
    assert loop.check("flywheel / policy").conclusion == "action_required"
    loop.publish()
    assert len(loop.comments) == 1


def test_a_head_that_moved_is_left_alone(loop: Loop) -> None:
    loop.reports(failing(loop.proposed))
    loop.forge.change_pull(NUMBER, head_sha="9" * 40)
    with pytest.raises(HeadMoved):
        loop.publish()
    assert wrote(loop.forge) == []


def test_a_bundle_about_another_commit_is_refused(loop: Loop) -> None:
    loop.run()
    other = replace_head(loop.proposed)
    loop.leave("flywheel-bundle", bundle_files([failing(loop.proposed)], other))
    with pytest.raises(FlywheelError) as caught:
        loop.publish()
    assert f"it is about commit {'9' * 40}, and the run was of {loop.proposed.head}" in caught.value.message
    assert wrote(loop.forge) == []


def replace_head(proposed: Proposed) -> Proposed:
    return Proposed(root=proposed.root, base=proposed.base, head="9" * 40)


def test_a_run_of_another_workflow_is_refused(loop: Loop) -> None:
    loop.run("tests")
    with pytest.raises(FlywheelError) as caught:
        loop.publish()
    assert caught.value.message == (
        "run 100 is of '.github/workflows/tests.yml': only plan.yml and sprint.yml leave something to publish"
    )


def test_a_run_that_left_nothing_is_told_with_a_link_and_taken_back(loop: Loop) -> None:
    loop.run(conclusion="failure")
    loop.publish()
    (told,) = loop.comments
    assert told.body == (
        "<!-- flywheel:run -->\n## ✗ The run ended without a report\n\n"
        f"The run of `{loop.proposed.head[:10]}` stopped before it could leave anything: "
        "[its log](https://git.example.org/acme/digits/actions/runs/100) says why.\n\n"
        "**Next:** correct it and push, or try again with a comment `/flywheel run`.\n"
    )
    loop.reports(passing(loop.proposed), run=101)
    loop.publish(101)
    assert loop.comments[0].body == (
        "<!-- flywheel:run -->\nAn earlier run ended without a report. "
        "[This one](https://git.example.org/acme/digits/actions/runs/101) of "
        f"`{loop.proposed.head[:10]}` has reported.\n"
    )


def test_a_run_without_sprints_says_nothing(loop: Loop) -> None:
    loop.run(conclusion="success")
    loop.publish()
    assert wrote(loop.forge) == []


def test_pictures_are_shown_only_where_they_are(tmp_path: Path, loop: Loop) -> None:
    loop.reports(failing(loop.proposed))
    loop.publish()
    assert "<img" not in loop.comments[0].body
    work = tmp_path / "pictures"
    call(tmp_path, "git", "clone", "-q", str(loop.proposed.root.parent / "origin.git"), str(work))
    picture = work / SPRINT / loop.proposed.head / "gallery" / "01-000412.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"jpeg")
    call(work, "git", "checkout", "-q", "--orphan", "flywheel-reports")
    call(work, "git", "add", "-A")
    call(work, "git", "commit", "-q", "-m", "pictures")
    call(work, "git", "push", "-q", "origin", "flywheel-reports")
    try:
        loop.publish()
    finally:
        call(work, "git", "push", "-q", "origin", ":flywheel-reports")
    assert (
        f'<img src="../blob/flywheel-reports/{SPRINT}/{loop.proposed.head}/gallery/' in loop.comments[0].body
    )


# --- approvals ------------------------------------------------------------------------------------


def test_an_approval_after_the_report_counts_and_one_before_does_not(loop: Loop) -> None:
    loop.forge.now = "2027-01-01T10:00:00Z"
    loop.forge.add_comment(NUMBER, "bob", f"/flywheel approve {LOOSENED.id}")
    loop.forge.now = "2027-01-01T12:00:00Z"
    loop.reports(passing(loop.proposed))
    loop.publish()
    policy = loop.check("flywheel / policy")
    assert policy.conclusion == "action_required"
    assert "the approval of bob does not count: it is older than the last report" in policy.summary
    open_ones = policy.title
    loop.forge.now = "2027-01-01T13:00:00Z"
    loop.forge.add_comment(NUMBER, "bob", f"/flywheel approve {LOOSENED.id}")
    publish_again(loop.publisher, loop.forge.pulls[NUMBER])
    assert f"| `{LOOSENED.id}` |" in loop.check("flywheel / policy").summary
    assert "✓ approved by `bob`" in loop.check("flywheel / policy").summary
    assert loop.check("flywheel / policy").title != open_ones
    assert "approved by `bob`" in next(c.body for c in loop.comments if c.author == BOT)
    assert loop.check(f"flywheel / {SPRINT}").completed_at == "2027-01-01T12:00:00Z"


def test_a_new_report_takes_approvals_back(loop: Loop) -> None:
    loop.reports(passing(loop.proposed))
    loop.publish()
    loop.forge.now = "2027-01-01T13:00:00Z"
    loop.forge.add_comment(NUMBER, "bob", f"/flywheel approve {LOOSENED.id}")
    loop.publish()
    assert "✓ approved by `bob`" in loop.check("flywheel / policy").summary
    loop.forge.now = "2027-01-01T14:00:00Z"
    loop.reports(passing(loop.proposed), run=101)
    loop.publish(101)
    assert "✓ approved" not in loop.check("flywheel / policy").summary


def run_again(loop: Loop, *reports: SprintReport) -> None:
    """Re-run all jobs: the same run, another attempt, with what it left or without anything."""
    [known] = [each for each in loop.forge.runs if each.id == RUN]
    loop.forge.runs.remove(known)
    loop.forge.add_run(replace(known, attempt=known.attempt + 1, started_at=loop.forge.now))
    if reports:
        files = bundle_files([*reports], loop.proposed, [LOOSENED])
        archive = zipped(loop.folder / f"again-{known.attempt}.zip", files)
        loop.forge.add_artifact(RUN, "flywheel-bundle", archive)


def test_another_attempt_of_a_run_is_a_new_report_and_takes_approvals_back(loop: Loop) -> None:
    loop.reports(passing(loop.proposed))
    loop.publish()
    loop.forge.now = "2027-01-01T13:00:00Z"
    loop.forge.add_comment(NUMBER, "bob", f"/flywheel approve {LOOSENED.id}")
    loop.publish()
    assert "✓ approved by `bob`" in loop.check("flywheel / policy").summary
    loop.forge.now = "2027-01-01T14:00:00Z"
    run_again(loop, passing(loop.proposed))
    for now in ("2027-01-01T14:10:00Z", "2027-01-01T14:20:00Z"):  # report.yml again: the same report
        loop.forge.now = now
        loop.publish()
        assert "✓ approved" not in loop.check("flywheel / policy").summary
        shown = loop.check(f"flywheel / {SPRINT}")
        assert (shown.external_id, shown.completed_at) == (f"sprint-{RUN}-2", "2027-01-01T14:10:00Z")
    loop.forge.add_comment(NUMBER, "bob", f"/flywheel approve {LOOSENED.id}")
    loop.publish()
    assert "✓ approved by `bob`" in loop.check("flywheel / policy").summary


def test_what_an_earlier_attempt_left_is_not_taken_for_this_ones(loop: Loop) -> None:
    loop.reports(passing(loop.proposed))
    loop.publish()
    loop.forge.now = "2027-01-01T14:00:00Z"
    run_again(loop)
    loop.forge.runs[0] = replace(loop.forge.runs[0], conclusion="failure")
    loop.publish()
    assert loop.check(f"flywheel / {SPRINT}").external_id == f"sprint-{RUN}-1"
    assert any("## ✗ The run ended without a report" in comment.body for comment in loop.comments)


def test_a_check_that_another_workflow_wrote_does_not_keep_approvals_from_counting(loop: Loop) -> None:
    loop.reports(passing(loop.proposed))
    loop.publish()
    shown = loop.check(f"flywheel / {SPRINT}")
    stranger = replace(shown, name="flywheel / x", external_id="", completed_at="2027-01-01T13:30:00Z")
    loop.forge.checks[loop.proposed.head].append(stranger)
    loop.forge.now = "2027-01-01T13:00:00Z"
    loop.forge.add_comment(NUMBER, "bob", f"/flywheel approve {LOOSENED.id}")
    loop.forge.now = "2027-01-01T14:00:00Z"
    publish_again(loop.publisher, loop.forge.pulls[NUMBER])
    assert "✓ approved by `bob`" in loop.check("flywheel / policy").summary


def test_what_the_specs_weaken_is_found_in_git_and_not_in_the_bundle(loop: Loop) -> None:
    """The bundle names no finding at all; the proposal loosens a gate."""
    loop.run()
    loop.leave("flywheel-bundle", bundle_files([passing(loop.proposed)], loop.proposed))
    loop.publish()
    policy = loop.check("flywheel / policy")
    assert policy.conclusion == "action_required"
    assert "gate_loosened-" in policy.summary
    assert "`bob`, `carol`" in policy.summary


# --- plans ----------------------------------------------------------------------------------------


def test_a_plan_becomes_one_comment_and_the_policys_check(loop: Loop) -> None:
    loop.plan(PROPOSAL)
    loop.publish()
    (comment,) = loop.comments
    assert comment.body.startswith("<!-- flywheel:plan -->\n## ")
    assert comment.body.count("<!--") == 1
    policy = loop.check("flywheel / policy")
    assert (policy.conclusion, policy.external_id) == ("action_required", f"plan-{RUN}-1")
    loop.publish()
    assert len(loop.comments) == 1


def test_a_plan_after_the_report_does_not_take_its_findings_away(loop: Loop) -> None:
    loop.reports(passing(loop.proposed))
    loop.publish()
    loop.plan(PROPOSAL, run=101)
    loop.publish(101)
    assert loop.check("flywheel / policy").external_id == f"sprint-{RUN}-1"


def test_a_plan_with_problems_is_a_failure_at_its_lines(loop: Loop) -> None:
    problem = ConfigProblem(file=f"specs/{SPRINT}.yaml", line=3, message="unknown key")
    loop.plan(replace(PROPOSAL, problems=[problem]))
    loop.publish()
    policy = loop.check("flywheel / policy")
    assert (policy.conclusion, policy.title) == ("failure", "Not planned: 1 problem")
    assert [(note.path, note.line) for note in policy.annotations] == [(f"specs/{SPRINT}.yaml", 3)]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"plan.json": b"{}"}, "not a plan: "),
        ({"plan.json": b"["}, "not a plan: "),
        ({"plan.json": b"{}", "more": b""}, "one file too many"),
        ({"other.json": b"{}"}, "it should hold plan.json and nothing else"),
        ({"../plan.json": b"{}"}, "not a name that is accepted"),
        ({"plan.json": b" " * (8 * 2**20 + 1)}, "bytes when unpacked"),
    ],
)
def test_a_plan_that_is_odd_is_refused(loop: Loop, files: dict[str, bytes], said: str) -> None:
    loop.run("plan")
    loop.leave("flywheel-plan", files)
    with pytest.raises(FlywheelError) as caught:
        loop.publish()
    assert said in caught.value.message
    assert caught.value.exit_code == ExitCode.PUBLISH_FAILED
    assert wrote(loop.forge) == []


def test_a_plan_of_a_proposal_that_changes_code_is_not_shown(tmp_path: Path) -> None:
    changes = {".github/workflows/plan.yml": "on: push\n"}
    loop = Loop(tmp_path, propose_sprint(tmp_path, changes=changes))
    loop.plan(PROPOSAL)
    with pytest.raises(FlywheelError):
        loop.publish()
    (comment,) = loop.comments
    assert comment.body.startswith("<!-- flywheel:plan -->\n## ⚠ No plan is shown\n\n")
    assert "changes code" in comment.body
    assert loop.forge.checks == {}


# --- the newest run -------------------------------------------------------------------------------


def test_the_newest_finished_run_of_the_commit_is_found(loop: Loop) -> None:
    head, pull = loop.proposed.head, loop.forge.pulls[NUMBER]
    assert newest_run(loop.forge, pull, "sprint.yml") is None
    loop.run(run=100)
    loop.run(run=103, conclusion="cancelled")
    loop.run(run=104, head_sha="8" * 40)
    by_hand = {"event": "workflow_dispatch", "head_branch": "main", "head_sha": loop.proposed.base}
    loop.run(run=102, title=f"sprint #7 {head}", **by_hand)
    loop.run(run=105, title=f"sprint #8 {head}", **by_hand)
    found = newest_run(loop.forge, pull, "sprint.yml")
    assert found is not None
    assert found.id == 102


def test_of_a_merged_pull_request_it_is_the_newest_that_judged_before_the_merge(
    loop: Loop, tmp_path: Path
) -> None:
    """Whoever may write can start sprint.yml after the merge: it has nothing to run, and leaves nothing."""
    empty = tmp_path / "empty.zip"
    empty.write_bytes(b"")
    loop.run(run=100)
    loop.run(run=101)
    for run in (100, 101):
        loop.forge.add_artifact(run, "flywheel-bundle", empty)
    loop.run(run=102, conclusion="failure")
    title = f"sprint #7 {loop.proposed.head}"
    by_hand = {"event": "workflow_dispatch", "head_branch": "main", "head_sha": loop.proposed.base}
    loop.run(run=103, title=title, created_at="2027-01-01T12:30:01Z", **by_hand)
    loop.forge.add_artifact(103, "flywheel-bundle", empty)

    def newest(**changes: object) -> int | None:
        pull = loop.forge.change_pull(NUMBER, **changes)
        found = newest_run(loop.forge, pull, "sprint.yml")
        return found.id if found is not None else None

    assert newest() == 103
    merged = {"state": "closed", "merged": True, "merge_commit": "e" * 40}
    assert newest(**merged, merged_at="2027-01-01T12:30:00Z") == 101
    loop.forge.left.clear()
    assert newest() == 102  # what it says of itself is told


# --- who said what --------------------------------------------------------------------------------


def test_an_edited_comment_and_a_review_of_another_commit_are_no_approvals(loop: Loop) -> None:
    from runner.pullrequests.approvals import approvals_given

    text = f"/flywheel approve {LOOSENED.id}"
    loop.forge.add_comment(NUMBER, "bob", text, edited_at="2027-01-02T00:00:00Z")
    loop.forge.add_comment(NUMBER, BOT, text)
    loop.forge.add_comment(NUMBER, "carol", "I approve")
    at = "2027-01-03T00:00:00Z"
    loop.forge.reviewed[NUMBER] = [
        Review(author="bob", state="APPROVED", commit="9" * 40, submitted_at=at),
        Review(author="dave", state="APPROVED", commit=loop.proposed.head, submitted_at=at),
        Review(
            author="dave", state="CHANGES_REQUESTED", commit=loop.proposed.head, submitted_at="2027-01-04"
        ),
        Review(author="erin", state="APPROVED", commit=loop.proposed.head, submitted_at=at),
        Review(author="erin", state="COMMENTED", commit=loop.proposed.head, submitted_at="2027-01-04"),
    ]
    found = approvals_given(loop.forge, loop.forge.pulls[NUMBER], BOT)
    assert [(each.by, each.channel, each.finding) for each in found] == [("erin", "review", None)]
