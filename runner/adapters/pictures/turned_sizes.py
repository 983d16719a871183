"""The size of an image as everyone sees it: turned by EXIF; from its header, without decoding it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from runner.adapters.pictures.image_files import file_format, open_file, png_exif
from runner.adapters.pictures.image_sizes import MAX_BYTES, header_size

_ORIENTATION = 274  # EXIF, 4.6.4
_ON_ITS_SIDE = frozenset((5, 6, 7, 8))


def turned_size(path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels with the EXIF orientation applied; None where the file is none that is read, or is not there."""
    try:
        with open_file(path) as file:
            if file.seek(0, io.SEEK_END) > MAX_BYTES:
                return None
            size = header_size(file)
            file.seek(0)
            data = file.read()
    except OSError:
        return None
    if size is None or file_format(data) is None:
        return None
    return size[::-1] if _orientation(data) in _ON_ITS_SIDE else size


def _orientation(data: bytes) -> int:
    """By the tag of a JPEG, PNG, WebP or TIFF; 1 where there is none or it cannot be read."""
    from PIL import Image, JpegImagePlugin, TiffImagePlugin, WebPImagePlugin

    plugins: dict[str, Any] = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
    }
    kind = file_format(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that is cut off
            tags = Image.Exif()
            if kind == "PNG":
                tags.load(png_exif(data) or b"")
            elif kind == "TIFF":
                header = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
                file = io.BytesIO(data)
                file.seek(header.next)
                header.load(file)
                return int(header.get(_ORIENTATION, 1))
            elif kind in plugins:
                tags.load(plugins[kind](io.BytesIO(data)).info.get("exif") or b"")
            return int(tags.get(_ORIENTATION, 1))
    except Exception:  # whatever a damaged tag makes Pillow raise, the picture is taken as it is stored
        return 1
