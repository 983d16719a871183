"""Masks of a segmentation model, from prototypes to run lengths: within the boxes, against over the whole image.

`python benchmarks/mask_upsampling.py` prints, per image size, the time of both in one run and their ratio, and how many
masks and pixels differ (a pixel may where its weighted sum is 0 up to rounding).
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from runner.adapters.models.decoding.segment import _enlargement, _Painter
from runner.adapters.pictures.coco_masks import decode_mask, encode_mask, encode_part

OBJECTS, PROTOTYPES = 100, 32
SIZES = ((480, 640), (720, 1280), (1080, 1920))


def main() -> None:
    import cv2

    rng = np.random.default_rng(0)
    noise = rng.standard_normal((PROTOTYPES, 160, 160)).astype(np.float32)
    prototypes = np.stack([cv2.GaussianBlur(plane, (0, 0), 12) for plane in noise])
    coefficients = rng.standard_normal((OBJECTS, PROTOTYPES)).astype(np.float32)
    print("image        whole image   within boxes   ratio   masks that differ   pixels")
    for size_hw in SIZES:
        boxes = _boxes(rng, size_hw)
        painter, matrices = _Painter(prototypes, size_hw), _enlargement(prototypes.shape[1:3], size_hw)
        started = time.perf_counter()
        before = [
            _whole(prototypes, *pair, size_hw, matrices) for pair in zip(coefficients, boxes, strict=True)
        ]
        middle = time.perf_counter()
        after = [encode_part(*painter.part(*pair), size_hw) for pair in zip(coefficients, boxes, strict=True)]
        ended = time.perf_counter()
        pairs = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
        pixels = sum(int((decode_mask(a, size_hw) != decode_mask(b, size_hw)).sum()) for a, b in pairs)
        whole, within = middle - started, ended - middle
        print(
            f"{size_hw[1]:>4} × {size_hw[0]:<5} {whole:>9.2f} s {within:>12.2f} s {whole / within:>8.1f}"
            f" {len(pairs):>10} of {OBJECTS} {pixels:>12}"
        )


def _boxes(rng: np.random.Generator, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    limits = np.array([size_hw[1], size_hw[0]])
    sides = np.exp(rng.uniform(np.log(0.03), np.log(0.6), (OBJECTS, 2))) * limits
    centres = rng.uniform(0, 1, (OBJECTS, 2)) * limits
    corners = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
    return np.clip(corners, 0, np.tile(limits, 2)).astype(np.float32)


def _whole(
    prototypes: NDArray[np.float32],
    coefficients: NDArray[np.float32],
    box: NDArray[np.float32],
    size_hw: tuple[int, int],
    matrices: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> str:
    """As it was before: all prototypes are weighted, and the mask has the image's size."""
    rows, columns = matrices
    mask = np.zeros(size_hw, bool)
    left, top, right, bottom = (math.ceil(side) for side in box.tolist())
    logits = np.tensordot(coefficients, prototypes, axes=1)
    mask[top:bottom, left:right] = (rows[top:bottom] @ logits @ columns[left:right].T) > 0
    return encode_mask(mask)


if __name__ == "__main__":
    main()
