"""`flywheel ci chat`: which events are answered, what is asked of the forge, and what happens when it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from forges.fake_forge import FakeForge, pull_request, wrote
from planted_bundle import Proposed, propose_sprint

from runner.domain.errors import ExitCode, FlywheelError
from runner.jobs import chat

HELP = "- `/flywheel plan`: plan the newest commit again"


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Proposed:
    return propose_sprint(tmp_path_factory.mktemp("proposed"))


@pytest.fixture
def forge(proposed: Proposed) -> FakeForge:
    forge = FakeForge(permissions={"bob": "write", "carol": "write", "dave": "maintain", "eve": "read"})
    forge.add_pull(pull_request(7, head_sha=proposed.head, base_sha=proposed.base))
    return forge


def payload(forge: FakeForge, body: str | None, author: str = "bob", **changes: Any) -> dict[str, Any]:
    """The event of a comment that is on the forge."""
    comment = forge.add_comment(7, author, body or "")
    return {
        "action": "created",
        "issue": {"number": 7, "pull_request": {"url": "…"}, "labels": []},
        "comment": {
            "id": comment.id,
            "user": {"login": author, "id": 1},
            "body": body,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
        },
        "sender": {"login": author},
        **changes,
    }


def job(proposed: Proposed, forge: FakeForge, folder: Path, event: object) -> int:
    path = folder / "event.json"
    path.write_text(json.dumps(event))
    variables = {
        "GITHUB_REPOSITORY": "acme/digits",
        "GITHUB_SERVER_URL": "https://git.example.org",
        "GITHUB_API_URL": "https://git.example.org/api/v3",
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_EVENT_PATH": str(path),
    }
    return chat.run(proposed.root, forge=forge, variables=variables)


def answers(forge: FakeForge) -> list[str]:
    return [each.body for each in forge.comments(7) if each.author == forge.me]


def test_a_command_is_answered_under_its_own_marker_and_with_a_reaction(
    proposed: Proposed, forge: FakeForge, tmp_path: Path
) -> None:
    event = payload(forge, "/flywheel plan")
    assert job(proposed, forge, tmp_path, event) == 0
    number = event["comment"]["id"]
    assert answers(forge) == [f"<!-- flywheel:answer:{number} -->\nPlanning `{proposed.head[:10]}` again.\n"]
    assert forge.reactions == {number: ["rocket"]}
    assert forge.dispatched == [("plan.yml", "main", {"pr": "7", "sha": proposed.head})]


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("nice work", {}),
        (None, {}),
        ("> /flywheel run", {}),
        ("/flywheel run", {"action": "edited"}),
        ("/flywheel run", {"action": "deleted"}),
        ("/flywheel run", {"issue": {"number": 7}}),
        ("/flywheel run", {"issue": {"number": 7, "pull_request": None}}),
    ],
    ids=["prose", "no text", "a quotation", "edited", "deleted", "an issue", "an issue, said so"],
)
def test_whatever_is_no_new_command_on_a_pull_request_does_nothing(
    proposed: Proposed, forge: FakeForge, tmp_path: Path, body: str | None, changes: dict[str, Any]
) -> None:
    assert job(proposed, forge, tmp_path, payload(forge, body, **changes)) == 0
    assert wrote(forge) == []


@pytest.mark.parametrize(
    "event", [{}, {"action": "created"}, {"action": "created", "comment": {}, "issue": {"number": "7"}}]
)
def test_an_event_that_is_no_comment_is_an_error(
    proposed: Proposed, forge: FakeForge, tmp_path: Path, event: object
) -> None:
    with pytest.raises(FlywheelError) as told:
        job(proposed, forge, tmp_path, event)
    assert told.value.message.startswith("the event is no comment: Object missing required field")
    assert told.value.hint == "this job is for on: issue_comment"
    assert wrote(forge) == []


def test_what_counts_is_the_text_of_the_event_not_what_it_was_edited_to(
    proposed: Proposed, forge: FakeForge, tmp_path: Path
) -> None:
    event = payload(forge, "/flywheel help")
    forge.edit_comment(event["comment"]["id"], "/flywheel run")
    assert job(proposed, forge, tmp_path, event) == 0
    assert HELP in answers(forge)[0]
    assert forge.dispatched == []


def test_the_job_run_again_answers_once(proposed: Proposed, forge: FakeForge, tmp_path: Path) -> None:
    event = payload(forge, "/flywheel help")
    for _ in range(2):
        assert job(proposed, forge, tmp_path, event) == 0
    assert len(answers(forge)) == 1


@pytest.mark.parametrize("author", ["eve", "nobody-known"])
def test_people_without_write_access_start_nothing(
    proposed: Proposed, forge: FakeForge, tmp_path: Path, author: str
) -> None:
    assert job(proposed, forge, tmp_path, payload(forge, "/flywheel rollback", author)) == 0
    assert answers(forge)[0].endswith("one of them can repeat yours here. Nothing was done.\n")
    assert forge.dispatched == []


def test_what_the_forge_refuses_is_told_where_it_was_asked_and_fails_the_job(
    proposed: Proposed, forge: FakeForge, tmp_path: Path
) -> None:
    refused = FlywheelError(
        "POST dispatches: 403", hint="permissions: actions: write", exit_code=ExitCode.PUBLISH_FAILED
    )
    forge.fail("dispatch", refused)
    event = payload(forge, "/flywheel run")
    with pytest.raises(FlywheelError) as told:
        job(proposed, forge, tmp_path, event)
    assert told.value is refused
    [said] = answers(forge)
    assert said.startswith(
        f"<!-- flywheel:answer:{event['comment']['id']} -->\nThat did not work: POST dispatches: 403"
    )
    assert "permissions: actions: write" in said
    assert forge.reactions == {event["comment"]["id"]: ["confused"]}
    assert job(proposed, forge, tmp_path, event) == 0  # the job tried again takes it back
    assert answers(forge) == [
        f"<!-- flywheel:answer:{event['comment']['id']} -->\nRunning the sprints of `{proposed.head[:10]}`. "
        "A run that is under way for this pull request is cancelled.\n"
    ]


def test_an_approval_of_what_is_no_finding_names_those_that_are(
    proposed: Proposed, forge: FakeForge, tmp_path: Path
) -> None:
    assert (
        job(
            proposed,
            forge,
            tmp_path,
            payload(forge, "/flywheel approve gate_loosened-00000000000000000000000000000000", "dave"),
        )
        == 0
    )
    [said] = answers(forge)
    assert "`gate_loosened-00000000000000000000000000000000` is not a finding of the newest commit" in said
    assert "Open findings: `gate_loosened-" in said
    assert "Nothing was approved." in said
