"""One verdict on a file: init, the index and prediction agree, and training sees the pixels that they see."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from runner.adapters.models.inference import read_image
from runner.adapters.models.training_images import lay_out
from runner.adapters.pictures.image_files import FileVerdict, judge_file
from runner.adapters.pictures.measured_images import measure_image, quick_problem
from runner.domain.errors import ExitCode, FlywheelError

EXIF_TURNED = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6
REMARK_16 = "16 bits a channel, of which the upper 8 are read"
REMARK_ANIMATED = "an animation, of which the first picture is read"
REMARK_ALPHA = "an alpha channel, which is not read"
REMARK_CMYK = "CMYK colours, converted without a colour profile"


def picture(mode: str = "RGB") -> Image.Image:
    ramp = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8) * 2
    image = Image.fromarray(np.stack([ramp, ramp[::-1], 255 - ramp], axis=2)).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(ramp))
    return image


def saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    picture(mode).save(file, kind, **options)
    return file.getvalue()


def encoded(suffix: str, dtype: str, channels: int = 1) -> bytes:
    import cv2

    values = np.linspace(0, 1 if dtype.startswith("float") else 60_000, 40 * 60 * channels)
    pixels = values.reshape(40, 60, channels).astype(dtype)
    return bytes(cv2.imencode(suffix, pixels)[1].tobytes())


def chunk(name: bytes, data: bytes, fault: int = 0) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + (zlib.crc32(name + data) ^ fault).to_bytes(4, "big")


def with_chunk(name: bytes, data: bytes, fault: int = 0) -> bytes:
    plain = saved("PNG")
    return plain[:33] + chunk(name, data, fault) + plain[33:]


def turned(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(kind, exif=exif)


def several(kind: str) -> bytes:
    return saved(kind, save_all=True, append_images=[Image.new("RGB", (60, 40))])


# A file that is read, and what is remarked on it.
READ: dict[str, tuple[bytes, str | None]] = {
    "photograph.jpg": (saved("JPEG"), None),
    "PHOTOGRAPH.JPEG": (saved("JPEG"), None),
    "a.jfif": (saved("JPEG"), None),
    "motion.jpg": (saved("JPEG") + b"ftypmp42" + bytes(range(256)) * 400, None),
    "progressive-motion.jpg": (saved("JPEG", progressive=True) + b"\0" * 70_000, None),
    "turned.jpg": (turned("JPEG"), None),
    "stereo.jpg": (several("MPO"), None),
    "grey.jpg": (saved("JPEG", "L"), None),
    "cmyk.jpg": (saved("JPEG", "CMYK"), REMARK_CMYK),
    "really-a-png.jpg": (saved("PNG"), None),
    "really-a-jpeg.png": (saved("JPEG"), None),
    "really-a-jpeg.tif": (saved("JPEG"), None),
    "large-text.png": (with_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(3_000_000))), None),
    "large-profile.png": (with_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(3_000_000))), None),
    "broken-text.png": (with_chunk(b"tEXt", b"a\0b", fault=1), None),
    "turned.png": (with_chunk(b"eXIf", EXIF_TURNED), None),
    "more-after-it.png": (saved("PNG") + b"more", None),
    "palette.png": (saved("PNG", "P"), None),
    "alpha.png": (saved("PNG", "RGBA"), REMARK_ALPHA),
    "grey-alpha.png": (saved("PNG", "LA"), REMARK_ALPHA),
    "transparent-palette.png": (saved("PNG", "P", transparency=0), REMARK_ALPHA),
    "transparent-colour.png": (saved("PNG", transparency=(0, 0, 0)), REMARK_ALPHA),
    "bilevel.png": (saved("PNG", "1"), None),
    "16-bit-alpha.png": (encoded(".png", "uint16", 4), REMARK_16),
    "16-bit.png": (encoded(".png", "uint16"), REMARK_16),
    "16-bit-colour.png": (encoded(".png", "uint16", 3), REMARK_16),
    "animated.png": (several("PNG"), REMARK_ANIMATED),
    "a.webp": (saved("WEBP"), None),
    "alpha.webp": (saved("WEBP", "RGBA"), REMARK_ALPHA),
    "lossless.webp": (saved("WEBP", lossless=True), None),
    "lossless-alpha.webp": (saved("WEBP", "RGBA", lossless=True), REMARK_ALPHA),
    "animated.webp": (several("WEBP"), REMARK_ANIMATED),
    "turned.webp": (turned("WEBP"), None),
    "a.bmp": (saved("BMP"), None),
    "palette.bmp": (saved("BMP", "P"), None),
    "a.tif": (saved("TIFF"), None),
    "grey.tiff": (saved("TIFF", "L"), None),
    "alpha.tif": (saved("TIFF", "RGBA"), REMARK_ALPHA),
    "cmyk.tif": (saved("TIFF", "CMYK"), REMARK_CMYK),
    "palette.tif": (saved("TIFF", "P"), None),
    "fax.tif": (saved("TIFF", "1", compression="group4"), None),
    "turned.tif": (turned("TIFF"), None),
    "pages.tif": (several("TIFF"), "several pages, of which the first is read"),
    "16-bit.tif": (encoded(".tif", "uint16", 3), REMARK_16),
}
CONVERT = "which is not read: convert it to JPEG or PNG"
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "the file is empty"),
    "cut.jpg": (saved("JPEG")[:-2], "truncated: the JPEG end marker is missing"),
    "cut-and-filled.jpg": (saved("JPEG")[:-40] + bytes(90), "truncated: the JPEG end marker is missing"),
    "cut.png": (saved("PNG")[:-20], "truncated: the PNG end chunk is missing"),
    "cut.tif": (saved("TIFF")[:-20], "cannot be decoded as TIFF: the content is damaged"),
    "cut-compressed.tif": (
        saved("TIFF", compression="tiff_lzw")[:-3],
        "cannot be decoded as TIFF: the content is damaged",
    ),
    "cut.webp": (saved("WEBP")[:-9], "cannot be decoded as WebP: the content is damaged"),
    "cut.bmp": (saved("BMP")[:100], "cannot be decoded as BMP: the content is damaged"),
    "broken.png": (saved("PNG")[:60] + b"\0\1\2" + saved("PNG")[63:], "cannot be decoded as PNG: the content is damaged"),
    "small.png": (encoded(".png", "uint8")[:16] + b"", "truncated: the PNG end chunk is missing"),
    "float.tif": (encoded(".tif", "float32"), "a TIFF of 32-bit floating-point numbers, which are no grey values: scale them to 8 or 16 bits"),
    "float-colour.tif": (encoded(".tif", "float32", 3), "a TIFF of 32-bit floating-point numbers, which are no grey values: scale them to 8 or 16 bits"),
    "integers.tif": (encoded(".tif", "int32"), "a TIFF of 32-bit integers, which are no grey values: scale them to 8 or 16 bits"),
    "heic.jpg": (b"\0\0\0\x18ftypheic" + bytes(90), "a HEIC photograph, which is not read: convert it to JPEG, for example with heif-convert"),
    "avif.jpg": (saved("AVIF"), f"an AVIF image, {CONVERT}"),
    "film.jpg": (b"\0\0\0\x18ftypmp42" + bytes(90), "a video, which is not read: extract its frames, for example with ffmpeg"),
    "animation.png": (several("GIF"), f"a GIF, {CONVERT}"),
    "jpeg2000.jpg": (saved("JPEG2000"), f"a JPEG 2000 image, {CONVERT}"),
    "lfs.jpg": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer, not the image itself: fetch the files with git lfs pull"),
    "dvc.jpg": (b"outs:\n- md5: 00\n  path: a.jpg\n", "a DVC pointer, not the image itself: fetch the files with dvc pull"),
    "page.jpg": (b"\n<!DOCTYPE html><html><body>Sign in", "a web page, not an image: the download failed, or needed a login"),
    "drawing.png": (b"<?xml version='1.0'?>\n<svg xmlns='x'/>", f"an SVG drawing, {CONVERT}"),
    "zeros.jpg": (bytes(4000), "only zero bytes, as an interrupted copy leaves them: fetch the file again"),
    "text.jpg": (b"hello", "not an image: the content is none of JPEG, PNG, BMP, WebP, TIFF"),
    "raw.tif": (b"II*\0\x10\0\0\0CR\2\0" + bytes(90), "a camera's raw file, which is not read: develop it to JPEG or TIFF"),
}  # fmt: skip


def write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("name", READ)
def test_a_readable_file_is_so_for_all_and_training_sees_the_same_pixels(tmp_path: Path, name: str) -> None:
    from ultralytics.data.utils import check_image
    from ultralytics.utils.patches import imread

    content, remark = READ[name]
    path = write(tmp_path, name, content)
    measured = measure_image(path)
    assert (quick_problem(path), measured.problem) == (None, None)
    assert judge_file(path).remark == measured.remark == remark
    pixels = read_image(path)
    assert pixels.shape[:2] == (measured.height, measured.width)
    laid_out = lay_out(path, tmp_path / "0000000")
    before = laid_out.read_bytes()
    message, shape = check_image(str(laid_out))  # raises where Ultralytics would leave the image out
    assert (message, shape) == ("", pixels.shape[:2])
    assert laid_out.read_bytes() == before
    seen = imread(str(laid_out))
    assert seen is not None
    assert np.array_equal(seen, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_are_read_turned(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = picture().resize((840, 560))
    large.save(tmp_path / "large.jpg", exif=exif)  # decoded at half scale
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        write(tmp_path, f"x.{kind}", saved(kind, exif=exif))
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            turned_hw = ImageOps.exif_transpose(image).size[::-1]
        measured = measure_image(path)
        assert (measured.height, measured.width) == turned_hw == read_image(path).shape[:2], path.name


@pytest.mark.parametrize("name", REFUSED)
def test_an_unusable_file_is_named_for_what_it_is_by_all(tmp_path: Path, name: str) -> None:
    content, problem = REFUSED[name]
    path = write(tmp_path, name, content)
    assert quick_problem(path) == measure_image(path).problem == problem
    for read in (read_image, lambda image: lay_out(image, tmp_path / "0000000")):
        with pytest.raises(FlywheelError) as refused:
            read(path)
        assert refused.value.message.endswith(problem)
        assert refused.value.exit_code is ExitCode.STAGE_FAILED


def test_what_is_no_regular_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to("nowhere.jpg")
    problems = {
        "pipe.jpg": "cannot be read: it is no regular file",
        "folder.jpg": "cannot be read: it is no regular file",
        "link.jpg": "a link to nowhere.jpg, which is not there",
        "none.jpg": "file not found",
    }
    for name, problem in problems.items():
        assert judge_file(tmp_path / name) == FileVerdict(problem=problem)
        assert measure_image(tmp_path / name).problem == problem
