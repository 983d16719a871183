"""Measures image files with OpenCV: one read, one decode, every index column that pixels give."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from runner.adapters.image_sizes import size_problem
from runner.adapters.machine import cpu_count
from runner.domain.progress import progress_bar

Format: TypeAlias = Literal["JPEG", "PNG", "BMP", "WebP", "TIFF"]
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))
SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)
JPEG_END = b"\xff\xd9"
MIN_SIDE_PX = 10  # Ultralytics refuses smaller images
# From here on, half scale changes brightness by less than 0.05 and the hash by at most 2 bits.
HALF_SCALE_SIDE_PX = 400
HASH_SIDE = 32
TAIL_BYTES = 1 << 16
_ID_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMeasurement:
    """One image file. What could not be measured is None.

    Attributes:
        image_id: the first 32 hex digits of the SHA-256 of the file's bytes (of none if it cannot be read).
        problem: why the file is not usable as an image; None when it is.
        width, height: pixels as training sees them, that is with the EXIF orientation applied.
        brightness, contrast: mean and standard deviation of the grey values, [0, 1].
        sharpness: variance of the Laplacian of the grey values (0–255); at half scale from 400 px on.
        phash: 64-bit perceptual hash: signs of the 8 × 8 lowest DCT frequencies against their median.
    """

    image_id: str
    size_bytes: int
    problem: str | None = None
    width: int | None = None
    height: int | None = None
    brightness: float | None = None
    contrast: float | None = None
    sharpness: float | None = None
    phash: int = 0


def measure_images(paths: Sequence[Path]) -> list[ImageMeasurement]:
    """Measures files on all cores, in order, with a progress bar."""
    from concurrent.futures import ThreadPoolExecutor

    import cv2

    _silence()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one image per core is faster than several cores per image
    measurements = []
    try:
        with ThreadPoolExecutor(cpu_count()) as pool, progress_bar("index", len(paths), "image") as bar:
            for measurement in pool.map(measure_image, paths):
                measurements.append(measurement)
                bar.update()
    finally:
        cv2.setNumThreads(threads)
    return measurements


def measure_image(path: Path) -> ImageMeasurement:
    """Measures one file. A file that is no usable image gives a measurement that says so."""
    import cv2
    import numpy as np

    try:
        with path.open("rb") as file:
            if problem := size_problem(file):
                return _too_large(file, problem)
            file.seek(0)
            data = file.read()
    except OSError as error:
        return ImageMeasurement(image_id=_image_id(b""), size_bytes=0, problem=_reason(error))
    image_id = _image_id(data)
    if problem := content_problem(data, data):
        return ImageMeasurement(image_id=image_id, size_bytes=len(data), problem=problem)
    try:
        decoded = _decode(np.frombuffer(data, np.uint8), data)
    except cv2.error as error:
        decoded = str(error.err).strip()
    if isinstance(decoded, str):
        return ImageMeasurement(image_id=image_id, size_bytes=len(data), problem=decoded)
    gray, width, height = decoded
    if min(width, height) < MIN_SIDE_PX:
        problem = f"only {width}×{height} px: training needs at least {MIN_SIDE_PX} on each side"
        return ImageMeasurement(
            image_id=image_id, size_bytes=len(data), problem=problem, width=width, height=height
        )
    mean, deviation = cv2.meanStdDev(gray)
    return ImageMeasurement(
        image_id=image_id,
        size_bytes=len(data),
        width=width,
        height=height,
        brightness=round(float(mean[0, 0]) / 255, 6),
        contrast=round(float(deviation[0, 0]) / 255, 6),
        sharpness=round(_laplacian_variance(gray), 6),
        phash=_perceptual_hash(gray),
    )


def _too_large(file: io.BufferedReader, problem: str) -> ImageMeasurement:
    file.seek(0)
    image_id = hashlib.file_digest(file, "sha256").hexdigest()[:_ID_DIGITS]
    return ImageMeasurement(image_id=image_id, size_bytes=file.seek(0, os.SEEK_END), problem=problem)


def quick_problem(path: Path) -> str | None:
    """What is wrong with a file as far as its header and its last bytes tell; nothing is decoded."""
    try:
        with path.open("rb") as file:
            if problem := size_problem(file):
                return problem
            file.seek(0)
            head = file.read(16)
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return content_problem(head, file.read())
    except OSError as error:
        return _reason(error)


def content_problem(head: bytes, tail: bytes) -> str | None:
    """Tells an empty file, one that is no image, and a truncated JPEG or PNG by their bytes.

    Decoders disagree about truncated files (some fill up with grey), so that is not left to them.

    Args:
        head: the file's first 16 bytes or more.
        tail: its last bytes, 64 KiB or all.
    """
    if not head:
        return "the file is empty"
    kind = _format(head)
    if kind is None:
        return "not an image: the content is none of JPEG, PNG, BMP, WebP, TIFF"
    # An embedded thumbnail has an end marker too, but it comes before the first scan.
    if kind == "JPEG" and tail.rfind(JPEG_END) <= _scan_start(tail):
        return "truncated: the JPEG end marker is missing"
    if kind == "PNG" and b"IEND" not in tail:
        return "truncated: the PNG end chunk is missing"
    return None


def _format(head: bytes) -> Format | None:
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    return "WebP" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _decode(buffer: Any, data: bytes) -> tuple[Any, int, int] | str:
    """Grey pixels (half scale for large images), with the full width and height; or what went wrong."""
    import cv2

    kind = _format(data)
    size = _jpeg_size(data) if kind == "JPEG" else None
    if size is not None and min(size) >= HALF_SCALE_SIDE_PX:
        half = cv2.imdecode(buffer, cv2.IMREAD_REDUCED_GRAYSCALE_2)
        if half is not None and (oriented := _oriented(size, half.shape[1], half.shape[0])):
            return half, *oriented
    gray = cv2.imdecode(buffer, cv2.IMREAD_GRAYSCALE)
    if gray is None:
        return f"cannot be decoded as {kind}: the content is damaged"
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


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) from the frame header, before any EXIF rotation. Source: ITU-T T.81, B.2.2."""
    for marker, start in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(data[at : at + 2], "big") for at in (start + 3, start + 5))
            return (width, height) if width and height else None
    return None


def _scan_start(data: bytes) -> int:
    """Where a JPEG's first scan starts; -1 when `data` is only a tail."""
    if not data.startswith(b"\xff\xd8"):
        return -1
    return next((start for marker, start in _jpeg_segments(data) if marker == 0xDA), len(data))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields (marker, offset of the segment's length field) up to the first scan."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        yield marker, position + 2
        if marker == 0xDA:
            return
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")


def _laplacian_variance(gray: Any) -> float:
    import cv2

    edges = cv2.Laplacian(gray, cv2.CV_16S)
    # meanStdDev would give the same, 15 times slower on 16-bit integers.
    return float(cv2.norm(edges, cv2.NORM_L2SQR) / edges.size - cv2.mean(edges)[0] ** 2)


def _perceptual_hash(gray: Any) -> int:
    import cv2
    import numpy as np

    small = gray
    while min(small.shape) >= 8 * HASH_SIDE:  # exact halves are 10 times faster than one step to 32 × 32
        even = small[: small.shape[0] // 2 * 2, : small.shape[1] // 2 * 2]
        small = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    small = cv2.resize(small, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:8, :8].ravel()  # (8, 8) -> (64,)
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def _reason(error: OSError) -> str:
    return "file not found" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"


def _image_id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_ID_DIGITS]


def _silence() -> None:
    """Damaged files become rows of the index; OpenCV would also print them."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
