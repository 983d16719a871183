"""A network of a project's own, small enough for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_onnx(path: Path, side: int | str = 8, *, outputs: int = 1, rank: int = 2) -> None:
    """A network whose vector is the mean of each channel; further outputs are its maps."""
    from onnx import TensorProto, helper, numpy_helper, save

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    axes = numpy_helper.from_array(np.array([2, 3] if rank == 2 else [1, 2, 3]), "axes")
    shape = [1, 3] if rank == 2 else [1]
    nodes = [helper.make_node("ReduceMean", ["image", "axes"], ["vector"], keepdims=0)]
    made = [helper.make_tensor_value_info("vector", TensorProto.FLOAT, shape)]
    if outputs > 1:
        nodes.append(helper.make_node("Relu", ["image"], ["maps"]))
        made.append(helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, 3, side, side]))
    graph = helper.make_graph(nodes, "own", [image], made, [axes])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
