"""The contract of gates that the measured number decides: every kind, its outcome and the whole sentence a reviewer reads."""

from __future__ import annotations

import msgspec
import pytest

from runner.domain.evaluation import (
    QUALITY_METRICS,
    ChampionEvaluation,
    Evaluation,
    Metrics,
    SliceMetrics,
    TargetEvaluation,
)
from runner.domain.records import Benchmark, Device, ExportedTarget, TargetBenchmark
from runner.domain.verdict import GateResult, Outcome
from runner.gates.evidence import Measured
from runner.gates.explain import without
from runner.gates.gate import Gate
from runner.gates.judge import Evidence, WrittenGate, describe, judge, worst


def cell(map50_95: float | None, recall: float | None = None, objects: int = 40) -> Metrics:
    return Metrics(images=20, objects=objects, map50_95=map50_95, recall=recall)


def target(
    name: str, overall: Metrics, dark: Metrics, condition: str = "brightness < 0.25"
) -> TargetEvaluation:
    empty = cell(None, objects=0)
    parts = [("dark", condition, dark), ("camera=dock", "\"camera\" = 'dock'", empty)]
    return TargetEvaluation(
        target=name,
        overall=overall,
        per_class={"zero": cell(0.7, 0.9), "one": cell(None, objects=0)},
        slices=[
            SliceMetrics(name=part, kind="images", condition=says, overall=metrics, per_class={})
            for part, says, metrics in parts
        ],
    )


def evaluation(*targets: TargetEvaluation, champion: TargetEvaluation | None = None) -> Evaluation:
    return Evaluation(
        task="detect",
        evaluator="test",
        split="test",
        split_digest="d",
        operating_confidence=0.25,
        optimizing="map50_95",
        targets=list(targets),
        champion=ChampionEvaluation(
            sprint="0001-first", tag="digits#prod#1", target="onnx-fp32", evaluation=champion, differences=[]
        )
        if champion
        else None,
    )


def speed(name: str, p95: float, size_mb: float) -> TargetBenchmark:
    return TargetBenchmark(
        target=name,
        runtime="test 1",
        precision="f32",
        input_hw=(320, 320),
        iterations=10,
        latency_p50_ms=p95 - 1,
        latency_p95_ms=p95,
        latency_p99_ms=p95 + 1,
        throughput_ips=100.0,
        size_mb=size_mb,
        peak_memory_mb=200,
    )


def exported(name: str) -> ExportedTarget:
    return ExportedTarget(target=name, path=f"exports/{name}", size_mb=9.5, digest="d")


NOW = evaluation(
    target("torch", cell(0.51, 0.8), cell(0.30, 0.45)),
    target("onnx-fp32", cell(0.50, 0.79), cell(0.29, 0.41)),
    target("openvino-int8", cell(0.48, 0.77), cell(0.26, 0.38)),
)
DEVICE = Device(kind="cpu", name="test", threads=2, cpu_count=2)
EVIDENCE = Evidence(
    evaluation=NOW,
    benchmark=Benchmark(
        device=DEVICE,
        targets=[speed("torch", 40, 5.4), speed("onnx-fp32", 20, 10), speed("openvino-int8", 8.2, 3)],
    ),
    exports=[exported("onnx-fp32"), exported("openvino-int8")],
    primary_target="onnx-fp32",
    cost=12.5,
    duration_min=4.5,
)
BEFORE = target("onnx-fp32", cell(0.52, 0.8), cell(0.25, 0.4))


def beside(champion: TargetEvaluation | None, name: str = "0001-first") -> Evidence:
    return msgspec.structs.replace(
        EVIDENCE, evaluation=evaluation(*NOW.targets, champion=champion), champion=name
    )


WITH_CHAMPION = beside(BEFORE)
ALONE = " (the measured number alone decides, as the gate asks)"


def results(evidence: Evidence, **gate: object) -> list[GateResult]:
    """Gates on quality ask for points here; tests/gates/test_judge_intervals.py has the others."""
    gate = {"decide": "point", **gate}
    written = WrittenGate(gate=msgspec.convert(gate, Gate), origin="sprint", source="specs/0002-x.yaml:9:5")
    return judge([written], evidence).gates


PASS, FAIL, NOT_MEASURED = Outcome.PASS, Outcome.FAIL, Outcome.NOT_MEASURED


@pytest.mark.parametrize(
    ("gate", "outcome", "text", "explanation"),
    [
        (
            {"metric": "recall", "slice": "dark", "min": 0.7},
            FAIL,
            "recall ≥ 0.70",
            "recall on slice dark is 0.410, 0.290 below the required 0.70",
        ),
        (
            {"metric": "recall", "class": "zero", "min": 0.7},
            PASS,
            "recall ≥ 0.70",
            "recall for class zero is 0.900, 0.200 above the required 0.70",
        ),
        (
            {"metric": "map50_95", "min": 0.5},
            PASS,
            "map50_95 ≥ 0.50",
            "map50_95 is 0.500, exactly the required 0.50",
        ),
        (
            {"metric": "map50_95", "min": 0.5001},
            FAIL,
            "map50_95 ≥ 0.5001",
            "map50_95 is 0.5000, 0.0001 below the required 0.5001",
        ),
        (
            {"metric": "latency_p95_ms", "target": "openvino-int8", "max": 12},
            PASS,
            "latency_p95_ms ≤ 12",
            "latency_p95_ms of openvino-int8 is 8.20 ms, 3.80 ms below the allowed 12 ms",
        ),
        (
            {"metric": "throughput_ips", "min": 120},
            FAIL,
            "throughput_ips ≥ 120",
            "throughput_ips is 100.00 images/s, 20.00 images/s below the required 120 images/s",
        ),
        ({"metric": "cost", "max": 12}, FAIL, "cost ≤ 12", "cost is 12.50, 0.50 above the allowed 12"),
        (
            {"metric": "duration_min", "max": 5},
            PASS,
            "duration_min ≤ 5",
            "duration_min is 4.50 min, 0.50 min below the allowed 5 min",
        ),
        (
            {"metric": "map50_95", "target": "openvino-int8", "max_drop": 0.03, "against": "torch"},
            PASS,
            "map50_95 drop ≤ 0.03 vs torch",
            "map50_95 of openvino-int8 is 0.480, 0.030 worse than the torch model's 0.510; "
            "a drop of 0.03 is allowed",
        ),
        (
            {
                "metric": "map50_95",
                "target": "openvino-int8",
                "slice": "dark",
                "max_drop": 0.01,
                "against": "torch",
            },
            FAIL,
            "map50_95 drop ≤ 0.01 vs torch",
            "map50_95 of openvino-int8 on slice dark is 0.260, 0.040 worse than the torch model's 0.300; "
            "a drop of 0.01 is allowed",
        ),
        (
            {"metric": "latency_p95_ms", "max_drop": 2, "against": "torch"},
            PASS,
            "latency_p95_ms drop ≤ 2 vs torch",
            "latency_p95_ms is 20.00 ms, 20.00 ms better than the torch model's 40.00 ms; "
            "a drop of 2 ms is allowed",
        ),
        (
            {"metric": "size_mb", "max_drop": 2, "against": "torch"},
            FAIL,
            "size_mb drop ≤ 2 vs torch",
            "size_mb is 10.00 MB, 4.60 MB worse than the torch model's 5.40 MB; a drop of 2 MB is allowed",
        ),
        (
            {"metric": "map50_95", "max_drop": 0.02, "against": "champion"},
            PASS,
            "map50_95 drop ≤ 0.02 vs champion",
            "map50_95 is 0.500, 0.020 worse than the champion 0001-first's 0.520; a drop of 0.02 is allowed",
        ),
        (
            {"metric": "map50_95", "slice": "dark", "min_gain": 0.05, "against": "champion"},
            FAIL,
            "map50_95 gain ≥ 0.05 vs champion",
            "map50_95 on slice dark is 0.290, 0.040 better than the champion 0001-first's 0.250; "
            "a gain of 0.05 is required",
        ),
        (
            {"metric": "map50_95", "target": "openvino-int8", "max_drop": 0.02, "against": "champion"},
            FAIL,
            "map50_95 drop ≤ 0.02 vs champion",
            "map50_95 of openvino-int8 is 0.480, 0.040 worse than the champion 0001-first's 0.520; "
            "a drop of 0.02 is allowed",
        ),
        (
            {"metric": "map50_95", "slice": "camera=dock", "min": 0.5},
            NOT_MEASURED,
            "map50_95 ≥ 0.50",
            "map50_95 on slice camera=dock was not measured: there are no labelled objects",
        ),
        (
            {"metric": "map50_95", "slice": "camera=gone", "min": 0.5},
            NOT_MEASURED,
            "map50_95 ≥ 0.50",
            "map50_95 on slice camera=gone was not measured: the test split has no slice camera=gone",
        ),
        (
            {"metric": "precision", "min": 0.5},
            NOT_MEASURED,
            "precision ≥ 0.50",
            "precision was not measured: nothing is detected at the operating confidence",
        ),
        (
            {"metric": "map50_95", "class": "one", "min": 0.5},
            NOT_MEASURED,
            "map50_95 ≥ 0.50",
            "map50_95 for class one was not measured: there are no labelled objects",
        ),
        (
            {"metric": "map50_95", "target": "onnx-fp16", "min": 0.5},
            NOT_MEASURED,
            "map50_95 ≥ 0.50",
            "map50_95 of onnx-fp16 was not measured: there is no artefact onnx-fp16",
        ),
        (
            {"metric": "size_mb", "max_drop": 1, "against": "champion"},
            NOT_MEASURED,
            "size_mb drop ≤ 1 vs champion",
            "size_mb could not be compared: only quality metrics are compared with the champion",
        ),
    ],
)
def test_a_gate_says_what_it_found(
    gate: dict[str, object], outcome: Outcome, text: str, explanation: str
) -> None:
    (result,) = results(WITH_CHAMPION, **gate)
    by_point = gate["metric"] in QUALITY_METRICS and outcome is not NOT_MEASURED
    assert (result.outcome, result.gate) == (outcome, text)
    assert result.explanation == explanation + (ALONE if by_point else "")
    assert result.decided_by == ("point" if gate["metric"] in QUALITY_METRICS else "measurement")
    assert result.interval is None
    assert (result.source, result.origin) == ("specs/0002-x.yaml:9:5", "sprint")


DROP = {"metric": "map50_95", "max_drop": 0.02, "against": "champion"}


@pytest.mark.parametrize(
    ("evidence", "slice_name", "outcome", "explanation"),
    [
        (EVIDENCE, None, PASS, "map50_95 is 0.500; there is no champion yet to compare it with"),
        (
            msgspec.structs.replace(EVIDENCE, champion_unknown="refs/tags: cut (git fetch --tags)"),
            None,
            NOT_MEASURED,
            "map50_95 could not be compared: it is not known who holds the stage: refs/tags: cut (git fetch --tags)",
        ),
        (
            beside(None),
            None,
            NOT_MEASURED,
            "map50_95 could not be compared: the champion 0001-first was not evaluated on this test split",
        ),
        (
            beside(BEFORE, name="0002-second"),
            None,
            NOT_MEASURED,
            "map50_95 could not be compared: the champion is 0002-second now, and 0001-first was evaluated on this "
            "test split",
        ),
        (
            beside(msgspec.structs.replace(BEFORE, slices=[])),
            "dark",
            NOT_MEASURED,
            "map50_95 on slice dark could not be compared: the champion 0001-first has no such number: "
            "the test split has no slice dark",
        ),
    ],
)
def test_only_the_champion_itself_on_these_images_is_compared_with(
    evidence: Evidence, slice_name: str | None, outcome: Outcome, explanation: str
) -> None:
    (result,) = results(evidence, **DROP, slice=slice_name)
    assert (result.outcome, result.explanation) == (outcome, explanation)


def without_classes(count: int, common: TargetEvaluation) -> Evidence:
    """The champion never learnt `count` classes; `common`: this sprint's artefact measured without them."""
    names = [f"new-{number}" for number in range(count)]
    theirs = WITH_CHAMPION.evaluation.champion
    assert theirs is not None
    narrowed = msgspec.structs.replace(theirs, unknown_classes=names, beside=[common])
    return msgspec.structs.replace(
        WITH_CHAMPION, evaluation=msgspec.structs.replace(WITH_CHAMPION.evaluation, champion=narrowed)
    )


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "class new-0, which the champion never learnt; with it, it is 0.500"),
        (
            6,
            "classes new-0, new-1, new-2, new-3, new-4, new-5, which the champion never learnt; with them, it is 0.500",
        ),
        (
            8,
            "classes new-0, new-1, new-2, new-3, new-4, new-5 and 2 more, which the champion never learnt; with them, it "
            "is 0.500",
        ),
    ],
)
def test_a_comparison_says_which_classes_it_is_without(count: int, named: str) -> None:
    evidence = without_classes(count, target("onnx-fp32", cell(0.55), cell(0.3)))
    (found,) = results(evidence, metric="map50_95", max_drop=0.02, against="champion")
    assert found.outcome is PASS
    assert f"; compared without {named}" in found.explanation


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        (
            {"metric": "map50_95"},
            "the test split holds no object of a class that the champion 0001-first knows",
        ),
        (
            {"metric": "map50_95", "slice": "dark"},
            "slice dark holds no object of a class that the champion 0001-first knows: it never learnt class new-0; a gate with",
        ),
    ],
)
def test_where_nothing_is_in_common_it_says_so(gate: dict[str, object], why: str) -> None:
    evidence = without_classes(1, target("onnx-fp32", cell(None, objects=0), cell(None, objects=0)))
    (found,) = results(evidence, max_drop=0.02, against="champion", **gate)
    assert found.outcome is NOT_MEASURED
    assert why in found.explanation


def test_what_neither_was_measured_is_no_matter_of_classes() -> None:
    evidence = without_classes(1, target("onnx-fp32", cell(None, objects=0), cell(None, objects=0)))
    (found,) = results(evidence, metric="map50_95", max_drop=0.02, against="champion", slice="camera=dock")
    assert found.outcome is NOT_MEASURED
    assert "never learnt" not in found.explanation


@pytest.mark.parametrize(("count", "named"), [(6, "f (9 images) are"), (8, "f (9 images) and 2 more are")])
def test_a_mean_says_which_classes_it_leaves_out(count: int, named: str) -> None:
    left_out = dict.fromkeys("abcdefgh"[:count], 9)
    gate = Gate(metric="map50_95", min=0.5)
    said = without(gate, Measured(value=0.5, left_out=left_out, of_all=0.4), NOW)
    assert said.startswith("; classes a (9 images), b (9 images), c (9 images), d (9 images), e (9 images), ")
    assert f"{named} left out of this mean" in said


def test_a_star_stands_for_every_exported_artefact() -> None:
    found = results(EVIDENCE, metric="size_mb", target="*", max=9)
    assert [(result.target, result.value, result.outcome) for result in found] == [
        ("onnx-fp32", 10, FAIL),
        ("openvino-int8", 3, PASS),
    ]


def test_a_star_stands_for_torch_when_nothing_is_exported() -> None:
    evidence = msgspec.structs.replace(EVIDENCE, exports=[], primary_target="torch")
    assert [result.target for result in results(evidence, metric="map50", target="*", min=0.1)] == ["torch"]


def test_a_star_stands_for_every_slice() -> None:
    found = results(WITH_CHAMPION, **DROP, slice="*")
    assert [(result.slice, result.outcome) for result in found] == [
        ("dark", PASS),
        ("camera=dock", NOT_MEASURED),
    ]


def test_a_star_stands_for_every_class_by_itself() -> None:
    found = results(EVIDENCE, **{"metric": "recall", "class": "*", "min": 0.5})
    assert [(result.class_name, result.outcome) for result in found] == [
        ("zero", PASS),
        ("one", NOT_MEASURED),
    ]
    assert (
        found[0].explanation
        == "recall for class zero is 0.900, 0.400 above the required 0.50 (the measured number alone decides, as the gate asks)"
    )


def test_a_star_without_slices_is_not_measured() -> None:
    bare = evaluation(*(msgspec.structs.replace(target, slices=[]) for target in NOW.targets))
    (result,) = results(
        msgspec.structs.replace(EVIDENCE, evaluation=bare), metric="recall", slice="*", min=0.5
    )
    assert result.outcome is NOT_MEASURED
    assert result.explanation == "recall on every slice was not measured: there are no slices"


def test_numbers_that_were_not_taken_are_not_measured() -> None:
    bare = msgspec.structs.replace(EVIDENCE, benchmark=None, cost=None)
    assert [
        results(bare, **gate)[0].explanation
        for gate in ({"metric": "latency_p95_ms", "max": 9}, {"metric": "cost", "max": 9})
    ] == [
        "latency_p95_ms was not measured: there is no benchmark of onnx-fp32",
        "cost was not measured: the stages' times were not recorded",
    ]


def test_size_is_known_from_the_export_when_there_is_no_benchmark() -> None:
    (result,) = results(msgspec.structs.replace(EVIDENCE, benchmark=None), metric="size_mb", max=10)
    assert (result.value, result.outcome) == (9.5, PASS)


def test_a_sprint_metric_belongs_to_no_target() -> None:
    (result,) = results(EVIDENCE, metric="cost", max=60)
    assert (result.target, result.slice, result.class_name) == (None, None, None)


def test_the_worst_gate_decides_the_verdict() -> None:
    gates = [
        WrittenGate(gate=Gate(metric="map50_95", min=0.1), origin="policy", source="flywheel.yaml:3:1"),
        WrittenGate(gate=Gate(metric="precision", min=0.1), origin="sprint", source=""),
    ]
    verdict = judge(gates, WITH_CHAMPION)
    assert (verdict.outcome, verdict.optimizing, verdict.optimizing_value) == (NOT_MEASURED, "map50_95", 0.5)
    assert (verdict.champion, verdict.gates[0].origin) == ("0001-first", "policy")


def test_without_gates_the_verdict_is_pass() -> None:
    assert (judge([], EVIDENCE).outcome, judge([], EVIDENCE).gates) == (PASS, [])


def test_fail_is_worse_than_not_measured_is_worse_than_inconclusive() -> None:
    assert [worst(list(Outcome)), worst([PASS, Outcome.INCONCLUSIVE, NOT_MEASURED])] == [FAIL, NOT_MEASURED]
    assert worst([PASS, Outcome.INCONCLUSIVE]) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("gate", "text"),
    [
        ({"metric": "recall", "min": 0.7}, "recall ≥ 0.70"),
        ({"metric": "cost", "max": 60}, "cost ≤ 60"),
        ({"metric": "map50_95", "max_drop": 0.02, "against": "champion"}, "map50_95 drop ≤ 0.02 vs champion"),
        ({"metric": "f1", "min_gain": 0.005, "against": "torch"}, "f1 gain ≥ 0.005 vs torch"),
        (
            {"metric": "f1", "min": 0.5, "slice": "*", "target": "*"},
            "f1 ≥ 0.50 on every slice for every target",
        ),
        (
            {"metric": "f1", "min": 0.5, "slice": "dark", "class": "one", "target": "onnx-fp32"},
            "f1 ≥ 0.50 on slice dark for class one for onnx-fp32",
        ),
    ],
)
def test_a_gate_is_described_as_it_is_written(gate: dict[str, object], text: str) -> None:
    assert describe(msgspec.convert(gate, Gate)) == text
