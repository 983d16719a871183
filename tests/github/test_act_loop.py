"""The whole loop through its real workflows: plan, sprint, report, chat, merge, promote, rollback; GitHub is the emulator.

The tests of this module are one story, in order: each job finds what the one before left.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from act_runs import CANARY, PULL, REPOSITORY, SECRETS, Finished, Repository
from forges.emulator import Emulator
from projects import SPEC, call
from workflow_rules import PERMISSIONS

from runner.record.catalogue import sprint_folder

pytestmark = pytest.mark.xdist_group("sprint-act")
NEXT = "0002-next"
PLAN_RUN, SPRINT_RUN = 201, 202
BOT = "github-actions[bot]"


@dataclass(kw_only=True)
class Story:
    """The repository, and GitHub's side of it."""

    repository: Repository
    github: Emulator

    def ran(self, run: int, name: str, finished: Finished) -> None:
        """Tells GitHub of a finished run, with what it left."""
        self.github.change(
            runs=[
                {
                    "id": run,
                    "path": f".github/workflows/{name}.yml",
                    "event": "pull_request",
                    "head_sha": self.repository.sha("proposal"),
                    "head_branch": "proposal",
                    "head_repository": REPOSITORY,
                    "status": "completed",
                    "conclusion": "success",
                    "title": f"{name} #{PULL} {self.repository.sha('proposal')}",
                }
            ]
        )
        self.github.add_act_artifacts(run, finished.artifacts)

    def job(
        self, event: str, workflow: str, payload: Mapping[str, object], *, jobs: str, **more: object
    ) -> Finished:
        """One of the trusted workflows, with a token that may what its jobs may."""
        wanted: dict[str, str] = {}
        for job in jobs.split():
            for scope, level in PERMISSIONS[f"{workflow}/{job}"].items():
                wanted[scope] = max(level, wanted.get(scope, ""), key=("", "read", "write").index)
        return self.repository.act(
            event, workflow, dict(payload), variables=self.github.variables(wanted), secrets=SECRETS
        )

    def report(self, run: int, name: str) -> Finished:
        payload = self.repository.workflow_run(run, name)
        return self.job("workflow_run", "report.yml", payload, jobs="pictures publish")

    def marked(self, marker: str) -> list[str]:
        """The bot's comments with a marker."""
        found = self.github.bodies(PULL)
        return [body for author, body in found if author == BOT and f"<!-- flywheel:{marker}" in body]


@pytest.fixture(scope="module")
def story(finished: Path, github: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("forge")
    project = Path(shutil.copytree(finished, folder / "project", symlinks=True))
    dvc = [sys.executable, "-m", "dvc"]
    call(project, *dvc, "remote", "add", "-d", "store", str(folder / "store"))
    call(project, *dvc, "push", "-q")
    repository = Repository.of(project, folder)
    (project / "specs" / f"{NEXT}.yaml").write_text(SPEC.replace("A sprint small", "The next, small"))
    head = repository.propose()
    github.pull(PULL, head_sha=head, head_ref="proposal", base_sha=repository.sha("main"))
    return Story(repository=repository, github=github)


def test_1_the_plan_becomes_a_comment_and_a_check(story: Story) -> None:
    event = story.repository.pull_request()
    story.ran(PLAN_RUN, "plan", story.repository.act("pull_request", "plan.yml", event, ref="proposal"))
    run = story.report(PLAN_RUN, "plan")
    assert run.results == {"publish": "success"}, run.log
    (plan,) = story.marked("plan") or [run.log]
    assert NEXT in plan
    names = [check["name"] for check in story.github.check_runs(story.repository.sha("proposal"))]
    assert names == ["flywheel / policy"]


def test_2_the_report_becomes_a_comment_a_check_and_pictures(story: Story) -> None:
    event = story.repository.pull_request()
    finished = story.repository.act("pull_request", "sprint.yml", event, ref="proposal", secrets=SECRETS)
    story.ran(SPRINT_RUN, "sprint", finished)
    run = story.report(SPRINT_RUN, "sprint")
    assert run.results == {"pictures": "success", "publish": "success"}, run.log
    (report,) = story.marked(f"report:{NEXT}")
    assert "PASS" in report
    checks = story.github.check_runs(story.repository.sha("proposal"))
    conclusions = {check["name"]: check["conclusion"] for check in checks}
    assert conclusions[f"flywheel / {NEXT}"] == "success"
    call(story.repository.work, "git", "fetch", "-q", "origin")
    shown = call(
        story.repository.work, "git", "ls-tree", "-r", "--name-only", "origin/flywheel-reports"
    ).stdout
    assert f"{NEXT}/{story.repository.sha('proposal')}/" in shown


def test_3_publishing_again_edits_the_same_comments(story: Story) -> None:
    before = [comment["id"] for comment in story.github.comments(PULL)]
    run = story.report(SPRINT_RUN, "sprint")
    assert run.results == {"pictures": "success", "publish": "success"}, run.log
    assert [comment["id"] for comment in story.github.comments(PULL)] == before


@pytest.mark.parametrize(("author", "started"), [("eve", []), ("bob", ["plan.yml"])])
def test_4_a_command_is_done_for_those_who_may_write(story: Story, author: str, started: list[str]) -> None:
    already = len(story.github.dispatched())
    identity = story.github.comment(PULL, author, "/flywheel plan")
    payload = story.repository.comment("/flywheel plan", identity=identity, author=author)
    run = story.job("issue_comment", "chat.yml", payload, jobs="answer")
    assert run.results == {"answer": "success"}, run.log
    assert len(story.marked(f"answer:{identity}")) == 1
    dispatched = story.github.dispatched()[already:]
    assert [each["workflow"] for each in dispatched] == started
    for each in dispatched:
        assert each["inputs"] == {"pr": str(PULL), "sha": story.repository.sha("proposal")}


def test_5_other_comments_start_no_job(story: Story) -> None:
    run = story.job("issue_comment", "chat.yml", story.repository.comment("Looks good"), jobs="answer")
    assert run.results == {}


def test_6_the_merge_records_and_promotes(story: Story) -> None:
    repository = story.repository
    before = repository.sha("main")
    head = repository.sha("proposal")
    call(repository.work, "git", "switch", "-q", "main")
    call(repository.work, "git", "merge", "-q", "--no-ff", "-m", "Merge #7", "proposal")
    merge = repository.push_main()
    story.github.pull(
        PULL,
        state="closed",
        merged=True,
        merge_commit=merge,
        head_sha=head,
        head_ref="proposal",
        base_sha=before,
    )
    payload = {**repository.push(), "before": before}
    run = story.job("push", "promote.yml", payload, jobs="promote")
    assert run.results == {"promote": "success"}, run.log
    call(repository.work, "git", "pull", "-q", "--tags", "origin", "main")
    subjects = call(repository.work, "git", "log", "--format=%s", f"{merge}..HEAD").stdout.splitlines()
    assert subjects == [
        f"flywheel: {NEXT} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {NEXT} [skip ci]",
    ]
    changed = call(repository.work, "git", "diff", "--name-only", merge, "HEAD").stdout.split()
    assert f"reports/{NEXT}/verdict.json" in changed
    tags = call(repository.work, "git", "tag", "--list", "tiny-digits#prod#*").stdout.split()
    assert tags == ["tiny-digits#prod#1"]


def test_7_what_was_recorded_can_be_pulled_by_anybody(story: Story, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    call(tmp_path, "git", "clone", "-q", str(story.repository.origin), str(clone))
    call(clone, sys.executable, "-m", "dvc", "pull", "-q", f"reports/{NEXT}/dvc.yaml")
    assert list((sprint_folder(clone, NEXT) / "weights").iterdir())
    assert list((sprint_folder(clone, NEXT) / "predictions").iterdir())


def test_8_promoting_again_changes_nothing(story: Story) -> None:
    refs = call(story.repository.origin, "git", "for-each-ref").stdout
    known = call(story.repository.origin, "git", "rev-list", "main").stdout.split()
    story.github.change(commits=known)  # the emulator holds no git repository
    payload = story.repository.dispatch(sprint=NEXT)
    run = story.job("workflow_dispatch", "promote.yml", payload, jobs="promote")
    assert run.results == {"promote": "success"}, run.log
    assert call(story.repository.origin, "git", "for-each-ref").stdout == refs


def test_9_a_rollback_with_nothing_to_go_back_to_fails_and_changes_nothing(story: Story) -> None:
    refs = call(story.repository.origin, "git", "for-each-ref").stdout
    payload = story.repository.dispatch(rollback="previous")
    run = story.job("workflow_dispatch", "promote.yml", payload, jobs="promote")
    assert run.results == {"promote": "failure"}
    assert call(story.repository.origin, "git", "for-each-ref").stdout == refs


def test_rule_16_the_secrets_are_in_nothing_that_the_loop_left(story: Story) -> None:
    for run in story.repository.runs:
        assert CANARY.encode() not in run.everything()
    assert not any(CANARY in body for _, body in story.github.bodies(PULL))
    objects = call(story.repository.origin, "git", "grep", "-l", CANARY, "main", check=False).stdout
    assert objects == ""
