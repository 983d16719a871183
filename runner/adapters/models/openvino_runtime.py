"""OpenVINO IR: converted from ONNX, quantised with NNCF, and run."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.models.inference import Floats, Outputs
from runner.adapters.models.onnx_runtime import unusable_artefact
from runner.adapters.system.offline import prepare_offline
from runner.domain.progress import Progress, progress_bar
from runner.domain.records import Device

_REQUESTS = 2  # for each stream: while one runs, the next is filled
_NUMBERED = re.compile(r"[A-Za-z0-9]+_\d+")


def convert(graph: bytes) -> Any:
    """An OpenVINO model from an ONNX graph, with what is constant folded."""
    prepare_offline()
    import openvino

    return openvino.convert_model(io.BytesIO(graph))


def quantize(model: Any, calibration: Sequence[Floats], full_precision: tuple[str, ...]) -> Any:
    """Weights and activations as int8, except where the model needs full precision.

    Args:
        model: from `convert`.
        calibration: preprocessed inputs `(1, 3, H, W)`, in a fixed order.
        full_precision: how the names of the operations begin that are left as they are, such as `/model.23/`.
    """
    prepare_offline()
    import logging

    import nncf

    nncf.set_log_level(logging.ERROR)
    names = [operation.get_friendly_name() for operation in model.get_ordered_ops()]
    with (
        progress_bar("calibrate int8", len(calibration), "image") as bar,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        return nncf.quantize(
            model,
            nncf.Dataset(_Counted(calibration, bar)),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(
                names=[name for name in names if name.startswith(full_precision)]
            ),
        )


class _Counted:
    """Inputs that tell a progress bar how far the first pass over them is; later passes see a few only."""

    def __init__(self, inputs: Sequence[Floats], bar: Progress) -> None:
        self._inputs, self._bar, self._passes = inputs, bar, 0

    def __len__(self) -> int:
        return len(self._inputs)

    def __iter__(self) -> Iterator[Floats]:
        self._passes += 1
        first = self._passes == 1
        for each in self._inputs:
            if first:
                self._bar.update()
            yield each


def save(model: Any, path: Path, *, half_weights: bool, information: dict[str, dict[str, Any]]) -> None:
    """Writes `model.xml` and `model.bin`, with `information` as `rt_info`. Traces of how and where it was made are left out.

    OpenVINO numbers the operations that it adds from a counter of the whole process; they are numbered anew here,
    so that the same model gives the same bytes.
    """
    import openvino

    for number, operation in enumerate(model.get_ordered_ops()):
        if _NUMBERED.fullmatch(operation.get_friendly_name()):
            operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    for key in list(model.get_rt_info()):
        del model.rt_info[key]
    for section, entries in sorted(information.items()):
        for key, value in sorted(entries.items()):
            model.set_rt_info(value, [section, key])
    openvino.save_model(model, path, compress_to_fp16=half_weights)


class OpenVinoPredictor:
    """An IR under OpenVINO on the CPU.

    By itself OpenVINO computes a float32 model in bfloat16 where the CPU has units for it. An fp32 or int8
    artefact is held to float32; an fp16 one may use what the CPU does best, and `precision` tells what that was.
    """

    def __init__(self, path: Path, device: Device, precision: str) -> None:
        prepare_offline()
        import openvino

        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": device.threads}
        if precision != "fp16":
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        try:
            self._compiled = openvino.Core().compile_model(path, "CPU", settings)
        except RuntimeError as error:
            raise unusable_artefact(path, error) from error
        shape = self._compiled.inputs[0].shape
        computed = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.runtime = f"openvino {openvino.__version__.split('-')[0]}"
        self.precision = f"i8, rest {computed}" if precision == "int8" else str(computed)
        self.input_hw = (int(shape[2]), int(shape[3]))
        self._request = self._compiled.create_infer_request()
        del settings["PERFORMANCE_HINT"]
        self._path, self._streams = path, {**settings, "NUM_STREAMS": device.threads}
        self._compiled_for_many: Any = None

    def infer(self, images: Floats) -> Outputs:
        outputs = self._request.infer([images])
        return tuple(np.array(outputs[at], np.float32) for at in range(len(outputs)))

    def infer_many(self, images: Iterable[Floats]) -> Iterator[Outputs]:
        """Each image by one thread alone, as many at a time as there are threads; the outputs in the images' order."""
        import openvino

        if self._compiled_for_many is None:  # once for all chunks of a pool
            self._compiled_for_many = openvino.Core().compile_model(self._path, "CPU", self._streams)
        queue = openvino.AsyncInferQueue(self._compiled_for_many, _REQUESTS * self._streams["NUM_STREAMS"])
        found: dict[int, Outputs] = {}
        outputs = range(len(self._compiled_for_many.outputs))

        def finished(request: Any, number: int) -> None:
            found[number] = tuple(np.array(request.get_output_tensor(at).data, np.float32) for at in outputs)

        queue.set_callback(finished)
        following = 0
        try:
            for number, pixels in enumerate(images):
                queue.start_async([pixels], number)
                while following in found:
                    yield found.pop(following)
                    following += 1
        finally:
            queue.wait_all()
        while following in found:
            yield found.pop(following)
            following += 1

    def throughput(self, images: Floats, runs: int) -> float:
        """Asynchronous requests, as many at a time as OpenVINO finds best."""
        import openvino

        queue = openvino.AsyncInferQueue(self._compiled)
        started = time.perf_counter()
        for _ in range(runs):
            queue.start_async([images])
        queue.wait_all()
        return runs / (time.perf_counter() - started)
