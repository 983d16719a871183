"""What cells rest on: groups that hold something to count, and classes that enough groups hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.assessment.cells import AssessedTarget, Draws, assess_target
from runner.assessment.samples import read_samples, write_samples
from runner.domain.evaluation import Evaluation, Resampling
from runner.domain.verdict import GateResult, Outcome
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.ranked import RankedMeasurable
from runner.evaluation.slices import ImageSlice
from runner.gates.gate import Gate
from runner.gates.judge import Evidence, WrittenGate, judge

BOX, ELSEWHERE = (10.0, 10.0, 40.0, 40.0), (60.0, 60.0, 80.0, 80.0)


def assessed(
    n_images: int, objects: list[tuple[int, int, bool]], false: list[int] | None = None
) -> AssessedTarget:
    """One artefact that finds some of the objects `(image, class, found)`, and sees class 0 on images without any."""
    image, label, found = (np.array(column) for column in zip(*objects, strict=True))
    wrong = np.array(false or [], dtype=np.int64)
    never = np.zeros(len(image), dtype=bool)
    problem = Problem(
        n_images=n_images,
        n_classes=3,
        truths=GroundTruths(image=image, label=label, crowd=never, ignored=never),
        detections=Detections(
            image=np.concatenate([image[found], wrong]),
            label=np.concatenate([label[found], np.zeros_like(wrong)]),
            score=np.full(found.sum() + len(wrong), 0.9, np.float32),
        ),
        similarity=BoxSimilarity(
            truths_xyxy=np.tile(BOX, (len(image), 1)),
            detections_xyxy=np.concatenate(
                [np.tile(BOX, (found.sum(), 1)), np.tile(ELSEWHERE, (len(wrong), 1))]
            ),
            crowd=never,
        ),
    )
    groups = np.arange(n_images)
    half = ImageSlice(name="first half", condition="…", images=groups < n_images // 2)
    return assess_target(
        "torch",
        RankedMeasurable(problem, 0.25),
        [(half, None)],
        Draws(groups=groups, multiplicities=multiplicities(groups, 300), level=0.95),
        classes=["a", "b", "rare"],
        slice_classes=frozenset(),
    )


def judged(found: AssessedTarget, tmp_path: Path, **gate: object) -> GateResult:
    write_samples(tmp_path / "resamples.parquet", found.samples)
    evaluation = Evaluation(
        task="detect",
        evaluator="planted",
        split="test",
        split_digest="planted",
        operating_confidence=0.25,
        optimizing="map50_95",
        resampling=Resampling(level=0.95, resamples=300, unit="image", groups=100),
        targets=[found.evaluation],
        left_out=found.left_out,
    )
    evidence = Evidence(
        evaluation=evaluation,
        benchmark=None,
        exports=[],
        primary_target="torch",
        samples=read_samples(tmp_path / "resamples.parquet"),
    )
    written = WrittenGate(gate=Gate(**gate), origin="sprint", source="specs/0001-x.yaml:1:1")  # type: ignore[arg-type]
    (result,) = judge([written], evidence).gates
    return result


def test_empty_images_do_not_count_as_right(tmp_path: Path) -> None:
    found = assessed(100, [(image, 0, True) for image in (7, 40, 90)])
    metrics = found.evaluation.overall
    assert (metrics.images, metrics.groups, metrics.recall) == (100, 3, 1.0)
    for metric in ("recall", "precision", "map50"):
        assert metrics.intervals[metric].low == pytest.approx(0.025 ** (1 / 3))
        result = judged(found, tmp_path, metric=metric, min=0.95)
        assert result.outcome is Outcome.INCONCLUSIVE
    assert "further images" in result.explanation
    assert "of them with something that this counts" in result.explanation


def test_a_false_detection_makes_its_image_one_that_precision_counts() -> None:
    found = assessed(100, [(image, 0, True) for image in (7, 40, 90)], false=[1, 2])
    metrics = found.evaluation.overall
    assert (metrics.groups, metrics.groups_of) == (3, {"precision": 5, "f1": 5})
    rests_on = {sample.metric: sample.groups for sample in found.samples if sample.place[:2] == (None, None)}
    assert (rests_on["precision"], rests_on["f1"], rests_on["recall"], rests_on["ar"]) == (5, 5, 3, 3)


COMMON = [(image, label, image % 3 > 0) for image in range(40) for label in (0, 1)]


def test_a_class_on_one_image_is_named_and_left_out_of_judged_means(tmp_path: Path) -> None:
    found = assessed(60, [*COMMON, (50, 2, True)])
    overall = found.evaluation.overall
    assert overall.map50 == pytest.approx((2 * overall.judged["map50"] + 1) / 3)
    assert [(part.slice, part.classes) for part in found.left_out] == [(None, {"rare": 1})]
    interval = overall.intervals["map50"]
    assert interval.low < overall.judged["map50"] < interval.high
    result = judged(found, tmp_path, metric="map50", min=0.1)
    assert result.value == overall.judged["map50"]
    assert result.explanation.endswith(
        "; class rare (1 image) is left out of this mean, as too few images hold it: "
        f"with it, it is {overall.map50:.3f}"
    )
    recall = judged(found, tmp_path, metric="recall", min=0.1)
    assert "left out" not in recall.explanation  # it counts all objects together


def test_a_class_on_five_images_counts() -> None:
    found = assessed(60, [*COMMON, *((image, 2, True) for image in range(50, 55))])
    assert (found.left_out, found.evaluation.overall.judged) == ([], {})


def test_a_mean_over_classes_that_are_all_rare_rests_on_no_more_images_than_one_of_them(
    tmp_path: Path,
) -> None:
    found = assessed(60, [(0, 0, True), (1, 1, True), (2, 2, False)])
    result = judged(found, tmp_path, metric="map50", min=0.1)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "it rests on 1 image, and at least 2 are needed" in result.explanation
    assert judged(found, tmp_path, metric="recall", min=0.1).interval is not None  # three objects, two found
