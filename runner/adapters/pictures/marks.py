"""What is drawn on an image: labels, right predictions, and wrong ones by their kind of error.

Colours are as far apart as nine can be with colour-blindness (after Okabe and Ito), and bright enough for black text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Rgb: TypeAlias = tuple[int, int, int]
Kind: TypeAlias = Literal[
    "truth",
    "missed",
    "ignored",
    "correct",
    "classification",
    "localisation",
    "both",
    "duplicate",
    "background",
]

COLOURS: dict[Kind, Rgb] = {
    "ignored": (176, 176, 176),
    "truth": (255, 255, 255),
    "missed": (255, 96, 64),
    "correct": (0, 212, 148),
    "classification": (255, 128, 208),
    "localisation": (255, 176, 0),
    "both": (244, 232, 80),
    "duplicate": (152, 168, 255),
    "background": (72, 200, 255),
}
LABELLED: frozenset[Kind] = frozenset(("truth", "missed", "ignored"))
LEGEND: dict[Kind, str] = {
    "ignored": "ignored label",
    "truth": "label",
    "missed": "missed",
    "correct": "correct",
    "classification": "classification (wrong class)",
    "localisation": "localisation (badly placed)",
    "both": "both (wrong class, badly placed)",
    "duplicate": "duplicate",
    "background": "background (nothing there)",
}
INK: Rgb = (24, 24, 24)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One object on an image, in pixels of the image.

    Attributes:
        kind: what it is; an error type for a wrong prediction.
        text: its class, and its score; empty for none.
        box_xyxy: drawn unless there are corners or a mask.
        corners: of a rotated box: `x1, y1, …, x4, y4`.
        mask_rle: COCO's compressed RLE at the image's size.
        keypoints: `x, y, visibility or confidence` of each point.
    """

    kind: Kind
    text: str
    box_xyxy: tuple[float, float, float, float]
    corners: Sequence[float] | None = None
    mask_rle: str | None = None
    keypoints: Sequence[float] | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of text below a picture."""

    kind: Kind
    text: str
