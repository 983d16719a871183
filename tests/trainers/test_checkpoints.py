"""A weights file is untrusted input: tensors and an architecture are taken from it, and nothing runs."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from runner.adapters.models.architectures import architecture_for
from runner.adapters.models.checkpoints import plain_architecture, read_checkpoint
from runner.adapters.models.torch_models import architecture_named, module_from_file, new_module, state_digest
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.task import TaskName

SHARED_WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"
CLASSES = ["square", "disc"]


class _Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


def _save(path: Path, content: Any) -> Path:
    import torch

    torch.save(content, path)
    return path


@pytest.mark.parametrize("model", ["bare", "in a checkpoint", "as an attribute"])
def test_malicious_pickle_is_refused_without_side_effect(tmp_path: Path, model: str) -> None:
    mark = tmp_path / "ran"
    content: Any = _Malicious(mark)
    if model == "in a checkpoint":
        content = {"model": content, "ema": None}
    elif model == "as an attribute":
        module = new_module("detect", architecture_named("yolo11n.yaml", "detect"), CLASSES)
        module.extra = content
        content = {"model": module}
    path = _save(tmp_path / "weights.pt", content)
    with pytest.raises(FlywheelError) as caught:
        read_checkpoint(path)
    system = f"{os.system.__module__}.system"
    assert str(caught.value) == (
        f"{path}: refused, because it would run code that is not on the list: {system}\n"
        "  hint: load no weights from a source you do not trust; re-save them with Ultralytics if they are yours"
    )
    assert caught.value.exit_code is ExitCode.STAGE_FAILED
    assert not mark.exists()


def test_malicious_pickle_without_an_archive_is_refused(tmp_path: Path) -> None:
    import pickle

    mark = tmp_path / "ran"
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps(_Malicious(mark)))
    with pytest.raises(FlywheelError) as caught:
        read_checkpoint(path)
    assert caught.value.message == "is not a weights file: it cannot be read as a PyTorch archive"
    assert not mark.exists()


@pytest.mark.parametrize(
    "layer",
    [
        [-1, 1, "torch_safe_load", ["x.pt"]],
        [-1, 1, "nn.init.zeros_", [1]],
        [-1, 1, "__import__", ["os"]],
        [-1, 1, "torchvision.ops.nms", []],
        "Conv",
    ],
)
def test_architecture_may_name_layers_only(layer: Any) -> None:
    with pytest.raises(FlywheelError) as caught:
        plain_architecture({"nc": 2, "backbone": [layer], "head": []}, Path("x.pt"))
    assert caught.value.message.startswith("its architecture has a layer that is none: ")


def test_architecture_may_not_download_weights() -> None:
    layer = [-1, 1, "TorchVision", [512, "resnet18", "DEFAULT", True, 2]]
    with pytest.raises(FlywheelError) as caught:
        plain_architecture({"nc": 2, "backbone": [layer], "head": []}, Path("x.pt"))
    assert caught.value.message == "its architecture has a layer that downloads weights: TorchVision"


def test_architecture_may_not_hold_code() -> None:
    with pytest.raises(FlywheelError) as caught:
        plain_architecture({"activation": "__import__('os').system('true')"}, Path("x.pt"))
    assert caught.value.message == "its architecture has an activation that is code"


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04broken"])
def test_a_file_that_is_not_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(FlywheelError) as caught:
        read_checkpoint(path)
    assert str(caught.value) == (
        f"{path}: is not a weights file: it cannot be read as a PyTorch archive\n"
        '  hint: use a `.pt` that Ultralytics saved, or an architecture such as "yolo26n.yaml"'
    )


def test_an_archive_without_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(FlywheelError):
        read_checkpoint(path)


def test_missing_weights_say_what_to_write_instead(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with pytest.raises(FlywheelError) as caught:
        read_checkpoint(path)
    assert str(caught.value) == (
        f"{path}: the weights file does not exist\n"
        '  hint: give a `.pt` in the repository, or an architecture such as "yolo26n.yaml"'
    )


def test_tensors_without_a_model_are_refused(tmp_path: Path) -> None:
    import torch

    path = _save(tmp_path / "weights.pt", {"model": {"a": torch.zeros(2)}})
    with pytest.raises(FlywheelError) as caught:
        read_checkpoint(path)
    assert caught.value.message == "holds no model of Ultralytics for detect, segment, pose, obb, classify"


def test_a_saved_model_is_read_with_its_tensors_and_names(tmp_path: Path) -> None:
    module = new_module("detect", architecture_named("yolo11n.yaml", "detect"), CLASSES)
    path = _save(tmp_path / "weights.pt", {"model": module, "ema": None})
    checkpoint = read_checkpoint(path)
    assert checkpoint.class_names == CLASSES
    assert state_digest(checkpoint.tensors) == state_digest(module.state_dict())


@pytest.mark.parametrize("task", ["segment", "pose", "obb", "classify"])
def test_a_saved_model_of_every_task_is_read(tmp_path: Path, task: TaskName) -> None:
    name = architecture_for("yolo26n.yaml", task)
    module = new_module(task, architecture_named(name, task), CLASSES)
    if task == "classify":
        from ultralytics.data.augment import classify_transforms

        module.transforms = classify_transforms(64)  # as Ultralytics' trainer leaves them there
    path = _save(tmp_path / "weights.pt", {"model": module, "ema": None})
    read = module_from_file(path, task)
    assert state_digest(read.state_dict()) == state_digest(module.state_dict())


def test_weights_of_another_task_say_what_to_write(tmp_path: Path) -> None:
    module = new_module("detect", architecture_named("yolo11n.yaml", "detect"), CLASSES)
    path = _save(tmp_path / "yolo11n.pt", {"model": module, "ema": None})
    with pytest.raises(FlywheelError) as caught:
        module_from_file(path, "segment")
    assert str(caught.value) == (
        f"{path}: this model is for detect, the project's task is segment\n"
        "  hint: write `model: yolo11n-seg.yaml` to train from scratch, or name the weights of a model for segment"
    )


def test_tensors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    import torch

    module = new_module("detect", architecture_named("yolo11n.yaml", "detect"), CLASSES)
    module.model[0].conv.weight = torch.nn.Parameter(torch.zeros(1, 3, 3, 3))
    path = _save(tmp_path / "weights.pt", {"model": module})
    with pytest.raises(FlywheelError) as caught:
        module_from_file(path, "detect")
    assert caught.value.message == (
        "1 of 499 tensors do not fit its own architecture, such as model.0.conv.weight"
    )


def test_architecture_of_another_task_says_what_to_write() -> None:
    with pytest.raises(FlywheelError) as caught:
        architecture_named("yolov8s-pose.yaml", "obb")
    assert str(caught.value) == (
        "train.model: this model is for pose, the project's task is obb\n"
        "  hint: write `model: yolov8s-obb.yaml` to train from scratch, or name the weights of a model for obb"
    )


def test_unknown_architecture_names_the_nearest() -> None:
    with pytest.raises(FlywheelError) as caught:
        architecture_named("yolo27n.yaml", "detect")
    assert caught.value.message == 'unknown architecture "yolo27n.yaml"; did you mean "yolo26n.yaml"?'


@pytest.mark.parametrize("name", ["yolo26n_rebuilt.pt", "yolo11n_rebuilt.pt"])
def test_ultralytics_own_checkpoints_are_read(name: str) -> None:
    path = SHARED_WEIGHTS / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside this repository")
    module = module_from_file(path, "detect")
    assert len(module.names) == 80
    assert module.base_classes == 80
