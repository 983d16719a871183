"""Reads Ultralytics `.pt` checkpoints as untrusted input: tensors, names and an architecture, no code.

A `.pt` is a pickle that holds a whole module. Only the classes listed here may be named in it; they are
created without their constructor, and all that is taken from them are tensors. The model is then built anew.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.adapters.system.offline import silence_ultralytics
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.task import TaskName

MODEL_CLASSES: dict[TaskName, str] = {
    "detect": "DetectionModel",
    "segment": "SegmentationModel",
    "pose": "PoseModel",
    "obb": "OBBModel",
    "classify": "ClassificationModel",
}
_OTHER_FILE = "use a checkpoint of a YOLO model that Ultralytics saved"

# What the checkpoints of the YOLOv5 to YOLO26 families name.
ALLOWED: dict[str, tuple[str, ...]] = {
    "torch.nn.modules.activation": (
        "SiLU",
        "ReLU",
        "LeakyReLU",
        "Hardswish",
        "Sigmoid",
        "Tanh",
        "GELU",
        "MultiheadAttention",
    ),
    "torch.nn.modules.batchnorm": ("BatchNorm2d",),
    "torch.nn.modules.container": ("ModuleList", "Sequential"),
    "torch.nn.modules.conv": ("Conv2d", "ConvTranspose2d"),
    "torch.nn.modules.dropout": ("Dropout",),
    "torch.nn.modules.linear": ("Identity", "Linear", "NonDynamicallyQuantizableLinear"),
    "torch.nn.modules.normalization": ("LayerNorm",),
    "torch.nn.modules.padding": ("ZeroPad2d",),
    "torch.nn.modules.pooling": ("MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"),
    "torch.nn.modules.upsampling": ("Upsample",),
    "ultralytics.nn.modules.block": (
        "A2C2f",
        "AAttn",
        "ABlock",
        "AConv",
        "ADown",
        "Attention",
        "Bottleneck",
        "C2",
        "C2PSA",
        "C2f",
        "C2fCIB",
        "C2fPSA",
        "C3",
        "C3Ghost",
        "C3k",
        "C3k2",
        "CBFuse",
        "CBLinear",
        "CIB",
        "DFL",
        "ELAN1",
        "GhostBottleneck",
        "PSA",
        "PSABlock",
        "Proto",
        "Proto26",
        "RealNVP",
        "RepBottleneck",
        "RepC3",
        "RepCSP",
        "RepNCSPELAN4",
        "RepVGGDW",
        "ResNetBlock",
        "ResNetLayer",
        "SCDown",
        "SPP",
        "SPPELAN",
        "SPPF",
    ),
    "ultralytics.nn.modules.conv": (
        "Concat",
        "Conv",
        "Conv2",
        "ConvTranspose",
        "DWConv",
        "Focus",
        "GhostConv",
        "LightConv",
        "RepConv",
    ),
    "ultralytics.nn.modules.head": (
        "Classify",
        "Detect",
        "OBB",
        "OBB26",
        "Pose",
        "Pose26",
        "Segment",
        "Segment26",
    ),
    "ultralytics.nn.tasks": tuple(MODEL_CLASSES.values()),
    "ultralytics.utils": ("IterableSimpleNamespace",),
    # Classification models carry the transforms they were validated with.
    "torchvision.transforms.functional": ("InterpolationMode",),
    "torchvision.transforms.transforms": ("CenterCrop", "Compose", "Normalize", "Resize", "ToTensor"),
}
_BUILDING = (
    "nc",
    "scale",
    "scales",
    "depth_multiple",
    "width_multiple",
    "end2end",
    "reg_max",
    "kpt_shape",
    "backbone",
    "head",
    "channels",
)
_DOWNLOADING = ("TorchVision",)  # layers that fetch pretrained weights when they are built
_ACTIVATION = re.compile(r"(torch\.)?nn\.[A-Za-z0-9]+\(\)")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What is taken from a weights file.

    Attributes:
        task: what the model was trained for.
        architecture: Ultralytics' model dictionary (layers, scale).
        class_names: by class id.
        tensors: parameters and buffers by their path in the module, float32 or integer.
    """

    task: TaskName
    architecture: dict[str, Any]
    class_names: list[str]
    tensors: dict[str, Any]


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads an Ultralytics checkpoint. Nothing in the file is executed.

    Raises:
        FlywheelError: the file is missing, is not a checkpoint, names anything beyond `ALLOWED`, or does not
            hold a model of one of our tasks.
    """
    if not path.is_file():
        raise _refused(
            path,
            "the weights file does not exist",
            'give a `.pt` in the repository, or an architecture such as "yolo26n.yaml"',
        )
    silence_ultralytics()
    content = _load(path)
    module = (content.get("ema") or content.get("model")) if isinstance(content, dict) else content
    task = next((task for task, name in MODEL_CLASSES.items() if type(module).__name__ == name), None)
    if task is None:
        raise _refused(path, f"holds no model of Ultralytics for {', '.join(MODEL_CLASSES)}", _OTHER_FILE)
    architecture, names = module.__dict__.get("yaml"), module.__dict__.get("names")
    if not isinstance(architecture, dict) or not isinstance(names, dict | list):
        raise _refused(
            path,
            "lacks the architecture or the class names",
            "save the model again with a current Ultralytics",
        )
    by_id = names if isinstance(names, dict) else dict(enumerate(names))
    return Checkpoint(
        task=task,
        architecture=plain_architecture(architecture, path),
        class_names=[str(by_id[key]) for key in sorted(by_id)],
        tensors=dict(_tensors(module, "")),
    )


def plain_architecture(architecture: dict[str, Any], path: Path) -> dict[str, Any]:
    """The keys that build a model, checked: every layer is a class of torch.nn or of Ultralytics' layers.

    Ultralytics looks layers up by name among all that its module imports, functions included, and evaluates
    the activation: neither may come from a file.

    Raises:
        FlywheelError: a layer or the activation is not one of these.
    """
    silence_ultralytics()
    from torch import nn
    from ultralytics.nn import modules

    plain = {key: architecture[key] for key in _BUILDING if key in architecture}
    if (activation := architecture.get("activation")) is not None:
        if not (isinstance(activation, str) and _ACTIVATION.fullmatch(activation)):
            raise _refused(path, "its architecture has an activation that is code", _OTHER_FILE)
        plain["activation"] = activation
    for layer in [*plain.get("backbone", []), *plain.get("head", [])]:
        name = layer[2] if isinstance(layer, list | tuple) and len(layer) == 4 else None
        home = nn if isinstance(name, str) and name.startswith("nn.") else modules
        found = getattr(home, str(name).removeprefix("nn."), None)
        if not (isinstance(found, type) and issubclass(found, nn.Module)):
            raise _refused(path, f"its architecture has a layer that is none: {name!r}", _OTHER_FILE)
        if name in _DOWNLOADING:
            raise _refused(path, f"its architecture has a layer that downloads weights: {name}", _OTHER_FILE)
    return plain


def _load(path: Path) -> Any:
    import torch

    not_weights = 'use a `.pt` that Ultralytics saved, or an architecture such as "yolo26n.yaml"'
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception as error:
        raise _refused(
            path, "is not a weights file: it cannot be read as a PyTorch archive", not_weights
        ) from error
    allowed = {f"{module}.{name}" for module, names in ALLOWED.items() for name in names}
    if strangers := sorted(set(named) - allowed):
        raise _refused(
            path,
            f"refused, because it would run code that is not on the list: {', '.join(strangers[:5])}",
            "load no weights from a source you do not trust; re-save them with Ultralytics if they are yours",
        )
    classes = [
        getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2])
        for name in sorted(named)
    ]
    try:
        with torch.serialization.safe_globals(classes):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise _refused(
            path, "is not a weights file: its content cannot be read safely", not_weights
        ) from error


def _tensors(module: Any, prefix: str) -> Any:
    """Walks a module's dictionaries; calls none of its methods."""
    import torch

    state = module.__dict__
    unsaved = state.get("_non_persistent_buffers_set", ())
    for kind in ("_parameters", "_buffers"):
        for name, value in state.get(kind, {}).items():
            if isinstance(value, torch.Tensor) and name not in unsaved:
                yield prefix + name, value.detach().float() if value.is_floating_point() else value.detach()
    for name, child in state.get("_modules", {}).items():
        if child is not None:
            yield from _tensors(child, f"{prefix}{name}.")


def _refused(path: Path, message: str, hint: str) -> FlywheelError:
    return FlywheelError(message, where=Where(str(path)), hint=hint, exit_code=ExitCode.STAGE_FAILED)
