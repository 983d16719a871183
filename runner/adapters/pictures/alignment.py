"""Where one picture lies in another: a coarse search over flips, scales and places, then refined to parts of a pixel.

Pictures are grey and small (`small_grey`); brightness and contrast may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Grey: TypeAlias = NDArray[np.uint8]
Matrix: TypeAlias = NDArray[np.float32]
"""`(2, 3)`: from pixels `(x, y)` of one picture to pixels of another."""
Flip: TypeAlias = Literal["none", "horizontal", "vertical", "both"]

FLIPS: tuple[Flip, ...] = ("none", "horizontal", "vertical", "both")
_AXES: dict[Flip, int | None] = {
    "none": None,
    "horizontal": 1,
    "vertical": 0,
    "both": -1,
}  # as cv2.flip calls them
COARSE_SIDE_PX = 64
# Of a picture's side, how much a crop shows at least; between two steps a template still matches.
SMALLEST_SHARE, _STEP = 0.45, 0.93
_ILLUMINATION_PX = 10.0  # at the coarse scale: what varies more slowly says little of the scene
_REFINEMENTS = (COARSE_SIDE_PX, 128)
_ITERATIONS, _EPSILON = 30, 1e-4
_FEWEST_PX = 12
_MARGIN_PX = 5  # at the coarse scale, by which a picture may reach beyond the other: a camera that moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the first picture, flipped, may lie in the second.

    Attributes:
        matrix: `(2, 3)` from the flipped first to the second, both at `COARSE_SIDE_PX`.
        score: correlation of the grey values there, [-1, 1].
    """

    flip: Flip
    matrix: Matrix
    score: float


def small_grey(grey: Grey, side_px: int) -> Grey:
    """The picture, its longer side at most `side_px`; never enlarged."""
    import cv2

    height, width = grey.shape
    gain = side_px / max(height, width)
    if gain >= 1:
        return grey
    size = max(round(width * gain), 1), max(round(height * gain), 1)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def flipped(grey: Grey, flip: Flip) -> Grey:
    """The picture, mirrored as asked."""
    import cv2

    axis = _AXES[flip]
    return grey if axis is None else np.asarray(cv2.flip(grey, axis), np.uint8)


def placements(one: Grey, other: Grey, most: int) -> list[Placement]:
    """The best places of the first in the second or of the second in the first, the best first; at most one per flip and direction.

    Args:
        one: `(H, W)` and `other`: at most `COARSE_SIDE_PX` on their longer sides.
        most: how many.
    """
    first, second = _structure(one), _structure(other)
    found = []
    for flip in FLIPS:
        turned = np.ascontiguousarray(_flipped_floats(first, flip))
        found += [
            Placement(flip=flip, matrix=matrix, score=score) for matrix, score in _inside(turned, second)
        ]
        for matrix, score in _inside(second, turned):
            found.append(Placement(flip=flip, matrix=_inverse(matrix), score=score))
    return sorted(found, key=lambda each: -each.score)[:most]


def _flipped_floats(image: NDArray[np.float32], flip: Flip) -> Any:
    import cv2

    axis = _AXES[flip]
    return image if axis is None else cv2.flip(image, axis)


def _structure(grey: Grey) -> NDArray[np.float32]:
    import cv2

    values = grey.astype(np.float32)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), _ILLUMINATION_PX), np.float32)


def _inside(small: NDArray[np.float32], large: NDArray[np.float32]) -> Iterator[tuple[Matrix, float]]:
    """The best place of the whole of one picture within another, at any scale that fits; none where nothing fits."""
    import cv2

    best: tuple[Matrix, float] | None = None
    padded = np.pad(large, _MARGIN_PX)
    fits = min(large.shape[0] / small.shape[0], large.shape[1] / small.shape[1])
    share = 1.0
    while share >= SMALLEST_SHARE:
        gain = fits * share
        share *= _STEP
        size = round(small.shape[1] * gain), round(small.shape[0] * gain)
        if min(size) < _FEWEST_PX or size[0] > large.shape[1] or size[1] > large.shape[0]:
            continue
        template = cv2.resize(small, size, interpolation=cv2.INTER_AREA if gain < 1 else cv2.INTER_LINEAR)
        matched = cv2.matchTemplate(padded, template, cv2.TM_CCOEFF_NORMED)
        _, score, _, (x, y) = cv2.minMaxLoc(matched)
        if best is None or score > best[1]:
            scale = size[0] / small.shape[1], size[1] / small.shape[0]
            best = _scaled_and_moved(scale, (x - _MARGIN_PX, y - _MARGIN_PX)), float(score)
    if best is not None:
        yield best


def _scaled_and_moved(scale: tuple[float, float], offset: tuple[float, float]) -> Matrix:
    """Pixel centres lie at whole numbers, so a scale also moves them by a part of a pixel."""
    (sx, sy), (x, y) = scale, offset
    return np.array([[sx, 0, x + (sx - 1) / 2], [0, sy, y + (sy - 1) / 2]], np.float32)


def _inverse(matrix: Matrix) -> Matrix:
    """From the second back to the first."""
    import cv2

    return np.asarray(cv2.invertAffineTransform(matrix), np.float32)


def _at_scale(matrix: Matrix, of_one: tuple[float, float], of_other: tuple[float, float]) -> Matrix:
    """The same placement between resized pictures; how many times larger each is now, as `(x, y)`."""
    before = np.vstack([_scaled_and_moved((1 / of_one[0], 1 / of_one[1]), (0, 0)), [0, 0, 1]])
    after = np.vstack([_scaled_and_moved(of_other, (0, 0)), [0, 0, 1]])
    whole = np.vstack([matrix, [0, 0, 1]])
    return np.asarray((after @ whole @ before)[:2], np.float32)


def refined(one: Grey, other: Grey, matrix: Matrix) -> Matrix | None:
    """The placement to parts of a pixel, with small rotations (enhanced correlation coefficient); None where it does not converge.

    Args:
        one: flipped, and `other`: at any scale.
        matrix: from `one` to `other`, both at `COARSE_SIDE_PX`.

    Source: Evangelidis and Psarakis, 2008.
    """
    import cv2

    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ITERATIONS, _EPSILON)
    before = small_grey(one, COARSE_SIDE_PX), small_grey(other, COARSE_SIDE_PX)
    for side in _REFINEMENTS:
        now = small_grey(one, side), small_grey(other, side)
        gains = [
            (after.shape[1] / was.shape[1], after.shape[0] / was.shape[0])
            for was, after in zip(before, now, strict=True)
        ]
        matrix, before = _at_scale(matrix, gains[0], gains[1]), now
        # The one that shows less is the template: all of it has to lie in the other.
        swapped = area_gain(matrix) * now[0].size > now[1].size
        template, image = (now[1], now[0]) if swapped else now
        warp = _inverse(matrix) if swapped else matrix
        try:
            _, warp = cv2.findTransformECC(template, image, warp, cv2.MOTION_AFFINE, criteria, None, 3)
        except cv2.error:
            return None
        matrix = _inverse(warp) if swapped else np.asarray(warp, np.float32)
    gains = [
        (whole.shape[1] / was.shape[1], whole.shape[0] / was.shape[0])
        for was, whole in zip(before, (one, other), strict=True)
    ]
    return _at_scale(matrix, gains[0], gains[1])


def area_gain(matrix: Matrix) -> float:
    """How many square pixels of the second one of the first covers."""
    return abs(float(np.linalg.det(matrix[:, :2])))
