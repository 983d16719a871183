"""Pairs of images side by side, each under its name: to see whether they show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.adapters.pictures.lettering import strip
from runner.adapters.pictures.marks import INK, Line
from runner.adapters.pictures.pixels import Pixels

PANEL_WH = (318, 200)
_GAP_PX = 4


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two images, what each is called, and what they are to each other.

    Attributes:
        left, right: `(H, W, 3)` BGR, of any sizes; None where an image cannot be read.
        named: of both, with their splits. `said`: in a few words.
    """

    left: Pixels | None
    right: Pixels | None
    named: tuple[str, str]
    said: str


def draw_pairs(pairs: Sequence[Pair]) -> Pixels:
    """One picture, a pair to a row, 640 px wide; of no pairs it cannot be asked."""
    return np.vstack([_row(pair) for pair in pairs])


def _row(pair: Pair) -> Pixels:
    gap = np.full((PANEL_WH[1], _GAP_PX, 3), 255, np.uint8)
    lines = Line(kind="background", text=pair.named[0]), Line(kind="localisation", text=pair.named[1])
    names = [strip([[line]], PANEL_WH[0]) for line in lines]
    between = np.full((names[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    pictures = np.hstack([_panel(pair.left), gap, _panel(pair.right)])
    said = strip([[Line(kind="truth", text=pair.said)]], pictures.shape[1])
    return np.vstack([pictures, np.hstack([names[0], between, names[1]]), said])


def _panel(image: Pixels | None) -> Pixels:
    """The image inside the panel, with its aspect kept, on dark ground."""
    import cv2

    panel = np.full((PANEL_WH[1], PANEL_WH[0], 3), INK, np.uint8)
    if image is None:
        return panel
    scale = min(PANEL_WH[0] / image.shape[1], PANEL_WH[1] / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    fitted = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (PANEL_WH[1] - size[1]) // 2, (PANEL_WH[0] - size[0]) // 2
    panel[top : top + size[1], left : left + size[0]] = fitted
    return panel
