"""The whole loop through its real workflows: plan, sprint, report, chat, merge, promote, rollback; GitHub is the emulator.

The tests of this module are one story, in order: each job finds what the one before left.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from forges.emulator import REPOSITORY, Emulator
from github.conftest import NEXT
from projects import call
from simulated_forge.act import CANARY, HEAD, PULL, SECRETS, ActRepository, Finished
from workflow_rules import PERMISSIONS

from runner.record.catalogue import sprint_folder

pytestmark = pytest.mark.xdist_group("sprint-act")
PLAN_RUN, SPRINT_RUN = 201, 202
BOT = "github-actions[bot]"


@dataclass(kw_only=True)
class Story:
    """The repository, and GitHub's side of it."""

    repository: ActRepository
    github: Emulator

    def ran(self, run: int, name: str, finished: Finished) -> None:
        """Tells GitHub of a finished run, with what it left."""
        self.github.change(
            runs=[
                {
                    "id": run,
                    "path": f".github/workflows/{name}.yml",
                    "event": "pull_request",
                    "head_sha": self.repository.sha(HEAD),
                    "head_branch": HEAD,
                    "head_repository": REPOSITORY,
                    "status": "completed",
                    "conclusion": "success",
                    "title": f"{name} #{PULL} {self.repository.sha(HEAD)}",
                }
            ]
        )
        self.github.add_act_artifacts(run, finished.artifacts)

    def job(
        self, event: str, workflow: str, payload: Mapping[str, object], *, jobs: str, fresh: bool = False
    ) -> Finished:
        """One of the trusted workflows, with a token that may what its jobs may."""
        wanted: dict[str, str] = {}
        for job in jobs.split():
            for scope, level in PERMISSIONS[f"{workflow}/{job}"].items():
                wanted[scope] = max(level, wanted.get(scope, ""), key=("", "read", "write").index)
        variables = self.github.variables(wanted)
        return self.repository.act(
            event, workflow, dict(payload), variables=variables, secrets=SECRETS, fresh=fresh
        )

    def report(self, run: int, name: str, *, fresh: bool = False) -> Finished:
        payload = self.repository.workflow_run(run, name)
        return self.job("workflow_run", "report.yml", payload, jobs="pictures publish", fresh=fresh)

    def marked(self, marker: str) -> list[str]:
        """The bot's comments with a marker."""
        found = self.github.bodies(PULL)
        return [body for author, body in found if author == BOT and f"<!-- flywheel:{marker}" in body]


@pytest.fixture(scope="module")
def story(proposed: ActRepository, github: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Story:
    repository = proposed.copy(tmp_path_factory.mktemp("story"))
    head, base = repository.sha(HEAD), repository.sha("main")
    github.pull(PULL, head_sha=head, head_ref=HEAD, base_sha=base)
    return Story(repository=repository, github=github)


def test_1_the_plan_becomes_a_comment_and_a_check(story: Story) -> None:
    event = story.repository.pull_request()
    story.ran(PLAN_RUN, "plan", story.repository.act("pull_request", "plan.yml", event, ref=HEAD))
    run = story.report(PLAN_RUN, "plan")
    assert run.results == {"publish": "success"}, run.log
    (plan,) = story.marked("plan") or [run.log]
    assert NEXT in plan
    names = [check["name"] for check in story.github.check_runs(story.repository.sha(HEAD))]
    assert names == ["flywheel / policy"]


def test_2_the_report_becomes_a_comment_a_check_and_pictures(story: Story, ran: Finished) -> None:
    story.ran(SPRINT_RUN, "sprint", ran)
    run = story.report(SPRINT_RUN, "sprint")
    assert run.results == {"pictures": "success", "publish": "success"}, run.log
    (report,) = story.marked(f"report:{NEXT}")
    assert "PASS" in report
    checks = story.github.check_runs(story.repository.sha(HEAD))
    conclusions = {check["name"]: check["conclusion"] for check in checks}
    assert conclusions[f"flywheel / {NEXT}"] == "success"
    shown = story.repository.files("flywheel-reports")
    assert any(f"{NEXT}/{story.repository.sha(HEAD)}/" in path for path in shown)


def test_3_publishing_again_edits_the_same_comments(story: Story) -> None:
    before = [comment["id"] for comment in story.github.comments(PULL)]
    run = story.report(SPRINT_RUN, "sprint", fresh=True)
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
        assert each["inputs"] == {"pr": str(PULL), "sha": story.repository.sha(HEAD)}


def test_5_other_comments_start_no_job(story: Story) -> None:
    run = story.job("issue_comment", "chat.yml", story.repository.comment("Looks good"), jobs="answer")
    assert run.results == {}


def test_6_the_merge_records_and_promotes(story: Story) -> None:
    repository = story.repository
    merge = repository.merge(PULL)
    story.github.pull(
        PULL,
        state="closed",
        merged=True,
        merge_commit=merge,
        head_sha=repository.sha(HEAD),
        head_ref=HEAD,
        base_sha=repository.merges[PULL][0],
    )
    run = story.job("push", "promote.yml", repository.push(), jobs="promote", fresh=True)
    assert run.results == {"promote": "success"}, run.log
    subjects = call(repository.bare, "git", "log", "--format=%s", f"{merge}..main").stdout.splitlines()
    assert subjects == [
        f"flywheel: {NEXT} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {NEXT} [skip ci]",
    ]
    changed = call(repository.bare, "git", "diff", "--name-only", merge, "main").stdout.split()
    assert f"reports/{NEXT}/verdict.json" in changed
    assert [tag for tag in repository.tags if "#prod#" in tag] == ["tiny-digits#prod#1"]


def test_7_what_was_recorded_can_be_pulled_by_anybody(story: Story) -> None:
    clone = story.repository.clone("anybody")
    call(clone, sys.executable, "-m", "dvc", "pull", "-q", f"reports/{NEXT}/dvc.yaml")
    assert list((sprint_folder(clone, NEXT) / "weights").iterdir())
    assert list((sprint_folder(clone, NEXT) / "predictions").iterdir())


def test_8_promoting_again_changes_nothing(story: Story) -> None:
    refs = call(story.repository.bare, "git", "for-each-ref").stdout
    known = call(story.repository.bare, "git", "rev-list", "main").stdout.split()
    story.github.change(commits=known)  # the emulator holds no git repository
    payload = story.repository.dispatch(sprint=NEXT)
    run = story.job("workflow_dispatch", "promote.yml", payload, jobs="promote")
    assert run.results == {"promote": "success"}, run.log
    assert call(story.repository.bare, "git", "for-each-ref").stdout == refs


def test_9_a_rollback_with_nothing_to_go_back_to_fails_and_changes_nothing(story: Story) -> None:
    refs = call(story.repository.bare, "git", "for-each-ref").stdout
    payload = story.repository.dispatch(rollback="previous")
    run = story.job("workflow_dispatch", "promote.yml", payload, jobs="promote")
    assert run.results == {"promote": "failure"}
    assert call(story.repository.bare, "git", "for-each-ref").stdout == refs


def test_rule_16_the_secrets_are_in_nothing_that_the_loop_left(story: Story, ran: Finished) -> None:
    for run in (ran, *story.repository.runs):
        assert CANARY.encode() not in run.everything()
    assert not any(CANARY in body for _, body in story.github.bodies(PULL))
    objects = call(story.repository.bare, "git", "grep", "-l", CANARY, "main", check=False).stdout
    assert objects == ""
