"""Every task from labels to measured artefacts: index, select, train, export, predict, evaluate, benchmark."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.models.decoding import decoder_for
from runner.adapters.models.detections import PREDICTION_COLUMNS
from runner.adapters.models.inference import read_image
from runner.adapters.models.model_record import ArtefactRecord
from runner.adapters.system.machine import cpu_device
from runner.adapters.tables.parquet import read_table
from runner.domain.evaluation import Evaluation
from runner.domain.files import read_json
from runner.domain.records import Benchmark, ExportedTarget, Training
from runner.domain.task import TaskName
from runner.exporters.artefact import METADATA
from runner.exporters.opened import open_model
from runner.stages import benchmark, predict, train
from tests.task_sprints import (
    CLASSES,
    IMAGES,
    INT8,
    POINTS,
    SIZE,
    TASKS,
    context,
    project,
    sample_image,
    sprint,
)

DEVICE = cpu_device(1)
METRIC: dict[TaskName, tuple[str, float]] = {
    "segment": ("map50", 0.7),
    "pose": ("map50", 0.7),
    "obb": ("map50", 0.7),
    "classify": ("top1", 0.8),
}
# Largest difference to the torch model's outputs, as a share of their largest value.
TOLERANCE = {"onnx-fp32": 1e-4, "openvino-fp32": 1e-4, "openvino-int8": 0.25}
CURVES = {
    "segment": "val_map50_95,val_map50,val_precision,val_recall,val_box_map50_95",
    "pose": "val_map50_95,val_map50,val_precision,val_recall,val_box_map50_95",
    "obb": "val_map50_95,val_map50,val_precision,val_recall,train_angle_loss",
    "classify": "val_top1,val_top5",
}

EXPORTED = [(task, target.name) for task in TASKS for target in sprint(task).export]


@pytest.mark.parametrize("task", TASKS)
def test_the_model_learns_and_every_artefact_is_as_good(task_root: Path, task: TaskName) -> None:
    evaluation = read_json(context(task_root, task).folder / "evaluation.json", Evaluation)
    name, least = METRIC[task]
    found = {target.target: getattr(target.overall, name) for target in evaluation.targets}
    assert list(found) == ["torch", *(target.name for target in sprint(task).export)]
    assert found["torch"] >= least
    assert found["onnx-fp32"] == found["openvino-fp32"] == pytest.approx(found["torch"], abs=1e-6)
    assert all(value >= least - 0.1 for value in found.values())


@pytest.mark.parametrize(("task", "target"), EXPORTED)
def test_artefact_computes_what_the_torch_model_does(task_root: Path, task: TaskName, target: str) -> None:
    place = context(task_root, task)
    reference = open_model(place.folder / "weights" / "seed-0.safetensors", DEVICE)
    exported = open_model(place.folder / "exports" / target, DEVICE)
    assert exported.spec == reference.spec == project(task).task_spec
    image = read_image(place.root / "data" / sample_image(task))
    pixels, _ = decoder_for(reference.spec).preprocess(image, reference.predictor.input_hw)
    expected, found = reference.predictor.infer(pixels), exported.predictor.infer(pixels)
    assert [output.shape for output in found] == [output.shape for output in expected]
    for output, wanted in zip(found, expected, strict=True):
        assert np.abs(output - wanted).max() <= TOLERANCE[target] * np.abs(wanted).max()


@pytest.mark.parametrize(("task", "target"), EXPORTED)
def test_artefact_tells_how_to_feed_and_read_it(task_root: Path, task: TaskName, target: str) -> None:
    folder = context(task_root, task).folder
    record = read_json(folder / "exports" / target / METADATA, ArtefactRecord)
    assert (record.task, record.class_names, record.input_hw) == (task, CLASSES, (SIZE, SIZE))
    assert record.outputs == list(decoder_for(record.spec).outputs)
    assert (record.keypoints.names if record.keypoints else None) == (POINTS if task == "pose" else None)
    summary = {each.target: each for each in read_json(folder / "exports.json", list[ExportedTarget])}[target]
    assert summary.calibration_split == ("train" if target == "openvino-int8" else None)


@pytest.mark.parametrize("task", TASKS)
def test_predictions_have_the_tasks_columns_in_a_fixed_order(task_root: Path, task: TaskName) -> None:
    place = context(task_root, task)
    table = read_table(place.folder / "predictions" / "torch.parquet")
    assert tuple(table) == (*PREDICTION_COLUMNS, *decoder_for(project(task).task_spec).columns)
    keys = list(zip(table["path"], -table["score"], table["class_id"], strict=True))
    assert keys == sorted(keys)
    assert len(set(table["path"])) == IMAGES["test"]
    match task:
        case "segment":
            assert {type(rle) for rle in table["mask_rle"]} == {str}
        case "pose":
            assert {len(points) for points in table["keypoints"]} == {3 * len(POINTS)}
        case "obb":
            assert {len(corners) for corners in table["corners"]} == {8}
        case _:
            assert len(table["path"]) == IMAGES["test"] * len(CLASSES)


@pytest.mark.parametrize("task", TASKS)
def test_running_one_model_alone_gives_its_stored_table(
    task_root: Path, tmp_path: Path, task: TaskName
) -> None:
    """As the stage `champion` runs another sprint's artefact."""
    place = context(task_root, task)
    stored = place.folder / "predictions" / "onnx-fp32.parquet"
    model = open_model(place.folder / "exports" / "onnx-fp32", DEVICE)
    paths = sorted(set(read_table(stored)["path"]))
    tables = predict.predict_all({"again": model}, place.root / "data", paths)
    tables["again"].write(tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == stored.read_bytes()


@pytest.mark.parametrize("task", TASKS)
def test_the_same_seed_gives_the_same_weights_bit_by_bit(
    task_root: Path, tmp_path: Path, task: TaskName
) -> None:
    place = context(tmp_path, task)
    shutil.copytree(context(task_root, task).root / "data", place.root / "data")
    for name in ("index", "selection"):
        shutil.copytree(context(task_root, task).folder / name, place.folder / name)
    shutil.copy(context(task_root, task).folder / "checks.json", place.folder)
    params = train.resolve(project(task), sprint(task, epochs=1).train)
    digests = []
    for _ in range(2):
        train.run(place, params)
        digests.append(read_json(place.folder / "training.json", Training).models[0].state_digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("task", TASKS)
def test_curves_show_the_tasks_own_metric_first(task_root: Path, task: TaskName) -> None:
    place = context(task_root, task)
    header = (place.folder / "plots" / "training.csv").read_text().splitlines()[0]
    assert header.startswith(f"seed,epoch,{CURVES[task]}")
    training = read_json(place.folder / "training.json", Training)
    assert training.models[0].warnings == []


def test_nothing_reaches_for_the_network_or_prints(task_root: Path) -> None:
    process = json.loads((task_root / "process.json").read_text())
    assert (process["attempts"], process["stdout"], process["stderr"]) == ([], "", "")


def test_segmentation_and_classification_are_measured_for_speed(task_root: Path, tmp_path: Path) -> None:
    """The one with two outputs, and the one with a preprocessing of its own."""
    for task in ("segment", "classify"):
        place = context(tmp_path, task)
        shutil.copytree(context(task_root, task).root, place.root)
        params = benchmark.resolve(project(task), sprint(task).export, sprint(task).benchmark)
        benchmark.run(place, params)
        result = read_json(place.folder / "benchmark.json", Benchmark)
        names = ["torch", "onnx-fp32", "openvino-fp32", *(["openvino-int8"] if task in INT8 else [])]
        assert [each.target for each in result.targets] == names
        assert all(each.latency_p50_ms > 0 and each.size_mb > 1 for each in result.targets)
