"""What every forge does, shown on GitHub (the emulator behind the validating proxy) and on the fake that other tests use."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest
from forges.emulator import BASE_SHA, HEAD_SHA, LOOP, PULL, RUN, Emulator
from forges.fake_forge import RUN_SPRINT, FakeForge

from runner.adapters.web.retries import Patience
from runner.domain.errors import FlywheelError
from runner.forges.forge import Annotation, CheckRun, Forge, PullRequest, Review, WorkflowRun
from runner.forges.github import GitHub, session
from runner.forges.sticky import put_sticky

MERGE_SHA, OTHER_SHA = "a" * 40, "b" * 40
BOT = "github-actions[bot]"
STARTED = "2027-01-01T12:00:00Z"
ROLES = {
    "alice": "write",
    "bob": "write",
    "carol": "maintain",
    "dan": "triage",
    "eve": "read",
    "root": "admin",
}
FORK = {**PULL, "number": 8, "author": "eve", "head_repository": "eve/digits", "head_sha": OTHER_SHA}
MERGED = {
    **PULL,
    "number": 9,
    "head_sha": "c" * 40,
    "merged": True,
    "state": "closed",
    "merge_commit": MERGE_SHA,
    "merged_at": "2027-01-01T11:30:00Z",
}
GONE = {**PULL, "number": 10, "head_sha": "d" * 40, "head_repository": None, "author": "eve"}
DISPATCHED: dict[str, Any] = {
    **RUN,
    "id": 101,
    "event": "workflow_dispatch",
    "title": f"sprint #8 {OTHER_SHA}",
    "head_branch": "main",
}
PLANNED = {**RUN, "id": 102, "path": ".github/workflows/plan.yml"}


class World(Protocol):
    """A forge with the same state behind it, however it is held."""

    forge: Forge

    def comment(self, author: str, body: str) -> int: ...
    def review(self, author: str) -> None: ...
    def artifact(self, name: str, archive: Path, *, expired: bool = False) -> None: ...
    def setting(self, path: str, value: object) -> None: ...
    def retarget(self, number: int) -> None: ...
    def run_again(self, run: int, at: str) -> None: ...
    def forged(self, check: CheckRun) -> None: ...
    def reactions(self, comment: int) -> list[str]: ...
    def dispatched(self) -> list[tuple[str, str, dict[str, str]]]: ...


@dataclass
class Emulated:
    github: Emulator
    forge: Forge

    def comment(self, author: str, body: str) -> int:
        return self.github.comment(7, author, body)

    def review(self, author: str) -> None:
        self.github.review(7, author)

    def artifact(self, name: str, archive: Path, *, expired: bool = False) -> None:
        self.github.add_artifact(100, name, archive, expired=expired)

    def retarget(self, number: int) -> None:
        self.github.pull(number, changed_base=True)

    def run_again(self, run: int, at: str) -> None:
        self.github.change(runs=[{**RUN, "id": run, "run_attempt": 2, "run_started_at": at}])

    def forged(self, check: CheckRun) -> None:
        more = {"external_id": check.external_id, "completed_at": check.completed_at}
        output = {"title": check.title, "summary": check.summary}
        self.github.foreign_check("github-actions", name=check.name, output=output, **more)

    def setting(self, path: str, value: object) -> None:
        self.github.change(settings={path: value})

    def reactions(self, comment: int) -> list[str]:
        return [content for _, content in self.github.reactions(comment)]

    def dispatched(self) -> list[tuple[str, str, dict[str, str]]]:
        return [(each["workflow"], each["ref"], each["inputs"]) for each in self.github.dispatched()]


@dataclass
class Faked:
    forge: FakeForge

    def comment(self, author: str, body: str) -> int:
        return self.forge.add_comment(7, author, body).id

    def review(self, author: str) -> None:
        given = Review(author=author, state="APPROVED", commit=HEAD_SHA, submitted_at=self.forge.now)
        self.forge.reviewed.setdefault(7, []).append(given)

    def artifact(self, name: str, archive: Path, *, expired: bool = False) -> None:
        self.forge.add_artifact(100, name, archive, expired=expired)

    def setting(self, path: str, value: object) -> None:
        self.forge.settings[path] = value

    def retarget(self, number: int) -> None:
        self.forge.retargeted.add(number)

    def run_again(self, run: int, at: str) -> None:
        known = self.forge.workflow_run(run)
        self.forge.runs.remove(known)
        self.forge.add_run(msgspec.structs.replace(known, attempt=2, started_at=at))

    def forged(self, check: CheckRun) -> None:
        self.forge.checks.setdefault(check.head_sha, []).append(check)

    def reactions(self, comment: int) -> list[str]:
        return self.forge.reactions.get(comment, [])

    def dispatched(self) -> list[tuple[str, str, dict[str, str]]]:
        return self.forge.dispatched


def fake() -> FakeForge:
    forge = FakeForge(permissions=dict(ROLES))  # type: ignore[arg-type]
    for pull in (PULL, FORK, MERGED, GONE):
        forge.add_pull(PullRequest(**pull))
    for run in (RUN, DISPATCHED, PLANNED):
        called = [RUN_SPRINT] if run is not PLANNED else []
        url = f"http://127.0.0.1/acme/digits/actions/runs/{run['id']}"
        forge.add_run(WorkflowRun(**run, url=url, called=called, created_at=STARTED, started_at=STARTED))
    return forge


def quick(**changes: Any) -> Patience:
    """No real waiting."""
    return Patience(**{"sleep": lambda seconds: None, "jitter": lambda: 0.0, "attempts": 3, **changes})


def forge_of(github: Emulator, permissions: dict[str, str] | None = None) -> GitHub:
    environment = github.environment(permissions)
    return GitHub(environment, session(environment, quick()))


@pytest.fixture(params=["github", "enterprise", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield Faked(fake())
        return
    github: Emulator = request.getfixturevalue("github")
    github.seed(users=ROLES, pulls=[PULL, FORK, MERGED, GONE], runs=[RUN, DISPATCHED, PLANNED])
    environment = github.environment({**LOOP, "actions-variables": "read"})
    if request.param == "enterprise":
        environment = msgspec.structs.replace(environment, api_url=f"{github.url}/api/v3")
    yield Emulated(github, GitHub(environment, session(environment, quick())))
    if request.param == "enterprise":
        assert {each["prefix"] for each in github.requests() if each.get("permissions")} <= {"/api/v3"}


def test_a_pull_request_has_its_head_and_its_base(world: World) -> None:
    assert world.forge.pull_request(7) == PullRequest(
        number=7,
        title="More dark images",
        author="alice",
        state="open",
        head_sha=HEAD_SHA,
        head_ref="more-dark",
        head_repository="acme/digits",
        base_ref="main",
        base_sha=BASE_SHA,
    )


def test_a_merged_pull_request_has_its_merge_commit_and_an_open_one_has_none(world: World) -> None:
    merged, opened = world.forge.pull_request(9), world.forge.pull_request(7)
    assert (merged.merged, merged.merge_commit, merged.state) == (True, MERGE_SHA, "closed")
    assert (opened.merged, opened.merge_commit) == (False, None)
    assert merged.merged_at is not None
    assert opened.merged_at is None


def test_a_deleted_fork_has_no_repository(world: World) -> None:
    assert world.forge.pull_request(10).head_repository is None


def test_what_does_not_exist_is_an_error(world: World) -> None:
    with pytest.raises(FlywheelError) as raised:
        world.forge.pull_request(404)
    assert "404" in raised.value.message
    assert raised.value.exit_code == 5


def test_pull_requests_are_found_by_their_head_also_in_forks(world: World) -> None:
    assert [pull.number for pull in world.forge.pull_requests_with_head(OTHER_SHA)] == [8]
    assert [pull.number for pull in world.forge.pull_requests_with_head(HEAD_SHA)] == [7]


def test_a_closed_pull_request_is_not_found_by_its_head(world: World) -> None:
    assert world.forge.pull_requests_with_head("c" * 40) == []


def test_pull_requests_are_found_by_their_branch_also_closed_ones(world: World) -> None:
    def numbers(repository: str, branch: str) -> list[int]:
        return sorted(pull.number for pull in world.forge.pull_requests_of_branch(repository, branch))

    assert [number for number in numbers("acme/digits", "more-dark") if number != 10] == [7, 9]
    assert [number for number in numbers("eve/digits", "more-dark") if number != 10] == [8]
    assert numbers("acme/digits", "other") == []


def test_a_pull_request_that_was_proposed_elsewhere_before_says_so(world: World) -> None:
    world.retarget(8)
    assert [world.forge.changed_base(number) for number in (7, 8)] == [False, True]


def test_the_pull_request_that_a_merge_brought_is_found(world: World) -> None:
    assert [pull.number for pull in world.forge.pull_requests_merged_by(MERGE_SHA)] == [9]


def test_a_commit_that_was_not_merged_has_no_pull_request(world: World) -> None:
    assert world.forge.pull_requests_merged_by(HEAD_SHA) == []


def test_comments_are_listed_in_order_with_their_authors(world: World) -> None:
    world.comment("bob", "first")
    world.forge.post_comment(7, "second")
    listed = world.forge.comments(7)
    assert [(each.author, each.body) for each in listed] == [("bob", "first"), (BOT, "second")]


def test_an_edited_comment_keeps_its_number(world: World) -> None:
    posted = world.forge.post_comment(7, "before")
    edited = world.forge.edit_comment(posted.id, "after ✓")
    assert edited.id == posted.id
    assert [each.body for each in world.forge.comments(7)] == ["after ✓"]


def test_a_comment_that_nobody_edited_says_so(world: World) -> None:
    posted = world.forge.post_comment(7, "text")
    assert posted.created_at == posted.updated_at


def test_a_reaction_given_twice_is_no_error(world: World) -> None:
    comment = world.comment("bob", "/flywheel plan")
    world.forge.react(comment, "eyes")
    world.forge.react(comment, "eyes")
    assert set(world.reactions(comment)) == {"eyes"}


def test_a_review_names_its_commit(world: World) -> None:
    world.review("bob")
    (review,) = world.forge.reviews(7)
    assert (review.author, review.state, review.commit) == ("bob", "APPROVED", HEAD_SHA)


@pytest.mark.parametrize(
    ("login", "expected"),
    [*ROLES.items(), ("stranger", "none"), ("dependabot[bot]", "none"), ("a/../b", "none")],
)
def test_permissions_are_told_apart(world: World, login: str, expected: str) -> None:
    assert world.forge.permission(login) == expected


def check(name: str = "flywheel / 0003-low-light", **changes: Any) -> CheckRun:
    fields: dict[str, Any] = {
        "name": name,
        "head_sha": HEAD_SHA,
        "conclusion": "failure",
        "title": "FAIL",
        "summary": "recall on dark is too low",
        "external_id": "100",
    }
    return CheckRun(**{**fields, **changes})


def test_a_check_is_made_once_and_then_updated(world: World) -> None:
    world.forge.put_check_run(check())
    first = world.forge.check_runs(HEAD_SHA)
    world.forge.put_check_run(check(conclusion="success", title="PASS", summary="all gates passed"))
    second = world.forge.check_runs(HEAD_SHA)
    assert [(each.conclusion, each.title) for each in first] == [("failure", "FAIL")]
    assert [(each.conclusion, each.title, each.summary) for each in second] == [
        ("success", "PASS", "all gates passed")
    ]


def test_showing_a_report_again_keeps_the_time_of_the_report(world: World) -> None:
    world.forge.put_check_run(check())
    (first,) = world.forge.check_runs(HEAD_SHA)
    world.comment("bob", "time passes")
    world.forge.put_check_run(check(conclusion="neutral"))
    (second,) = world.forge.check_runs(HEAD_SHA)
    assert second.completed_at == first.completed_at is not None


def test_a_report_of_another_run_is_the_check_from_then_on(world: World) -> None:
    world.forge.put_check_run(check())
    world.forge.put_check_run(check(external_id="101", conclusion="success"))
    assert [(each.external_id, each.conclusion) for each in world.forge.check_runs(HEAD_SHA)] == [
        ("101", "success")
    ]


def test_checks_of_other_names_are_left_alone(world: World) -> None:
    world.forge.put_check_run(check())
    world.forge.put_check_run(check("flywheel / policy", conclusion="action_required"))
    assert {(each.name, each.conclusion) for each in world.forge.check_runs(HEAD_SHA)} == {
        ("flywheel / 0003-low-light", "failure"),
        ("flywheel / policy", "action_required"),
    }


def test_a_commit_without_checks_has_none(world: World) -> None:
    assert world.forge.check_runs(OTHER_SHA) == []


def test_a_run_names_its_workflow_and_where_it_came_from(world: World) -> None:
    run = world.forge.workflow_run(101)
    times = {"created_at": STARTED, "started_at": STARTED}
    expected = WorkflowRun(**DISPATCHED, url="", called=[RUN_SPRINT], **times)
    assert msgspec.structs.replace(run, url="") == expected
    assert run.url.endswith("/acme/digits/actions/runs/101")


def test_a_run_that_is_run_again_keeps_its_number_and_its_first_time(world: World) -> None:
    world.run_again(100, "2027-01-02T08:00:00Z")
    run = world.forge.workflow_run(100)
    assert (run.attempt, run.created_at, run.started_at) == (2, STARTED, "2027-01-02T08:00:00Z")


def test_a_check_that_will_be_completed_some_day_is_none_and_is_made_anew(world: World) -> None:
    to_come = check(completed_at="2999-01-01T00:00:00Z")
    world.forged(to_come)
    assert world.forge.check_runs(HEAD_SHA) == []
    world.forge.put_check_run(check())
    (ours,) = world.forge.check_runs(HEAD_SHA)
    assert (ours.external_id, str(ours.completed_at) < "2028") == (to_come.external_id, True)


def test_runs_of_a_workflow_come_newest_first_and_can_be_narrowed(world: World) -> None:
    forge = world.forge
    assert [run.id for run in forge.workflow_runs("sprint.yml")] == [101, 100]
    assert [run.id for run in forge.workflow_runs("sprint.yml", event="pull_request")] == [100]
    assert [run.id for run in forge.workflow_runs("plan.yml", head_sha=HEAD_SHA)] == [102]
    assert forge.workflow_runs("plan.yml", head_sha=OTHER_SHA) == []


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    archive = tmp_path / "stored.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("manifest.json", "{}")
    return archive


def test_an_artifact_is_downloaded_whole(world: World, bundle: Path, tmp_path: Path) -> None:
    world.artifact("flywheel-bundle", bundle)
    (artifact,) = world.forge.artifacts(100)
    assert (artifact.name, artifact.size_bytes, artifact.expired) == (
        "flywheel-bundle",
        bundle.stat().st_size,
        False,
    )
    assert artifact.created_at == STARTED
    there = world.forge.download(artifact.id, tmp_path / "got.zip", max_bytes=10_000)
    assert there.read_bytes() == bundle.read_bytes()


def test_an_artifact_above_the_limit_leaves_nothing(world: World, bundle: Path, tmp_path: Path) -> None:
    world.artifact("flywheel-bundle", bundle)
    (artifact,) = world.forge.artifacts(100)
    with pytest.raises(FlywheelError) as raised:
        world.forge.download(artifact.id, tmp_path / "got.zip", max_bytes=10)
    assert "larger than 10 bytes" in raised.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["stored.zip"]


def test_a_run_without_artifacts_has_none(world: World) -> None:
    assert world.forge.artifacts(102) == []


def test_a_workflow_is_started_by_hand(world: World) -> None:
    world.forge.dispatch("sprint.yml", "main", {"pr": "8", "sha": OTHER_SHA})
    assert world.dispatched() == [("sprint.yml", "main", {"pr": "8", "sha": OTHER_SHA})]


def test_the_default_branch_is_known(world: World) -> None:
    assert world.forge.default_branch() == "main"


def test_a_setting_is_read_and_an_absent_one_is_none(world: World) -> None:
    world.setting(
        "actions/variables/FLYWHEEL_RUNS_ON", {"name": "FLYWHEEL_RUNS_ON", "value": '["self-hosted"]'}
    )
    found = world.forge.get("actions/variables/FLYWHEEL_RUNS_ON")
    assert isinstance(found, dict)
    assert found["value"] == '["self-hosted"]'
    assert world.forge.get("environments/gpu") is None


# --- sticky comments: rule 8 ----------------------------------------------------------------------

MARKER = "<!-- flywheel:plan -->"


def test_the_first_run_creates_and_the_second_updates(world: World) -> None:
    first = put_sticky(world.forge, 7, MARKER, f"{MARKER}\none", BOT)
    second = put_sticky(world.forge, 7, MARKER, f"{MARKER}\ntwo", BOT)
    assert first.id == second.id
    assert [each.body for each in world.forge.comments(7)] == [f"{MARKER}\ntwo"]


def test_a_strangers_marker_is_untouched(world: World) -> None:
    world.comment("eve", f"{MARKER}\nall gates passed, promote me")
    put_sticky(world.forge, 7, MARKER, f"{MARKER}\nthe plan", BOT)
    put_sticky(world.forge, 7, MARKER, f"{MARKER}\nthe plan again", BOT)
    assert [(each.author, each.body) for each in world.forge.comments(7)] == [
        ("eve", f"{MARKER}\nall gates passed, promote me"),
        (BOT, f"{MARKER}\nthe plan again"),
    ]


def test_our_bot_quoting_the_marker_is_not_the_sticky_comment(world: World) -> None:
    world.comment(BOT, f"you wrote: {MARKER}")
    put_sticky(world.forge, 7, MARKER, f"{MARKER}\nthe plan", BOT)
    assert len(world.forge.comments(7)) == 2


def test_the_newest_of_ours_is_edited_and_others_are_left_alone(world: World) -> None:
    world.comment(BOT, f"{MARKER}\nold")
    world.comment(BOT, f"{MARKER}\nnewer")
    put_sticky(world.forge, 7, MARKER, f"{MARKER}\nnow", BOT)
    assert [each.body for each in world.forge.comments(7)] == [f"{MARKER}\nold", f"{MARKER}\nnow"]


def test_the_same_text_writes_nothing(world: World) -> None:
    posted = put_sticky(world.forge, 7, MARKER, f"{MARKER}\nthe plan\n", BOT)
    again = put_sticky(world.forge, 7, MARKER, f"{MARKER}\nthe plan\n", BOT)
    assert again == posted
    assert again.updated_at == posted.created_at


def test_a_body_without_its_marker_is_refused_before_anything_is_written(world: World) -> None:
    with pytest.raises(ValueError):
        put_sticky(world.forge, 7, MARKER, "the plan", BOT)
    assert world.forge.comments(7) == []


def test_annotations_above_one_request_all_arrive_once(github: Emulator) -> None:
    forge = forge_of(github)
    notes = [
        Annotation(
            path="specs/0003-low-light.yaml", line=line, level="failure", title="gate", message=f"gate {line}"
        )
        for line in range(1, 121)
    ]
    forge.put_check_run(check(annotations=notes))
    forge.put_check_run(check(annotations=notes))
    (made,) = github.check_runs()
    assert [each["start_line"] for each in github.annotations(made["id"])] == list(range(1, 121))
    assert [
        len((each["body"]["output"].get("annotations")) or [])
        for each in github.requests(path="/check-runs")
        if each["body"]
    ] == [50, 50, 20, 0]


def test_annotations_that_no_longer_hold_are_gone(github: Emulator) -> None:
    forge = forge_of(github)
    old = Annotation(
        path="specs/0003-low-light.yaml", line=3, level="failure", title="gate", message="too low"
    )
    new = msgspec.structs.replace(old, line=5)
    forge.put_check_run(check(annotations=[old]))
    (before,) = github.check_runs()
    forge.put_check_run(check(annotations=[new]))
    (after,) = github.check_runs()
    assert [each["start_line"] for each in github.annotations(after["id"])] == [5]
    assert after["completed_at"] == before["completed_at"]


def test_another_apps_check_of_our_name_is_not_ours(github: Emulator) -> None:
    forge = forge_of(github)
    foreign = github.foreign_check(
        "helpful-ci", name=check().name, output={"title": "PASS", "summary": "trust me"}
    )
    assert forge.check_runs(HEAD_SHA) == []
    forge.put_check_run(check())
    assert [each.conclusion for each in forge.check_runs(HEAD_SHA)] == ["failure"]
    assert github.api("GET", f"check-runs/{foreign}")["conclusion"] == "success"


def test_more_than_a_hundred_comments_are_all_seen(github: Emulator) -> None:
    forge = forge_of(github)
    github.comment(7, BOT, f"{MARKER}\nthe first plan")
    github.add_comments([{"number": 7, "author": "bob", "body": f"remark {count}"} for count in range(230)])
    put_sticky(forge, 7, MARKER, f"{MARKER}\nthe plan", BOT)
    bodies = [body for author, body in github.bodies() if author == BOT]
    assert bodies == [f"{MARKER}\nthe plan"]
    assert len(forge.comments(7)) == 231
