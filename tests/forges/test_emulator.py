"""The server that other tests trust: what GitHub would refuse is refused here, and what GitHub would say is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from forges.emulator import HEAD_SHA, NODE, PULL, REPOSITORY, Emulator

HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "test",
}


@pytest.fixture
def server(emulator: Emulator) -> Iterator[Emulator]:
    """A repository where requests may be wrong: that is the point of these tests."""
    yield emulator.seed()
    emulator.seed()


def ask(
    github: Emulator,
    method: str,
    path: str,
    *,
    token: str | None = None,
    headers: Any = HEADERS,
    body: Any = None,
) -> requests.Response:
    sent = dict(headers) if token is None else {**headers, "Authorization": f"Bearer {token}"}
    return requests.request(
        method, f"{github.url}/repos/{REPOSITORY}/{path}", headers=sent, json=body, timeout=30
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "violation"),
    [
        ("GET", "no/such/thing", None, "not one of the operations that api.github.com describes"),
        ("GET", "pulls/seven", None, "path pull_number:/value must be integer"),
        ("GET", "pulls?state=opened", None, "query state:/value must be equal to one of the allowed values"),
        ("GET", "pulls?sha=1", None, "query: sha is not a parameter"),
        ("POST", "issues/7/comments", {}, "body:/ must have required property 'body'"),
        ("POST", "issues/7/comments", {"body": 5}, "body:/body must be string"),
        ("POST", "issues/7/comments", None, "body: missing"),
        ("POST", "issues/7/comments", {"body": "x", "text": "y"}, "body: text is not a property"),
        (
            "POST",
            "issues/comments/1/reactions",
            {"content": "applause"},
            "body:/content must be equal to one of",
        ),
    ],
)
def test_a_request_that_github_does_not_describe_is_a_violation(
    server: Emulator, method: str, path: str, body: Any, violation: str
) -> None:
    answer = ask(server, method, path, token=server.token_of("acme"), body=body)
    assert answer.status_code in (404, 422)
    assert any(violation in each for each in server.violations()), server.violations()


def test_more_than_fifty_annotations_are_refused(server: Emulator) -> None:
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 51}
    body = {
        "name": "c",
        "head_sha": HEAD_SHA,
        "status": "completed",
        "conclusion": "success",
        "output": output,
    }
    answer = ask(server, "POST", "check-runs", token=server.token_for({"checks": "write"}), body=body)
    assert answer.status_code == 422
    assert "must NOT have more than 50 items" in answer.text


@pytest.mark.parametrize("absent", ["Accept", "X-GitHub-Api-Version"])
def test_the_headers_that_github_asks_for_are_asked_for(server: Emulator, absent: str) -> None:
    headers = {name: value for name, value in HEADERS.items() if name != absent} | {"Accept-Encoding": "gzip"}
    ask(server, "GET", "pulls/7", token=server.token_of("acme"), headers=headers)
    assert [absent.lower() in each for each in server.violations()] == [True]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_that_nobody_gave_may_nothing(server: Emulator, method: str) -> None:
    body = {"body": "x"} if method == "POST" else None
    answer = ask(server, method, "issues/7/comments", token="ghs_invented", body=body)  # noqa: S106
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
    assert server.comments() == []


def test_tokens_of_an_earlier_repository_are_forgotten(server: Emulator) -> None:
    token = server.token_for({"pull-requests": "write"})
    server.seed()
    assert ask(server, "GET", "pulls/7", token=token).status_code == 401


def test_a_private_repository_is_not_there_without_a_token(server: Emulator) -> None:
    assert ask(server, "GET", "pulls/7").status_code == 404


def test_a_public_one_is_read_by_anybody_and_written_by_nobody(server: Emulator) -> None:
    server.seed(private=False)
    assert ask(server, "GET", "pulls/7").status_code == 200
    assert ask(server, "POST", "issues/7/comments", body={"body": "x"}).status_code == 401


def test_a_person_makes_no_check_runs(server: Emulator) -> None:
    body = {"name": "flywheel / policy", "head_sha": HEAD_SHA, "status": "completed", "conclusion": "success"}
    answer = ask(server, "POST", "check-runs", token=server.token_of("acme"), body=body)
    assert answer.json()["message"] == "You must authenticate via a GitHub App."


def test_a_check_on_an_unknown_commit_is_refused(server: Emulator) -> None:
    body = {"name": "c", "head_sha": "9" * 40, "status": "completed", "conclusion": "success"}
    answer = ask(server, "POST", "check-runs", token=server.token_for({"checks": "write"}), body=body)
    assert (answer.status_code, answer.json()["message"]) == (422, f"No commit found for SHA: {'9' * 40}")


def test_the_head_of_a_pull_request_moves(server: Emulator) -> None:
    server.pull(7, head_sha="2" * 40)
    assert server.api("GET", "pulls/7")["head"]["sha"] == "2" * 40
    assert server.api("GET", "pulls")[0]["head"]["sha"] == "2" * 40


def test_a_forks_commit_has_no_pull_requests_of_its_own(server: Emulator) -> None:
    fork = {**PULL, "number": 8, "author": "eve", "head_repository": "eve/digits", "head_sha": "3" * 40}
    server.change(pulls=[fork])
    assert server.api("GET", f"commits/{'3' * 40}/pulls") == []
    assert server.api("GET", "pulls/8")["head"]["repo"]["full_name"] == "eve/digits"


def test_time_stands_still_until_something_is_written(server: Emulator) -> None:
    server.clock("2027-03-01T08:00:00Z")
    server.comment(7, "bob", "one")
    server.api("POST", "issues/7/comments", json={"body": "two"})
    server.comment(7, "bob", "long ago", at="2026-01-01T00:00:00Z")
    assert [each["created_at"] for each in server.comments()] == [
        "2027-03-01T08:00:00Z",
        "2027-03-01T08:00:01Z",
        "2026-01-01T00:00:00Z",
    ]


def test_an_edited_comment_shows_it(server: Emulator) -> None:
    edited = server.comment(7, "bob", "/flywheel approve x", edited=True)
    kept = server.comment(7, "bob", "/flywheel approve y")
    times = {each["id"]: (each["created_at"], each["updated_at"]) for each in server.comments()}
    assert times[edited][0] < times[edited][1]
    assert times[kept][0] == times[kept][1]


def test_what_act_stored_becomes_artifacts(server: Emulator, tmp_path: Path) -> None:
    stored = tmp_path / "1" / "flywheel-plan"
    stored.mkdir(parents=True)
    (stored / "flywheel-plan.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    assert server.add_act_artifacts(100, tmp_path) == ["flywheel-plan"]
    listed = server.api("GET", "actions/runs/100/artifacts")
    assert [(each["name"], each["size_in_bytes"]) for each in listed["artifacts"]] == [("flywheel-plan", 22)]


def test_what_is_committed_names_no_registry() -> None:
    for path in sorted(NODE.glob("*.json")):
        assert "registry" not in path.read_text(), path.name
        assert '"resolved"' not in path.read_text(), path.name


def test_the_description_holds_every_operation_that_is_listed() -> None:
    wanted = json.loads((NODE / "operations.json").read_text())
    for version in ("api.github.com", "ghes-3.19"):
        reduced = json.loads((NODE / f"openapi-{version}.json").read_text())
        absent = {path for path in wanted if f"paths {path}" not in reduced}
        assert absent == set()
