"""Models as PyTorch modules: built from a record, stored as safetensors, run, written as ONNX."""

from __future__ import annotations

import copy
import hashlib
import io
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.models.architectures import (
    architecture_files,
    architecture_for,
    architecture_scale,
    architecture_task,
)
from runner.adapters.models.checkpoints import MODEL_CLASSES, Checkpoint, plain_architecture, read_checkpoint
from runner.adapters.models.inference import Floats, Outputs
from runner.adapters.models.model_record import FIRST_FRAMEWORK, ModelRecord
from runner.adapters.system.machine import torch_name
from runner.adapters.system.offline import silence_ultralytics
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_json, write_bytes, write_json
from runner.domain.nearest import suggestion
from runner.domain.records import Device
from runner.domain.task import TaskName

OPSET = 20  # the newest that the tracing exporter writes
BACKBONE_BATCH = (
    32  # images at a time on a GPU; on a CPU one by one, so that its bits do not depend on the others
)


def new_module(
    task: TaskName, architecture: dict[str, Any], class_names: list[str], base_classes: int | None = None
) -> Any:
    """A module with fresh weights, its class branch as wide as training from `base_classes` makes it.

    How many key points it has is in the architecture (`kpt_shape`).
    """
    silence_ultralytics()
    from ultralytics.nn import tasks

    model_class = getattr(tasks, MODEL_CLASSES[task])
    module = model_class(copy.deepcopy(architecture), ch=3, nc=len(class_names), verbose=False)
    if base_classes not in (None, len(class_names)):
        module.load(
            model_class(copy.deepcopy(architecture), ch=3, nc=base_classes, verbose=False), verbose=False
        )
    module.task = task
    module.names = dict(enumerate(class_names))
    module.base_classes = base_classes or len(class_names)
    return module


def architecture_named(name: str, task: TaskName) -> dict[str, Any]:
    """Ultralytics' model dictionary for a name such as `yolo26n-seg.yaml`.

    Raises:
        FlywheelError: there is no such architecture, or it is for another task.
    """
    import yaml

    files = architecture_files(task)
    if name in architecture_files() and name not in files:
        raise wrong_task(architecture_task(name), task, Where("train.model"), architecture_for(name, task))
    if name not in files:
        raise FlywheelError(
            f'unknown architecture "{name}"{suggestion(name, files, plural="architectures")}',
            where=Where("train.model"),
            hint="name one of Ultralytics' architectures, or a weights file in the repository",
            exit_code=ExitCode.STAGE_FAILED,
        )
    architecture: dict[str, Any] = yaml.safe_load(files[name].read_text(encoding="utf-8"))
    if scale := architecture_scale(name):
        architecture["scale"] = scale
    return plain_architecture(architecture, files[name])


def wrong_task(found: TaskName, wanted: TaskName, where: Where, architecture: str) -> FlywheelError:
    """The error for a model of another task than the project's; `architecture` is what could be written instead."""
    return FlywheelError(
        f"this model is for {found}, the project's task is {wanted}",
        where=where,
        hint=f"write `model: {architecture}` to train from scratch, or name the weights of a model for {wanted}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def module_from_file(path: Path, task: TaskName) -> Any:
    """The model in a weights file: an Ultralytics `.pt`, or a `.safetensors` of an earlier sprint.

    Raises:
        FlywheelError: the file is missing, is not weights, is not safe to read, or is for another task.
    """
    if path.suffix == ".safetensors" and path.is_file():
        module = load_model(path)[0]
    else:
        module = module_from_checkpoint(read_checkpoint(path), path)
    if module.task != task:
        raise wrong_task(module.task, task, Where(str(path)), architecture_for(path.name, task))
    return module


def module_from_checkpoint(checkpoint: Checkpoint, path: Path) -> Any:
    """The checkpoint's model, built anew.

    Raises:
        FlywheelError: the tensors do not fit the architecture that the file names.
    """
    import torch

    module = new_module(checkpoint.task, checkpoint.architecture, checkpoint.class_names)
    expected = module.state_dict()
    wrong = [
        name
        for name in expected
        if name not in checkpoint.tensors or checkpoint.tensors[name].shape != expected[name].shape
    ]
    if wrong:
        raise FlywheelError(
            f"{len(wrong)} of {len(expected)} tensors do not fit its own architecture, such as {wrong[0]}",
            where=Where(str(path)),
            hint="save the model again with a current Ultralytics",
            exit_code=ExitCode.STAGE_FAILED,
        )
    with torch.no_grad():
        module.load_state_dict({name: checkpoint.tensors[name] for name in expected})
    return module


def state_digest(tensors: Mapping[str, Any]) -> str:
    """SHA-256 over names, types, shapes and values; the same for the same tensors in any file."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_model(folder: Path, record: ModelRecord, tensors: Mapping[str, Any]) -> Path:
    """Writes `seed-<n>.safetensors` with its record beside it; the same bytes for the same tensors."""
    from safetensors.torch import save

    path = folder / f"seed-{record.seed}.safetensors"
    write_bytes(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))
    write_json(path.with_suffix(".json"), record)
    return path


def load_model(path: Path) -> tuple[Any, ModelRecord]:
    """The module stored in a `.safetensors` file with its record beside it.

    Raises:
        FlywheelError: a file is missing or damaged, the two do not belong together, or another framework trained it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    silence_ultralytics()
    record = read_json(path.with_suffix(".json"), ModelRecord)
    if record.framework != FIRST_FRAMEWORK:
        raise FlywheelError(
            f"the model was trained with {record.framework}, not with {FIRST_FRAMEWORK}",
            where=Where(str(path)),
            hint=f"start from a model that {FIRST_FRAMEWORK} trained",
            exit_code=ExitCode.STAGE_FAILED,
        )
    try:
        tensors = load(path.read_bytes())
        architecture = plain_architecture(record.architecture, path)
        module = new_module(record.task, architecture, record.class_names, record.base_classes)
        module.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise FlywheelError(
            f"cannot be read as the model that {path.with_suffix('.json').name} describes: {error}",
            where=Where(str(path)),
            hint="fetch it again (dvc pull), or run the sprint again",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    return module, record


def fused(module: Any) -> Any:
    """The module for inference: batch normalisation folded, raw one-to-many output, no gradients.

    YOLO26 also has a head that needs no suppression of overlaps; Ultralytics validates and exports the other
    one unless told otherwise, and so do we, so that every architecture's output is read alike.
    """
    module = copy.deepcopy(module).float().eval()
    module.end2end = False
    module = module.fuse(verbose=False).requires_grad_(False)
    module.model[-1].export = True
    return module


def onnx_bytes(
    module: Any, input_hw: tuple[int, int], opset: int | None = None, outputs: Sequence[str] = ("raw",)
) -> bytes:
    """The fused module as an ONNX graph with a fixed input `(1, 3, H, W)`; the same bytes on every call.

    Raises:
        FlywheelError: the exporter does not know the opset.
    """
    import torch

    if opset is not None and not 13 <= opset <= OPSET:
        raise FlywheelError(
            f"PyTorch cannot write ONNX opset {opset}",
            hint=f"leave `opset` out, or give one from 13 to {OPSET}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is announced as old; the new one is slower, and leaves its stack traces (paths
        # of this machine) in the file. Shapes are fixed, so what the tracer warns of is meant.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        torch.onnx.export(
            fused(module),
            (torch.zeros(1, 3, *input_hw),),
            buffer,
            opset_version=opset or OPSET,
            input_names=["images"],
            output_names=list(outputs),
            dynamo=False,
        )
    return buffer.getvalue()


class TorchPredictor:
    """The trained model before any export: the reference that artefacts are compared with.

    Attributes:
        record: what lies beside the weights.
    """

    def __init__(self, path: Path, device: Device) -> None:
        module, record = load_model(path)
        import torch

        self.record = record

        torch.set_num_threads(device.threads)
        self.runtime = f"torch {torch.__version__}"
        self.precision = "f32"
        self.input_hw = (record.imgsz, record.imgsz)
        self._device = torch_name(device)
        self._module = fused(module).to(self._device)

    def infer(self, images: Floats) -> Outputs:
        import torch

        with torch.inference_mode():
            found = self._module(torch.from_numpy(images).to(self._device))
        outputs = found if isinstance(found, tuple) else (found,)
        return tuple(np.asarray(output.cpu().numpy(), np.float32) for output in outputs)

    def throughput(self, images: Floats, runs: int) -> float:
        """One image after another."""
        started = time.perf_counter()
        for _ in range(runs):
            self.infer(images)
        return runs / (time.perf_counter() - started)


class TorchBackbone:
    """The trained model up to the last layer of its backbone, whose maps are averaged over their places. See `Backbone`."""

    def __init__(self, path: Path, device: Device) -> None:
        module, record = load_model(path)
        import torch

        torch.set_num_threads(device.threads)
        self.input_hw = (record.imgsz, record.imgsz)
        self.batch = BACKBONE_BATCH if device.kind == "cuda" else 1
        self._device = torch_name(device)
        self._last = len(record.architecture["backbone"]) - 1
        self._module = fused(module).to(self._device)

    def features(self, images: Floats) -> Floats:
        import torch

        with torch.inference_mode():
            rows = self._module.predict(torch.from_numpy(images).to(self._device), embed=[self._last])
        return np.stack([np.asarray(row.cpu().numpy(), np.float32) for row in rows])
