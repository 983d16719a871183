"""The records of one sprint of a classifier, written by hand: many classes, every image by itself."""

from __future__ import annotations

import math

import msgspec
from planted_report import BENCHMARK, EXPORTS, SELECTION, SPRINT, gate, sprint_inputs

from runner.config.project import Project
from runner.domain.error_analysis import Calibration, CalibrationBin, ConfusionMatrix, Errors, ErrorType
from runner.domain.evaluation import Evaluation, Interval, Metrics, Resampling, SliceMetrics, TargetEvaluation
from runner.domain.verdict import Outcome, Verdict, Wear
from runner.exporters.onnx import OnnxExporter
from runner.report.inputs import ReportInputs

CLASSES = [f"part-{letter}" for letter in "abcdefghijklmnopqr"]
PROJECT = msgspec.convert(
    {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "spare-parts",
        "task": "classify",
        "classes": CLASSES,
        "dataset": {"path": "data", "layout": "folders"},
        "costs": {"currency": "EUR", "cpu_hour": 0.08, "label": {"class": 0.02}},
    },
    Project,
)


def metrics(top1: float, images: int = 720, *, half: float | None = None) -> Metrics:
    values = {
        "top1": top1,
        "top5": min(1.0, top1 + 0.09),
        "balanced_accuracy": top1 - 0.012,
        "precision": min(1.0, top1 + 0.011),
        "recall": top1 - 0.012,
        "f1": top1 - 0.004,
    }
    half = half or 0.9 / math.sqrt(images)
    intervals = {
        name: Interval(low=value - half, high=min(1.0, value + half)) for name, value in values.items()
    }
    return Metrics(images=images, objects=images, groups=images, intervals=intervals, **values)


def target(name: str, top1: float) -> TargetEvaluation:
    return TargetEvaluation(
        target=name,
        overall=metrics(top1),
        per_class={part: metrics(top1 - 0.06 + 0.006 * i, 40, half=0.11) for i, part in enumerate(CLASSES)},
        slices=[
            SliceMetrics(
                name=f"light={light}",
                kind="images",
                condition=f"light = '{light}'",
                overall=metrics(top1 + shift, images),
                per_class={},
            )
            for light, shift, images in (("day", 0.018, 540), ("night", -0.055, 180))
        ],
    )


def confusion() -> ConfusionMatrix:
    """Neighbours are taken for each other, the first ones most often."""
    counts = [[0] * len(CLASSES) for _ in CLASSES]
    for i in range(len(CLASSES)):
        wrong = max(0, 9 - i)
        counts[i][i] = 40 - wrong
        counts[i][(i + 1) % len(CLASSES)] = wrong
    return ConfusionMatrix(labels=list(CLASSES), counts=counts)


ERRORS = Errors(
    target="onnx-fp32",
    types=[ErrorType(name="classification", count=45, ap_cost=None)],
    confusion=confusion(),
    recommended=None,
    recommended_per_class={},
    calibration=Calibration(
        ece=0.0123,
        bins=[CalibrationBin(low=0.9, high=1.0, count=720, confidence=0.95, accuracy=0.9377)],
    ),
)


def classify_inputs() -> ReportInputs:
    """Undecided on night images; no champion yet; the budget of the test split is spent."""
    night = gate(
        "top1 ≥ 0.87",
        "top1",
        Outcome.INCONCLUSIVE,
        0.8825,
        0.87,
        target="onnx-fp32",
        slice="light=night",
        interval={"low": 0.81, "high": 0.941},
        decided_by="interval",
        further={"images": 690, "slice": "light=night", "cost": 13.8, "currency": "EUR"},
        explanation="top1 on slice light=night is 0.883 (0.81 to 0.941); the required 0.87 lies within",
    )
    whole = gate(
        "balanced_accuracy ≥ 0.90",
        "balanced_accuracy",
        Outcome.PASS,
        0.9255,
        0.9,
        target="onnx-fp32",
        interval={"low": 0.902, "high": 0.949},
        decided_by="interval",
        explanation="balanced_accuracy is 0.926 (0.902 to 0.949), above the required 0.90 as a whole",
    )
    evaluation = Evaluation(
        task="classify",
        evaluator="flywheel 1.0 (top-k accuracy; macro averages)",
        split="test",
        split_digest="4e" * 32,
        operating_confidence=0.25,
        optimizing="top1",
        resampling=Resampling(level=0.95, resamples=2000, unit="image", groups=720),
        targets=[target("torch", 0.939), target("onnx-fp32", 0.9375)],
        searched_regions=212,
    )
    return sprint_inputs(
        project=PROJECT,
        sprint=msgspec.structs.replace(
            SPRINT, title="Tell 18 spare parts apart", hypothesis=None, export=[OnnxExporter()]
        ),
        sprint_name="0001-spare-parts",
        selection=msgspec.structs.replace(SELECTION, split_digests={"test": "4e" * 32}),
        evaluation=evaluation,
        errors=ERRORS,
        gallery=None,
        confidence_curves=[],
        precision_recall=[],
        exports=EXPORTS[:1],
        benchmark=msgspec.structs.replace(BENCHMARK, targets=BENCHMARK.targets[:2]),
        verdict=Verdict(
            outcome=Outcome.INCONCLUSIVE,
            gates=[whole, night],
            optimizing="top1",
            optimizing_value=0.9375,
            optimizing_interval=Interval(low=0.918, high=0.954),
            level=0.95,
            family=2,
            wear=Wear(
                split="test", uses=10, spent=0.25, budget=0.25, left=0.0, exhausted=True, refresh="required"
            ),
        ),
    )
