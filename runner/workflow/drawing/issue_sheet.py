"""A picture of suspected labels: a tile each, with the label as it is and what the models see in its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.domain.label_issues import IssueKind, LabelIssue

if TYPE_CHECKING:
    from runner.adapters.pictures.marks import Kind, Mark

COLUMNS, TILE_PX = 6, 216
_CONTEXT = 1.5  # of the object's longer side, to each side of it
_SEEN: dict[IssueKind, Kind] = {
    "wrong_class": "classification",
    "missed": "background",
    "badly_placed": "localisation",
    "spurious": "missed",
}
WORDS: dict[IssueKind, str] = {
    "wrong_class": "wrong class",
    "missed": "missed object",
    "badly_placed": "badly placed",
    "spurious": "label of nothing",
}


def issue_sheet(dataset: Path, issues: Sequence[LabelIssue]) -> bytes:
    """A JPEG, the issue that is worth most first: labels dashed, suggestions solid.

    Args:
        dataset: the folder that their paths are relative to.
    """
    from runner.adapters.pictures.contact_sheet import Tile, contact_sheet

    tiles = [
        Tile(
            file=dataset / one.path,
            lines=_lines(one),
            marks=_marks(dataset / one.path, one),
            around=_around(one),
        )
        for one in issues
    ]
    return contact_sheet(tiles, COLUMNS, tile_px=TILE_PX, jpeg=True)


def _lines(one: LabelIssue) -> list[str]:
    what = one.label or ""
    if one.suggested and one.suggested != one.label:
        what = f"{what} > {one.suggested}" if what else one.suggested
    doubted = "both wrong" if one.both_wrong else WORDS[one.kind]
    return [f"{doubted} {one.suspicion:.0%}", what, one.issue]


def _marks(file: Path, one: LabelIssue) -> list[Mark]:
    """In pixels of the image; none of what cannot be opened."""
    from runner.adapters.pictures.decoded import read_image
    from runner.adapters.pictures.marks import Mark
    from runner.domain.errors import FlywheelError

    if one.box is None:
        return []
    try:
        height, width = read_image(file).shape[:2]
    except FlywheelError:
        return []
    marks = []
    if one.kind != "missed":
        kind: Kind = "missed" if one.kind == "spurious" else "truth"
        marks.append(Mark(kind=kind, text="", box_xyxy=_pixels(one.box, width, height)))
    if one.suggested_box is not None:
        mask = _mask(one, width, height)
        box = _pixels(one.suggested_box, width, height)
        marks.append(Mark(kind=_SEEN[one.kind], text="", box_xyxy=box, mask_rle=mask))
    return marks


def _pixels(
    box: tuple[float, float, float, float], width: int, height: int
) -> tuple[float, float, float, float]:
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height


def _mask(one: LabelIssue, width: int, height: int) -> str | None:
    from runner.adapters.pictures.coco_masks import polygons_to_rle

    if not one.polygons:
        return None
    scaled = [
        [value * (width, height)[at % 2] for at, value in enumerate(polygon)] for polygon in one.polygons
    ]
    return polygons_to_rle(scaled, (height, width))


def _around(one: LabelIssue) -> tuple[float, float, float, float] | None:
    """The part of the image that is shown, in fractions: the object with what is around it."""
    boxes = [box for box in (one.box, one.suggested_box) if box is not None]
    if not boxes:
        return None
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    reach = _CONTEXT * max(right - left, bottom - top, 0.02)
    return max(0.0, left - reach), max(0.0, top - reach), min(1.0, right + reach), min(1.0, bottom + reach)
