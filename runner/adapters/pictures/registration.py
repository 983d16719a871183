"""Whether two images show the same pixels: saved, scaled or brightened anew, mirrored, cropped, turned a little.

Hashes and embeddings propose pairs; this confirms them. One picture is laid upon the other, and what counts is how far their
*detail* agrees there, block by block: pictures of one scene have light and shade in common, and those of a still camera all
of their background.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.alignment import (
    COARSE_SIDE_PX,
    Flip,
    Grey,
    Matrix,
    area_gain,
    flipped,
    placements,
    refined,
    small_grey,
)

SIDE_PX = 192  # of the pictures that are compared, the longer side
# Chosen on sign_digits and coco_clean: the detail of 390 copies agrees by 0.97 and more, that of the 1,160 pairs of different
# photographs with most corners in common by 0.92 at most. What shows little agrees by chance more easily. Measured on others:
# benchmarks/copies.py.
MIN_DETAIL, MIN_AGREEMENT, MIN_CORRELATION = 0.94, 0.93, 0.88
FEW_BLOCKS, MIN_DETAIL_OF_FEW = 16, 0.96
MIN_OVERLAP, MIN_INSIDE, MAX_ASPECT = 0.15, 0.8, 1.2
# What shows less of the other than this is a crop, and what is turned by more is turned.
_WHOLE, _TURNED_DEG = 0.93, 1.0
_TRIED, _FEWEST_PX = 3, 200
_FINE_PX, _COARSE_PX = 1.0, 4.0  # detail: what varies within these
_BLOCK_PX, _SEEN, _ALIKE, _POOR = 12, 0.6, 0.5, 2.0
_DARKEST, _BRIGHTEST, _BESIDE_PX = 5, 250, 9

Change: TypeAlias = Literal["flipped", "cropped", "turned"]
Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """How one picture lies upon another.

    Attributes:
        flip: how the first was mirrored; both ways is half a turn.
        scale: pixels of the second for one of the first (both as they were given, `read_grey`).
        rotation_deg: clockwise, after mirroring.
        overlap: the share of each that the other shows, (0, 1].
        aspect: by how much more one direction is stretched than another, 1 for none.
        correlation: of the grey values where they overlap, [-1, 1]; `detail`: of their fine structure.
        agreement: the share of blocks with structure in which it is the same, [0, 1].
        blocks: how many blocks with structure there are.
    """

    flip: Flip
    scale: float
    rotation_deg: float
    overlap: tuple[float, float]
    aspect: float
    correlation: float
    detail: float
    agreement: float
    blocks: int

    @property
    def same_pixels(self) -> bool:
        """Whether both come from one photograph."""
        placed = min(self.overlap) >= MIN_OVERLAP and max(self.overlap) >= MIN_INSIDE
        least = MIN_DETAIL if self.blocks >= FEW_BLOCKS else MIN_DETAIL_OF_FEW
        alike = self.detail >= least and self.agreement >= MIN_AGREEMENT
        return placed and self.aspect <= MAX_ASPECT and self.correlation >= MIN_CORRELATION and alike

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was done to the one to get the other; empty where it was only saved, scaled or brightened anew."""
        said: list[Change] = []
        if self.flip != "none":
            said.append("flipped")
        if min(self.overlap) < _WHOLE:
            said.append("cropped")
        if abs(self.rotation_deg) > _TURNED_DEG:
            said.append("turned")
        return tuple(said)


def read_grey(path: Path, side_px: int = SIDE_PX) -> Grey | None:
    """`(H, W)` grey values as training sees them (turned by EXIF), the longer side at most `side_px`; None where it cannot be read."""
    import cv2

    try:
        data = np.fromfile(path, np.uint8)
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if grey is None else small_grey(np.asarray(grey, np.uint8), side_px)


def register_files(one: Path, other: Path) -> Registration | None:
    """`register` of two image files; None as well where one cannot be read."""
    first, second = read_grey(one), read_grey(other)
    return None if first is None or second is None else register(first, second)


def register(one: Grey, other: Grey) -> Registration | None:
    """How the first lies upon the second where both show the same pixels, else None.

    Args:
        one: `(H, W)` and `other`: as `read_grey` gives them.
    """
    found = laid_upon(one, other)
    return found if found is not None and found.same_pixels else None


def laid_upon(one: Grey, other: Grey) -> Registration | None:
    """The best way to lay the first upon the second, whether or not they show the same; None where there is none."""
    coarse = small_grey(one, COARSE_SIDE_PX), small_grey(other, COARSE_SIDE_PX)
    best: Registration | None = None
    for placed in placements(*coarse, _TRIED):
        turned = flipped(one, placed.flip)
        matrix = refined(turned, other, placed.matrix)
        found = None if matrix is None else _measured(turned, other, matrix, placed.flip)
        if found is not None and (best is None or found.detail > best.detail):
            best = found
            if found.same_pixels:
                break
    return best


def _measured(one: Grey, other: Grey, matrix: Matrix, flip: Flip) -> Registration | None:
    """What agrees where the first lies upon the second by the matrix; None where they hardly touch."""
    import cv2

    size, gain = (other.shape[1], other.shape[0]), area_gain(matrix)
    stretched = np.linalg.svd(matrix[:, :2].astype(np.float64), compute_uv=False)
    if stretched[1] <= 0:
        return None
    mask = cv2.warpAffine(np.ones(one.shape, np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    inner = cv2.erode(mask, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1) > 0
    covered = int(np.count_nonzero(mask))
    if np.count_nonzero(inner) < _FEWEST_PX:
        return None
    moved = np.asarray(
        cv2.warpAffine(one, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    details = _detail(moved), _detail(other)
    agreement, blocks = _blocks(*details, inner & ~_clipped(moved) & ~_clipped(other))
    return Registration(
        flip=flip,
        scale=math.sqrt(gain),
        rotation_deg=math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])),
        overlap=(min(covered / gain / one.size, 1.0), covered / other.size),
        aspect=float(stretched[0] / stretched[1]),
        correlation=_correlation(moved[inner].astype(np.float32), other[inner].astype(np.float32)),
        detail=_correlation(details[0][inner], details[1][inner]),
        agreement=agreement,
        blocks=blocks,
    )


def _detail(grey: Grey) -> Floats:
    import cv2

    values: Any = grey.astype(np.float32)
    return np.asarray(
        cv2.GaussianBlur(values, (0, 0), _FINE_PX) - cv2.GaussianBlur(values, (0, 0), _COARSE_PX), np.float32
    )


def _correlation(one: Floats, other: Floats) -> float:
    first, second = one - one.mean(), other - other.mean()
    squares = float((first**2).sum()) * float((second**2).sum())
    return float((first * second).sum()) / math.sqrt(squares) if squares > 0 else 0.0


def _clipped(grey: Grey) -> NDArray[np.bool_]:
    """Where light or shadow, or a border that was filled in, left no structure; and the pixels beside."""
    import cv2

    lost: Any = ((grey >= _BRIGHTEST) | (grey <= _DARKEST)).astype(np.uint8)
    return np.asarray(cv2.dilate(lost, np.ones((_BESIDE_PX, _BESIDE_PX), np.uint8)) > 0, np.bool_)


def _blocks(one: Floats, other: Floats, seen: NDArray[np.bool_]) -> tuple[float, int]:
    """The share of the blocks with structure in either that agree, and how many such blocks there are."""
    mask = _cut(seen.astype(np.float32))  # (B, P)
    first, second = _cut(one) * mask, _cut(other) * mask
    count = mask.sum(axis=1)
    within = count >= _SEEN * mask.shape[1]
    first, second, count = first[within], second[within], count[within]
    squares, others = (first**2).sum(axis=1) / count, (second**2).sum(axis=1) / count
    if not squares.sum() or not others.sum():
        return 0.0, 0
    contrast = math.sqrt(squares.sum() / others.sum())
    product, others = contrast * (first * second).sum(axis=1) / count, contrast**2 * others
    stronger = np.maximum(squares, others)
    rich = stronger >= max(_POOR**2, float(squares.mean()) / 4)
    # Unlike a correlation, this is small too where one has much structure and the other little.
    alike = 2 * product[rich] >= _ALIKE * (squares[rich] + others[rich])
    return (float(alike.mean()), int(rich.sum())) if rich.any() else (0.0, 0)


def _cut(values: Floats) -> Floats:
    """`(H, W) -> (B, P)`: blocks of `_BLOCK_PX` squared; what is left over at the border is left out."""
    rows, columns = values.shape[0] // _BLOCK_PX, values.shape[1] // _BLOCK_PX
    whole = values[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    return (
        whole.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
        .swapaxes(1, 2)
        .reshape(rows * columns, _BLOCK_PX**2)
    )
