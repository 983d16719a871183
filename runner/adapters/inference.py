"""What happens before and after a model, the same for every runtime: letterbox, decoding, suppression.

Follows what Ultralytics does at validation with a fixed square input, so that its numbers and ours agree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.domain.errors import ExitCode, FlywheelError, Where

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

PAD_GREY = 114  # Ultralytics' letterbox colour
MIN_SCORE = 0.001
MAX_IOU = 0.7
MAX_DETECTIONS = 300
MAX_CANDIDATES = 30_000
_CHUNK = 512
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

    def infer(self, images: Floats) -> Floats:
        """Runs the model on `(1, 3, H, W)` RGB in [0, 1]; returns its output, with the batch axis."""
        ...

    def throughput(self, images: Floats, runs: int) -> float:
        """Images per second over `runs` inferences of one image, in the way this runtime is fastest."""
        ...


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How an image was fitted: `input = original * gain + pad`, in pixels, as `(x, y)`."""

    original_hw: tuple[int, int]
    gain_xy: tuple[float, float]
    pad_xy: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections of one image, by descending score.

    Attributes:
        boxes_xyxy: `(D, 4)` float32, pixels of the original image, clipped to it.
        scores: `(D,)` float32 in [0, 1].
        class_ids: `(D,)` int32.
    """

    boxes_xyxy: Floats
    scores: Floats
    class_ids: NDArray[np.int32]


def read_image(path: Path) -> Pixels:
    """Decodes an image as `(H, W, 3)` BGR, turned as its EXIF orientation says.

    Raises:
        FlywheelError: the file is missing or cannot be decoded.
    """
    import cv2

    try:
        data = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        data = np.empty(0, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise FlywheelError(
            "the image is missing or cannot be decoded",
            where=Where(str(path)),
            hint="fetch the data (dvc pull), or run the sprint again so that the index sees the change",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return np.asarray(image, np.uint8)


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
    # (H, W, 3) BGR -> (1, 3, H, W) RGB
    tensor = np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)[None], dtype=np.float32)
    tensor /= 255
    return tensor, Letterbox((height, width), (new_w / width, new_h / height), (left, top))


def load_inputs(paths: Sequence[Path], input_hw: tuple[int, int]) -> Iterator[tuple[Floats, Letterbox]]:
    """Reads and preprocesses images in order, a few ahead of the caller."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_READERS) as pool:
        pending = deque(pool.submit(_load, path, input_hw) for path in paths[:_AHEAD])
        for following in range(_AHEAD, len(paths) + _AHEAD):
            if not pending:
                return
            yield pending.popleft().result()
            if following < len(paths):
                pending.append(pool.submit(_load, paths[following], input_hw))


def input_chunks(
    paths: Sequence[Path], input_hw: tuple[int, int], limit_bytes: int
) -> Iterator[tuple[int, list[tuple[Floats, Letterbox]]]]:
    """Preprocessed images in lists of at most `limit_bytes`, each with the position of its first image."""
    size = max(1, limit_bytes // (input_hw[0] * input_hw[1] * 3 * 4))
    for start in range(0, len(paths), size):
        yield start, list(load_inputs(paths[start : start + size], input_hw))


def _load(path: Path, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
    return preprocess(read_image(path), input_hw)


def decode(output: Floats, letterbox: Letterbox) -> Detections:
    """Turns one image's raw output into detections in the original image's pixels.

    Args:
        output: `(4 + C, A)` or `(1, 4 + C, A)`: centre x, centre y, width, height in input pixels, then C class
            scores. Every class of an anchor whose score exceeds `MIN_SCORE` is a candidate of its own.
        letterbox: what `preprocess` returned for the image.
    """
    raw = output[0] if output.ndim == 3 else output
    anchors, columns = np.nonzero((raw[4:] > MIN_SCORE).T)  # (A, C), in anchor order
    class_ids: NDArray[np.int32] = columns.astype(np.int32)
    scores = raw[4 + class_ids, anchors]
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    anchors, class_ids, scores = anchors[order], class_ids[order], scores[order]
    centre, half = raw[:2, anchors].T, raw[2:4, anchors].T / 2  # (K, 2)
    boxes = np.concatenate((centre - half, centre + half), axis=1)
    kept = suppress(boxes, class_ids)
    return Detections(_to_original(boxes[kept], letterbox), scores[kept].astype(np.float32), class_ids[kept])


def suppress(boxes_xyxy: Floats, class_ids: NDArray[np.int32]) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each class, on boxes `(K, 4)` by descending score.

    A box goes when its IoU with a kept box of its class exceeds `MAX_IOU`. Stops at `MAX_DETECTIONS`.

    Returns:
        Indices of the kept boxes, ascending.
    """
    kept = np.empty(0, np.intp)
    for start in range(0, len(boxes_xyxy), _CHUNK):
        chunk = np.arange(start, min(start + _CHUNK, len(boxes_xyxy)))
        if kept.size:
            chunk = chunk[~_overlaps(boxes_xyxy, class_ids, chunk, kept).any(axis=1)]
        clashes = _overlaps(boxes_xyxy, class_ids, chunk, chunk)
        alive = np.ones(len(chunk), bool)
        for at in range(len(chunk)):
            if alive[at]:
                alive[at + 1 :] &= ~clashes[at, at + 1 :]
        kept = np.concatenate((kept, chunk[alive]))
        if kept.size >= MAX_DETECTIONS:
            break
    return kept[:MAX_DETECTIONS]


def _overlaps(
    boxes: Floats, class_ids: NDArray[np.int32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """`(R, C)`: of one class, and IoU above `MAX_IOU`."""
    first, second = boxes[rows, None], boxes[None, columns]  # (R, 1, 4), (1, C, 4)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    intersection = sides.clip(min=0).prod(axis=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    union = areas[rows, None] + areas[None, columns] - intersection
    same_class = class_ids[rows, None] == class_ids[None, columns]
    return np.asarray(same_class & (intersection > MAX_IOU * union))


def _to_original(boxes: Floats, letterbox: Letterbox) -> Floats:
    height, width = letterbox.original_hw
    scaled = (boxes - np.tile(letterbox.pad_xy, 2)) / np.tile(letterbox.gain_xy, 2)
    clipped: Floats = np.clip(scaled, 0, (width, height, width, height)).astype(np.float32)
    return clipped
