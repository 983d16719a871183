"""Lengths in pixels and in fractions of an image's side, so that reading what is written gives the same value.

Pixels are written as the label had them, fractions in eleven decimals. Pixels that are made of fractions are the shortest
number that the fraction can have stood for: so pixels of some digits come back through fractions as they were, and
fractions of some digits through pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from runner.dataset.entries import LabelledObject
from runner.writers.writer import SizedImage

DECIMALS = 11
_SAME = 2e-11  # of the side: what a corner can be off that was written as a centre and a size
_SAME_PX = 1e-7


def pixels(item: LabelledObject, values: Sequence[float], image: SizedImage, stride: int = 2) -> list[float]:
    """Points `x, y` (and, at a stride of 3, what belongs to them) in pixels."""
    if not item.normalised:
        return [float(value) for value in values]
    factors = (image.width, image.height, 1)[:stride]
    return [_shortest(value, factors[at % stride]) for at, value in enumerate(values)]


def _shortest(fraction: float, side: int) -> float:
    """The pixel with the fewest decimals that a fraction can have been made of.

    >>> _shortest(round(120.3 / 641, 11), 641), _shortest(0.240469, 640)
    (120.3, 153.90016)
    """
    exact = fraction * side
    limit = min(_SAME * side, _SAME_PX)
    rounded = (round(exact, digits) for digits in range(10))
    return next((pixel for pixel in rounded if abs(pixel - exact) <= limit), exact)


def fractions(
    item: LabelledObject, values: Sequence[float], image: SizedImage, stride: int = 2
) -> list[float]:
    """The same in fractions of the image's size."""
    if item.normalised:
        return [float(value) for value in values]
    factors = (image.width, image.height, 1)[:stride]
    return [value / factors[at % stride] for at, value in enumerate(values)]


def span(low: float, high: float) -> float:
    """The length from `low` to `high` in the fewest digits from which a reader gets `high` back.

    >>> (473.07 + 38.65) - 473.07, span(473.07, 473.07 + 38.65)
    (38.64999999999998, 38.65)
    """
    exact = high - low
    rounded = (round(exact, digits) for digits in (0, 1, 2, 3, 4, 6, 9, 12))
    return next((length for length in rounded if low + length == high), exact)


def stated_area(item: LabelledObject, image: SizedImage) -> float | None:
    """The area that a label states, in square pixels; None where that of the box says the same."""
    left, top, right, bottom = pixels(item, item.box_xyxy, image)
    of_box = (right - left) * (bottom - top)
    if item.area_px is None or math.isclose(item.area_px, of_box, rel_tol=1e-9):
        return None
    return item.area_px


def fraction_text(value: float) -> str:
    """A fraction in at most eleven decimals, never with an exponent.

    >>> fraction_text(0.1 + 0.2), fraction_text(0.00001), fraction_text(-1e-12), fraction_text(1.0)
    ('0.3', '0.00001', '0', '1')
    """
    text = f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def pixel_text(value: float) -> str:
    """A length in pixels as it is, without an exponent where it can be written without, and whole numbers without a point.

    >>> pixel_text(12.0), pixel_text(12.345), pixel_text(1e-5)
    ('12', '12.345', '0.00001')
    """
    if value == int(value):
        return str(int(value))
    text = repr(value)
    return fraction_text(value) if "e" in text and float(fraction_text(value)) == value else text
