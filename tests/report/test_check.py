"""Checks: what the verdict concludes, what must be approved, and notes at the lines of the spec."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import Outcome
from runner.forges.forge import Annotation
from runner.planning.proposal import ConfigProblem, Proposal
from runner.policy.approvals import Decision
from runner.record.report import SprintReport
from runner.report import check
from runner.report.comment import CommentContext

HEAD = "a1" * 20
CONTEXT = CommentContext(
    sprint="0003-low-light",
    repository_url="https://forge.example/acme/parcels",
    base_commit="b2" * 20,
    head_commit=HEAD,
    run_url="https://forge.example/acme/parcels/actions/runs/77",
)
LOOSENED = Finding(
    kind=FindingKind.GATE_LOOSENED,
    sprint="0003-low-light",
    subject="gate recall on dark",
    before="0.70",
    after="0.65",
    message="the gate recall on dark was loosened from 0.70 to 0.65",
    where="specs/0003-low-light.yaml:44:5",
)


def with_outcome(report: SprintReport, outcome: Outcome) -> SprintReport:
    assert report.verdict is not None
    return replace(report, verdict=replace(report.verdict, outcome=outcome))


@pytest.mark.parametrize(
    ("outcome", "conclusion"),
    [
        (Outcome.PASS, "success"),
        (Outcome.FAIL, "failure"),
        (Outcome.NOT_MEASURED, "failure"),
        (Outcome.INCONCLUSIVE, "neutral"),
    ],
)
def test_the_verdict_is_the_conclusion(passing: SprintReport, outcome: Outcome, conclusion: str) -> None:
    found = check.check_run(with_outcome(passing, outcome), CONTEXT, external_id="run-77")
    assert found.conclusion == conclusion
    assert (found.name, found.head_sha) == ("flywheel / 0003-low-light", HEAD)
    assert (found.external_id, found.details_url) == ("run-77", CONTEXT.run_url)


def test_a_stage_that_failed_is_a_failure_at_the_spec(stopped: SprintReport) -> None:
    found = check.check_run(stopped, CONTEXT, external_id="run-77")
    assert found.conclusion == "failure"
    assert found.title == (
        "STAGE FAILED: The stage check failed: 1 check found errors: 23 of 4,282 boxes lie outside their image."
    )
    assert found.annotations == [
        Annotation(
            path="specs/0003-low-light.yaml",
            line=1,
            level="failure",
            title="The stage check failed",
            message="1 check found errors: 23 of 4,282 boxes lie outside their image\n"
            "correct the label files named in the report, then run: flywheel run 0003-low-light",
        )
    ]


def test_a_report_without_a_verdict_is_a_failure(passing: SprintReport) -> None:
    found = check.check_run(replace(passing, verdict=None), CONTEXT, external_id="1")
    assert (found.conclusion, found.title) == ("failure", "NOT JUDGED: The gates have not been judged.")


def test_gates_that_are_not_met_are_noted_at_their_lines(failing: SprintReport) -> None:
    notes = check.check_run(failing, CONTEXT, external_id="1").annotations
    assert {(note.path, note.line) for note in notes} == {("specs/0003-low-light.yaml", 41)}
    assert [(note.level, note.title) for note in notes] == [
        ("failure", "FAIL: recall ≥ 0.30 on dark, openvino-int8"),
        ("warning", "INCONCLUSIVE: recall ≥ 0.50 on camera=dock, two, openvino-int8"),
        ("warning", "INCONCLUSIVE: map50_95 drop ≤ 0.02 vs champion on small, openvino-int8"),
        ("warning", "INCONCLUSIVE: map50_95 ≥ 0.20 on camera=dock, time=night, openvino-int8"),
        ("failure", "NOT MEASURED: map50_95 ≥ 0.40 on weather=fog, openvino-int8"),
        ("failure", "FAIL: cost ≤ 0.001"),
    ]
    said = "recall on slice dark is 0.240 (0.17 to 0.29996), below the required 0.30 as a whole"
    assert notes[0].message == said


@pytest.mark.parametrize(
    "source",
    [
        "",
        "/etc/passwd:1:1",
        "../x.yaml:3:1",
        "specs/x.yaml",
        "specs/x.yaml:0",
        "a\nb:1:1",
        "specs/x.yaml:9999999999",
    ],
)
def test_a_place_that_is_none_of_the_repository_gets_no_note(failing: SprintReport, source: str) -> None:
    assert failing.verdict is not None
    gates = [replace(gate, source=source) for gate in failing.verdict.gates]
    report = replace(failing, verdict=replace(failing.verdict, gates=gates))
    assert check.check_run(report, CONTEXT, external_id="1").annotations == []


def test_a_gate_of_the_base_that_was_kept_has_no_line_in_the_proposal(failing: SprintReport) -> None:
    assert failing.verdict is not None
    gates = [replace(gate, finding=LOOSENED.id) for gate in failing.verdict.gates]
    report = replace(failing, verdict=replace(failing.verdict, gates=gates))
    found = check.check_run(report, CONTEXT, external_id="1")
    assert (found.conclusion, found.annotations) == ("failure", [])
    approved = replace(CONTEXT, decisions=[decided(LOOSENED, "bob")])
    assert check.check_run(report, approved, external_id="1").conclusion == "success"


def test_the_summary_has_the_gates_and_neither_markers_nor_pictures(failing: SprintReport) -> None:
    summary = check.check_run(failing, CONTEXT, external_id="1").summary
    assert "## ✗ FAIL" in summary
    assert "### Gates" in summary
    assert "<!--" not in summary
    assert "<img" not in summary
    assert len(summary) <= 65_535


def test_hostile_text_stays_text(hostile: SprintReport) -> None:
    found = check.check_run(hostile, CONTEXT, external_id="1")
    assert "<img" not in found.summary
    assert "\n" not in found.title
    assert "\x1b" not in msgspec.json.encode(found).decode()
    assert len(found.summary.encode()) <= 60_000
    assert len(found.title) <= 120


# --- policy ---------------------------------------------------------------------------------------


def decided(finding: Finding, by: str | None = None, refused: list[str] | None = None) -> Decision:
    return Decision(finding=finding, by=by, may_approve=["alice", "bob"], refused=refused or [])


def test_nothing_to_approve_is_a_success() -> None:
    found = check.policy_check([], head_sha=HEAD, external_id="plan-1")
    assert (found.name, found.conclusion, found.title) == (
        "flywheel / policy",
        "success",
        "Nothing is left to approve",
    )
    assert found.summary == "The pull request weakens no gate, no slice and no policy of the base branch.\n"


def test_an_open_finding_asks_for_action_and_says_whose() -> None:
    found = check.policy_check([decided(LOOSENED)], head_sha=HEAD, external_id="plan-1")
    assert (found.conclusion, found.title) == ("action_required", "1 finding needs approval")
    assert found.summary == (
        "The base branch's policy and gates judge. What weakens them needs approval, by a comment "
        "`/flywheel approve FINDING` or an approving review of this commit, by somebody who did not propose it.\n\n"
        "| Finding | What it is | Who may approve | State |\n| --- | --- | --- | --- |\n"
        f"| `{LOOSENED.id}` | the gate recall on dark was loosened from 0.70 to 0.65 | `alice`, `bob` | ⚠ open |\n"
    )
    assert found.annotations == [
        Annotation(
            path="specs/0003-low-light.yaml",
            line=44,
            level="warning",
            title="Needs approval: gate recall on dark",
            message=f"the gate recall on dark was loosened from 0.70 to 0.65\n/flywheel approve {LOOSENED.id}",
        )
    ]


def test_an_approved_finding_says_by_whom() -> None:
    found = check.policy_check([decided(LOOSENED, "bob")], head_sha=HEAD, external_id="plan-1")
    assert (found.conclusion, found.annotations) == ("success", [])
    assert "✓ approved by `bob`" in found.summary


def test_an_approval_that_does_not_count_says_why() -> None:
    decision = decided(LOOSENED, refused=["the approval of carol does not count: the policy names others"])
    found = check.policy_check([decision], head_sha=HEAD, external_id="1")
    assert "| ⚠ open<br>the approval of carol does not count: the policy names others |" in found.summary


def test_a_thousand_findings_fit_a_summary() -> None:
    findings = [replace(LOOSENED, subject=f"gate {n}", message="x" * 300) for n in range(1000)]
    found = check.policy_check([decided(finding) for finding in findings], head_sha=HEAD, external_id="1")
    assert len(found.summary) <= 65_535
    assert "more, left out to fit.*" in found.summary
    assert len(found.annotations) == 200


def test_a_proposal_that_is_not_valid_is_a_failure_at_its_lines() -> None:
    proposal = Proposal(
        base_commit="b2" * 20,
        head_commit=HEAD,
        problems=[
            ConfigProblem(
                file="specs/0004-x.yaml", line=7, column=3, message="unknown key `tran`", hint="train?"
            ),
            ConfigProblem(file="flywheel.yaml", message="not YAML"),
        ],
        refused=["data/link is a symbolic link"],
    )
    found = check.problems_check(proposal, head_sha=HEAD, external_id="plan-1", details_url=None)
    assert (found.conclusion, found.title) == ("failure", "Not planned: 1 refused, 2 problems")
    assert found.summary == (
        "Nothing is planned or run until this is corrected.\n\n- data/link is a symbolic link\n"
        "- `specs/0004-x.yaml:7:3`: unknown key &#96;tran&#96;\n- `flywheel.yaml`: not YAML\n"
    )
    assert [(note.path, note.line, note.level, note.message) for note in found.annotations] == [
        ("specs/0004-x.yaml", 7, "failure", "unknown key `tran`\ntrain?"),
        ("flywheel.yaml", 1, "failure", "not YAML"),
    ]
