"""The records of one sprint of a detector, and of one of a classifier, written by hand."""

from __future__ import annotations

import math

import msgspec

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.error_analysis import (
    Calibration,
    CalibrationBin,
    ConfusionMatrix,
    Errors,
    ErrorType,
    Gallery,
    GalleryImage,
    RecommendedPoint,
)
from runner.domain.evaluation import (
    ChampionEvaluation,
    Difference,
    Evaluation,
    FoundSlice,
    Interval,
    Metrics,
    Resampling,
    SliceMetrics,
    TargetEvaluation,
)
from runner.domain.records import (
    Benchmark,
    CheckResult,
    Checks,
    Device,
    Epoch,
    ExportedTarget,
    Selection,
    SelectionStep,
    Severity,
    SplitCounts,
    StageTiming,
    TargetBenchmark,
    TrainedModel,
    Training,
)
from runner.domain.verdict import GateResult, Outcome, Verdict, Wear
from runner.record.report import ConfidenceCurve, FileDigest, PrecisionRecall
from runner.report.inputs import ReportInputs

DEVICE = Device(kind="cpu", name="Intel Xeon Platinum 8488C", threads=2, cpu_count=2)
CLASSES = ("zero", "one", "two", "three")

PROJECT = msgspec.convert(
    {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "parcel-digits",
        "task": "detect",
        "classes": list(CLASSES),
        "phase": "viability",
        "dataset": {"path": "data", "layout": "yolo"},
        "costs": {"currency": "EUR", "gpu_hour": 2.2, "cpu_hour": 0.08},
    },
    Project,
)
SPRINT = msgspec.convert(
    {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "Label the dark-dock images the model misses",
        "hypothesis": "200 more labelled dark images raise recall on `dark` by 5 points",
        "owner": "dock-team",
        "annotation": {"strategy": "boxes", "guidelines": "docs/guidelines.md", "budget": {"money": 60}},
        "train": {"framework": "ultralytics", "model": "yolo26n.yaml", "epochs": 40, "seeds": [0, 1, 2]},
        "export": [
            {"format": "openvino", "precision": "int8", "calibration": {"split": "train", "size": 300}}
        ],
    },
    Sprint,
)


def around(value: float, half: float) -> Interval:
    return Interval(low=max(0.0, value - half), high=min(1.0, value + 0.9 * half))


def metrics(
    value: float | None, *, images: int = 120, objects: int = 840, groups: int = 41, sure: bool = True
) -> Metrics:
    """All quality metrics derived from one mAP50-95; an interval as wide as the number of groups makes it."""
    if value is None:
        return Metrics(images=images, objects=0, groups=groups)
    values = {
        "map50_95": value,
        "map50": min(1.0, value * 1.35),
        "map75": value * 1.05,
        "ar": min(1.0, value * 1.1),
        "precision": min(1.0, value * 1.4),
        "recall": min(1.0, value * 1.25),
        "f1": min(1.0, value * 1.32),
    }
    half = 0.32 / math.sqrt(max(1, groups))
    intervals = {name: around(found, half) for name, found in values.items()} if sure else {}
    return Metrics(images=images, objects=objects, groups=groups, intervals=intervals, **values)


def slices(shift: float, *, sure: bool = True) -> list[SliceMetrics]:
    """Named, by a column, crossed, by object size, one of two scenes, one that no image belongs to; and a found one."""
    cells = [
        ("bright", "images", "brightness >= 0.25", 0.66, 98, 700, 34),
        ("dark", "images", "brightness < 0.25", 0.24, 22, 140, 9),
        ("camera=dock", "images", "camera = 'dock'", 0.41, 45, 310, 16),
        ("camera=gate", "images", "camera = 'gate'", 0.68, 75, 530, 25),
        ("camera=dock, time=night", "images", "camera = 'dock' AND time = 'night'", 0.29, 12, 80, 2),
        ("small", "objects", "area_px < 1024", 0.39, 80, 212, 33),
        ("weather=fog", "images", "weather = 'fog'", None, 0, 0, 0),
    ]
    named = [
        _slice(
            name,
            kind,
            condition,
            metrics(v and v + shift, images=i, objects=o, groups=g, sure=sure and g > 2),
        )
        for name, kind, condition, v, i, o, g in cells
    ]
    region = metrics(0.18 + shift, images=31, objects=205, groups=11, sure=sure)
    found = FoundSlice(p_value=0.0042, searched=388, loss=0.71, loss_elsewhere=0.34)
    condition = "brightness < 0.31 AND camera = 'dock'"
    return [*named, msgspec.structs.replace(_slice(condition, "images", condition, region), found=found)]


def _slice(name: str, kind: str, condition: str, overall: Metrics) -> SliceMetrics:
    fields = {
        "name": name,
        "kind": kind,
        "condition": condition,
        "overall": overall,
        "per_class": {"zero": overall},
    }
    return msgspec.convert(fields, SliceMetrics)


def target(name: str, value: float, shift: float = 0.0, *, sure: bool = True) -> TargetEvaluation:
    per_class = {
        cls: metrics(value + 0.03 * i - 0.05, objects=210, sure=sure) for i, cls in enumerate(CLASSES)
    }
    return TargetEvaluation(
        target=name,
        overall=metrics(value, sure=sure),
        per_class=per_class,
        slices=slices(shift, sure=sure),
    )


def evaluation(shift: float = 0.0) -> Evaluation:
    """Three seeds, no champion."""
    return Evaluation(
        task="detect",
        evaluator="flywheel 1.0 (COCO protocol: IoU 0.50 to 0.95, 101 recall points)",
        split="test",
        split_digest="3f" * 32,
        operating_confidence=0.25,
        optimizing="map50_95",
        resampling=Resampling(level=0.95, resamples=1000, unit="scene", groups=41),
        targets=[
            target("torch", 0.602 + shift, shift),
            target("onnx-fp32", 0.602 + shift, shift),
            target("openvino-int8", 0.594 + shift, shift),
        ],
        seeds=[
            target("torch-seed-1", 0.587 + shift, shift, sure=False),
            target("torch-seed-2", 0.611 + shift, shift, sure=False),
        ],
        searched_regions=388,
    )


def difference(
    part: str | None, of_class: str | None, value: float, change: float, half: float | None, **more: object
) -> Difference:
    interval = None if half is None else {"low": change - half, "high": change + half}
    outcome = "unclear"
    if half is not None and abs(change) > half:
        outcome = "gained" if change > 0 else "lost"
    fields = {
        "slice": part,
        "class": of_class,
        "metric": "map50_95",
        "value": value,
        "reference": value - change,
        "difference": change,
        "interval": interval,
        "outcome": outcome,
        "seed_deviation": 0.0121,
    }
    return msgspec.convert(fields | more, Difference)


DIFFERENCES = [
    difference(None, None, 0.594, 0.031, 0.026),
    difference("bright", None, 0.66, 0.008, 0.019),
    difference("dark", None, 0.24, 0.094, 0.071),
    difference("camera=dock", None, 0.41, 0.052, 0.041),
    difference("camera=gate", None, 0.68, -0.044, 0.031),
    difference("camera=dock, time=night", None, 0.29, 0.061, None),
    difference("small", None, 0.39, -0.013, 0.04),
    difference(None, "zero", 0.544, 0.071, 0.052),
    difference(None, "one", 0.574, 0.03, 0.047),
    difference(None, "two", 0.604, -0.005, 0.05),
    difference(None, "three", 0.634, 0.0, 0.048),
]


def with_champion() -> Evaluation:
    """Lost on one slice, gained on most."""
    champion = ChampionEvaluation(
        sprint="0002-more-cameras",
        tag="parcel-digits#prod#3",
        target="onnx-fp32",
        evaluation=target("champion", 0.563, -0.031),
        differences=DIFFERENCES,
    )
    return msgspec.structs.replace(evaluation(), champion=champion)


ERRORS = Errors(
    target="openvino-int8",
    types=[
        ErrorType(name="classification", count=61, ap_cost=0.043),
        ErrorType(name="localisation", count=48, ap_cost=0.031),
        ErrorType(name="both", count=7, ap_cost=0.002),
        ErrorType(name="duplicate", count=12, ap_cost=0.004),
        ErrorType(name="background", count=39, ap_cost=0.019),
        ErrorType(name="missed", count=143, ap_cost=0.092),
    ],
    confusion=ConfusionMatrix(
        labels=[*CLASSES, "background"],
        counts=[
            [158, 3, 2, 9, 38],
            [2, 171, 4, 1, 32],
            [5, 6, 160, 3, 36],
            [14, 1, 2, 156, 37],
            [11, 9, 8, 11, 0],
        ],
        background=True,
    ),
    recommended=RecommendedPoint(confidence=0.41, precision=0.871, recall=0.722, f1=0.7895),
    recommended_per_class={
        cls: RecommendedPoint(confidence=0.3 + 0.05 * i, precision=0.84, recall=0.7, f1=0.7636)
        for i, cls in enumerate(CLASSES)
    },
    calibration=Calibration(
        ece=0.0634,
        bins=[
            CalibrationBin(
                low=i / 10,
                high=(i + 1) / 10,
                count=0 if i == 0 else 40 + 12 * i,
                confidence=None if i == 0 else i / 10 + 0.052,
                accuracy=None if i == 0 else min(1.0, i / 10 + 0.052 - 0.10 * math.sin(3.1 * i / 10)),
            )
            for i in range(10)
        ],
    ),
)
GALLERY = Gallery(
    target="openvino-int8",
    images=[
        GalleryImage(
            image=f"images/test/{number:06}.jpg",
            picture=f"gallery/{rank + 1:02}-{number:06}.jpg",
            cam=f"gallery/{rank + 1:02}-{number:06}-cam.jpg" if rank < 2 else None,
            loss=0.94 - 0.05 * rank,
            errors={"missed": 4 - rank, "classification": rank},
            caption=f"{4 - rank} of 7 objects missed in a dark frame",
        )
        for rank, number in enumerate((412, 77, 305))
    ],
)
WEAR = Wear(split="test", uses=4, spent=0.1, budget=0.25, left=0.15)


def speed(name: str, runtime: str, precision: str, p50: float, size: float) -> TargetBenchmark:
    return TargetBenchmark(
        target=name,
        runtime=runtime,
        precision=precision,
        input_hw=(320, 320),
        iterations=50,
        latency_p50_ms=p50,
        latency_p95_ms=p50 * 1.2,
        latency_p99_ms=p50 * 1.9,
        throughput_ips=1000 / p50,
        size_mb=size,
        peak_memory_mb=410.4,
    )


BENCHMARK = Benchmark(
    device=DEVICE,
    targets=[
        speed("torch", "torch 2.15.0", "f32", 21.3, 5.4),
        speed("onnx-fp32", "onnxruntime 1.31.1", "f32", 9.8, 9.9),
        speed("openvino-int8", "openvino 2026.4.1", "int8", 4.1, 3.2),
    ],
)
EXPORTS = [
    ExportedTarget(target="onnx-fp32", path="exports/onnx-fp32", size_mb=9.9, digest="ab" * 32),
    ExportedTarget(
        target="openvino-int8",
        path="exports/openvino-int8",
        size_mb=3.2,
        digest="cd" * 32,
        calibration_images=300,
        calibration_split="train",
    ),
]
SELECTION = Selection(
    splits={
        "train": SplitCounts(
            images=412, objects=2881, per_class=dict(zip(CLASSES, (801, 640, 720, 720), strict=True))
        ),
        "val": SplitCounts(
            images=80, objects=561, per_class=dict(zip(CLASSES, (150, 131, 140, 140), strict=True))
        ),
        "test": SplitCounts(images=120, objects=840, per_class=dict.fromkeys(CLASSES, 210)),
    },
    dropped=[
        SelectionStep(split="train", reason="near-duplicate of another image (distance ≤ 4)", dropped=37),
        SelectionStep(split="val", reason="excluded: sharpness < 12", dropped=1),
    ],
    digest="5e" * 32,
    split_digests={"train": "11" * 32, "val": "22" * 32, "test": "3f" * 32},
)


def epochs(n: int, seed: int) -> list[Epoch]:
    return [
        Epoch(
            epoch=i + 1,
            values={
                "train/box_loss": 1.1 + 1.5 * math.exp(-i / 9),
                "train/cls_loss": 0.7 + 3.1 * math.exp(-i / 6),
                "metrics/mAP50(B)": 0.86 * (1 - math.exp(-i / 11)),
                "metrics/mAP50-95(B)": (0.62 + 0.01 * seed) * (1 - math.exp(-i / 12)),
                "val/box_loss": 1.25 + 1.4 * math.exp(-i / 8),
                "val/cls_loss": 0.9 + 3.0 * math.exp(-i / 6),
            },
        )
        for i in range(n)
    ]


TRAINING = Training(
    framework="ultralytics",
    framework_version="8.4.190",
    base_model="yolo26n.yaml",
    class_names=list(CLASSES),
    imgsz=320,
    device=DEVICE,
    images=412,
    models=[
        TrainedModel(
            seed=seed,
            path=f"weights/seed-{seed}.safetensors",
            state_digest=f"{seed}b" * 32,
            parameters=2_572_280,
            epochs=epochs(40, seed),
            seconds=61.2 + seed,
        )
        for seed in range(3)
    ],
)
TIMINGS = [
    StageTiming(stage=stage, seconds=seconds, work=612, device="cpu", finished_at="2026-11-03T10:12:00Z")
    for stage, seconds in (
        ("index", 3.4),
        ("select", 0.6),
        ("check", 7.9),
        ("train", 188.2),
        ("export", 31.0),
        ("predict", 12.6),
        ("evaluate", 2.2),
        ("benchmark", 8.1),
    )
]
PASSED_CHECKS = [
    CheckResult(
        id="detection/readable",
        description="every image can be decoded",
        severity=Severity.ERROR,
        success=True,
        checked=612,
        unexpected=0,
    ),
    CheckResult(
        id="detection/class-balance",
        description="no class has fewer than a tenth of the largest one's objects",
        severity=Severity.WARNING,
        success=True,
        checked=4,
        unexpected=0,
    ),
]
DUPLICATES = CheckResult(
    id="detection/near-duplicates",
    description="no image of test is a near-duplicate of one of train",
    severity=Severity.WARNING,
    success=False,
    checked=120,
    unexpected=3,
    rows=[
        "images/test/000102.jpg: distance 2 to images/train/000881.jpg",
        "images/test/000110.jpg: distance 0",
    ],
    fix="move the whole scene into one split",
)
CORRUPT = CheckResult(
    id="detection/boxes",
    description="every box lies inside its image",
    severity=Severity.ERROR,
    success=False,
    checked=4282,
    unexpected=23,
    rows=[f"labels/train/{n:06}.txt:3: x_max 1.31 is outside the image" for n in range(20)],
    fix="correct the label files, or exclude the images with data.exclude",
)


def gate(
    text: str, metric: str, outcome: Outcome, value: float | None, threshold: float, **more: object
) -> GateResult:
    fields: dict[str, object] = {
        "gate": text,
        "metric": metric,
        "target": "openvino-int8",
        "slice": None,
        "outcome": outcome,
        "value": value,
        "threshold": threshold,
        "source": "specs/0003-low-light.yaml:41:5",
        **more,
    }
    fields.setdefault("explanation", f"{value} against {threshold}")
    return msgspec.convert(fields, GateResult, strict=False)


PASSED_GATES = [
    gate(
        "map50_95 ≥ 0.45",
        "map50_95",
        Outcome.PASS,
        0.594,
        0.45,
        interval={"low": 0.512, "high": 0.671},
        decided_by="interval",
        explanation="map50_95 is 0.594 (0.51 to 0.67), above the required 0.45 as a whole",
    ),
    gate(
        "latency_p95_ms ≤ 12",
        "latency_p95_ms",
        Outcome.PASS,
        4.92,
        12.0,
        explanation="latency_p95_ms is 4.92 ms, 7.08 ms below the allowed 12 ms",
    ),
    gate(
        "map50_95 drop ≤ 0.01 vs torch",
        "map50_95",
        Outcome.PASS,
        0.594,
        0.01,
        reference=0.602,
        decided_by="point",
        explanation="map50_95 is 0.594, 0.008 worse than the torch model's 0.602; a drop of 0.01 is allowed",
        origin="policy",
    ),
]


UNMET_GATES = [
    gate(
        "recall ≥ 0.30",
        "recall",
        Outcome.FAIL,
        0.2403,
        0.3,
        slice="dark",
        interval={"low": 0.171, "high": 0.29996},
        decided_by="interval",
        explanation="recall on slice dark is 0.240 (0.17 to 0.29996), below the required 0.30 as a whole",
    ),
    gate(
        "recall ≥ 0.50",
        "recall",
        Outcome.INCONCLUSIVE,
        0.51,
        0.5,
        **{"class": "two", "slice": "camera=dock"},
        interval={"low": 0.41, "high": 0.62},
        decided_by="interval",
        further={"images": 140, "groups": 52, "slice": "camera=dock", "cost": 39.2, "currency": "EUR"},
        explanation="recall for class two on slice camera=dock is 0.510 (0.41 to 0.62); the required 0.50 lies within; "
        "about 140 further images would decide it at 80 % power",
    ),
    gate(
        "map50_95 drop ≤ 0.02 vs champion",
        "map50_95",
        Outcome.INCONCLUSIVE,
        0.39,
        0.02,
        slice="small",
        reference=0.403,
        interval={"low": -0.053, "high": 0.027},
        decided_by="interval",
        further={"images": None, "slice": "small"},
        explanation="no realistic number of further images would decide it",
    ),
    gate(
        "map50_95 ≥ 0.20",
        "map50_95",
        Outcome.INCONCLUSIVE,
        0.29,
        0.2,
        slice="camera=dock, time=night",
        decided_by="interval",
        explanation="map50_95 on slice camera=dock, time=night is 0.290, but nobody can say how far off that may be: "
        "it rests on 2 scenes",
    ),
    gate(
        "map50_95 ≥ 0.40",
        "map50_95",
        Outcome.NOT_MEASURED,
        None,
        0.4,
        slice="weather=fog",
        decided_by="interval",
        explanation="no test image belongs to the slice",
    ),
    gate("cost ≤ 0.001", "cost", Outcome.FAIL, 0.00564, 0.001, target=None, explanation="over the budget"),
]


def sprint_inputs(**more: object) -> ReportInputs:
    """A sprint in which every stage ran and every gate passed, with `more` instead of some of its records."""
    recall = [i / 50 for i in range(51)]
    complete = ReportInputs(
        project=PROJECT,
        sprint=SPRINT,
        sprint_name="0003-low-light",
        spec=FileDigest(path="specs/0003-low-light.yaml", sha256="9a" * 32),
        data_md5="0123456789abcdef0123456789abcdef.dir",
        guidelines=FileDigest(path="docs/guidelines.md", sha256="77" * 32),
        verdict=Verdict(
            outcome=Outcome.PASS,
            gates=PASSED_GATES,
            optimizing="map50_95",
            optimizing_value=0.594,
            optimizing_interval=Interval(low=0.544, high=0.639),
            level=0.95,
            family=1,
            wear=WEAR,
        ),
        selection=SELECTION,
        checks=Checks(results=[*PASSED_CHECKS, DUPLICATES]),
        training=TRAINING,
        exports=EXPORTS,
        evaluation=evaluation(),
        errors=ERRORS,
        gallery=GALLERY,
        confidence_curves=[
            ConfidenceCurve(
                name="openvino-int8", confidence=recall, f1=[0.7895 - 1.3 * (c - 0.41) ** 2 for c in recall]
            )
        ],
        precision_recall=[
            PrecisionRecall(name="torch", recall=recall, precision=[1 - 0.5 * r**4 for r in recall]),
            PrecisionRecall(name="openvino-int8", recall=recall, precision=[1 - 0.6 * r**3 for r in recall]),
        ],
        benchmark=BENCHMARK,
        timings=TIMINGS,
    )
    return msgspec.structs.replace(complete, **more)


def failing_inputs() -> ReportInputs:
    """Gates failed, were not measured, are undecided; there is a champion to compare with."""
    verdict = Verdict(
        outcome=Outcome.FAIL,
        gates=[*PASSED_GATES, *UNMET_GATES],
        optimizing="map50_95",
        optimizing_value=0.594,
        champion="parcel-digits#prod#3",
        level=0.95,
        family=4,
        wear=WEAR,
    )
    return sprint_inputs(verdict=verdict, evaluation=with_champion(), champion_name="parcel-digits#prod#3")
