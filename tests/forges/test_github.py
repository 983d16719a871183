"""GitHub's refusals as errors, its lists to their end, and its answers read strictly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from forges.emulator import HEAD_SHA, LOOP, PULL, REPOSITORY, Emulator

from runner.adapters.web.http import HttpResponse
from runner.adapters.web.retries import Patience
from runner.domain.errors import FlywheelError
from runner.forges import open_forge
from runner.forges.forge import AnswerLost
from runner.forges.github import GitHub, session
from runner.forges.github_answers import GHOST, IssueComment, Pull, PullReview, Role, Run, decoded
from runner.forges.github_errors import one_line, refused

REPO = f"/repos/{REPOSITORY}"


def forge(github: Emulator, permissions: dict[str, str] | None = None, **changes: Any) -> GitHub:
    environment = github.environment(permissions, **changes)
    return GitHub(environment, session(environment, Patience(attempts=1, sleep=lambda seconds: None)))


def test_a_missing_permission_is_named_as_github_names_it(github: Emulator) -> None:
    with pytest.raises(FlywheelError) as raised:
        forge(github, {"contents": "read"}).post_comment(7, "hello")
    assert str(raised.value) == (
        f"GitHub answered 403 to POST {REPO}/issues/7/comments: Resource not accessible by integration\n"
        "  hint: the token may not do that: give the job `permissions: {issues: write}` or `{pull-requests: write}`"
    )


def test_a_missing_permission_is_named_also_when_github_does_not(github: Emulator) -> None:
    github.fault("403", path="/check-runs")
    with pytest.raises(FlywheelError) as raised:
        forge(github).check_runs(HEAD_SHA)
    assert raised.value.hint == "the token may not do that: give the job `permissions: {checks: read}`"


def test_a_token_that_nobody_gave_is_refused(github: Emulator) -> None:
    with pytest.raises(FlywheelError) as raised:
        forge(github, token="ghs_expired").comments(7)  # noqa: S106
    assert str(raised.value) == (
        f"GitHub answered 401 to GET {REPO}/issues/7/comments: Bad credentials\n"
        "  hint: the token has expired or is none of this server: give the step `GITHUB_TOKEN: ${{ github.token }}`, or log in again"
    )


def test_a_body_that_is_too_long_says_what_github_said(github: Emulator) -> None:
    with pytest.raises(FlywheelError) as raised:
        forge(github).post_comment(7, "x" * 70_000)
    assert str(raised.value) == (
        f"GitHub answered 422 to POST {REPO}/issues/7/comments: Validation Failed; Body is too long (maximum is 65536 characters)\n"
        "  hint: GitHub does not accept what was sent: a mistake in flywheel, or a setting of the repository forbids it"
    )
    assert github.comments() == []


def test_an_expired_artifact_says_how_to_get_it_again(github: Emulator, tmp_path: Path) -> None:
    github.add_artifact(100, "flywheel-bundle", Path(__file__), expired=True)
    (artifact,) = forge(github).artifacts(100)
    assert artifact.expired
    with pytest.raises(FlywheelError) as raised:
        forge(github).download(artifact.id, tmp_path / "b.zip", max_bytes=10**6)
    assert str(raised.value) == (
        f"GitHub answered 410 to GET {REPO}/actions/artifacts/1/zip: Artifact has expired\n"
        "  hint: it has been deleted, as artifacts are after their retention time: run the sprint's job again"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_outage_of_a_write_says_that_it_may_have_been_done(github: Emulator) -> None:
    github.fault("applied-then-502", method="POST")
    with pytest.raises(AnswerLost) as raised:
        forge(github).post_comment(7, "once")
    assert raised.value.message == f"GitHub answered 502 to POST {REPO}/issues/7/comments"
    assert len(github.comments()) == 1


def test_half_an_answer_is_an_error(github: Emulator) -> None:
    github.fault("not-json", path="/pulls/7")
    with pytest.raises(FlywheelError) as raised:
        forge(github).pull_request(7)
    assert raised.value.message.startswith(
        f"the answer to GET {REPO}/pulls/7 is not what GitHub's API describes: "
    )


def test_a_redirect_of_the_api_to_another_host_is_refused(github: Emulator) -> None:
    github.fault("redirect", path="/pulls/7", location="http://localhost:9/stolen")
    with pytest.raises(FlywheelError) as raised:
        forge(github).pull_request(7)
    assert raised.value.message.endswith("redirects to http://localhost:9")


def test_the_storage_never_sees_the_token(github: Emulator, tmp_path: Path) -> None:
    github.add_artifact(100, "flywheel-bundle", Path(__file__))
    forge(github).download(1, tmp_path / "b.zip", max_bytes=10**6)
    assert [each["authorization"] for each in github.requests() if each.get("storage")] == [False]


def test_no_error_shows_the_token(github: Emulator) -> None:
    environment = github.environment({"contents": "read"})
    assert environment.token is not None
    asked = open_forge(environment)
    with pytest.raises(FlywheelError) as raised:
        asked.post_comment(7, "hello")
    texts = [str(raised.value), repr(raised.value), repr(asked), repr(vars(asked)), repr(environment)]
    assert not [text for text in texts if environment.token in text]


def test_a_merge_that_githubs_index_does_not_know_yet_is_found(github: Emulator) -> None:
    github.pull(**{**PULL, "merged": True, "merge_commit": "e" * 40})
    github.fault("empty", path="/commits/")
    assert [pull.number for pull in forge(github).pull_requests_merged_by("e" * 40)] == [7]


def test_many_open_pull_requests_are_all_looked_at(github: Emulator) -> None:
    github.seed(
        pulls=[
            {**PULL, "number": number, "head_sha": f"{number:040x}", "head_ref": f"b{number}"}
            for number in range(1, 131)
        ]
    )
    assert [pull.number for pull in forge(github).pull_requests_with_head(f"{1:040x}")] == [1]
    assert len(github.requests("GET", "/pulls")) == 2


def test_a_list_that_never_ends_is_refused(github: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.forges.github.MAX_PAGES", 2)
    github.add_comments([{"number": 7, "author": "bob", "body": "x"} for _ in range(201)])
    with pytest.raises(FlywheelError) as raised:
        forge(github).comments(7)
    assert raised.value.message == f"GET {REPO}/issues/7/comments: more than 200 entries"


@pytest.mark.parametrize(
    "path", ["../../orgs/acme", "/user", "", "a b", "environments/%2e%2e/../x", "a?b=c#d"]
)
def test_a_setting_is_read_below_the_repository_only(github: Emulator, path: str) -> None:
    with pytest.raises(ValueError):
        forge(github).get(path)
    assert github.requests() == []


def test_a_setting_that_may_not_be_read_is_an_error_and_not_absent(github: Emulator) -> None:
    with pytest.raises(FlywheelError) as raised:
        forge(github, LOOP).get("actions/runners?per_page=100")
    assert raised.value.message == (
        f"GitHub answered 403 to GET {REPO}/actions/runners: Resource not accessible by integration"
    )


# --- answers, without a server --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"permission": "admin", "role_name": "admin"}, "admin"),
        ({"permission": "write", "role_name": "maintain"}, "maintain"),
        ({"permission": "read", "role_name": "triage"}, "triage"),
        (
            {"permission": "write", "role_name": "release-team", "user": {"permissions": {"push": True}}},
            "write",
        ),
        (
            {
                "permission": "write",
                "role_name": "leads",
                "user": {"permissions": {"maintain": True, "push": True}},
            },
            "maintain",
        ),
        ({"permission": "write"}, "write"),
        ({"permission": "none", "role_name": "", "user": {"permissions": {}}}, "none"),
        ({"permission": "superuser"}, "none"),
    ],
)
def test_a_role_is_never_read_as_more_than_it_is(answer: dict[str, Any], expected: str) -> None:
    assert decoded(msgspec.json.encode(answer), Role, "x").level() == expected


def test_deleted_accounts_are_ghosts() -> None:
    comment = IssueComment(id=1, user=None, created_at="t", updated_at="t")
    review = PullReview(user=None, state="APPROVED")
    assert (comment.record().author, review.record().author) == (GHOST, GHOST)


def test_a_run_loses_the_ref_after_its_path() -> None:
    run = Run(id=1, path=".github/workflows/sprint.yml@main", event="push", head_sha="a", html_url="u")
    assert run.record().path == ".github/workflows/sprint.yml"


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"number": "7"}', b"", b"<html>"])
def test_an_answer_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(FlywheelError):
        decoded(body, Pull, "GET /x")


def test_what_a_server_says_is_one_visible_line() -> None:
    said = b'{"message": "a\\n::error::b\\u001b[31m \\u202ec' + b"x" * 400 + b'"}'
    error = refused("GET /x", HttpResponse(400, {}, said), "none", 0.0)
    shown = error.message.removeprefix("GitHub answered 400 to GET /x: ")
    assert shown == f"a ::error::b\ufffd[31m \ufffdc{'x' * 400}"[:299] + "…"
    assert one_line("a\r\n\tb") == "a b"


def test_errors_without_a_message_name_their_field() -> None:
    said = b'{"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "head", "code": "invalid"}, "and more"]}'
    assert refused("POST /x", HttpResponse(422, {}, said), "", 0.0).message == (
        "GitHub answered 422 to POST /x: Validation Failed; PullRequest head invalid; and more"
    )


# --- doctor's questions ---------------------------------------------------------------------------

ADMINISTRATION = {
    "actions": "read",
    "actions_variables": "read",
    "administration": "read",
    "contents": "read",
    "environments": "read",
    "secrets": "read",
}
SETTINGS: dict[str, Any] = {
    "actions/permissions": {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True},
    "actions/permissions/workflow": {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    },
    "actions/permissions/fork-pr-contributor-approval": {"approval_policy": "all_external_contributors"},
    "actions/permissions/artifact-and-log-retention": {"days": 90, "maximum_allowed_days": 90},
    "actions/runners": {"total_count": 0, "runners": []},
    "actions/secrets": {"total_count": 0, "secrets": []},
    "actions/variables/FLYWHEEL_RUNS_ON": {"name": "FLYWHEEL_RUNS_ON", "value": '["self-hosted", "gpu"]'},
    "branches/main/protection": {"enabled": True},
    "environments/gpu": {"name": "gpu", "protection_rules": [{"id": 1, "type": "branch_policy"}]},
    "environments/promote/deployment-branch-policies": {
        "total_count": 1,
        "branch_policies": [{"name": "main"}],
    },
    "environments/gpu/secrets": {"total_count": 1, "secrets": [{"name": "FLYWHEEL_DVC_CONFIG"}]},
    "keys": [{"id": 1, "title": "push", "key": "ssh-ed25519 AAAA", "read_only": False}],
    "rules/branches/main": [{"type": "pull_request"}],
    "rulesets": [{"id": 1, "name": "main", "enforcement": "active"}],
}


@pytest.mark.parametrize("path", SETTINGS)
def test_a_setting_is_read_as_github_says_it(github: Emulator, path: str) -> None:
    github.change(settings=SETTINGS)
    found = forge(github, ADMINISTRATION).get(path)
    expected = SETTINGS[path]
    if isinstance(expected, list):
        assert isinstance(found, list)
        found, expected = found[0], expected[0]
    assert isinstance(found, dict)
    assert {
        key: value for key, value in found.items() if key in expected and not isinstance(value, list)
    } == {key: value for key, value in expected.items() if not isinstance(value, list)}


@pytest.mark.parametrize("path", SETTINGS)
def test_a_jobs_own_token_may_read_few_settings(github: Emulator, path: str) -> None:
    github.change(settings=SETTINGS)
    if path.startswith("rule"):
        assert forge(github, {"contents": "read"}).get(path)
    else:
        with pytest.raises(FlywheelError):
            forge(github, {"contents": "read"}).get(path)


def test_everything_that_doctor_asks_is_described(github: Emulator) -> None:
    source = (Path(__file__).parents[2] / "runner" / "pullrequests" / "doctor" / "forge.py").read_text()
    asked = set(
        re.findall(r'f?"((?:actions|environments|rules|rulesets|branches|keys)(?:/[^" ]*)?)"', source)
    )
    assert len(asked) > 5
    told = forge(github, ADMINISTRATION)
    for path in sorted(asked):
        told.get(
            re.sub(r"\{\w+\}", "x", path)
        )  # the fixture fails where GitHub's description has no such path
