"""What was found in one image as bytes, and back, to the bit: for tables that keep it by the image's content."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from runner.adapters.models.inference import ImageDetections

_NUMBERS = "float32"


def packed(found: ImageDetections) -> bytes:
    """One image's rows. A task's own column holds texts, bytes or `(D,)` float32 arrays.

    >>> import numpy as np
    >>> one = ImageDetections(np.ones((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, np.int32), {"mask_rle": ["a"]})
    >>> unpacked(packed(one)).further
    {'mask_rle': ['a']}
    """
    numbers = (found.boxes_xyxy, found.scores, found.class_ids)
    further = {name: [_value(each) for each in values] for name, values in found.further.items()}
    return msgspec.msgpack.encode(([array.tobytes() for array in numbers], further))


def unpacked(content: bytes) -> ImageDetections:
    """The rows of `packed`."""
    (boxes, scores, class_ids), further = msgspec.msgpack.decode(content)
    return ImageDetections(
        boxes_xyxy=np.frombuffer(boxes, np.float32).reshape(-1, 4),
        scores=np.frombuffer(scores, np.float32),
        class_ids=np.frombuffer(class_ids, np.int32),
        further={name: [_back(each) for each in values] for name, values in further.items()},
    )


def _value(value: Any) -> Any:
    return {_NUMBERS: np.asarray(value, np.float32).tobytes()} if isinstance(value, np.ndarray) else value


def _back(value: Any) -> Any:
    return np.frombuffer(value[_NUMBERS], np.float32) if isinstance(value, dict) else value
