"""An image file as pixels, the same ones for every model and every picture of a report."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from runner.adapters.pictures.image_files import FileVerdict, damaged, judge_bytes, open_file, unreadable
from runner.adapters.pictures.image_sizes import header_size, size_problem
from runner.adapters.pictures.pixels import Pixels
from runner.domain.errors import ExitCode, FlywheelError, Where


def read_image(path: Path, shortest_px: int | None = None) -> Pixels:
    """Decodes an image as `(H, W, 3)` BGR, turned as its EXIF orientation says.

    Args:
        shortest_px: decode at a half, a quarter or an eighth of the scale, as long as no side is shorter than that: several
            times as fast for a large JPEG. At full scale when None.

    Raises:
        FlywheelError: the file is missing, too large or cannot be decoded.
    """
    import cv2

    try:
        with open_file(path) as file:
            problem = size_problem(file)
            file.seek(0)
            data = b"" if problem else file.read()
    except OSError as error:
        problem, data = unreadable(path, error), b""
    verdict = judge_bytes(data) if data else FileVerdict(problem=problem or judge_bytes(data).problem)
    try:
        flag = cv2.IMREAD_COLOR if shortest_px is None else _reduced(data, shortest_px)
        image = None if verdict.problem else cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        image = None
    if image is None:
        raise FlywheelError(
            f"the image cannot be used: {verdict.problem or damaged(verdict.format)}",
            where=Where(str(path)),
            hint="fetch the data (dvc pull), or run the sprint again so that the index sees the change",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return np.asarray(image, np.uint8)


def _reduced(data: bytes, shortest_px: int) -> int:
    """How OpenCV is told to decode at the smallest scale that leaves so many pixels."""
    import cv2

    size = header_size(io.BytesIO(data))
    for factor, flag in (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    ):
        if size is not None and min(size) >= factor * shortest_px:
            return int(flag)
    return int(cv2.IMREAD_COLOR)
