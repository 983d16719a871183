"""Measures image files with OpenCV: one read, one decode, every index column that pixels give."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.adapters.pictures.image_files import (
    Format,
    damaged,
    jpeg_frame,
    judge_bytes,
    judge_file,
    open_file,
    too_small,
    unreadable,
)
from runner.adapters.pictures.image_sizes import header_size, pixels_problem, size_problem
from runner.adapters.system.executors import current
from runner.adapters.system.machine import cpu_count
from runner.domain.progress import progress_bar

# From here on, half scale changes brightness by less than 0.05 and the hash by at most 2 bits.
HALF_SCALE_SIDE_PX = 400
HASH_SIDE = 32
THUMBNAIL_SIDE = 16
_ID_DIGITS = 32
READ_AT_ONCE_BYTES = 16 * 2**20  # of a larger file the header is looked at before the rest is read
LARGE_PIXELS = 50_000_000  # from here on, decoding 16 bits in 3 channels takes 300 MB and more
CHUNK = 64  # images to a task, where other machines do it
_LARGE = threading.Lock()  # one of these is decoded at a time, however many cores there are


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMeasurement:
    """One image file. What could not be measured is None.

    Attributes:
        image_id: the first 32 hex digits of the SHA-256 of the file's bytes (of none if it cannot be read).
        problem: why the file is not usable as an image; None when it is.
        remark: what of a usable file is not read.
        width, height: pixels as training sees them, that is with the EXIF orientation applied.
        brightness, contrast: mean and standard deviation of the grey values, [0, 1].
        sharpness: variance of the Laplacian of the grey values (0–255); at half scale from 400 px on.
        thumbnail: 16 × 16 grey values, row by row.
        phash: 64-bit perceptual hash: signs of the 8 × 8 lowest DCT frequencies against their median.
    """

    image_id: str
    size_bytes: int
    problem: str | None = None
    remark: str | None = None
    width: int | None = None
    height: int | None = None
    brightness: float | None = None
    contrast: float | None = None
    sharpness: float | None = None
    phash: int = 0
    thumbnail: bytes = bytes(THUMBNAIL_SIDE**2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """One image file that was read.

    Attributes:
        image_id: as in its measurement.
        measured: None where what the file holds was known already, so that it was not decoded.
        state: the file's status while it was read; None where it was not readable, or changed meanwhile.
    """

    image_id: str
    measured: ImageMeasurement | None
    state: os.stat_result | None


def measure_images(paths: Sequence[Path]) -> list[ImageMeasurement]:
    """Measures files on all cores, in order, with a progress bar."""
    return [seen.measured for seen in see_images(paths, frozenset()) if seen.measured is not None]


def see_images(paths: Sequence[Path], known: Container[str], root: Path | None = None) -> Iterator[SeenFile]:
    """Reads files on all cores, in order, with a progress bar, and measures those whose `image_id` is not known.

    Args:
        root: the project's, which other machines may see too; None: it is done here, whatever the project says.
    """
    from concurrent.futures import ThreadPoolExecutor

    import cv2

    if not paths:
        return
    executor = current() if root is not None and len(paths) > CHUNK else None
    if executor is not None:
        chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
        with progress_bar("index", len(paths), "image") as bar:
            for found in executor.map(_see_chunk, chunks, known, reads=root):
                yield from found
                bar.update(len(found))
        return
    _silence()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one image per core is faster than several cores per image
    try:
        with ThreadPoolExecutor(cpu_count()) as pool, progress_bar("index", len(paths), "image") as bar:
            for seen in pool.map(lambda path: see_image(path, known), paths):
                yield seen
                bar.update()
    finally:
        cv2.setNumThreads(threads)


def _see_chunk(paths: Sequence[Path], known: Container[str]) -> list[SeenFile]:
    """What another machine does."""
    import cv2

    _silence()
    cv2.setNumThreads(1)
    return [see_image(path, known) for path in paths]


def measure_image(path: Path) -> ImageMeasurement:
    """Measures one file. A file that is no usable image gives a measurement that says so."""
    measured = see_image(path, frozenset()).measured
    assert measured is not None  # noqa: S101  nothing is known
    return measured


def see_image(path: Path, known: Container[str]) -> SeenFile:
    """Reads one file once: its content's hash and, unless that is `known`, what its pixels give."""
    try:
        with open_file(path) as file:
            before = os.fstat(file.fileno())
            large = size_problem(file) if before.st_size > READ_AT_ONCE_BYTES else None
            data = b"" if large else _whole(file)
            image_id = _file_id(file) if large else _image_id(data)
            after = os.fstat(file.fileno())
    except OSError as error:
        problem = unreadable(path, error)
        measured = ImageMeasurement(image_id=_image_id(b""), size_bytes=0, problem=problem)
        return SeenFile(image_id=measured.image_id, measured=measured, state=None)
    state = before if _same_state(before, after) else None
    if image_id in known:
        return SeenFile(image_id=image_id, measured=None, state=state)
    if large:
        measured = ImageMeasurement(image_id=image_id, size_bytes=before.st_size, problem=large)
    else:
        measured = _measure(image_id, data)
    return SeenFile(image_id=image_id, measured=measured, state=state)


def _measure(image_id: str, data: bytes) -> ImageMeasurement:
    import cv2
    import numpy as np

    size = header_size(io.BytesIO(data))
    if size and (problem := pixels_problem(*size)):
        return ImageMeasurement(image_id=image_id, size_bytes=len(data), problem=problem)
    verdict = judge_bytes(data)
    if verdict.problem:
        return ImageMeasurement(image_id=image_id, size_bytes=len(data), problem=verdict.problem)
    try:
        with _LARGE if size and size[0] * size[1] >= LARGE_PIXELS else nullcontext():
            decoded = _decode(np.frombuffer(data, np.uint8), data, verdict.format)
    except cv2.error:
        decoded = damaged(verdict.format)
    if isinstance(decoded, str):
        return ImageMeasurement(image_id=image_id, size_bytes=len(data), problem=decoded)
    gray, width, height = decoded
    if problem := too_small(width, height):
        return ImageMeasurement(
            image_id=image_id, size_bytes=len(data), problem=problem, width=width, height=height
        )
    mean, deviation = cv2.meanStdDev(gray)
    small = _shrunk(gray)
    return ImageMeasurement(
        image_id=image_id,
        size_bytes=len(data),
        remark=verdict.remark,
        width=width,
        height=height,
        brightness=round(float(mean[0, 0]) / 255, 6),
        contrast=round(float(deviation[0, 0]) / 255, 6),
        sharpness=round(_laplacian_variance(gray), 6),
        phash=_perceptual_hash(small),
        thumbnail=cv2.resize(small, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA).tobytes(),
    )


def _whole(file: io.BufferedReader) -> bytes:
    file.seek(0)
    return file.read()


def _file_id(file: io.BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()[:_ID_DIGITS]


def _same_state(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns, one.st_ctime_ns) == (
        other.st_size,
        other.st_mtime_ns,
        other.st_ctime_ns,
    )


def quick_problem(path: Path) -> str | None:
    """What is wrong with a file, as `measure_image` would say; pixels are decoded only where nothing else tells."""
    return judge_file(path).problem


def _decode(buffer: Any, data: bytes, kind: Format | None) -> tuple[Any, int, int] | str:
    """Grey pixels (half scale for large images), with the full width and height; or what went wrong."""
    import cv2

    frame = jpeg_frame(data) if kind == "JPEG" else None
    size = frame[:2] if frame else None
    if size is not None and min(size) >= HALF_SCALE_SIDE_PX:
        half = cv2.imdecode(buffer, cv2.IMREAD_REDUCED_GRAYSCALE_2)
        if half is not None and (oriented := _oriented(size, half.shape[1], half.shape[0])):
            return half, *oriented
    gray = cv2.imdecode(buffer, cv2.IMREAD_GRAYSCALE)
    if gray is None:
        return damaged(kind)
    height, width = gray.shape[:2]
    if min(width, height) >= HALF_SCALE_SIDE_PX:
        gray = cv2.resize(gray, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return gray, width, height


def _oriented(size: tuple[int, int], half_width: int, half_height: int) -> tuple[int, int] | None:
    """The full (width, height) after EXIF rotation, told by the decoded half; None when it cannot tell."""
    halves = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    if halves[0] == halves[1] and size[0] != size[1]:
        return None
    if (half_width, half_height) == halves:
        return size
    return (size[1], size[0]) if (half_height, half_width) == halves else None


def _laplacian_variance(gray: Any) -> float:
    import cv2

    edges = cv2.Laplacian(gray, cv2.CV_16S)
    # meanStdDev would give the same, 15 times slower on 16-bit integers.
    return float(cv2.norm(edges, cv2.NORM_L2SQR) / edges.size - cv2.mean(edges)[0] ** 2)


def _shrunk(gray: Any) -> Any:
    """32 × 32 grey values; halved as long as possible, since exact halves are 10 times faster than one large step."""
    import cv2

    small = gray
    while min(small.shape) >= 8 * HASH_SIDE:
        even = small[: small.shape[0] // 2 * 2, : small.shape[1] // 2 * 2]
        small = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA)


def _perceptual_hash(small: Any) -> int:
    import cv2
    import numpy as np

    low = cv2.dct(small.astype(np.float32))[:8, :8].ravel()  # (8, 8) -> (64,)
    middle = np.sort(low)[31:33]
    median = (middle[0] + middle[1]) / np.float32(2)  # np.median gives the same, 10 times slower
    return int.from_bytes(np.packbits(low > median).tobytes(), "big")


def _image_id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_ID_DIGITS]


def _silence() -> None:
    """Damaged files become rows of the index; OpenCV would also print them."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
