"""A part of an image, enlarged so that a person can judge what is there."""

from __future__ import annotations

from pathlib import Path

from runner.adapters.pictures.decoded import read_image
from runner.adapters.pictures.drawing import jpeg_bytes
from runner.adapters.pictures.pixels import Pixels

Window = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in fractions of the image's size."""


def read_windows(path: Path, windows: list[Window], side_px: int) -> tuple[tuple[int, int], list[bytes]]:
    """Parts of an image as JPEG, each with its longer side `side_px` long.

    Returns:
        The image's (width, height), and a picture for each window.

    Raises:
        FlywheelError: the image cannot be read.
    """
    image = read_image(path)
    height, width = image.shape[:2]
    return (width, height), [jpeg_bytes(_cut(image, window, side_px)) for window in windows]


def _cut(image: Pixels, window: Window, side_px: int) -> Pixels:
    import cv2
    import numpy as np

    height, width = image.shape[:2]
    left, top = round(window[0] * width), round(window[1] * height)
    right, bottom = max(left + 1, round(window[2] * width)), max(top + 1, round(window[3] * height))
    part = np.ascontiguousarray(image[top:bottom, left:right])
    scale = side_px / max(part.shape[:2])
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    return np.asarray(
        cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8
    )
