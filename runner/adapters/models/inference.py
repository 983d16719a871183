"""What happens before and after a model, the same for every runtime and task. Each task's own part is in `decoding/`.

Follows what Ultralytics does at validation with a fixed square input, so that its numbers and ours agree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.decoded import read_image as read_image
from runner.adapters.pictures.pixels import Pixels

Floats: TypeAlias = NDArray[np.float32]
Outputs: TypeAlias = tuple[Floats, ...]

PAD_GREY = 114  # Ultralytics' letterbox colour
_READERS = 2
_AHEAD = 8


class Predictor(Protocol):
    """A model that is ready to run, on any runtime.

    Attributes:
        runtime: its name and version, such as `openvino 2026.4.1`.
        precision: what it computes in, such as `f32`.
        input_hw: the fixed input size `(height, width)` in pixels.
    """

    runtime: str
    precision: str
    input_hw: tuple[int, int]

    def infer(self, images: Floats) -> Outputs:
        """Runs the model on `(1, 3, H, W)` RGB in [0, 1]; returns its outputs in order, with the batch axis."""
        ...

    def throughput(self, images: Floats, runs: int) -> float:
        """Images per second over `runs` inferences of one image, in the way this runtime is fastest."""
        ...


@runtime_checkable
class ManyAtOnce(Protocol):
    """A predictor that runs several images at the same time."""

    def infer_many(self, images: Iterable[Floats]) -> Iterator[Outputs]:
        """Runs the model on each `(1, 3, H, W)`; the outputs come in the images' order."""
        ...


def infer_all(predictor: Predictor, images: Iterable[Floats]) -> Iterator[Outputs]:
    """The outputs of many images in their order: several at a time where the runtime can, else one after another."""
    if isinstance(predictor, ManyAtOnce):
        return predictor.infer_many(images)
    return (predictor.infer(image) for image in images)


@contextmanager
def one_thread_per_image() -> Iterator[None]:
    """OpenCV, which reads and fits images, leaves the other cores to the model."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How an image was fitted: `input = original * gain + pad`, in pixels, as `(x, y)`; a crop pads negatively."""

    original_hw: tuple[int, int]
    gain_xy: tuple[float, float]
    pad_xy: tuple[int, int]

    def to_original(self, points_xy: Floats) -> Floats:
        """Points `(..., 2)` of the input as points of the original image, clipped to it."""
        height, width = self.original_hw
        points = (points_xy - np.array(self.pad_xy)) / np.array(self.gain_xy)
        clipped: Floats = np.clip(points, 0, (width, height)).astype(np.float32)
        return clipped


Fit: TypeAlias = Callable[[Pixels, tuple[int, int]], tuple[Floats, Letterbox]]
"""`(image (H, W, 3) BGR, input size (height, width)) -> (1, 3, height, width)` RGB in [0, 1], and where it lies."""


@dataclass(frozen=True, slots=True)
class ImageDetections:
    """What was found in one image, by descending score.

    Attributes:
        boxes_xyxy: `(D, 4)` float32, pixels of the original image, clipped to it.
        scores: `(D,)` float32 in [0, 1].
        class_ids: `(D,)` int32.
        further: the task's own columns of the predictions table, each with D values.
    """

    boxes_xyxy: Floats
    scores: Floats
    class_ids: NDArray[np.int32]
    further: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def preprocess(image: Pixels, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
    """Fits an image `(H, W, 3)` BGR into the input: scaled with its aspect kept, centred, padded with grey.

    Returns:
        `(1, 3, height, width)` float32 RGB in [0, 1], contiguous, and how to map boxes back.
    """
    import cv2

    height, width = image.shape[:2]
    gain = min(input_hw[0] / height, input_hw[1] / width)
    new_w, new_h = max(round(width * gain), 1), max(round(height * gain), 1)
    if (new_w, new_h) != (width, height):
        image = cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
    left, top = round((input_hw[1] - new_w) / 2 - 0.1), round((input_hw[0] - new_h) / 2 - 0.1)
    canvas = np.full((*input_hw, 3), PAD_GREY, np.uint8)
    canvas[top : top + new_h, left : left + new_w] = image
    fitted = Letterbox((height, width), (new_w / width, new_h / height), (left, top))
    return as_input(canvas[..., ::-1]), fitted


def as_input(image: Pixels) -> Floats:
    """`(H, W, 3)` RGB bytes as `(1, 3, H, W)` float32 in [0, 1], contiguous."""
    tensor = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
    tensor /= 255
    return tensor


def load_inputs(
    paths: Sequence[Path], input_hw: tuple[int, int], fit: Fit = preprocess
) -> Iterator[tuple[Floats, Letterbox]]:
    """Reads and preprocesses images in order, a few ahead of the caller."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_READERS) as pool:
        pending = deque(pool.submit(_load, path, input_hw, fit) for path in paths[:_AHEAD])
        for following in range(_AHEAD, len(paths) + _AHEAD):
            if not pending:
                return
            yield pending.popleft().result()
            if following < len(paths):
                pending.append(pool.submit(_load, paths[following], input_hw, fit))


def input_chunks(
    paths: Sequence[Path], input_hw: tuple[int, int], limit_bytes: int, fit: Fit = preprocess
) -> Iterator[tuple[int, list[tuple[Floats, Letterbox]]]]:
    """Preprocessed images in lists of at most `limit_bytes`, each with the position of its first image."""
    size = max(1, limit_bytes // (input_hw[0] * input_hw[1] * 3 * 4))
    for start in range(0, len(paths), size):
        yield start, list(load_inputs(paths[start : start + size], input_hw, fit))


def _load(path: Path, input_hw: tuple[int, int], fit: Fit) -> tuple[Floats, Letterbox]:
    return fit(read_image(path), input_hw)
