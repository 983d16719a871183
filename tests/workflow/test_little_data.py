"""From stored predictions to verdict and report where there is next to nothing: for every task, nothing breaks or lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from planted_classify import classify_inputs
from planted_report import sprint_inputs

from runner.adapters.pictures.coco_masks import encode_mask
from runner.adapters.tables.parquet import write_table
from runner.assessment.samples import read_samples
from runner.config.sprint import Confidence, SliceSpec
from runner.domain.error_analysis import Errors
from runner.domain.evaluation import ChampionModel, Evaluation
from runner.domain.files import read_json, write_json
from runner.domain.records import Selection, SplitCounts
from runner.domain.task import Keypoints, TaskName, TaskSpec
from runner.domain.verdict import Outcome, Verdict
from runner.evaluation.slices import NO_VALUE
from runner.gates.gate import Gate
from runner.gates.judge import Evidence, LabelPrice, WrittenGate, judge
from runner.report import markdown
from runner.report.build import build
from runner.stages import evaluate
from runner.stages.stage import StageContext
from runner.tasks import TASKS

CLASSES = ["cat", "dog", "never"]
BOX = {"x_min": 10.0, "y_min": 5.0, "x_max": 30.0, "y_max": 15.0}
CORNERS = [10.0, 5.0, 30.0, 5.0, 30.0, 15.0, 10.0, 15.0]
POINTS = [12.0, 7.0, 2.0, 28.0, 13.0, 1.0]
SLICES = [
    SliceSpec(name="dark", where="brightness < 0.5"),
    SliceSpec(name="nowhere", where="brightness > 9"),
    SliceSpec(name="tiny", objects="area_px < 1"),
    SliceSpec(name="marked", objects="truncated"),
    SliceSpec(by=["camera", "light"]),
    SliceSpec(auto="weakest", min_images=1),
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """`groups`: whose images are one scene. `hit`: the found class is the labelled one; None: nothing is found."""

    images: int
    groups: int
    labelled: bool = True
    hit: bool | None = True


CASES = {
    "no images": Case(images=0, groups=1),
    "one image": Case(images=1, groups=1),
    "two images": Case(images=2, groups=2),
    "one scene": Case(images=12, groups=1),
    "two scenes": Case(images=12, groups=2),
    "no labels": Case(images=12, groups=12, labelled=False),
    "nothing found": Case(images=40, groups=40, hit=None),
    "all right": Case(images=40, groups=40),
    "all wrong": Case(images=40, groups=40, hit=False),
}


def column(values: list[Any]) -> NDArray[Any]:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def shapes(count: int) -> dict[str, NDArray[Any]]:
    """The same object everywhere, as every task has it."""
    mask = np.zeros((40, 60), dtype=bool)
    mask[5:15, 10:30] = True
    return {
        **{name: np.full(count, value) for name, value in BOX.items()},
        "mask_rle": column([encode_mask(mask)] * count),
        "corners": column([CORNERS] * count),
        "keypoints": column([POINTS] * count),
    }


def write_sprint(folder: Path, case: Case) -> None:
    paths = [f"{number:03}.png" for number in range(case.images)]
    known = paths if case.labelled else []
    rows = np.arange(len(known))
    count = case.images
    write_table(
        folder / "index" / "images.parquet",
        {
            "path": column(paths),
            "image_id": column([f"content of {path}" for path in paths]),
            "width": np.full(count, 60),
            "height": np.full(count, 40),
            "brightness": np.linspace(0, 1, count),
            "camera": column([[None, "east"][number % 2] for number in range(count)]),
            "light": np.arange(count) % 3,
            "group": column([f"scene {number % case.groups}" for number in range(count)]),
        },
    )
    write_table(
        folder / "index" / "objects.parquet",
        {
            "object_id": column([f"{path}:0" for path in known]),
            "path": column(known),
            "class": column([CLASSES[row % 2] for row in rows]),
            "crowd": np.zeros(len(known), dtype=bool),
            "truncated": rows % 4 == 0,
            "area_px": np.full(len(known), 200.0),
            **shapes(len(known)),
        },
    )
    chosen = {
        "path": column(paths),
        "assigned": column(["test"] * count),
        "selected": np.ones(count, dtype=bool),
    }
    write_table(folder / "selection" / "manifest.parquet", chosen)
    counts = {"test": SplitCounts(images=count, objects=len(known))}
    write_json(
        folder / "selection.json",
        Selection(splits=counts, dropped=[], digest="d", split_digests={"test": "t"}),
    )
    label = np.arange(count) % 2
    found = label if case.hit else 1 - label
    for name in ("torch", "torch-seed-1", "../champion/predictions"):
        seen = [] if case.hit is None else paths
        write_table(
            folder / "predictions" / f"{name}.parquet",
            {
                "path": column(seen),
                "class": column([CLASSES[row] for row in found][: len(seen)]),
                "class_id": found[: len(seen)].astype(np.int32),
                "score": np.full(len(seen), 0.9, dtype=np.float32),
                **shapes(len(seen)),
            },
        )
    model = ChampionModel(sprint="0001-a", tag="m#prod#1", target="torch", class_names=CLASSES, digest="d")
    write_json(folder / "champion" / "champion.json", model)


def params(task: TaskName) -> evaluate.EvaluateParams:
    keypoints = Keypoints(names=["head", "tail"]) if task == "pose" else None
    return evaluate.EvaluateParams(
        task=TaskSpec(name=task, classes=CLASSES, keypoints=keypoints),
        targets=["torch"],
        primary_target="torch",
        further_seeds=[1],
        optimizing=TASKS[task].metrics[0],
        operating_confidence=0.25,
        confidence=Confidence(resamples=100),
        group_by="scene",
        slices=SLICES,
        judged_classes=["cat"],
        champion="0001-a",
    )


def gates(task: TaskName) -> list[WrittenGate]:
    asked: list[dict[str, object]] = []
    for metric in TASKS[task].metrics:
        asked += [
            {"metric": metric, "min": 0.5},
            {"metric": metric, "min": 0.5, "slice": "*"},
            {"metric": metric, "min": 0.5, "class": "never"},
            {"metric": metric, "min": 0.5, "slice": "dark", "class": "cat"},
            {"metric": metric, "max_drop": 0.1, "against": "champion", "slice": "*"},
        ]
    return [WrittenGate(gate=msgspec.convert(gate, Gate), origin="sprint", source="x:1:1") for gate in asked]


def judged(folder: Path, task: TaskName, case: Case) -> tuple[Evaluation, Verdict, str]:
    """Evaluates, judges, and renders the report."""
    write_sprint(folder, case)
    evaluate.run(StageContext(root=folder, folder=folder), params(task))
    evaluation = read_json(folder / "evaluation.json", Evaluation)
    evidence = Evidence(
        evaluation=evaluation,
        benchmark=None,
        exports=[],
        primary_target="torch",
        samples=read_samples(folder / "outcomes" / "resamples.parquet"),
        champion="0001-a",
        label_price=LabelPrice(per_object=0.1, currency="EUR"),
    )
    verdict = judge(gates(task), evidence)
    inputs = classify_inputs() if task == "classify" else sprint_inputs()
    sprint = msgspec.structs.replace(inputs.sprint, export=[])
    changes = {"evaluation": evaluation, "errors": read_json(folder / "errors.json", Errors)}
    text = markdown.render(
        build(msgspec.structs.replace(inputs, sprint=sprint, verdict=verdict, exports=[], **changes))
    )
    return evaluation, verdict, text


OUTCOMES = {
    "no images": Outcome.NOT_MEASURED,
    "one image": Outcome.INCONCLUSIVE,
    "two images": Outcome.INCONCLUSIVE,
    "one scene": Outcome.INCONCLUSIVE,
    "two scenes": Outcome.INCONCLUSIVE,
    "no labels": Outcome.NOT_MEASURED,
    "nothing found": Outcome.FAIL,
    "all right": Outcome.PASS,
    "all wrong": Outcome.FAIL,
}
SHAPES: tuple[TaskName, ...] = (
    "segment",
    "pose",
    "obb",
)  # differ from detect in nothing but their similarity
RUNS: list[tuple[TaskName, str]] = [(task, name) for task in ("detect", "classify") for name in CASES]
RUNS += [(task, name) for task in SHAPES for name in ("no labels", "nothing found", "all right")]


@pytest.mark.parametrize(("task", "name"), RUNS)
def test_what_is_not_known_is_not_made_up(tmp_path: Path, task: TaskName, name: str) -> None:
    evaluation, verdict, text = judged(tmp_path, task, CASES[name])
    assert " nan" not in text.lower()
    (target,) = evaluation.targets
    for cell in (target.overall, *target.per_class.values(), *(part.overall for part in target.slices)):
        assert cell.objects or getattr(cell, TASKS[task].metrics[0]) is None
        for metric, ends in cell.intervals.items():
            assert 0 <= ends.low <= getattr(cell, metric) <= ends.high <= 1
            assert ends.low < ends.high
    assert NO_VALUE in "".join(part.name for part in target.slices) or not CASES[name].images
    assert verdict.gates[0].outcome is OUTCOMES[name]  # of all images
    for gate in verdict.gates:
        assert gate.class_name != "never" or gate.outcome is not Outcome.PASS
        if gate.slice in ("nowhere", "tiny") or not CASES[name].images:
            assert gate.outcome is Outcome.NOT_MEASURED
        if CASES[name].groups < 2:
            assert gate.interval is None
            assert gate.outcome in (Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE)
