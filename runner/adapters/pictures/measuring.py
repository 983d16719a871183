"""What measurements of images depend on besides the images' bytes."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_CODE = ("measured_images", "image_files", "image_sizes", "foreign_files", "tiff_tags")


@cache
def measuring_version() -> str:
    """Another one where the measuring code or OpenCV is another; 16 hex digits. Nothing is imported for it."""
    digest = hashlib.sha256()
    for name in _CODE:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    decoder = find_spec("cv2")
    if decoder is not None and decoder.origin is not None:
        stated, library = Path(decoder.origin).with_name("version.py"), Path(decoder.origin)
        digest.update(stated.read_bytes() if stated.is_file() else f"{library.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
