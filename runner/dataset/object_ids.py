"""What labelled objects are called: by their image, their class and their shape, wherever their labels are written."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from runner.dataset.entries import LabelledObject

_BOX_ALONE = struct.Struct("<I4dIII")  # what `_digest` packs of a box without any other shape


def object_ids(path: str, objects: Sequence[LabelledObject]) -> list[str]:
    """An id for each object of an image: `images/train/x.jpg#3f0a91c24be7`.

    It stays what it is when other labels are written before it, removed or put into another order, and when its label
    moves to another file. Another class or another shape is another object. What is labelled twice in the very same
    way is counted, in the order of the labels: `…#3f0a91c24be7`, `…#3f0a91c24be7-2`.

    Args:
        path: the image's, relative to the dataset.
        objects: of that image, all of them.
    """
    seen: dict[str, int] = {}
    ids = []
    for item in objects:
        name = f"{path}#{_digest(item)}"
        seen[name] = count = seen.get(name, 0) + 1
        ids.append(name if count == 1 else f"{name}-{count}")
    return ids


def _digest(item: LabelledObject) -> str:
    """Of the class and of the numbers that the label says, to the last digit; twelve hexadecimal digits."""
    if not (item.keypoints or item.corners or item.mask or item.polygons):
        box = _BOX_ALONE.pack(4, *item.box_xyxy, 0, 0, 0)
        return hashlib.sha256(item.class_name.encode() + box).hexdigest()[:12]
    mask = () if item.mask is None else (item.mask.height, item.mask.width, *item.mask.counts)
    rows = (item.box_xyxy, item.keypoints, item.corners, mask, *item.polygons)
    layout = "".join([f"I{len(numbers)}d" for numbers in rows])
    values = [value for numbers in rows for value in (len(numbers), *numbers)]
    return hashlib.sha256(item.class_name.encode() + struct.pack(f"<{layout}", *values)).hexdigest()[:12]
