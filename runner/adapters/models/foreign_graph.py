"""An ONNX file of any origin as a network for embeddings: one image in, one vector out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.adapters.system.offline import prepare_offline
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.nearest import suggestion


@dataclass(frozen=True, kw_only=True)
class ForeignGraph:
    """A network whose input is fixed.

    Attributes:
        model: OpenVINO's, in memory.
        side_px: of its square input.
        output: which of its outputs is the vector.
    """

    model: Any
    side_px: int
    output: int


def read_graph(content: bytes, path: Path, side_px: int | None, output: str | None) -> ForeignGraph:
    """A graph from the bytes of an ONNX file. Nothing beside the file is read: it may be a stranger's.

    Args:
        path: for messages.
        side_px: what images are scaled to; what the graph says when None.
        output: the name of the output; its only one when None.

    Raises:
        FlywheelError: it is no ONNX file, has operations that OpenVINO has not, or another input or output (exit code 3).
    """
    prepare_offline()
    import io

    import openvino

    _require_own_weights(content, path)

    try:
        model = openvino.convert_model(io.BytesIO(content))
    except Exception as error:  # OpenVINO's own, and of several kinds
        reason = str(error).strip().splitlines()[-1:] or ["no reason is given"]
        raise _unusable(
            path, f"cannot be read as a network: {reason[0].strip()}", "export it anew as one ONNX file"
        ) from error
    side = _side(model, path, side_px)
    try:
        model.reshape({model.inputs[0]: [1, 3, side, side]})
        place = _output(model, path, output)
        shape = list(model.outputs[place].partial_shape)
    except RuntimeError as error:
        raise _unusable(
            path,
            f"does not take an image of {side} × {side} pixels: {str(error).strip().splitlines()[-1]}",
            "give embeddings.input as the network was exported",
        ) from error
    if len(shape) not in (2, 4) or not all(each.is_static for each in shape[1:2]):
        raise _unusable(
            path,
            f"gives {model.outputs[place].partial_shape} for an image, which is no vector",
            "name an output of (1, D) or (1, D, h, w): embeddings.output",
        )
    return ForeignGraph(model=model, side_px=side, output=place)


def _require_own_weights(content: bytes, path: Path) -> None:
    """OpenVINO would read any file of this machine that a tensor names, by a path of any kind.

    Raises:
        FlywheelError: it is no ONNX file, or a tensor's numbers are in another file.
    """
    import onnx

    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own, which no module of it exports
        raise _unusable(
            path, "cannot be read as a network: it is no ONNX file", "export it anew as one ONNX file"
        ) from error
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise _unusable(
                path,
                f"its weights are in another file, which is not read: {tensor.name!a}",
                "export it anew as one ONNX file, with its weights in it",
            )


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor of a model, wherever it stands: in subgraphs, attributes and functions too."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in [value] if hasattr(value, "ListFields") else value:
            if field.message_type.name == "TensorProto":
                yield part
            else:
                yield from _tensors(part)


def _side(model: Any, path: Path, wanted: int | None) -> int:
    shape = list(model.inputs[0].partial_shape) if len(model.inputs) == 1 else []
    if len(shape) != 4 or (shape[1].is_static and shape[1].get_length() != 3):
        found = ", ".join(str(each.partial_shape) for each in model.inputs)
        raise _unusable(
            path,
            f"has the inputs {found}; one of (1, 3, height, width) is needed",
            "export it for one image, with its channels first",
        )
    fixed = {each.get_length() for each in shape[2:] if each.is_static}
    if len(fixed) > 1 or (fixed and wanted is not None and fixed != {wanted}):
        sides = " × ".join(str(each) for each in shape[2:])
        hint = (
            "give embeddings.input as the file says, or leave it out" if wanted else "export it for a square"
        )
        raise _unusable(path, f"takes images of {sides} pixels", hint)
    if not fixed and wanted is None:
        raise _unusable(path, "takes images of any size", "say which: embeddings.input in flywheel.yaml")
    return wanted if wanted is not None else int(fixed.pop())


def _output(model: Any, path: Path, wanted: str | None) -> int:
    names = [sorted(each.get_names()) for each in model.outputs]
    if wanted is None:
        if len(names) == 1:
            return 0
        listed = ", ".join(each[0] for each in names if each)
        raise _unusable(
            path, f"has several outputs: {listed}", "say which: embeddings.output in flywheel.yaml"
        )
    for place, each in enumerate(names):
        if wanted in each:
            return place
    known = [name for each in names for name in each]
    raise _unusable(
        path,
        f'has no output "{wanted}"{suggestion(wanted, known, plural="outputs")}',
        "correct embeddings.output in flywheel.yaml",
    )


def _unusable(path: Path, message: str, hint: str) -> FlywheelError:
    return FlywheelError(message, where=Where(str(path)), hint=hint, exit_code=ExitCode.STAGE_FAILED)
