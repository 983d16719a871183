"""An INCONCLUSIVE is accepted knowingly: gate by gate, by who may, with a reason, and never in place of a FAIL."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runner.config.project import Policy
from runner.domain.evaluation import Interval
from runner.domain.policy import Approval, FindingKind
from runner.domain.verdict import GateResult, Outcome, Verdict, worst
from runner.policy.approvals import Circumstances, Decision, decide
from runner.policy.undecided import approve_options, undecided_findings
from runner.workflow.promoting.readiness import _not_passed

SPRINT = "0002-dark"
OPEN = GateResult(
    gate="recall ≥ 0.70",
    metric="recall",
    target="onnx-fp32",
    slice="dark",
    outcome=Outcome.INCONCLUSIVE,
    value=0.72,
    interval=Interval(low=0.61, high=0.83),
    decided_by="interval",
    threshold=0.7,
    explanation="recall on slice dark is 0.720 (0.61 to 0.83), and must reach 0.70",
    source="specs/0002-dark.yaml:12:5",
)
MET = replace(OPEN, gate="map50 ≥ 0.5", metric="map50", slice=None, outcome=Outcome.PASS)


def verdict(*gates: GateResult) -> Verdict:
    return Verdict(
        outcome=worst([gate.outcome for gate in gates]),
        gates=list(gates),
        optimizing="map50_95",
        optimizing_value=0.5,
    )


def decided(
    reason: str, *, by: str = "alice", finding: str | None = "", policy: Policy | None = None
) -> Decision:
    """The decision on the open gate, under one approval; the finding's own id unless told otherwise."""
    (found,) = undecided_findings(SPRINT, verdict(MET, OPEN))
    given = Approval(
        finding=found.id if finding == "" else finding,
        by=by,
        at="2026-11-30T12:00:00+00:00",
        channel="review" if finding is None else "comment",
        reason=reason,
    )
    circumstances = Circumstances(
        author="bob", permission=lambda login: "maintain", last_report="2026-11-30T11:00:00+00:00"
    )
    return decide([found], [given], policy or Policy(), circumstances)[0]


def test_each_undecided_gate_is_a_finding_of_the_evidence_that_there_is() -> None:
    (found,) = undecided_findings(SPRINT, verdict(MET, OPEN))
    assert found.kind is FindingKind.INCONCLUSIVE
    assert (found.sprint, found.where) == (SPRINT, "specs/0002-dark.yaml:12:5")
    assert found.subject == "gate recall ≥ 0.70 on slice dark for onnx-fp32"
    assert found.after == "0.7200, interval 0.6100 to 0.8300"
    measured_again = replace(OPEN, interval=Interval(low=0.62, high=0.83))
    assert undecided_findings(SPRINT, verdict(measured_again))[0].id != found.id
    assert undecided_findings("0003-next", verdict(OPEN))[0].id != found.id


@pytest.mark.parametrize("other", [Outcome.FAIL, Outcome.NOT_MEASURED])
def test_what_failed_or_was_not_measured_is_never_accepted(other: Outcome) -> None:
    judged = verdict(OPEN, replace(MET, outcome=other))
    assert undecided_findings(SPRINT, judged) == []
    assert len(list(_not_passed(SPRINT, judged, frozenset()))) == 2


def test_without_an_interval_there_is_nothing_to_accept() -> None:
    worn_out = replace(OPEN, interval=None, explanation="the test split is worn out")
    judged = verdict(worn_out, OPEN)
    (found,) = undecided_findings(SPRINT, judged)
    assert list(_not_passed(SPRINT, judged, frozenset({found.id}))) == [
        "INCONCLUSIVE: the test split is worn out"
    ]


def test_a_gate_that_is_kept_for_a_finding_is_accepted_with_that_one() -> None:
    kept = replace(OPEN, finding="gate_loosened-1a2b3c4d", outcome=Outcome.FAIL)
    judged = verdict(kept, OPEN)
    assert [each.subject for each in undecided_findings(SPRINT, judged)] == [
        "gate recall ≥ 0.70 on slice dark for onnx-fp32"
    ]


def test_it_takes_a_reason_and_its_own_name() -> None:
    accepted = decided("the dock is dark two nights a year")
    assert (accepted.by, accepted.reason) == ("alice", "the dock is dark two nights a year")
    assert accepted.text == "approved by alice, because the dock is dark two nights a year"
    assert not decided("…").approved  # our own example, typed as it stands
    silent = decided(" ")
    assert silent.refused == [
        "the approval of alice does not count: an undecided gate is accepted with a reason"
    ]
    assert f"/flywheel approve {silent.finding.id} because …" in silent.text
    assert not decided(
        "looks good", finding=None
    ).approved  # a review is of everything, and of nothing by name


def test_who_may_is_the_policys_to_say_and_never_the_author() -> None:
    policy = Policy(approvals={"inconclusive": ["carol"]})
    assert not decided("why", policy=policy).approved
    assert decided("why", by="carol", policy=policy).approved
    assert decided("why", by="bob").refused == ["the approval of bob does not count: it is the author's own"]


def test_what_to_type_says_that_a_reason_is_needed() -> None:
    (found,) = undecided_findings(SPRINT, verdict(OPEN))
    assert approve_options([found]) == f' --approve {found.id} --reason "…"'
    assert approve_options([]) == ""
