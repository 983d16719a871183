"""What an image file says of its size, read from its header before anything is decoded."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

MAX_PIXELS = 178_956_970
"""Larger images are not decoded: 110 kB of PNG can unpack to gigabytes. Source: Pillow's limit (twice
`Image.MAX_IMAGE_PIXELS`), so that every reader of a file refuses the same ones."""

MAX_BYTES = 2**30
"""Larger files are not read into memory: above what `MAX_PIXELS` take uncompressed, at 16 bits in 3 channels."""

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # ITU-T T.81, table B.1
_START_OF_SCAN = 0xDA
_MAX_SEGMENTS = 10_000  # phones write some dozens


def size_problem(file: BinaryIO) -> str | None:
    """Why an image file is too large to be decoded, as far as its header tells; None when it is not.

    Args:
        file: the file's bytes, which are sought in; they need not begin at the current position.
    """
    file_bytes = file.seek(0, io.SEEK_END)
    if file_bytes > MAX_BYTES:
        return f"{file_bytes:,} bytes: files of more than {MAX_BYTES:,} are not read; save it compressed"
    size = header_size(file)
    return None if size is None else pixels_problem(*size)


def pixels_problem(width: int, height: int) -> str | None:
    """Why an image of so many pixels is too large to be decoded; None when it is not."""
    if width * height <= MAX_PIXELS:
        return None
    return (
        f"{width:,} × {height:,} px: images of more than {MAX_PIXELS:,} pixels are not decoded; "
        "scale it down, or cut it into tiles"
    )


def header_size(file: BinaryIO) -> tuple[int, int] | None:
    """(width, height) in pixels as stored, before any EXIF rotation; None where the header does not tell.

    >>> header_size(io.BytesIO(bytes([0x89]) + b"PNG" + bytes(12) + struct.pack(">II", 640, 480)))
    (640, 480)
    """
    file.seek(0)
    head = file.read(32)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(file)
    if head.startswith(b"\x89PNG"):
        return _unpacked(">II", head[16:24])
    if head.startswith(b"BM"):
        return _bmp(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head)
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return _tiff(file)
    return None


def _unpacked(layout: str, data: bytes) -> tuple[int, int] | None:
    if len(data) != struct.calcsize(layout):
        return None
    width, height = struct.unpack(layout, data)
    return abs(width), abs(height)


def _jpeg(file: BinaryIO) -> tuple[int, int] | None:
    """From the frame header. Source: ITU-T T.81, B.2.2."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        file.seek(position)
        segment = file.read(9)
        if len(segment) < 9 or segment[0] != 0xFF or segment[1] == _START_OF_SCAN:
            return None
        if segment[1] == 0xFF:  # fill byte
            position += 1
        elif segment[1] in _START_OF_FRAME:
            height, width = struct.unpack(">HH", segment[5:9])
            return width, height
        else:
            position += 2 + int.from_bytes(segment[2:4], "big")
    return None


def _bmp(head: bytes) -> tuple[int, int] | None:
    """The header's own length tells OS/2's from the others; rows from the top have a negative height."""
    if int.from_bytes(head[14:18], "little") == 12:
        return _unpacked("<HH", head[18:22])
    return _unpacked("<ii", head[18:26])


def _webp(head: bytes) -> tuple[int, int] | None:
    """The canvas, or the only frame. Source: RFC 9649, 2.3 to 2.7."""
    kind = head[12:16]
    if kind == b"VP8X":
        return tuple(1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))  # type: ignore[return-value]
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    frame = _unpacked("<HH", head[26:30])
    return None if frame is None else (frame[0] & 0x3FFF, frame[1] & 0x3FFF)


def _tiff(file: BinaryIO) -> tuple[int, int] | None:
    """Of the first page. Source: TIFF 6.0, section 2; tags 256 and 257."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    file.seek(4)
    (directory,) = struct.unpack(f"{order}I", file.read(4).rjust(4, b"\0"))
    file.seek(directory)
    count = file.read(2)
    if len(count) < 2:
        return None
    entries = file.read(12 * struct.unpack(f"{order}H", count)[0])
    found: dict[int, int] = {}
    for at in range(0, len(entries) - 11, 12):
        tag, kind = struct.unpack(f"{order}HH", entries[at : at + 4])
        if tag in (256, 257):
            value = entries[at + 8 : at + 12]
            short = kind == 3
            found[tag] = (
                struct.unpack(f"{order}H", value[:2])[0] if short else struct.unpack(f"{order}I", value)[0]
            )
    return (found[256], found[257]) if len(found) == 2 else None
