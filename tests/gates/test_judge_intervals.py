"""Gates on quality: the interval decides, all intervals hold together, and what is open says what would decide it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np
import pytest

from runner.domain.evaluation import (
    ChampionEvaluation,
    Evaluation,
    FoundSlice,
    Metrics,
    Resampling,
    SliceMetrics,
    TargetEvaluation,
)
from runner.domain.records import ExportedTarget
from runner.domain.verdict import FurtherEvidence, GateResult, Outcome, Verdict, Wear
from runner.evaluation.intervals import Sample, difference, interval, simultaneous
from runner.gates.claim import Claim
from runner.gates.gate import Gate
from runner.gates.judge import Evidence, LabelPrice, WrittenGate, judge

PASS, FAIL, INCONCLUSIVE, NOT_MEASURED = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_MEASURED,
)
Place = tuple[str, str | None, str | None, str]

ERROR = 0.03
VALUES: dict[Place, float] = {
    ("torch", None, None, "map50_95"): 0.51,
    ("onnx", None, None, "map50_95"): 0.50,
    ("champion", None, None, "map50_95"): 0.52,
    ("onnx", "dark", None, "map50_95"): 0.29,
    ("champion", "dark", None, "map50_95"): 0.50,
    ("onnx", None, None, "recall"): 0.79,
    ("onnx", "dark", None, "recall"): 0.529,
    ("onnx", None, "zero", "recall"): 0.80,
    ("onnx", "found", None, "recall"): 0.10,
}


class Given:
    """Samples whose replicates move together within a target, as those of one test split do."""

    def __init__(self, changed: dict[Place, Sample | None]) -> None:
        self._changed = changed

    def get(self, target: str, slice_name: str | None, class_name: str | None, metric: str) -> Sample | None:
        place = (target, slice_name, class_name, metric)
        if place in self._changed:
            return self._changed[place]
        value = VALUES.get(place)
        return None if value is None else sample(value, ERROR, seed=0 if target != "champion" else 1)


def sample(value: float, error: float, *, groups: int = 101, seed: int = 0) -> Sample:
    draws = np.random.default_rng(seed).standard_normal(1000)
    draws = (draws - draws.mean()) / draws.std(ddof=1)
    return Sample(estimate=value, replicates=value + error * draws, groups=groups)


def target(name: str) -> TargetEvaluation:
    def metrics(slice_name: str | None, class_name: str | None, images: int, objects: int) -> Metrics:
        found = {
            metric: VALUES.get((name, slice_name, class_name, metric)) for metric in ("map50_95", "recall")
        }
        return Metrics(images=images, objects=objects, groups=images // 10, **found)

    chosen = FoundSlice(p_value=0.01, searched=99, loss=0.6, loss_elsewhere=0.3)
    slices = [
        SliceMetrics(
            name=part,
            kind="images",
            condition=part,
            overall=metrics(part, None, 300, 900),
            per_class={},
            found=chosen if part == "found" else None,
        )
        for part in ("dark", "found")
    ]
    per_class = {"zero": metrics(None, "zero", 202, 400)}
    return TargetEvaluation(
        target=name, overall=metrics(None, None, 1010, 2020), per_class=per_class, slices=slices
    )


EVIDENCE = Evidence(
    evaluation=Evaluation(
        task="detect",
        evaluator="test",
        split="test",
        split_digest="d",
        operating_confidence=0.25,
        optimizing="map50_95",
        resampling=Resampling(level=0.95, resamples=1000, unit="scene", groups=101),
        targets=[target("torch"), target("onnx")],
        champion=ChampionEvaluation(
            sprint="0001-first", tag="v1", target="onnx", evaluation=target("champion"), differences=[]
        ),
    ),
    benchmark=None,
    exports=[ExportedTarget(target="onnx", path="exports/onnx", size_mb=9.5, digest="d")],
    primary_target="onnx",
    samples=Given({}),
    champion="0001-first",
    label_price=LabelPrice(per_object=0.04, currency="EUR"),
)


def verdict(evidence: Evidence, *gates: dict[str, object]) -> Verdict:
    written = [
        WrittenGate(gate=msgspec.convert(gate, Gate), origin="sprint", source="specs/0002-x.yaml:9:5")
        for gate in gates
    ]
    return judge(written, evidence)


def result(gate: dict[str, object], evidence: Evidence = EVIDENCE) -> GateResult:
    (found,) = verdict(evidence, gate).gates
    return found


def changed(place: Place, to: Sample | None) -> Evidence:
    return msgspec.structs.replace(EVIDENCE, samples=Given({place: to}))


@pytest.mark.parametrize(
    ("gate", "outcome", "explanation"),
    [
        (
            {"metric": "recall", "min": 0.7},
            PASS,
            "recall is 0.790 (0.72 to 0.84), above the required 0.70 as a whole",
        ),
        (
            {"metric": "recall", "slice": "dark", "min": 0.7},
            FAIL,
            "recall on slice dark is 0.529 (0.47 to 0.59), below the required 0.70 as a whole",
        ),
        (
            {"metric": "recall", "slice": "dark", "max": 0.7},
            PASS,
            "recall on slice dark is 0.529 (0.47 to 0.59), below the allowed 0.70 as a whole",
        ),
        (
            {"metric": "recall", "slice": "dark", "max": 0.4},
            FAIL,
            "recall on slice dark is 0.529 (0.47 to 0.59), above the allowed 0.40 as a whole",
        ),
        (
            {"metric": "recall", "slice": "dark", "min": 0.5},
            INCONCLUSIVE,
            "recall on slice dark is 0.529 (0.47 to 0.59); the required 0.50 lies within; about 9300 further images of "
            "slice dark from 930 further groups (scene) (1116.00 EUR of labels) would decide it at 80 % power",
        ),
        (
            {"metric": "map50_95", "target": "onnx", "max_drop": 0.02, "against": "torch"},
            PASS,
            "map50_95 of onnx is 0.500, 0.010 worse than the torch model's 0.510 (0.013 to 0.007 worse); "
            "the whole interval is within the allowed drop of 0.02",
        ),
        (
            {"metric": "map50_95", "slice": "dark", "max_drop": 0.02, "against": "champion"},
            FAIL,
            "map50_95 on slice dark is 0.290, 0.210 worse than the champion 0001-first's 0.500 (0.294 to 0.121 worse); "
            "the whole interval is beyond the allowed drop of 0.02",
        ),
        (
            {"metric": "map50_95", "slice": "dark", "min_gain": 0.02, "against": "champion"},
            FAIL,
            "map50_95 on slice dark is 0.290, 0.210 worse than the champion 0001-first's 0.500 (0.294 to 0.121 worse); "
            "the whole interval is below the required gain of 0.02",
        ),
        (
            {"metric": "map50_95", "max_drop": 0.02, "against": "champion"},
            INCONCLUSIVE,
            "map50_95 is 0.500, 0.020 worse than the champion 0001-first's 0.520 (0.106 worse to 0.066 better); "
            "the allowed drop of 0.02 lies within; about 80000 further images from 8000 further groups (scene) "
            "(6400.00 EUR of labels) would decide it at 80 % power",
        ),
    ],
)
def test_the_whole_interval_decides(gate: dict[str, object], outcome: Outcome, explanation: str) -> None:
    evidence = EVIDENCE
    if gate.get("against") == "torch":  # paired, hence close
        evidence = changed(("torch", None, None, "map50_95"), sample(0.51, ERROR + 0.0015))
    found = result(gate, evidence)
    assert (found.outcome, found.explanation) == (outcome, explanation)
    assert (found.decided_by, found.source) == ("interval", "specs/0002-x.yaml:9:5")


def test_the_interval_of_a_comparison_is_of_the_difference() -> None:
    found = result({"metric": "map50_95", "slice": "dark", "max_drop": 0.02, "against": "champion"})
    assert (found.value, found.reference, found.threshold) == (0.29, 0.5, 0.02)
    assert found.interval is not None
    assert found.interval.low < 0.29 - 0.5 < found.interval.high < 0


def test_what_would_decide_counts_images_groups_and_money() -> None:
    further = result({"metric": "recall", "slice": "dark", "min": 0.5}).further
    assert further == FurtherEvidence(images=9300, groups=930, slice="dark", cost=1116.0, currency="EUR")


def test_a_class_that_is_rare_needs_more_images_than_hold_it() -> None:
    gate = {"metric": "recall", "class": "zero", "min": 0.75}
    rare = changed(("onnx", None, "zero", "recall"), sample(0.80, ERROR, groups=20))
    common = result(gate).further
    further = result(gate, rare).further
    assert common is not None
    assert further is not None
    assert common.images is not None
    assert further.images is not None
    assert common.slice is None
    assert (further.groups or 0) * 10 == further.images


def test_where_images_are_empty_it_says_how_many_must_hold_something() -> None:
    plain = msgspec.structs.replace(
        EVIDENCE,
        label_price=LabelPrice(per_object=None, currency="EUR"),
        evaluation=msgspec.structs.replace(
            EVIDENCE.evaluation, resampling=Resampling(level=0.95, resamples=1000, unit="image", groups=1010)
        ),
    )
    found = result({"metric": "recall", "slice": "dark", "min": 0.5}, plain)
    assert found.further == FurtherEvidence(images=9300, counting=3200, slice="dark", currency="EUR")
    assert found.explanation.endswith(
        "; about 9300 further images of slice dark, 3200 of them with something that this counts, "
        "would decide it at 80 % power"
    )


def test_where_training_seeds_differ_more_than_images_more_seeds_are_asked_for() -> None:
    lucky = replace(sample(0.53, 0.01), seeds=(0.2, 0.9))
    apart = changed(("onnx", None, None, "recall"), lucky)
    found = result({"metric": "recall", "min": 0.6}, apart)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.further == FurtherEvidence(images=None, more_seeds=True)
    assert found.explanation.endswith(
        "no number of images would decide it: training more seeds would narrow it"
    )


def test_one_group_is_inconclusive_and_says_why() -> None:
    one = changed(("onnx", "dark", None, "recall"), sample(0.9, 0.1, groups=1))
    found = result({"metric": "recall", "slice": "dark", "min": 0.5}, one)
    assert (found.outcome, found.interval, found.further) == (INCONCLUSIVE, None, None)
    assert found.explanation == (
        "recall on slice dark is 0.529, but nobody can say how far off that may be: it rests on 1 scene, and at least 2 "
        "are needed"
    )


def test_too_few_measurable_resamples_are_inconclusive() -> None:
    hollow = sample(0.529, 0.1)
    hollow.replicates[:600] = np.nan
    found = result(
        {"metric": "recall", "slice": "dark", "min": 0.5}, changed(("onnx", "dark", None, "recall"), hollow)
    )
    assert found.outcome is INCONCLUSIVE
    assert found.explanation.endswith(": it could be measured in too few of the resamples")


@pytest.mark.parametrize(
    "evidence",
    [msgspec.structs.replace(EVIDENCE, samples=None), changed(("onnx", "dark", None, "recall"), None)],
)
def test_without_recorded_resamples_quality_is_not_judged(evidence: Evidence) -> None:
    found = result({"metric": "recall", "slice": "dark", "min": 0.5}, evidence)
    assert (found.outcome, found.explanation) == (
        NOT_MEASURED,
        "recall on slice dark cannot be judged: what its resamples gave was not recorded",
    )


def test_a_gate_that_asks_for_the_point_is_no_part_of_the_family() -> None:
    both = verdict(
        EVIDENCE,
        {"metric": "recall", "slice": "dark", "min": 0.5, "decide": "point"},
        {"metric": "recall", "min": 0.7},
        {"metric": "size_mb", "max": 10},
    )
    assert [one.outcome for one in both.gates] == [PASS, PASS, PASS]
    assert [one.decided_by for one in both.gates] == ["point", "interval", "measurement"]
    assert (both.family, both.level) == (1, 0.95)


def test_the_more_is_judged_the_wider_each_interval() -> None:
    recall = {"metric": "recall", "min": 0.7}
    alone = result(recall).interval
    together = (
        verdict(EVIDENCE, recall, {"metric": "map50_95", "min_gain": 0, "against": "champion"})
        .gates[0]
        .interval
    )
    assert alone is not None
    assert together is not None
    assert together.low < alone.low < alone.high < together.high


def test_gates_of_the_sprint_and_the_policy_and_comparisons_are_one_family() -> None:
    asked: tuple[tuple[Literal["sprint", "policy"], dict[str, object]], ...] = (
        ("sprint", {"metric": "recall", "min": 0.7}),
        ("sprint", {"metric": "map50_95", "max_drop": 0.02, "against": "champion"}),
        ("policy", {"metric": "recall", "slice": "dark", "min": 0.7}),
        ("policy", {"metric": "map50_95", "slice": "dark", "max_drop": 0.02, "against": "champion"}),
        ("policy", {"metric": "map50_95", "max_drop": 0.02, "against": "torch"}),
    )
    written = [
        WrittenGate(gate=msgspec.convert(gate, Gate), origin=origin, source="x:1:1") for origin, gate in asked
    ]
    found = judge(written, EVIDENCE)

    def stored(target: str, slice_name: str | None, metric: str) -> Sample:
        given = Given({}).get(target, slice_name, None, metric)
        assert given is not None
        return given

    samples = [
        stored("onnx", None, "recall"),
        difference(stored("onnx", None, "map50_95"), stored("champion", None, "map50_95")),
        stored("onnx", "dark", "recall"),
        difference(stored("onnx", "dark", "map50_95"), stored("champion", "dark", "map50_95")),
        difference(stored("onnx", None, "map50_95"), stored("torch", None, "map50_95")),
    ]
    ends = [(gate.interval.low, gate.interval.high) for gate in found.gates if gate.interval]
    assert found.family == len(ends) == 5
    assert ends == simultaneous(samples, 0.95)


def test_the_optimizing_metric_has_its_own_interval() -> None:
    found = verdict(
        EVIDENCE, {"metric": "recall", "min": 0.7}, {"metric": "recall", "slice": "*", "min": 0.5}
    )
    low, high = interval(sample(0.50, ERROR), 0.95) or (0, 0)
    assert found.optimizing_interval is not None
    assert (found.optimizing_interval.low, found.optimizing_interval.high) == (low, high)


def test_found_slices_are_not_judged() -> None:
    assert [one.slice for one in verdict(EVIDENCE, {"metric": "recall", "slice": "*", "min": 0.1}).gates] == [
        "dark"
    ]


DROP: dict[str, object] = {"metric": "map50_95", "max_drop": 0.5, "against": "champion"}


def worn(refresh: str, *, exhausted: bool = True) -> Evidence:
    wear = msgspec.convert(
        {"split": "test", "uses": 11, "spent": 0.275, "budget": 0.25, "left": 0.0, "exhausted": exhausted}
        | {"refresh": refresh},
        Wear,
    )
    return msgspec.structs.replace(EVIDENCE, wear=wear)


@pytest.mark.parametrize("decide", ["interval", "point"])
def test_a_worn_test_split_no_longer_decides_against_the_champion(decide: str) -> None:
    found = result({**DROP, "decide": decide}, worn("required"))
    assert (found.outcome, found.interval) == (INCONCLUSIVE, None)
    assert found.explanation == (
        "map50_95 is 0.500, and is not compared with the champion: the test split has been used 11 times to decide, which "
        "spent its budget; it must be renewed"
    )
    assert result({"metric": "recall", "min": 0.7}, worn("required")).outcome is PASS


@pytest.mark.parametrize("evidence", [worn("advised"), worn("required", exhausted=False)])
def test_a_budget_that_only_advises_or_is_left_lets_gates_decide(evidence: Evidence) -> None:
    assert result(DROP, evidence).outcome is PASS
    assert verdict(evidence, DROP).wear == evidence.wear


def test_identical_artefacts_are_not_certainly_the_same() -> None:
    same = changed(("torch", None, None, "map50_95"), sample(0.50, ERROR))
    gate = {"metric": "map50_95", "target": "onnx", "against": "torch"}
    assert result({**gate, "max_drop": 0.05}, same).outcome is PASS
    found = result({**gate, "max_drop": 0.01}, same)
    assert found.outcome is INCONCLUSIVE
    assert (
        "(0.036 worse to 0.036 better); the allowed drop of 0.01 lies within; about 3400 "
        in found.explanation
    )
    assert found.further is not None
    assert (
        found.further.groups == 340
    )  # 101 + 337 groups that all give the same exclude a drop of 0.01 at the next look


# --- what the sprint claimed ----------------------------------------------------------------------


def claimed(min_gain: float, evidence: Evidence) -> Verdict:
    gate = Claim(metric="map50_95", min_gain=min_gain).as_gate
    gates = [
        WrittenGate(gate=msgspec.convert(floor, Gate), origin="sprint", source="specs/0002-x.yaml:9:5")
        for floor in ({"metric": "recall", "min": 0.5},)
    ]
    return judge(gates, evidence, WrittenGate(gate=gate, origin="sprint", source="specs/0002-x.yaml:5:9"))


@pytest.mark.parametrize(
    ("min_gain", "outcome"), [(0.05, Outcome.PASS), (0.1, Outcome.INCONCLUSIVE), (0.3, Outcome.FAIL)]
)
def test_a_claim_is_tested_and_decides_nothing(min_gain: float, outcome: Outcome) -> None:
    evidence = msgspec.structs.replace(
        EVIDENCE,
        samples=Given(
            {
                ("onnx", None, None, "map50_95"): sample(0.6, 0.01),
                ("champion", None, None, "map50_95"): sample(0.5, 0.001),
            }
        ),
    )
    found = claimed(min_gain, evidence)
    assert isinstance(found.claim, GateResult)
    assert (found.claim.outcome, found.claim.source) == (outcome, "specs/0002-x.yaml:5:9")
    assert (found.outcome, [gate.metric for gate in found.gates], found.family) == (
        Outcome.PASS,
        ["recall"],
        2,
    )


def test_a_claim_over_no_champion_is_not_measured() -> None:
    found = claimed(0.0, msgspec.structs.replace(EVIDENCE, champion=None))
    assert isinstance(found.claim, GateResult)
    assert found.claim.outcome is Outcome.NOT_MEASURED
    assert "there is no champion yet to compare it with" in found.claim.explanation


def test_without_a_claim_the_verdict_is_written_as_before() -> None:
    assert "claim" not in msgspec.to_builtins(verdict(EVIDENCE, {"metric": "recall", "min": 0.5}))


def test_a_further_look_is_judged_by_the_level_that_it_has() -> None:
    """Each look at one question spends half of the significance of the one before."""
    levels, widths = [], []
    for look in (1, 2, 3):
        worn = msgspec.structs.replace(EVIDENCE, wear=Wear(split="test", uses=look, spent=0.0, look=look))
        found = verdict(worn, DROP)
        interval_ = found.gates[0].interval
        assert interval_ is not None
        levels.append(found.level)
        widths.append(interval_.high - interval_.low)
    assert levels == [0.95, 0.975, 0.9875]
    assert widths == sorted(widths)
    assert len(set(widths)) == 3
