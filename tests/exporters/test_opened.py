"""A model is opened from its own files alone: the champion's sprint is not this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runner.adapters.system.machine import cpu_device
from runner.domain.errors import FlywheelError
from runner.exporters.opened import open_model
from tests.models_fixture import CLASSES, SIZE, context, sprint

DEVICE = cpu_device(1)
NAMES = [target.name for target in sprint().export]


@pytest.fixture
def copied(tiny_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(context(tiny_root).folder / "exports" / "onnx-fp32", tmp_path / "elsewhere"))


def _change(folder: Path, drop: tuple[str, ...] = (), **values: object) -> None:
    path = folder / "metadata.json"
    record = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in record.items() if key not in drop}))


@pytest.mark.parametrize("name", NAMES)
def test_artefact_knows_its_task_classes_and_input(tiny_root: Path, name: str) -> None:
    model = open_model(context(tiny_root).folder / "exports" / name, DEVICE)
    assert (model.target, model.spec.name, model.spec.classes) == (name, "detect", CLASSES)
    assert model.predictor.input_hw == (SIZE, SIZE)


def test_weights_know_the_same(tiny_root: Path) -> None:
    folder = context(tiny_root).folder
    model = open_model(folder / "weights" / "seed-0.safetensors", DEVICE)
    exported = open_model(folder / "exports" / "onnx-fp32", DEVICE)
    assert (model.target, model.spec, model.state_digest) == ("torch", exported.spec, exported.state_digest)


def test_artefact_of_an_earlier_version_does_detection(copied: Path) -> None:
    _change(copied, drop=("task", "keypoints", "outputs"), output="raw")
    assert open_model(copied, DEVICE).spec.name == "detect"


def test_artefact_of_a_later_version_is_refused_by_name(copied: Path) -> None:
    _change(copied, format="tflite")
    with pytest.raises(FlywheelError) as caught:
        open_model(copied, DEVICE)
    assert str(caught.value) == (
        f"{copied}/metadata.json: an artefact of format tflite, precision fp32, cannot be run by this version\n"
        "  hint: use the version of flywheel that exported it, or export it again"
    )


def test_folder_without_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as caught:
        open_model(tmp_path, DEVICE)
    assert caught.value.message == "file not found"
