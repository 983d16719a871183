"""What can be approved on a pull request, and whose word counts: while it is open, and once it is merged."""

from __future__ import annotations

from pathlib import Path

import pytest
from forges.fake_forge import FakeForge, pull_request, workflow_run
from msgspec.structs import replace
from planted_bundle import SPRINT, Proposed, bundle_files, propose_sprint, terms, zipped
from planted_report import failing_inputs
from projects import call, commit

from runner.config.project import Policy
from runner.domain.files import write_json
from runner.domain.policy import Finding, FindingKind
from runner.forges.environment import Environment
from runner.forges.forge import CheckRun
from runner.pullrequests.approvable import approvable, merged_sprints
from runner.pullrequests.publishing.publisher import Publisher
from runner.record.catalogue import sprint_folder
from runner.report.build import build

RUN = 100
REPORTED, LATER = "2027-01-01T12:00:00Z", "2027-01-01T13:00:00Z"
SHOWN = Finding(
    kind=FindingKind.TEST_CHANGED,
    sprint=SPRINT,
    subject="split test",
    before="1",
    after="2",
    message="changed",
)


@pytest.fixture
def proposed(tmp_path: Path) -> Proposed:
    return propose_sprint(tmp_path)


@pytest.fixture
def publisher(proposed: Proposed) -> Publisher:
    forge = FakeForge(permissions={"bob": "write", "carol": "write", "dave": "maintain", "alice": "admin"})
    forge.add_pull(pull_request(7, head_sha=proposed.head, base_sha=proposed.base))
    environment = Environment(
        repository="acme/digits",
        server_url="https://git.example.org",
        api_url="https://git.example.org/api/v3",
    )
    return Publisher(forge=forge, environment=environment, root=proposed.root, say=lambda line: None)


def fake(publisher: Publisher) -> FakeForge:
    assert isinstance(publisher.forge, FakeForge)
    return publisher.forge


def report(publisher: Publisher, proposed: Proposed, folder: Path, findings: list[Finding]) -> None:
    """A finished run of the proposal's sprint, published."""
    forge = fake(publisher)
    forge.now = REPORTED
    forge.add_run(workflow_run(RUN, head_sha=proposed.head))
    made = build(failing_inputs())
    made = replace(made, spec=replace(made.spec, sha256=proposed.digest(f"specs/{SPRINT}.yaml")))
    archive = zipped(folder / "bundle.zip", bundle_files([made], proposed, findings))
    forge.add_artifact(RUN, "flywheel-bundle", archive)
    forge.put_check_run(
        CheckRun(
            name=f"flywheel / {SPRINT}",
            head_sha=proposed.head,
            conclusion="failure",
            title="FAIL",
            summary="…",
            external_id=f"sprint-{RUN}-1",
        )
    )


def merge(publisher: Publisher, proposed: Proposed, **record: object) -> None:
    """Merges the proposal, and records its sprint."""
    root = publisher.root
    call(root, "git", "fetch", "-q", "origin", "refs/pull/7/head")
    call(root, "git", "merge", "-q", "--no-ff", "-m", "Merge", proposed.head)
    merged = call(root, "git", "rev-parse", "HEAD").stdout.strip()
    fake(publisher).change_pull(7, state="closed", merged=True, merge_commit=merged)
    (sprint_folder(root, SPRINT)).mkdir(parents=True)
    write_json(sprint_folder(root, SPRINT) / "terms.json", replace(terms(proposed.base, [SHOWN]), **record))
    commit(root, "Record")


def test_while_it_is_open_the_specs_are_asked_and_the_bundle(
    publisher: Publisher, proposed: Proposed, tmp_path: Path
) -> None:
    pull = fake(publisher).pulls[7]
    [loosened] = approvable(publisher, pull, LATER)
    assert loosened.finding.kind is FindingKind.GATE_LOOSENED
    report(publisher, proposed, tmp_path, [SHOWN])
    found = approvable(publisher, pull, LATER)
    assert [each.finding.id for each in found] == [loosened.finding.id, SHOWN.id]
    assert [each.sprints for each in found] == [(), ()]


def test_a_bundle_that_is_refused_says_nothing(
    publisher: Publisher, proposed: Proposed, tmp_path: Path
) -> None:
    report(publisher, proposed, tmp_path, [SHOWN])
    fake(publisher).runs[0] = replace(fake(publisher).runs[0], path=".github/workflows/other/sprint.yml")
    [loosened] = approvable(publisher, fake(publisher).pulls[7], LATER)
    assert loosened.finding.kind is FindingKind.GATE_LOOSENED


@pytest.mark.parametrize(
    ("login", "at", "refusal"),
    [
        ("bob", LATER, None),
        ("dave", LATER, "the policy names others"),
        ("alice", LATER, "it is the author&#39;s own"),
        ("bob", REPORTED, "it is older than the last report"),
    ],
)
def test_whose_word_counts_is_said_in_a_sentence(
    publisher: Publisher, proposed: Proposed, tmp_path: Path, login: str, at: str, refusal: str | None
) -> None:
    report(publisher, proposed, tmp_path, [])
    [loosened] = approvable(publisher, fake(publisher).pulls[7], at)
    told = loosened.refusal(login)
    if refusal is None:
        assert told is None
    else:
        assert told is not None
        assert told.replace("'", "&#39;") == (
            f"The approval of {login} does not count: {refusal}. It takes `bob`, `carol`."
        )


def test_before_a_sprint_is_reported_nobodys_word_counts(publisher: Publisher, proposed: Proposed) -> None:
    fake(publisher).put_check_run(
        CheckRun(
            name="flywheel / policy",
            head_sha=proposed.head,
            conclusion="neutral",
            title="a plan",
            summary="…",
        )
    )
    [loosened] = approvable(publisher, fake(publisher).pulls[7], LATER)
    assert loosened.refusal("bob") == (
        "The approval of bob does not count: nothing was reported yet. It takes `bob`, `carol`."
    )


def test_after_the_merge_the_record_is_asked_and_the_policy_of_before_it(
    publisher: Publisher, proposed: Proposed, tmp_path: Path
) -> None:
    report(publisher, proposed, tmp_path, [])
    merge(publisher, proposed, policy=Policy(approvals={"test_changed": ["dave"]}))
    [found] = approvable(publisher, fake(publisher).pulls[7], LATER)
    assert (found.finding.id, found.sprints) == (SHOWN.id, [SPRINT])
    assert found.refusal("dave") is None
    told = found.refusal("bob")
    assert told == "The approval of bob does not count: the policy names others. It takes `dave`."


def test_a_pull_request_whose_artifacts_are_gone_brought_the_sprints_whose_specs_it_changed(
    publisher: Publisher, proposed: Proposed, tmp_path: Path
) -> None:
    report(publisher, proposed, tmp_path, [])
    merge(publisher, proposed)
    forge = fake(publisher)
    assert merged_sprints(publisher, forge.pulls[7]) == [SPRINT]
    forge.left[RUN] = [replace(each, expired=True) for each in forge.left[RUN]]
    assert merged_sprints(publisher, forge.pulls[7]) == [SPRINT]
    [found] = approvable(publisher, forge.pulls[7], LATER)
    assert found.finding.id == SHOWN.id


def test_a_run_that_left_nothing_does_not_say_what_was_merged(
    publisher: Publisher, proposed: Proposed, tmp_path: Path
) -> None:
    report(publisher, proposed, tmp_path, [])
    merge(publisher, proposed)
    fake(publisher).left.clear()
    assert merged_sprints(publisher, fake(publisher).pulls[7]) == [SPRINT]
    gone = commit_without(publisher.root, f"specs/{SPRINT}.yaml")
    fake(publisher).change_pull(7, merge_commit=gone)
    assert merged_sprints(publisher, fake(publisher).pulls[7]) == []


def commit_without(root: Path, spec: str) -> str:
    """A commit that takes a spec away."""
    (root / spec).unlink()
    commit(root, "Revert")
    return call(root, "git", "rev-parse", "HEAD").stdout.strip()


def test_a_pull_request_that_ran_nothing_brought_nothing(publisher: Publisher, proposed: Proposed) -> None:
    merge(publisher, proposed)
    assert approvable(publisher, fake(publisher).pulls[7], LATER) == []
