"""Gates that are kept for a finding: they judge, are marked, and count no more once it is approved."""

from __future__ import annotations

import json

import msgspec
import pytest

from runner.domain.evaluation import Evaluation, Metrics, TargetEvaluation
from runner.domain.records import ExportedTarget
from runner.domain.verdict import GateResult, Outcome, Verdict
from runner.gates import Gate
from runner.gates.judge import Evidence, WrittenGate, judge

LOOSENED, REMOVED = "gate_loosened-1a2b3c4d", "gate_removed-5e6f7a8b"


def verdict(*gates: WrittenGate, recall: float | None = 0.68) -> Verdict:
    overall = Metrics(images=20, objects=40, map50_95=0.5, recall=recall)
    evaluation = Evaluation(
        task="detect",
        evaluator="test",
        split="test",
        split_digest="d",
        operating_confidence=0.25,
        optimizing="map50_95",
        targets=[TargetEvaluation(target="onnx-fp32", overall=overall, per_class={}, slices=[])],
    )
    exports = [ExportedTarget(target="onnx-fp32", path="exports/onnx-fp32", size_mb=9.5, digest="d")]
    evidence = Evidence(
        evaluation=evaluation, benchmark=None, exports=exports, primary_target="onnx-fp32", champion=None
    )
    return judge(gates, evidence)


def written(metric: str, limit: float, finding: str | None = None) -> WrittenGate:
    gate = Gate(metric=metric, min=limit, decide="point")
    return WrittenGate(gate=gate, origin="sprint", source="specs/0001-a.yaml:9:5", finding=finding)


OWN = written("recall", 0.65)
KEPT = written("recall", 0.70, LOOSENED)


def test_a_kept_gate_judges_until_its_finding_is_approved() -> None:
    found = verdict(OWN, KEPT)
    assert found.outcome is Outcome.FAIL
    assert found.outcome_under(frozenset()) is Outcome.FAIL
    assert found.outcome_under(frozenset({LOOSENED})) is Outcome.PASS
    assert found.kept_for == {LOOSENED}


def test_only_the_results_of_kept_gates_name_a_finding() -> None:
    assert [gate.finding for gate in verdict(OWN, KEPT).gates] == [None, LOOSENED]


@pytest.mark.parametrize(
    ("approved", "outcome"),
    [
        ((), Outcome.FAIL),
        ((LOOSENED,), Outcome.FAIL),
        ((REMOVED,), Outcome.FAIL),
        ((LOOSENED, REMOVED), Outcome.PASS),
        (("gate_loosened-00000000",), Outcome.FAIL),
    ],
)
def test_every_kept_gate_needs_the_approval_of_its_own_finding(
    approved: tuple[str, ...], outcome: Outcome
) -> None:
    found = verdict(OWN, KEPT, written("map50_95", 0.9, REMOVED))
    assert found.outcome_under(frozenset(approved)) is outcome


def test_approval_does_not_excuse_the_proposals_own_gates() -> None:
    found = verdict(written("recall", 0.69), KEPT)
    assert found.outcome_under(frozenset({LOOSENED})) is Outcome.FAIL


def test_a_kept_gate_that_was_not_measured_blocks_as_any_other() -> None:
    found = verdict(written("map50_95", 0.1), KEPT, recall=None)
    assert found.outcome is Outcome.NOT_MEASURED
    assert found.outcome_under(frozenset({LOOSENED})) is Outcome.PASS


def test_a_result_without_a_finding_is_written_as_before_there_were_any() -> None:
    kept = json.loads(msgspec.json.encode(verdict(KEPT).gates[0]))
    own = json.loads(msgspec.json.encode(verdict(OWN).gates[0]))
    assert list(own) == [
        "gate",
        "metric",
        "target",
        "slice",
        "class",
        "outcome",
        "value",
        "reference",
        "interval",
        "decided_by",
        "further",
        "threshold",
        "explanation",
        "source",
        "origin",
    ]
    assert list(kept) == [*own, "finding"]


def test_defaults_are_written_too() -> None:
    bare = GateResult(
        gate="cost ≤ 1",
        metric="cost",
        target=None,
        slice=None,
        outcome=Outcome.PASS,
        value=0.5,
        threshold=1,
        explanation="",
    )
    content = json.loads(msgspec.json.encode(bare))
    assert (content["class"], content["decided_by"], content["source"], content["origin"]) == (
        None,
        "measurement",
        "",
        "sprint",
    )
    assert msgspec.json.decode(msgspec.json.encode(bare), type=GateResult) == bare
