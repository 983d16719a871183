"""What comments that begin with /flywheel do, for whom, and what they are told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from forges.fake_forge import FakeForge, pull_request
from msgspec.structs import replace

from runner.domain.policy import Finding, FindingKind
from runner.forges.forge import Comment
from runner.pullrequests.comment_commands import (
    Answer,
    Approvable,
    ApproveCommand,
    CommandContext,
    Help,
    PlanCommand,
    RollbackCommand,
    RunCommand,
    answer,
    parse,
    say,
)

HEAD = "1" * 40
FINDING = Finding(
    kind=FindingKind.GATE_LOOSENED,
    sprint="0003-low-light",
    subject="gate recall on dark",
    before="0.70",
    after="0.65",
    message="recall on dark may be lower",
)


def desk(forge: FakeForge, again: list[Approvable] | None = None, **changes: Any) -> CommandContext:
    published: list[str] = forge.settings.setdefault("published", [])
    pull = forge.add_pull(pull_request(**changes))
    return CommandContext(
        forge=forge,
        pull=pull,
        repository="acme/digits",
        findings=lambda: [
            Approvable(
                finding=FINDING,
                refusal=lambda login: None if login == "bob" else "Only ml-leads may approve it.",
                sprints=("0003-low-light", "0004-more"),
            ),
            *(again or []),
        ],
        publish_again=lambda: published.append("again"),
    )


@pytest.fixture
def forge() -> FakeForge:
    return FakeForge(permissions={"bob": "write", "carol": "maintain", "eve": "read"})


def said(forge: FakeForge, body: str, author: str = "bob", **changes: Any) -> Answer | None:
    at = desk(forge, **changes)
    return answer(at, forge.add_comment(at.pull.number, author, body))


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/flywheel plan", PlanCommand()),
        ("  /flywheel   plan  \nthanks", PlanCommand()),
        ("/flywheel run", RunCommand(sha=None)),
        (f"/flywheel run {HEAD}", RunCommand(sha=HEAD)),
        (
            "/flywheel approve gate_loosened-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d",
            ApproveCommand(finding="gate_loosened-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d"),
        ),
        ("/flywheel rollback 0001-first-model", RollbackCommand(sprint="0001-first-model")),
        ("/flywheel", Help()),
        ("/flywheel help", Help()),
        ("/flywheels plan", None),
        ("> /flywheel run", None),
        ("please\n/flywheel run", None),
        (
            "/flywheel approve inconclusive-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d because the dock is dark two nights a year",
            ApproveCommand(
                finding="inconclusive-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d",
                reason="the dock is dark two nights a year",
            ),
        ),
        (
            "/flywheel approve inconclusive-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d Because: why",
            ApproveCommand(finding="inconclusive-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d", reason="why"),
        ),
        (
            "    /flywheel approve gate_loosened-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d",
            None,
        ),  # a code block: an example
        ("\t/flywheel run", None),
        ("```\n/flywheel run\n```", None),
        ("", None),
    ],
)
def test_the_first_line_is_the_command(body: str, command: object) -> None:
    assert parse(body) == command


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("/flywheel aprove x", 'There is no command `aprove`; did you mean "approve"?'),
        ("/flywheel run main", "`main` is not a commit."),
        ("/flywheel run $(touch x)", "`run` takes one word at most."),
        ("/flywheel run `id`", "<code>&#96;id&#96;</code> is not a commit."),
        ("/flywheel approve x because why", "`x` is not a finding's id, which ends in 32 digits."),
        (
            "/flywheel approve inconclusive-1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d because",
            "Because of what? The reason is missing.",
        ),
        ("/flywheel approve", "Which finding? Its id is in the plan and in the report."),
        (
            "/flywheel approve gate_loosened-1a2b3c4d",
            "`gate_loosened-1a2b3c4d` is not a finding's id, which ends in 32 digits.",
        ),
        ("/flywheel rollback ../../etc", "`../../etc` is not a sprint's name."),
    ],
)
def test_what_is_no_command_is_explained(body: str, problem: str) -> None:
    assert parse(body) == Help(problem=problem)


@pytest.mark.parametrize("author", ["eve", "stranger"])
@pytest.mark.parametrize(
    "body", ["/flywheel plan", "/flywheel run", "/flywheel rollback", "/flywheel nonsense"]
)
def test_people_without_write_access_are_answered_and_nothing_happens(
    forge: FakeForge, author: str, body: str
) -> None:
    told = said(forge, body, author)
    assert told == Answer(
        text=f"Thank you, `{author}`. Commands are for people who can write to this repository; one of them can repeat "
        "yours here. Nothing was done.",
        reaction="confused",
    )
    assert forge.actions == []


def test_a_comment_that_is_no_command_gets_no_answer(forge: FakeForge) -> None:
    assert said(forge, "nice work") is None
    assert forge.actions == []


def test_plan_and_run_dispatch_the_default_branchs_workflows(forge: FakeForge) -> None:
    assert said(forge, "/flywheel plan") == Answer(text="Planning `1111111111` again.")
    said(forge, "/flywheel run")
    inputs = {"pr": "7", "sha": HEAD}
    assert forge.dispatched == [("plan.yml", "main", inputs), ("sprint.yml", "main", inputs)]


@pytest.mark.parametrize("named", ["", HEAD[:7], HEAD[:39]])
def test_a_forks_commit_has_to_be_named_in_full(forge: FakeForge, named: str) -> None:
    """Two commits that begin alike are made in seconds: one to be read, one to be run."""
    told = said(forge, f"/flywheel run {named}", head_repository="stranger/digits")
    assert told is not None
    assert told.text == (
        "This pull request comes from a fork, which can change between your reading and the run. Look at its specs, then "
        f"name the commit in full: `/flywheel run {HEAD}`"
    )
    assert forge.dispatched == []
    said(forge, f"/flywheel run {HEAD}", head_repository="stranger/digits")
    assert forge.dispatched == [("sprint.yml", "main", {"pr": "7", "sha": HEAD})]


def test_a_commit_that_is_no_longer_the_head_is_not_run(forge: FakeForge) -> None:
    told = said(forge, "/flywheel run abcdef0")
    assert told is not None
    assert "not the newest commit" in told.text
    assert forge.dispatched == []


def test_a_closed_pull_request_is_not_run(forge: FakeForge) -> None:
    told = said(forge, "/flywheel run", state="closed")
    assert told == Answer(text="This pull request is closed: there is nothing to run.", reaction="confused")
    assert forge.dispatched == []


def test_an_approval_is_shown_on_the_checks(forge: FakeForge) -> None:
    told = said(forge, f"/flywheel approve {FINDING.id}")
    assert told == Answer(text=f"`{FINDING.id}` is approved by `bob`.", reaction="+1")
    assert forge.settings["published"] == ["again"]
    assert forge.dispatched == []


def test_an_approval_after_the_merge_promotes_what_waited_for_it(forge: FakeForge) -> None:
    told = said(forge, f"/flywheel approve {FINDING.id}", state="closed", merged=True, merge_commit="2" * 40)
    assert told is not None
    assert told.text == f"`{FINDING.id}` is approved by `bob`. Promoting `0003-low-light`, `0004-more`."
    assert forge.dispatched == [
        ("promote.yml", "main", {"sprint": "0003-low-light"}),
        ("promote.yml", "main", {"sprint": "0004-more"}),
    ]
    assert forge.settings["published"] == []  # what is shown since the merge is promote's business


def test_an_undecided_gate_is_accepted_with_a_reason(forge: FakeForge) -> None:
    found = replace(FINDING, kind=FindingKind.INCONCLUSIVE, before=None)
    at = desk(forge)
    approving = Approvable(finding=found, refusal=lambda login: None)
    open_desk = dataclasses.replace(at, findings=lambda: [approving])

    def answered(body: str) -> Answer | None:
        return answer(open_desk, forge.add_comment(at.pull.number, "bob", body))

    told = answered(f"/flywheel approve {found.id}")
    assert told is not None
    assert told.reaction == "confused"
    assert f"/flywheel approve {found.id} because …" in told.text
    assert answered(f"/flywheel approve {found.id} because *it* is dark") == Answer(
        text=f"`{found.id}` is approved by `bob`, because &#42;it&#42; is dark.", reaction="+1"
    )


def test_who_may_not_approve_is_told_who_may(forge: FakeForge) -> None:
    told = said(forge, f"/flywheel approve {FINDING.id}", author="carol")
    assert told == Answer(text="Only ml-leads may approve it. Nothing was approved.", reaction="confused")
    assert forge.settings["published"] == []


def test_an_id_of_an_earlier_report_approves_nothing(forge: FakeForge) -> None:
    told = said(forge, "/flywheel approve gate_loosened-00000000000000000000000000000000")
    assert told is not None
    assert told.text == (
        "`gate_loosened-00000000000000000000000000000000` is not a finding of the newest commit: a finding's id changes with its content. Open "
        f"findings: `{FINDING.id}`. Nothing was approved."
    )
    assert forge.settings["published"] == []


def test_an_id_of_two_findings_approves_neither(forge: FakeForge) -> None:
    other = Approvable(finding=replace(FINDING, message="Said twice"), refusal=lambda login: None)
    told = said(forge, f"/flywheel approve {FINDING.id}", again=[other])
    assert told is not None
    assert told.text.endswith("Nothing was approved.")
    assert forge.settings["published"] == []


def test_rollback_names_the_goal(forge: FakeForge) -> None:
    said(forge, "/flywheel rollback")
    said(forge, "/flywheel rollback 0001-first-model")
    assert [inputs for _, _, inputs in forge.dispatched] == [
        {"rollback": "previous"},
        {"rollback": "0001-first-model"},
    ]


def test_an_answer_is_posted_once_however_often_the_job_runs(forge: FakeForge) -> None:
    pull = forge.add_pull(pull_request())
    asked: Comment = forge.add_comment(pull.number, "bob", "/flywheel help")
    for _ in range(2):
        say(forge, pull.number, asked, Answer(text="Hello.", reaction="+1"), bot=forge.me)
    ours = [comment.body for comment in forge.comments(pull.number) if comment.author == forge.me]
    assert ours == [f"<!-- flywheel:answer:{asked.id} -->\nHello.\n"]
    assert forge.reactions[asked.id] == ["+1", "+1"]
