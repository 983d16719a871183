"""Text on pictures, by Pillow, in the DejaVu font that matplotlib carries: the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.pictures.marks import COLOURS, INK, LABELLED, LEGEND, Kind, Line, Mark, Rgb
from runner.adapters.pictures.pixels import Pixels
from runner.adapters.system.private_folders import out_of_reach

LINE_PX = 22  # a line of the strip below a picture
_PALE: Rgb = (236, 236, 236)
_FONT_PX = 13
_MARGIN_PX = 8


def with_names(picture: Pixels, marks: Sequence[Mark], scale: float) -> Pixels:
    """Names beside their marks, errors first; where there is no room, a correct one's is left out."""
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(picture[..., ::-1])
    draw, font = ImageDraw.Draw(canvas), _font()
    placed: list[tuple[int, int, int, int]] = []
    for mark in sorted(marks, key=lambda mark: mark.kind in ("correct", "truth", "ignored")):
        if not mark.text:
            continue
        size = (round(font.getlength(mark.text)) + 6, _FONT_PX + 5)
        spot = _spot(mark, size, scale, canvas.size, placed)
        if spot is None:
            continue
        x, y = spot
        placed.append((x, y, x + size[0], y + size[1]))
        draw.rectangle(placed[-1], fill=COLOURS[mark.kind], outline=INK)
        draw.text((x + 3, y + 1), mark.text, fill=INK, font=font)
    return np.ascontiguousarray(np.asarray(canvas)[..., ::-1])


def _spot(
    mark: Mark,
    size: tuple[int, int],
    scale: float,
    canvas: tuple[int, int],
    placed: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int] | None:
    """The first place at the box that lies in the picture and covers no other name."""
    x_min, y_min, x_max, y_max = (round(value * scale) for value in mark.box_xyxy)
    left, above = x_max - size[0], y_min - size[1]
    wanted = [
        *_at_tips(mark, size, scale),
        *((x_min, above), (x_min, y_max), (left, above), (left, y_max)),
        *((x_min, y_min), (x_min, y_max - size[1]), (x_max, y_min), (x_max, y_max)),
    ]
    room = (canvas[0] - size[0] - 1, canvas[1] - size[1] - 1)
    inside = [(max(0, min(x, room[0])), max(0, min(y, room[1]))) for x, y in wanted]
    for x, y in inside:
        right, bottom = x + size[0], y + size[1]
        if all(x > other[2] or right < other[0] or y > other[3] or bottom < other[1] for other in placed):
            return x, y
    return None if mark.kind in ("correct", "truth", "ignored") else inside[0]


def _at_tips(mark: Mark, size: tuple[int, int], scale: float) -> list[tuple[int, int]]:
    """Above the highest and below the lowest corner: the box around a rotated box has corners far from it."""
    if mark.corners is None:
        return []
    points = [
        (round(float(x) * scale), round(float(y) * scale))
        for x, y in zip(*[iter(mark.corners)] * 2, strict=True)
    ]
    highest, lowest = (choose(points, key=lambda point: point[1]) for choose in (min, max))
    return [(highest[0] - size[0] // 2, highest[1] - size[1]), (lowest[0] - size[0] // 2, lowest[1])]


def legend(kinds: Sequence[Kind], width: int) -> Pixels:
    """What the colours mean, as many in a row as fit."""
    font = _font()
    rows: list[list[Line]] = [[]]
    used = _MARGIN_PX
    for kind in kinds:
        needed = 22 + round(font.getlength(LEGEND[kind])) + 14
        if used + needed > width and rows[-1]:
            rows.append([])
            used = _MARGIN_PX
        rows[-1].append(Line(kind=kind, text=LEGEND[kind]))
        used += needed
    return strip(rows, width)


def strip(rows: Sequence[Sequence[Line]], width: int) -> Pixels:
    """Rows of text behind a sample of their colour, light on dark; too long a text is cut off."""
    from PIL import Image, ImageDraw

    canvas = Image.new("RGB", (width, LINE_PX * len(rows) + 4), INK)
    draw, font = ImageDraw.Draw(canvas), _font()
    for number, row in enumerate(rows):
        x, y = _MARGIN_PX, 2 + number * LINE_PX
        for line in row:
            text = _cut(line.text, font, width - x - 22 - _MARGIN_PX)
            parts = ((0, 5), (9, 14)) if line.kind in LABELLED else ((0, 14),)
            for start, end in parts:
                draw.rectangle((x + start, y + 8, x + end, y + 12), fill=COLOURS[line.kind])
            draw.text((x + 22, y + 2), text, fill=_PALE, font=font)
            x += 22 + round(font.getlength(text)) + 14
    return np.ascontiguousarray(np.asarray(canvas)[..., ::-1])


def captions(lines: Sequence[str], width: int) -> Pixels:
    """Lines of text, light on dark; too long a line is cut off."""
    from PIL import Image, ImageDraw

    canvas = Image.new("RGB", (width, LINE_PX * len(lines)), INK)
    draw, font = ImageDraw.Draw(canvas), _font()
    for number, line in enumerate(lines):
        text = _cut(line, font, width - 2 * _MARGIN_PX)
        draw.text((_MARGIN_PX, number * LINE_PX + 2), text, fill=_PALE, font=font)
    return np.ascontiguousarray(np.asarray(canvas)[..., ::-1])


def _cut(text: str, font: Any, room: int) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text}…"


def _font() -> Any:
    with out_of_reach():  # a `matplotlibrc` in the working folder would be read
        import matplotlib
    from PIL import ImageFont

    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(file, _FONT_PX, layout_engine=ImageFont.Layout.BASIC)
