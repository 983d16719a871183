"""A picture before it is written, and how it is written: JPEG and YOLO label lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.demo.scene import Box


@dataclass(frozen=True, kw_only=True)
class DemoPicture:
    """One image file with everything known about it. `content` is the file's bytes."""

    split: str
    name: str
    width: int
    height: int
    content: bytes
    boxes: tuple[Box, ...]
    metadata: dict[str, str]

    @property
    def path(self) -> str:
        """Relative to the dataset, as in the index."""
        return f"images/{self.split}/{self.name}"

    @property
    def label_name(self) -> str:
        return self.name.removesuffix(".jpg") + ".txt"

    def label_text(self) -> str:
        """YOLO: one `class x_centre y_centre width height` line per box, in fractions of the picture."""
        return "".join(label_line(box, self.width, self.height) + "\n" for box in self.boxes)


def label_line(box: Box, width: int, height: int) -> str:
    """One line of a YOLO label file, without the newline."""
    x, y = (box.x_min + box.x_max) / 2 / width, (box.y_min + box.y_max) / 2 / height
    box_width, box_height = (box.x_max - box.x_min) / width, (box.y_max - box.y_min) / height
    return f"{box.class_id} {x:.6f} {y:.6f} {box_width:.6f} {box_height:.6f}"


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """(height, width, 3) RGB to a JPEG file's bytes; the same bytes for the same pixels."""
    import cv2

    _, encoded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(encoded.tobytes())


def decode_jpeg(content: bytes) -> NDArray[np.uint8]:
    """A JPEG file's bytes to (height, width, 3) RGB."""
    import cv2

    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None, "decode_jpeg is only given what encode_jpeg wrote"  # noqa: S101
    rgb: NDArray[np.uint8] = bgr[..., ::-1].astype(np.uint8)
    return rgb
