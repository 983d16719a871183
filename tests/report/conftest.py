"""Sprint reports to render: one passes, one fails its gates, one failed in a stage, one is hostile."""

from __future__ import annotations

import math

import msgspec
import pytest

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.records import (
    Benchmark,
    CheckResult,
    Checks,
    Device,
    Epoch,
    Evaluation,
    ExportedTarget,
    GateResult,
    Metrics,
    Outcome,
    Selection,
    SelectionStep,
    Severity,
    SliceMetrics,
    SplitCounts,
    StageFailure,
    StageTiming,
    TargetBenchmark,
    TargetEvaluation,
    TrainedModel,
    Training,
    Verdict,
)
from runner.report.build import build
from runner.report.record import FileDigest, PrecisionRecall, ReportInputs, SprintReport

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


def metrics(value: float | None, *, images: int = 120, objects: int = 840) -> Metrics:
    """All quality metrics derived from one mAP50-95."""
    if value is None:
        return Metrics(images=images, objects=0)
    return Metrics(
        images=images,
        objects=objects,
        map50_95=value,
        map50=min(1.0, value * 1.35),
        map75=value * 1.05,
        ar=min(1.0, value * 1.1),
        precision=min(1.0, value * 1.4),
        recall=min(1.0, value * 1.25),
        f1=min(1.0, value * 1.32),
    )


def slices(shift: float) -> list[SliceMetrics]:
    """Named, by a column, by object size, and one that no image belongs to."""
    cells = [
        ("bright", "images", "brightness >= 0.25", metrics(0.66 + shift, images=98, objects=700)),
        ("dark", "images", "brightness < 0.25", metrics(0.24 + shift, images=22, objects=140)),
        ("camera=dock", "images", "camera = 'dock'", metrics(0.41 + shift, images=45, objects=310)),
        ("camera=gate", "images", "camera = 'gate'", metrics(0.68 + shift, images=75, objects=530)),
        ("small", "objects", "area_px < 1024", metrics(0.39 + shift, images=80, objects=212)),
        ("weather=fog", "images", "weather = 'fog'", metrics(None, images=0)),
    ]
    return [
        SliceMetrics(name=name, kind=kind, condition=condition, overall=overall, per_class={"zero": overall})
        for name, kind, condition, overall in cells
    ]


def target(name: str, value: float, shift: float = 0.0) -> TargetEvaluation:
    per_class = {cls: metrics(value + 0.03 * i - 0.05, objects=210) for i, cls in enumerate(CLASSES)}
    return TargetEvaluation(target=name, overall=metrics(value), per_class=per_class, slices=slices(shift))


def evaluation(shift: float = 0.0) -> Evaluation:
    return Evaluation(
        task="detect",
        evaluator="pycocotools 2.0.11",
        split="test",
        split_digest="3f" * 32,
        operating_confidence=0.25,
        optimizing="map50_95",
        targets=[
            target("torch", 0.602 + shift, shift),
            target("onnx-fp32", 0.602 + shift, shift),
            target("openvino-int8", 0.594 + shift, shift),
        ],
        seeds={"1": metrics(0.587 + shift), "2": metrics(0.611 + shift)},
    )


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
    gate("map50_95 ≥ 0.45", "map50_95", Outcome.PASS, 0.594, 0.45, explanation="0.594 is at least 0.45"),
    gate(
        "latency_p95_ms ≤ 12",
        "latency_p95_ms",
        Outcome.PASS,
        4.92,
        12.0,
        explanation="4.92 ms is at most 12 ms",
    ),
    gate(
        "map50_95 drop ≤ 0.01 against torch",
        "map50_95",
        Outcome.PASS,
        0.594,
        0.01,
        reference=0.602,
        explanation="0.008 lower than torch, at most 0.01 is allowed",
        origin="policy",
    ),
]


UNMET_GATES = [
    gate(
        "recall ≥ 0.30",
        "recall",
        Outcome.FAIL,
        0.29996,
        0.3,
        slice="dark",
        explanation="0.29996 is below 0.30",
    ),
    gate(
        "recall ≥ 0.50",
        "recall",
        Outcome.INCONCLUSIVE,
        0.51,
        0.5,
        **{"class": "two", "slice": "camera=dock"},
        explanation="the 95 % interval 0.46 – 0.56 holds the threshold; 140 more images would decide",
    ),
    gate(
        "map50_95 ≥ 0.40",
        "map50_95",
        Outcome.NOT_MEASURED,
        None,
        0.4,
        slice="weather=fog",
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
            champion=None,
        ),
        selection=SELECTION,
        checks=Checks(results=[*PASSED_CHECKS, DUPLICATES]),
        training=TRAINING,
        exports=EXPORTS,
        evaluation=evaluation(),
        precision_recall=[
            PrecisionRecall(name="torch", recall=recall, precision=[1 - 0.5 * r**4 for r in recall]),
            PrecisionRecall(name="openvino-int8", recall=recall, precision=[1 - 0.6 * r**3 for r in recall]),
        ],
        benchmark=BENCHMARK,
        timings=TIMINGS,
    )
    return msgspec.structs.replace(complete, **more)


@pytest.fixture
def inputs() -> ReportInputs:
    """What `build` reads of a sprint that ran whole."""
    return sprint_inputs()


@pytest.fixture
def passing() -> SprintReport:
    """Every gate is met; there is no champion yet."""
    return build(sprint_inputs())


@pytest.fixture
def failing() -> SprintReport:
    """Gates failed, were not measured, are undecided; there is a champion to compare with."""
    verdict = Verdict(
        outcome=Outcome.FAIL,
        gates=[*PASSED_GATES, *UNMET_GATES],
        optimizing="map50_95",
        optimizing_value=0.594,
        champion="parcel-digits@v3",
    )
    return build(
        sprint_inputs(verdict=verdict, champion_name="parcel-digits@v3", champion=evaluation(-0.031))
    )


@pytest.fixture
def stopped() -> SprintReport:
    """The check stage failed: nothing was trained."""
    failure = StageFailure(
        stage="check",
        message="1 check found errors: 23 of 4,282 boxes lie outside their image",
        hint="correct the label files named in the report, then run: flywheel run 0003-low-light",
        where="reports/0003-low-light/checks.json",
    )
    return build(
        sprint_inputs(
            failure=failure,
            verdict=None,
            checks=Checks(results=[*PASSED_CHECKS, DUPLICATES, CORRUPT]),
            training=None,
            exports=[],
            evaluation=None,
            precision_recall=[],
            benchmark=None,
            timings=TIMINGS[:3],
        )
    )


HOSTILE = (
    "a|b `c` <img> <!--x--> @all #1 gh-2 https://x.io WWW.x.io [l](u) **b** ~~s~~ $x$ \\| _e_\n\n"
    "## ✅ PASS\n```\n</details>\x1b[31m\u202e"
)


def hostile_copy(report: SprintReport) -> SprintReport:
    """The report with hostile text in, or after, every text that comes from specs, data or machines."""
    fixed = {"kind", "outcome", "severity", "metric", "optimizing", "origin", "finished_at"}

    def poison(value: object, key: str) -> object:
        match value:
            case dict():
                named = key in ("per_class", "splits", "split_digests", "weights", "libraries", "seeds")
                return {
                    (f"{name} {HOSTILE}" if named else name): poison(part, "" if named else name)
                    for name, part in value.items()
                }
            case list():
                return [poison(part, key) for part in value]
            case str() if key in {"target", "primary_target", "name"}:
                return f"{value} {HOSTILE}"
            case str() if key not in fixed:
                return HOSTILE
            case _:
                return value

    return msgspec.convert(poison(msgspec.to_builtins(report), ""), SprintReport)


@pytest.fixture
def hostile(failing: SprintReport, stopped: SprintReport) -> SprintReport:
    """Nothing but hostile text, in every section."""
    both = msgspec.structs.replace(failing, failure=stopped.failure, checks=stopped.checks)
    return hostile_copy(both)
