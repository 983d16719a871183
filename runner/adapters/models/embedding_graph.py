"""A network under OpenVINO that gives a vector for each image, on the CPU: the same bits on every run, however many threads.

Each image is computed by one thread alone, several images at a time, in OpenVINO's own queue: of two threads of Python's that each
waited for a request of their own, one was once seen to wait for ever. By itself OpenVINO computes in bfloat16 where the CPU has
units for it, and vectors would be off by 0.1 of 5: it is held to float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.adapters.models.inference import Floats, as_input
from runner.adapters.pictures.decoded import read_image
from runner.adapters.pictures.pixels import Pixels
from runner.adapters.system.offline import prepare_offline
from runner.domain.errors import ExitCode, FlywheelError, Where

Fit: TypeAlias = Literal["stretch", "crop"]
Rgb: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """How an image becomes a network's input.

    Attributes:
        side_px: of the square.
        fit: `stretch`: the whole picture, its aspect not kept; `crop`: the middle square of it.
        mean, deviation: of RGB in [0, 1]: what is taken away, then divided by.
    """

    side_px: int
    fit: Fit
    mean: Rgb
    deviation: Rgb

    def of(self, path: Path) -> Floats:
        """An image file as `(1, 3, side, side)`.

        Raises:
            FlywheelError: the file is missing, or is no usable image.
        """
        fitted = _fitted(read_image(path, 2 * self.side_px), self.side_px, self.fit)
        pixels = as_input(fitted[..., ::-1])
        pixels -= np.array(self.mean, np.float32).reshape(1, 3, 1, 1)
        pixels /= np.array(self.deviation, np.float32).reshape(1, 3, 1, 1)
        return pixels


class GraphEmbedder:
    """A graph of one input `(1, 3, side, side)` and the output that is taken for the vector.

    Args:
        model: a file of OpenVINO's, or a model in memory.
        inputs: how images are fitted.
        threads: images at a time.
        output: which of its outputs; its first when 0. Maps `(1, D, h, w)` are averaged over their places.
    """

    def __init__(self, model: Any, inputs: NetworkInput, threads: int, output: int = 0) -> None:
        prepare_offline()
        import openvino

        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
        }
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        self._queue = openvino.AsyncInferQueue(compiled, threads)
        self._inputs, self._threads, self._output = inputs, threads, output

    def embed(self, images: Sequence[Path]) -> NDArray[np.float32]:
        """`(N, D)`, of length 1 each.

        Raises:
            FlywheelError: a file is missing or is no usable image, or what the network gives of one is no number.
        """
        import cv2

        found: dict[int, NDArray[np.float32]] = {}

        def finished(request: Any, row: int) -> None:
            found[row] = np.array(request.get_output_tensor(self._output).data, np.float32)[0]

        self._queue.set_callback(finished)
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            with ThreadPoolExecutor(self._threads) as pool:
                for row, pixels in enumerate(pool.map(self._inputs.of, images)):
                    self._queue.start_async([pixels], row)
        finally:
            self._queue.wait_all()
            cv2.setNumThreads(threads)
        maps = [found[row] for row in range(len(images))]
        vectors = [each.mean(axis=(1, 2)) if each.ndim == 3 else each for each in maps]
        return np.stack([unit(vector, path) for vector, path in zip(vectors, images, strict=True)])


def unit(vector: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    """A vector `(D,)` at length 1; the zero vector as it is: it is like nothing.

    Raises:
        FlywheelError: it is not all numbers.
    """
    length = float(np.sqrt(np.square(vector, dtype=np.float64).sum()))
    if not np.isfinite(length):
        raise FlywheelError(
            "the network of the embeddings gives no numbers for it",
            where=Where(str(path)),
            hint="look at the image, and at how `embeddings` in flywheel.yaml says that images are normalised",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return (vector / length).astype(np.float32) if length else np.asarray(vector, np.float32)


def _fitted(image: Pixels, side_px: int, fit: Fit) -> Pixels:
    """`(side, side, 3)`: averaged where it shrinks, so that single pixels count as little as they should."""
    import cv2

    height, width = image.shape[:2]
    if fit == "crop":
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        image = image[top : top + short, left : left + short]
        height = width = short
    way = cv2.INTER_AREA if min(height, width) >= side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side_px, side_px), interpolation=way), np.uint8)
