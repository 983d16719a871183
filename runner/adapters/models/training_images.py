"""Images as Ultralytics is given them: it sees the pixels that the index and evaluation see, and leaves none out.

Its own verifier asks Pillow, drops what Pillow refuses, and rewrites JPEGs that do not end with their end marker; and
it reads the first page of a TIFF as it is stored, whatever its orientation. So such files are not linked but written
anew, without loss: a JPEG up to its end, all others as a PNG of what OpenCV decodes.
"""

from __future__ import annotations

import io
import shutil
import warnings
from pathlib import Path
from typing import Any

from runner.adapters.pictures.image_files import FORMAT_SUFFIXES, Format, jpeg_end, judge_file, png_exif
from runner.domain.errors import ExitCode, FlywheelError, Where

_ORIENTATION, _UPRIGHT = 0x0112, 1  # EXIF


def lay_out(source: Path, place: Path) -> Path:
    """Puts an image at `place`, whose suffix is then that of its content; returns where it is.

    Raises:
        FlywheelError: the image cannot be used.
    """
    verdict = judge_file(source)
    if verdict.problem or verdict.format is None:
        raise unusable(source, verdict.problem or "not an image")
    target = place.with_name(place.name + FORMAT_SUFFIXES[verdict.format])
    data = source.read_bytes()
    if verdict.format == "JPEG":
        end = jpeg_end(data)
        if end is not None and end < len(data):
            target.write_bytes(data[:end])
            return target
    if not _is_taken_as_it_is(verdict.format, data):
        return _written_anew(source, data, place.with_name(f"{place.name}.png"))
    try:
        target.symlink_to(source.resolve())
    except OSError:  # no right to make links, as on Windows
        shutil.copyfile(source, target)
    return target


def unusable(source: Path, problem: str) -> FlywheelError:
    """Why a selected image cannot be trained on."""
    return FlywheelError(
        f"a selected image cannot be used: {problem}",
        where=Where(str(source)),
        hint="fetch the data (dvc pull), or run the sprint again so that the index sees the change",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _is_taken_as_it_is(kind: Format, data: bytes) -> bool:
    """Whether Pillow accepts a file and Ultralytics turns it as OpenCV does."""
    if kind == "TIFF":
        return False
    # Not `Image.open`: Ultralytics, once imported, puts another one in its place that looks for plugins.
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    plugins: dict[str, Any] = {
        "BMP": BmpImagePlugin.BmpImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that is cut off
            image = plugins[kind](io.BytesIO(data))
            exif = png_exif(data) if kind == "PNG" else image.info.get("exif") if kind == "WebP" else None
            image.verify()
            # Ultralytics looks for the orientation in JPEGs alone; OpenCV turns these too.
            turned = exif is not None and _is_turned(exif)
    except Exception:  # whatever Pillow raises makes Ultralytics leave the image out
        return False
    return not turned


def _is_turned(exif: bytes) -> bool:
    from PIL import Image

    tags = Image.Exif()
    tags.load(exif)
    return bool(tags.get(_ORIENTATION, _UPRIGHT) != _UPRIGHT)


def _written_anew(source: Path, data: bytes, target: Path) -> Path:
    import cv2
    import numpy as np

    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        encoded = None if image is None else cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    except cv2.error:
        encoded = None
    if encoded is None:
        raise unusable(source, "it cannot be decoded")
    target.write_bytes(encoded.tobytes())
    return target
