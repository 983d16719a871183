"""Every export target: one contract, held by the same trained model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.models.architectures import architecture_for
from runner.adapters.models.decoding import decoder_for
from runner.adapters.models.inference import Floats, preprocess, read_image
from runner.adapters.models.model_record import ArtefactRecord
from runner.adapters.models.torch_models import TorchPredictor
from runner.adapters.system.machine import cpu_device
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.records import ExportedTarget, Training
from runner.domain.task import TaskName, TaskSpec
from runner.exporters import ExportTarget, OnnxExporter, OpenVinoExporter
from runner.exporters.artefact import METADATA, ExportJob
from tests.models_fixture import CLASSES, SIZE, context, sprint

TARGETS = sprint().export
NAMES = [target.name for target in TARGETS]
# Largest difference to the torch model, in pixels of 64 (rows 0–3) and in score (rows 4 and up).
TOLERANCE = {
    "onnx-fp32": (1e-3, 1e-5),
    "onnx-fp16": (0.5, 0.01),
    "openvino-fp32": (1e-3, 1e-5),
    "openvino-fp16": (2.0, 0.05),  # bfloat16 where the CPU has it
    "openvino-int8": (8.0, 0.1),
}
DEVICE = cpu_device(1)


def _folder(root: Path, name: str) -> Path:
    return context(root).folder / "exports" / name


@pytest.fixture(scope="module")
def pixels(tiny_root: Path) -> Floats:
    return preprocess(read_image(tiny_root / "data" / "images" / "test" / "0.png"), (SIZE, SIZE))[0]


@pytest.fixture(scope="module")
def reference(tiny_root: Path, pixels: Floats) -> Floats:
    weights = context(tiny_root).folder / "weights" / "seed-0.safetensors"
    return TorchPredictor(weights, DEVICE).infer(pixels)[0]


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_artefact_computes_what_the_torch_model_does(
    tiny_root: Path, target: ExportTarget, pixels: Floats, reference: Floats
) -> None:
    (output,) = target.predictor(_folder(tiny_root, target.name), DEVICE).infer(pixels)
    assert output.shape == reference.shape == (1, 4 + len(CLASSES), 84)
    assert output.dtype == np.float32
    boxes, scores = TOLERANCE[target.name]
    assert np.abs(output[:, :4] - reference[:, :4]).max() <= boxes
    assert np.abs(output[:, 4:] - reference[:, 4:]).max() <= scores


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_predictor_tells_its_runtime_precision_and_input(tiny_root: Path, target: ExportTarget) -> None:
    predictor = target.predictor(_folder(tiny_root, target.name), DEVICE)
    assert predictor.runtime.split()[0] in ("onnxruntime", "openvino")
    expected = {"openvino-int8": ("i8, rest f32",), "openvino-fp16": ("f32", "bf16", "f16")}
    assert predictor.precision in expected.get(target.name, ("f32",))
    assert predictor.input_hw == (SIZE, SIZE)
    assert predictor.throughput(np.zeros((1, 3, SIZE, SIZE), np.float32), 3) > 0


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_artefact_carries_its_record_and_no_path_of_this_machine(
    tiny_root: Path, target: ExportTarget
) -> None:
    folder = _folder(tiny_root, target.name)
    record = read_json(folder / METADATA, ArtefactRecord)
    assert (record.target, record.class_names, record.input_hw) == (target.name, CLASSES, (SIZE, SIZE))
    for path in folder.iterdir():
        content = path.read_bytes()
        assert str(tiny_root).encode() not in content
        assert b"site-packages" not in content


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_summary_has_size_digest_and_calibration(tiny_root: Path, target: ExportTarget) -> None:
    summary = next(
        each
        for each in read_json(context(tiny_root).folder / "exports.json", list[ExportedTarget])
        if each.target == target.name
    )
    assert summary.path == f"exports/{target.name}"
    files = [path for path in _folder(tiny_root, target.name).iterdir() if path.name != METADATA]
    assert summary.size_mb == round(sum(path.stat().st_size for path in files) / 1e6, 3)
    assert len(summary.digest) == 64
    quantized = target.name == "openvino-int8"
    assert (summary.calibration_images, summary.calibration_split) == (
        (4, "train") if quantized else (None, None)
    )


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_exporting_again_gives_the_same_bytes(tiny_root: Path, tmp_path: Path, target: ExportTarget) -> None:
    def images(split: str) -> list[Path]:
        return sorted((tiny_root / "data" / "images" / split).iterdir())

    job = ExportJob(
        weights=context(tiny_root).folder / "weights" / "seed-0.safetensors", images=images, folder=tmp_path
    )
    again = target.export(job)
    stored = {
        each.target: each
        for each in read_json(context(tiny_root).folder / "exports.json", list[ExportedTarget])
    }
    assert again == stored[target.name]


def test_half_precision_is_half_the_size(tiny_root: Path) -> None:
    sizes = {
        each.target: each.size_mb
        for each in read_json(context(tiny_root).folder / "exports.json", list[ExportedTarget])
    }
    assert sizes["onnx-fp16"] < 0.55 * sizes["onnx-fp32"]
    assert sizes["openvino-int8"] < sizes["openvino-fp16"] < sizes["openvino-fp32"]


@pytest.mark.parametrize("target", [OnnxExporter(), OpenVinoExporter()], ids=["onnx", "openvino"])
def test_damaged_artefact_is_refused(tmp_path: Path, target: Any) -> None:
    for name in ("model.onnx", "model.xml"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(FlywheelError) as caught:
        target.predictor(tmp_path, DEVICE)
    assert caught.value.message.startswith("the exported model cannot be loaded: ")
    assert caught.value.hint == "fetch it again (dvc pull), or run the sprint again"


def test_unknown_opset_is_refused(tiny_root: Path, tmp_path: Path) -> None:
    weights = context(tiny_root).folder / "weights" / "seed-0.safetensors"
    job = ExportJob(weights=weights, images=lambda split: [], folder=tmp_path)
    with pytest.raises(FlywheelError) as caught:
        OnnxExporter(opset=99).export(job)
    assert caught.value.hint == "leave `opset` out, or give one from 13 to 20"


@pytest.mark.parametrize("name", ["onnx-fp32", "openvino-int8"])
def test_running_an_artefact_imports_neither_torch_nor_ultralytics(tiny_root: Path, name: str) -> None:
    code = (
        "import sys, numpy, pathlib; from tests.models_fixture import sprint; "
        "from runner.adapters.system.machine import cpu_device; "
        f"target = next(each for each in sprint().export if each.name == {name!r}); "
        f"predictor = target.predictor(pathlib.Path({str(_folder(tiny_root, name))!r}), cpu_device(1)); "
        f"predictor.infer(numpy.zeros((1, 3, {SIZE}, {SIZE}), numpy.float32)); "
        "assert not {'torch', 'ultralytics', 'nncf'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("task", "shapes"),
    [
        ("detect", [(1, 4 + 2, 84)]),
        ("segment", [(1, 4 + 2 + 32, 84), (1, 32, 16, 16)]),
        ("pose", [(1, 4 + 2 + 17 * 3, 84)]),
        ("obb", [(1, 4 + 2 + 1, 84)]),
        ("classify", [(1, 2)]),
    ],
)
def test_yolo26_is_exported_with_the_head_that_needs_suppression(
    tmp_path: Path, pixels: Floats, task: TaskName, shapes: list[tuple[int, ...]]
) -> None:
    import torch

    from runner.adapters.models.onnx_runtime import OnnxPredictor
    from runner.adapters.models.torch_models import architecture_named, fused, new_module, onnx_bytes

    name = architecture_for("yolo26n.yaml", task)
    module = new_module(task, architecture_named(name, task), CLASSES)
    outputs = decoder_for(TaskSpec(name=task, classes=CLASSES)).outputs
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(module, (SIZE, SIZE), outputs=outputs))
    found = OnnxPredictor(tmp_path / "model.onnx", DEVICE).infer(pixels)
    with torch.inference_mode():
        expected = fused(module)(torch.from_numpy(pixels))
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert [output.shape for output in found] == shapes
    for output, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(output, wanted.numpy(), atol=2e-3)


def test_training_record_and_first_weights_belong_together(tiny_root: Path) -> None:
    training = read_json(context(tiny_root).folder / "training.json", Training)
    record = read_json(_folder(tiny_root, "onnx-fp32") / METADATA, ArtefactRecord)
    assert record.state_digest == training.models[0].state_digest
