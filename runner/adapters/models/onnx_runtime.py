"""ONNX files: their weights' number format, and running them with ONNX Runtime."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.models.inference import Floats, Outputs
from runner.adapters.system.offline import prepare_offline
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Device

_MIN_HALVED = 64  # smaller tensors are constants of the graph: scales, strides, shapes


def with_half_weights(graph: bytes) -> bytes:
    """Stores the weights as float16, cast back where they are used: half the size, float32 arithmetic.

    Box coordinates reach hundreds of pixels, where float16 has steps of half a pixel: nothing is computed in it.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(graph)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or int(np.prod(tensor.dims)) < _MIN_HALVED:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.f16")
        tensor.CopyFrom(half)
        casts.append(
            onnx.helper.make_node(
                "Cast", [f"{name}.f16"], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString(deterministic=True))


def with_metadata(graph: bytes, metadata: dict[str, str]) -> bytes:
    """Adds metadata properties, sorted by key, and names the producer."""
    import onnx

    model = onnx.load_from_string(graph)
    del model.metadata_props[:]
    for key in sorted(metadata):
        model.metadata_props.add(key=key, value=metadata[key])
    return bytes(model.SerializeToString(deterministic=True))


class OnnxPredictor:
    """An ONNX file under ONNX Runtime; on CUDA where asked for and built in, else on the CPU."""

    def __init__(self, path: Path, device: Device) -> None:
        prepare_offline()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = device.threads
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        if device.kind == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            providers.insert(0, "CUDAExecutionProvider")
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:
            raise unusable_artefact(path, error) from error
        source = self._session.get_inputs()[0]
        self._name = source.name
        self.runtime = f"onnxruntime {onnxruntime.__version__}"
        self.precision = "f32"
        self.input_hw = (int(source.shape[2]), int(source.shape[3]))

    def infer(self, images: Floats) -> Outputs:
        outputs = self._session.run(None, {self._name: images})
        return tuple(np.asarray(output, np.float32) for output in outputs)

    def throughput(self, images: Floats, runs: int) -> float:
        """One image after another; each uses all threads."""
        started = time.perf_counter()
        for _ in range(runs):
            self.infer(images)
        return runs / (time.perf_counter() - started)


def unusable_artefact(path: Path, error: Any) -> FlywheelError:
    """The error for an exported file that its runtime cannot load."""
    return FlywheelError(
        f"the exported model cannot be loaded: {error}",
        where=Where(str(path)),
        hint="fetch it again (dvc pull), or run the sprint again",
        exit_code=ExitCode.STAGE_FAILED,
    )
