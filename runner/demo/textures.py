"""Procedural surfaces: what lies under the labels. All are (height, width, 3) float32 RGB in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Surface = Callable[[int, int, np.random.Generator], Image]


def clouds(height: int, width: int, cells: tuple[int, int], rng: np.random.Generator) -> Image:
    """Smooth noise of shape (height, width), mean 0, about unit range; `cells`: rows, columns of its grid."""
    import cv2

    total = np.zeros((height, width), np.float32)
    for octave in range(3):
        grid = rng.standard_normal((cells[0] * 2**octave + 2, cells[1] * 2**octave + 2)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    centred: Image = (total - total.mean()) / 3
    return centred


def _tinted(shade: Image, colour: tuple[float, float, float]) -> Image:
    image: Image = np.clip(shade[..., None] * np.array(colour, np.float32), 0, 1).astype(np.float32)
    return image


def cardboard(height: int, width: int, rng: np.random.Generator) -> Image:
    """Corrugated brown paper."""
    ribs = 0.03 * np.sin(np.arange(height, dtype=np.float32) * rng.uniform(0.4, 0.9))[:, None]
    shade = 0.62 + rng.uniform(-0.1, 0.12) + 0.10 * clouds(height, width, (3, 3), rng) + ribs
    return _tinted(shade, (1.0, rng.uniform(0.76, 0.84), rng.uniform(0.54, 0.66)))


def wood(height: int, width: int, rng: np.random.Generator) -> Image:
    """Planks with grain along them."""
    grain = 0.22 * clouds(height, width, (24, 1), rng) + 0.05 * clouds(height, width, (4, 4), rng)
    planks = np.arange(height, dtype=np.float32) % max(8, int(height * rng.uniform(0.18, 0.3)))
    shade = 0.55 + rng.uniform(-0.1, 0.1) + grain - 0.3 * (planks < 2)[:, None]
    return _tinted(shade, (1.0, rng.uniform(0.74, 0.82), rng.uniform(0.48, 0.62)))


def concrete(height: int, width: int, rng: np.random.Generator) -> Image:
    """A stained floor."""
    speckle = 0.04 * rng.standard_normal((height, width)).astype(np.float32)
    shade = 0.50 + rng.uniform(-0.1, 0.15) + 0.12 * clouds(height, width, (4, 4), rng) + speckle
    return _tinted(shade, (1.0, rng.uniform(0.96, 1.0), rng.uniform(0.9, 1.0)))


def conveyor(height: int, width: int, rng: np.random.Generator) -> Image:
    """A rubber belt with ribs across."""
    pitch = rng.uniform(14, 26)
    ribs = (np.arange(width, dtype=np.float32) % pitch < 3)[None, :] * 0.10
    shade = 0.26 + rng.uniform(-0.05, 0.1) + 0.06 * clouds(height, width, (3, 3), rng) + ribs
    return _tinted(shade, (0.95, 1.0, rng.uniform(1.0, 1.1)))


def sheet_metal(height: int, width: int, rng: np.random.Generator) -> Image:
    """A brushed plate with a gradient across."""
    direction = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    gradient = 0.3 * (np.cos(direction) * (columns - 0.5) + np.sin(direction) * (rows - 0.5))
    shade = 0.58 + gradient + 0.07 * clouds(height, width, (40, 1), rng)
    return _tinted(shade, (rng.uniform(0.9, 1.0), 0.98, 1.0))


SURFACES: tuple[Surface, ...] = (cardboard, wood, concrete, conveyor, sheet_metal)
