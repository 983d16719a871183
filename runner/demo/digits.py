"""Handwritten digits as smooth stencils, from the 8 × 8 scans that scikit-learn carries."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

STENCIL_PX = 64
_UNSEEN_SHARE = 0.45  # of each class's scans; drawn in test only, so that no stroke was seen before


@cache
def _scans() -> tuple[NDArray[np.float32], ...]:
    """Per class: scans of shape (N, 8, 8) in [0, 1]."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)
    return tuple(images[digits.target == class_id] for class_id in range(10))


def pick_scan(class_id: int, split: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """One scan, (8, 8) in [0, 1]: of one part of the scans for test, of the other for the other splits."""
    scans = _scans()[class_id]
    seen = round(len(scans) * (1 - _UNSEEN_SHARE))
    part = scans[seen:] if split == "test" else scans[:seen]
    scan: NDArray[np.float32] = part[rng.integers(len(part))]
    return scan


def stencil(scan: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """The ink's opacity, (64, 64) in [0, 1].

    Args:
        scan: (8, 8) in [0, 1].
        weight: stroke weight in [0, 1]: thin pen to thick marker.
    """
    import cv2

    padded = np.pad(scan, 1)
    smooth = cv2.resize(padded, (STENCIL_PX, STENCIL_PX), interpolation=cv2.INTER_CUBIC)
    smooth = cv2.GaussianBlur(smooth, (0, 0), 2.0)
    threshold = 0.54 - 0.18 * weight
    ink: NDArray[np.float32] = np.clip((smooth - threshold) / 0.12 + 0.5, 0, 1).astype(np.float32)
    return ink
