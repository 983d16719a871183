"""Local features of a picture: what its corners look like, by which a part of it is found in others.

Hashes are of a whole picture; a crop's are others. Its corners are the same ones.

Source: Rublee, Rabaud, Konolige, Bradski, "ORB: an efficient alternative to SIFT or SURF", 2011.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.image_sizes import header_size
from runner.adapters.pictures.measuring import measuring_version
from runner.domain.files import read_error

FEATURES = 96  # of a picture at most, the strongest; chosen by benchmarks/copies.py --choose
BYTES = 32
_SIDE_PX = 256  # the longer side; small pictures are enlarged, so that their corners are found at all
_EDGE_PX, _PATCH_PX, _FAST = (
    15,
    31,
    5,
)  # as ORB calls them: a border, a corner's surroundings, its least contrast

Descriptors = NDArray[np.uint8]
"""`(F, 32)`: 256 bits for each corner."""


@cache
def features_version() -> str:
    """Another one where this code or OpenCV is another; 16 hex digits."""
    return hashlib.sha256(Path(__file__).read_bytes() + measuring_version().encode()).hexdigest()[:16]


def local_features(path: Path, *, mirrored: bool) -> tuple[Descriptors, Descriptors]:
    """A picture's descriptors, and those of its mirror image (none where they are not asked for); none of what is no image.

    Raises:
        FlywheelError: the file cannot be read: that says nothing of its content.
    """
    import cv2

    nothing = np.zeros((0, BYTES), np.uint8)
    grey = _grey(path)
    if grey is None:
        return nothing, nothing
    return _described(grey), _described(cv2.flip(grey, 1)) if mirrored else nothing


def _described(grey: Any) -> Descriptors:
    import cv2

    detector = cv2.ORB_create(  # type: ignore[attr-defined]
        nfeatures=FEATURES, edgeThreshold=_EDGE_PX, patchSize=_PATCH_PX, fastThreshold=_FAST
    )
    _, found = detector.detectAndCompute(grey, None)
    if found is None:
        return np.zeros((0, BYTES), np.uint8)
    return np.asarray(found[:FEATURES], np.uint8)


def _grey(path: Path) -> Any | None:
    """Grey values as training sees them (turned by EXIF), scaled; a large file is decoded at a part of its scale."""
    import cv2

    try:
        data = path.read_bytes()
    except OSError as error:
        raise read_error(path, error) from error
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), _reduced(data)) if data else None
    except cv2.error:
        return None
    if grey is None:
        return None
    height, width = grey.shape
    gain = _SIDE_PX / max(height, width)
    size = max(round(width * gain), 1), max(round(height * gain), 1)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA if gain < 1 else cv2.INTER_LINEAR)


def _reduced(data: bytes) -> int:
    import cv2

    size = header_size(io.BytesIO(data))
    for factor, flag in (
        (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
        (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
        (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
    ):
        if size is not None and max(size) >= factor * 2 * _SIDE_PX:
            return int(flag)
    return int(cv2.IMREAD_GRAYSCALE)


@contextmanager
def one_thread_per_image() -> Iterator[None]:
    """One image per core is faster than several cores per image."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
