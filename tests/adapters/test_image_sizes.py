"""Sizes are read from headers, as the decoders read them; what is larger than the limit is never decoded."""

from __future__ import annotations

import io
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.models.inference import read_image
from runner.adapters.pictures.image_sizes import MAX_BYTES, MAX_PIXELS, header_size, size_problem
from runner.adapters.pictures.measured_images import measure_image, quick_problem
from runner.domain.errors import FlywheelError


def png(width: int, height: int) -> bytes:
    """A black picture of one bit a pixel; its rows are compressed one after the other."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    rows = b"".join([packer.compress(row * height), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
def test_a_header_says_what_the_decoder_finds(suffix: str) -> None:
    import cv2

    written, data = cv2.imencode(suffix, np.full((37, 61, 3), 90, np.uint8))
    assert written
    assert header_size(io.BytesIO(data.tobytes())) == (61, 37)


def test_the_other_kinds_of_webp_tell_their_size_too() -> None:
    from PIL import Image

    for options in ({"lossless": True}, {"quality": 80}, {"exif": b"Exif\0\0MM\0*"}):
        written = io.BytesIO()
        Image.new("RGB", (61, 37)).save(written, format="WEBP", **options)
        assert header_size(written) == (61, 37)


def test_a_bomb_is_named_and_not_decoded(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png(30_000, 30_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured = measure_image(tmp_path / "x.png")
    problem = (
        "30,000 × 30,000 px: images of more than 178,956,970 pixels are not decoded; "
        "scale it down, or cut it into tiles"
    )
    assert measured.problem == quick_problem(tmp_path / "x.png") == problem
    assert len(measured.image_id) == 32
    with pytest.raises(FlywheelError) as refused:
        read_image(tmp_path / "x.png")
    assert refused.value.message == f"the image cannot be used: {problem}"
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000
    )  # KiB; 900 million pixels before


@pytest.mark.parametrize(
    "header",
    [
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 20_000, -20_000) + bytes(28),
        b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (2**24 - 1).to_bytes(3, "little") * 2 + bytes(9),
        b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHIIHHIII", 256, 4, 1, 2**31, 257, 4, 1, 2**31, 0),
        b"\xff\xd8\xff\xe0\x00\x04\0\0\xff\xc0\x00\x11\x08\xff\xff\xff\xff" + bytes(20),
    ],
    ids=["bmp", "webp", "tiff", "jpeg"],
)
def test_every_format_has_the_same_limit(header: bytes) -> None:
    problem = size_problem(io.BytesIO(header))
    assert problem is not None
    assert f"images of more than {MAX_PIXELS:,} pixels are not decoded" in problem


def test_the_limit_itself_is_accepted_and_so_is_what_no_header_tells() -> None:
    start = b"\x89PNG\r\n\x1a\n" + bytes(8)
    assert size_problem(io.BytesIO(start + struct.pack(">II", MAX_PIXELS, 1))) is None
    assert size_problem(io.BytesIO(start + struct.pack(">II", MAX_PIXELS + 1, 1))) is not None
    for content in (
        b"",
        b"\xff\xd8\xff",
        b"II*\0\xff\xff\xff\xff",
        b"BM",
        b"not an image",
        b"\xff\xd8" + bytes(40),
    ):
        assert size_problem(io.BytesIO(content)) is None


def test_a_file_that_is_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.tif").open("wb") as file:
        file.write(b"II*\0")
        file.truncate(MAX_BYTES + 1)  # sparse: takes no space
    assert (quick_problem(tmp_path / "x.tif") or "").startswith("1,073,741,825 bytes: files of more than")
