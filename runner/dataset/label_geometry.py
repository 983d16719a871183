"""What of labelled objects is wrong beside the pixels of their images: nothing of them, out of the image, or there twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from runner.dataset.entries import LabelledObject
from runner.dataset.shapes import SizeHW, shape_columns
from runner.dataset.twins import near_pairs, same_shape
from runner.domain.label_faults import OVERHANG_TOLERANCE_PX, SMALLEST_SIDE_PX, TWIN_IOU
from runner.domain.task import TaskName
from runner.tasks import TASKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Placed: TypeAlias = tuple[LabelledObject, SizeHW]
"""An object and the height and width of its image."""


def boxes_px(placed: Sequence[Placed]) -> NDArray[np.float64]:
    """The boxes `(N, 4)` in pixels, `(x_min, y_min, x_max, y_max)`."""
    boxes = np.array([item.box_xyxy for item, _ in placed], dtype=np.float64).reshape(-1, 4)
    scales = np.array(
        [
            (width, height, width, height) if item.normalised else (1, 1, 1, 1)
            for item, (height, width) in placed
        ],
        dtype=np.float64,
    ).reshape(-1, 4)
    return boxes * scales


def outside_px(boxes: NDArray[np.float64], placed: Sequence[Placed], task: TaskName) -> NDArray[np.float64]:
    """How far `(N,)` boxes `(N, 4)` reach out of their images; of rotated boxes, their centres; 0 below tolerance.

    What is more than `OVERHANG_TOLERANCE_PX` out is a fault; of a centre, whatever is out.
    """
    sizes = np.array([(width, height) for _, (height, width) in placed], dtype=np.float64).reshape(-1, 2)
    centre = TASKS[task].may_reach_out
    low = (boxes[:, :2] + boxes[:, 2:]) / 2 if centre else boxes[:, :2]
    high = low if centre else boxes[:, 2:]
    out = np.concatenate([-low, high - sizes], axis=1).max(axis=1, initial=0)
    return np.where(out > (0 if centre else OVERHANG_TOLERANCE_PX), out, 0.0)


def short_sided(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which `(N,)` boxes `(N, 4)` have a side of `SMALLEST_SIDE_PX` or less."""
    short: NDArray[np.bool_] = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) <= SMALLEST_SIDE_PX
    return short


def without_area(boxes: NDArray[np.float64], placed: Sequence[Placed], task: TaskName) -> NDArray[np.bool_]:
    """Which `(N,)` objects have a short side, or a mask without pixels.

    Their masks must fit their images.
    """
    small = short_sided(boxes)
    if TASKS[task].shape == "mask_rle" and placed:
        areas = shape_columns(task, [item for item, _ in placed], [size for _, size in placed])["area_px"]
        small = small | (np.array(areas) <= 0)
    return small


def twins(
    boxes: NDArray[np.float64], images: Sequence[str], placed: Sequence[Placed], task: TaskName
) -> dict[int, int]:
    """Objects that repeat an earlier one of their image, class and shape: of each the earlier one, which repeats none.

    Crowds repeat nothing.

    Args:
        boxes: `(N, 4)`, pixels.
        images: of each object, its image.
        placed: the objects.
    """
    rows = [at for at, (item, _) in enumerate(placed) if not item.crowd and np.isfinite(boxes[at]).all()]
    first: dict[tuple[object, ...], int] = {}
    found: dict[int, int] = {}
    for at in rows:  # equal to the last digit: of a thousand equal lines not every pair is looked at
        earlier = first.setdefault((images[at], placed[at][0]._replace(place="", area_px=None)), at)
        if earlier != at:
            found[at] = earlier
    left = np.array([at for at in rows if at not in found], dtype=np.int64)
    names = np.array([f"{images[at]}\0{placed[at][0].class_name}" for at in left], dtype=object)
    pairs = [
        (int(left[second]), int(left[one]))
        for ones, seconds, _ in near_pairs(names, boxes[left])
        for one, second in zip(ones.tolist(), seconds.tolist(), strict=True)
    ]
    for later, earlier in sorted(pairs):
        if later not in found and earlier not in found and _alike(placed[earlier], placed[later], task):
            found[later] = earlier
    return found


def _alike(a: Placed, b: Placed, task: TaskName) -> bool:
    """Whether two objects of one box have one shape."""
    if TASKS[task].shape is None:
        return True
    shapes = [shape_columns(task, [item], [size]) for item, size in (a, b)]
    match TASKS[task].shape:
        case "mask_rle":
            from runner.adapters.pictures.coco_masks import mask_iou

            one, other = (shape["mask_rle"][0] for shape in shapes)
            return mask_iou(one, other, a[1]) >= TWIN_IOU
        case "keypoints":
            one, other = (np.array(shape["keypoints"][0]).reshape(-1, 3) for shape in shapes)
            reach = (1 - TWIN_IOU) * float(np.ptp(boxes_px([a]).reshape(2, 2), axis=0).max())
            return bool((one[:, 2] == other[:, 2]).all() and (np.abs(one - other)[:, :2] <= reach).all())
        case "corners":
            one, other = (np.array(shape["corners"][0]).reshape(4, 2) for shape in shapes)
            return same_shape(one, other)
    return True
