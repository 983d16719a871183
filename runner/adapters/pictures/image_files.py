"""The one verdict on an image file: whether it can be used, and what it is if it cannot.

`flywheel init`, the index, training and prediction all ask here, so that none takes a file that another leaves out.
Nothing is decoded, but for formats whose structure does not tell whether they are whole.
"""

from __future__ import annotations

import io
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from runner.adapters.pictures.foreign_files import foreign_problem
from runner.adapters.pictures.image_sizes import header_size, size_problem
from runner.adapters.pictures.tiff_tags import tiff_tags

Format: TypeAlias = Literal["JPEG", "PNG", "BMP", "WebP", "TIFF"]
SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff"))
FORMAT_SUFFIXES: dict[Format, str] = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "BMP": ".bmp",
    "WebP": ".webp",
    "TIFF": ".tif",
}
SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)
MIN_SIDE_PX = 10  # Ultralytics refuses smaller images
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_END_MARKER = b"\xff\xd9"
# Markers with a length after them that may come between scans. Source: ITU-T T.81, table B.1.
_BETWEEN_SCANS = frozenset((0xC4, _START_OF_SCAN, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE))
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_BITS, _COLOURS, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 262, 338, 339  # TIFF's tags
_FLOAT = 3
_CMYK = 5
_NO_PROFILE = "CMYK colours, converted without a colour profile"
_NO_ALPHA = "an alpha channel, which is not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVerdict:
    """What is known of an image file before it is decoded.

    Attributes:
        format: None where it is none that is read.
        problem: why the file cannot be used; None when it can.
        remark: what of a usable file is not read, in words that several images can share.
    """

    format: Format | None = None
    problem: str | None = None
    remark: str | None = None


def judge_file(path: Path) -> FileVerdict:
    """The verdict on a file on disk."""
    try:
        with open_file(path) as file:
            if problem := size_problem(file):
                return FileVerdict(problem=problem)
            file.seek(0)
            data = file.read()
    except OSError as error:
        return FileVerdict(problem=unreadable(path, error))
    verdict = judge_bytes(data)
    if verdict.problem is None and (problem := _undecodable(data, verdict.format) or _too_small(data)):
        return FileVerdict(format=verdict.format, problem=problem)
    return verdict


def open_file(path: Path) -> io.BufferedReader:
    """Opens a regular file for reading; a pipe would keep its reader waiting for ever.

    Raises:
        OSError: it cannot be opened, or is a pipe, a device or a folder.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(0, "it is no regular file")
    return path.open("rb")


def unreadable(path: Path, error: OSError) -> str:
    """Why a file's bytes could not be had."""
    if not isinstance(error, FileNotFoundError):
        return f"cannot be read: {error.strerror}"
    return f"a link to {path.readlink()}, which is not there" if path.is_symlink() else "file not found"


def judge_bytes(data: bytes) -> FileVerdict:
    """The verdict on a file's bytes.

    Decoders disagree about truncated files (some fill up with grey), so that is not left to them.
    """
    if not data:
        return FileVerdict(problem="the file is empty")
    kind = file_format(data)
    match kind:
        case None:
            return FileVerdict(problem=foreign_problem(data))
        case "JPEG" if jpeg_end(data) is None:
            return FileVerdict(format=kind, problem="truncated: the JPEG end marker is missing")
        case "PNG" if not any(name == b"IEND" for name, _ in _png_chunks(data)):
            return FileVerdict(format=kind, problem="truncated: the PNG end chunk is missing")
        case "JPEG":
            return FileVerdict(format=kind, remark=_jpeg_remark(data))
        case "PNG":
            return FileVerdict(format=kind, remark=_png_remark(data))
        case "TIFF":
            return _judge_tiff(data)
        case "WebP":
            return FileVerdict(format=kind, remark=_webp_remark(data))
    return FileVerdict(format=kind)


def file_format(data: bytes) -> Format | None:
    """The format that the first 16 bytes tell, whatever the file is called."""
    if data[8:10] == b"CR" and data[:4] == b"II*\x00":
        return None  # Canon's raw files hold a small TIFF as a preview
    for signature, kind in SIGNATURES:
        if data.startswith(signature):
            return kind
    return "WebP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def jpeg_end(data: bytes) -> int | None:
    """Where a JPEG ends; None when its end marker is missing. Phones write more after it: a film, a depth map.

    >>> jpeg_end(bytes.fromhex("ffd8 ffda 0002 00 ff00 ffd9") + b"film"), jpeg_end(bytes.fromhex("ffd8 ffda 0002 00"))
    (11, None)
    """
    scan = next((start for marker, start in jpeg_segments(data) if marker == _START_OF_SCAN), None)
    if scan is None:
        return None
    if data.endswith(_END_MARKER):
        return len(data)
    position = scan + int.from_bytes(data[scan : scan + 2], "big")
    while found := _MARKER_IN_SCAN.search(data, position):
        marker, position = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return position
        if marker in _BETWEEN_SCANS:
            position += int.from_bytes(data[position : position + 2], "big")
    return None


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields (marker, offset of the segment's length field) up to the first scan."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        yield marker, position + 2
        if marker == _START_OF_SCAN:
            return
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")


def jpeg_frame(data: bytes) -> tuple[int, int, int] | None:
    """(width, height, components) from the frame header, before any EXIF rotation. Source: ITU-T T.81, B.2.2."""
    for marker, start in jpeg_segments(data):
        if marker in _START_OF_FRAME and start + 7 < len(data):
            height, width = (int.from_bytes(data[at : at + 2], "big") for at in (start + 3, start + 5))
            return (width, height, data[start + 7]) if width and height else None
    return None


def _jpeg_remark(data: bytes) -> str | None:
    frame = jpeg_frame(data)
    return _NO_PROFILE if frame and frame[2] == 4 else None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yields (type, offset of the length field) of every whole chunk. Source: W3C PNG, 5.3."""
    position = 8
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data):
            return
        name = data[position + 4 : position + 8]
        yield name, position
        if name == b"IEND":
            return
        position = end


def png_exif(data: bytes) -> bytes | None:
    """A PNG's EXIF, as it is written in a JPEG; None where it has none."""
    for name, start in _png_chunks(data):
        if name == b"eXIf":
            length = int.from_bytes(data[start : start + 4], "big")
            return b"Exif\0\0" + data[start + 8 : start + 8 + length]
    return None


def _png_remark(data: bytes) -> str | None:
    depth, colour = data[24], data[25]
    if depth == 16:
        return "16 bits a channel, of which the upper 8 are read"
    alpha = colour in (4, 6)
    for name, _ in _png_chunks(data):
        if name == b"acTL":
            return "an animation, of which the first picture is read"
        alpha |= name == b"tRNS"  # transparent entries of a palette, or one transparent colour
        if name == b"IDAT":
            break
    return _NO_ALPHA if alpha else None


def _webp_remark(data: bytes) -> str | None:
    """Source: RFC 9649, 2.7."""
    flags = data[20] if data[12:16] == b"VP8X" and len(data) > 20 else 0
    if flags & 0x02:
        return "an animation, of which the first picture is read"
    lossless_alpha = data[12:16] == b"VP8L" and int.from_bytes(data[21:25], "little") >> 28 & 1
    return _NO_ALPHA if flags & 0x10 or lossless_alpha else None


def _judge_tiff(data: bytes) -> FileVerdict:
    tags, pages = tiff_tags(data)
    deepest = max(tags.get(_BITS, (1,)))
    is_float = _FLOAT in tags.get(_SAMPLE_FORMAT, ())
    if is_float or deepest > 16:
        number = "floating-point numbers" if is_float else "integers"
        problem = f"a TIFF of {deepest}-bit {number}, which are no grey values: scale them to 8 or 16 bits"
        return FileVerdict(format="TIFF", problem=problem)
    if deepest == 16:
        return FileVerdict(format="TIFF", remark="16 bits a channel, of which the upper 8 are read")
    if pages > 1:
        return FileVerdict(format="TIFF", remark="several pages, of which the first is read")
    if _CMYK in tags.get(_COLOURS, ()):
        return FileVerdict(format="TIFF", remark=_NO_PROFILE)
    return FileVerdict(format="TIFF", remark=_NO_ALPHA if _EXTRA_SAMPLES in tags else None)


def damaged(kind: Format | None) -> str:
    """What is said of a file whose structure is whole and whose content is not."""
    return f"cannot be decoded as {kind}: the content is damaged"


def too_small(width: int, height: int) -> str | None:
    """Why an image of so many pixels is of no use; None when it is of use."""
    if min(width, height) >= MIN_SIDE_PX:
        return None
    return f"only {width}×{height} px: training needs at least {MIN_SIDE_PX} on each side"


def _too_small(data: bytes) -> str | None:
    size = header_size(io.BytesIO(data))
    return too_small(*size) if size else None


def _undecodable(data: bytes, kind: Format | None) -> str | None:
    """What only a decoder would find: by checksums where a format has them, else by decoding."""
    if kind == "JPEG":
        return None
    if kind != "PNG":
        return None if _decodes(data) else damaged(kind)
    for name, start in _png_chunks(data):
        end = start + 8 + int.from_bytes(data[start : start + 4], "big")
        stated = int.from_bytes(data[end : end + 4], "big")
        # Decoders pass over other chunks, whose names begin with a small letter.
        if name[:1].isupper() and zlib.crc32(data[start + 4 : end]) != stated:
            return damaged(kind)
    return None


def _decodes(data: bytes) -> bool:
    import cv2
    import numpy as np

    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # what is wrong is said by whoever asked
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) is not None
    except cv2.error:
        return False
