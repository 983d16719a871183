"""One object as an element of CVAT's XML, in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from runner.dataset.entries import EncodedMask, LabelledObject
from runner.layouts.drawn_shapes import rotated_corners
from runner.tasks import TASKS
from runner.writers.losses import Losses
from runner.writers.numbers import pixel_text, pixels, stated_area
from runner.writers.outlines import single_outline
from runner.writers.writer import SizedImage, WriteJob

_SAME_PX = 1e-6


def element(item: LabelledObject, image: SizedImage, job: WriteJob) -> str:
    """The element; nothing where CVAT has no place for the object, which is noted."""
    losses, task = job.losses, TASKS[job.scheme.task]
    label = f'label={quoteattr(item.class_name)} source="manual"'
    if not task.ranked:
        return f"<tag {label}></tag>"
    if item.crowd:
        losses.add("crowd", item.place)
        return ""
    losses.add_flags(item, ("occluded",))
    head = f'{label} occluded="{int(item.occluded)}"'
    match task.shape:
        case "mask_rle" if item.mask is not None:
            return f'<mask {head} {_mask(item.mask)} z_order="0"></mask>'
        case "mask_rle":
            points = _pairs(single_outline(item, image, losses))
            return f'<polygon {head} points="{points}" z_order="0"></polygon>'
        case "corners":
            return _rotated(pixels(item, item.corners, image), head)
        case "keypoints":
            names = job.scheme.keypoints.names if job.scheme.keypoints else ()
            return _skeleton(item, image, names, losses, head)
    return f"<box {head} {_sides(pixels(item, item.box_xyxy, image))}></box>"


def _sides(box: Sequence[float]) -> str:
    names = ("xtl", "ytl", "xbr", "ybr")
    sides = " ".join(f'{name}="{pixel_text(value)}"' for name, value in zip(names, box, strict=True))
    return f'{sides} z_order="0"'


def _pairs(points: Sequence[float]) -> str:
    """`x,y;x,y;…`."""
    return ";".join(
        f"{pixel_text(x)},{pixel_text(y)}" for x, y in zip(points[::2], points[1::2], strict=True)
    )


def _rotated(corners: Sequence[float], head: str) -> str:
    """A box and its rotation around its centre; four corners that are no rectangle, clockwise, are a polygon."""
    x0, y0, x1, y1, x2, y2, *_ = corners
    degrees = math.degrees(math.atan2(y1 - y0, x1 - x0)) % 360
    width, height = math.hypot(x1 - x0, y1 - y0), math.hypot(x2 - x1, y2 - y1)
    centre = (sum(corners[::2]) / 4, sum(corners[1::2]) / 4)
    again = rotated_corners(centre, width, height, degrees)
    if max(abs(one - other) for one, other in zip(again, corners, strict=True)) > _SAME_PX:
        return f'<polygon {head} points="{_pairs(corners)}" z_order="0"></polygon>'
    if not degrees:
        return f"<box {head} {_sides((x0, y0, x2, y2))}></box>"
    sides = (centre[0] - width / 2, centre[1] - height / 2, centre[0] + width / 2, centre[1] + height / 2)
    return f'<box {head} {_sides(sides)} rotation="{pixel_text(degrees)}"></box>'


def _mask(mask: EncodedMask) -> str:
    """Run lengths along the rows of the mask's own box, background first."""
    import numpy as np

    from runner.writers.outlines import mask_pixels

    whole = mask_pixels(mask)
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    part = whole[top : rows[-1] + 1, left : columns[-1] + 1]
    changes = np.flatnonzero(np.diff(part.ravel(), prepend=False))
    runs = np.diff(changes, prepend=0, append=part.size)
    rle = ", ".join(map(str, runs.tolist()))
    height, width = part.shape
    return f'rle="{rle}" left="{left}" top="{top}" width="{width}" height="{height}"'


def _skeleton(
    item: LabelledObject, image: SizedImage, names: Sequence[str], losses: Losses, head: str
) -> str:
    """Points that are not labelled are outside, hidden ones occluded. A skeleton has no box but the one around its points."""
    numbers = pixels(item, item.keypoints, image, 3)
    labelled = [numbers[at : at + 2] for at in range(0, len(numbers), 3) if numbers[at + 2]]
    if not labelled:
        losses.add("no_points", item.place)
        return ""
    if stated_area(item, image) is not None:
        losses.add("area", item.place)
    hull = [*map(min, zip(*labelled, strict=True)), *map(max, zip(*labelled, strict=True))]
    box = pixels(item, item.box_xyxy, image)
    if max(abs(one - other) for one, other in zip(hull, box, strict=True)) > _SAME_PX:
        losses.add("box_of_points", item.place)
    points = "".join(
        f'<points label={quoteattr(name)} source="manual" outside="{int(not visibility)}" '
        f'occluded="{int(visibility == 1)}" points="{_pairs((x, y))}"></points>'
        for name, x, y, visibility in zip(names, numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    )
    return f'<skeleton {head} z_order="0">{points}</skeleton>'
