"""What Pascal VOC's files hold: corners count pixels from 1 on, the last one included (VOC2012's development kit, 4.1)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import PurePosixPath
from xml.sax.saxutils import escape

from runner.dataset.entries import LabelledObject
from runner.dataset.split_names import split_role
from runner.writers.folders import note_class_order, note_unused
from runner.writers.losses import Losses
from runner.writers.numbers import pixel_text, pixels
from runner.writers.writer import SizedImage, WriteJob

_FLAGS = ("truncated", "occluded", "difficult")
_SAME = 1e-6  # of the image's side: files of six decimals are no more exact


def annotation_text(image: SizedImage, losses: Losses, *, one_based: bool = True) -> str:
    """One image's XML file; corners count from 1 on, unless the dataset's count from 0."""
    place = PurePosixPath(image.place)
    lines = [
        "<annotation>",
        f"  <folder>{escape(place.parent.as_posix())}</folder>",
        f"  <filename>{escape(place.name)}</filename>",
        f"  <size><width>{image.width}</width><height>{image.height}</height><depth>3</depth></size>",
        "  <segmented>0</segmented>",
    ]
    for item in image.entry.objects:
        lines += object_lines(item, image, losses, one_based)
    return "\n".join([*lines, "</annotation>"]) + "\n"


def split_lists(job: WriteJob) -> dict[str, list[str]]:
    """The images of each split, as ImageSets/Main lists them: without suffix, and with the folders they lie in."""
    lists: dict[str, list[str]] = {}
    for image in job.images:
        split = image.entry.split
        if split is None:
            continue
        if split_role(split) is None or "_" in split:  # `cat_train` is a list of one class
            job.losses.add("split", image.entry.path)
        else:
            name = PurePosixPath(image.place).relative_to("JPEGImages").with_suffix("")
            lists.setdefault(split, []).append(name.as_posix())
    return lists


def note_classes(job: WriteJob) -> None:
    """VOC names classes where objects have them, and nowhere else."""
    used = {item.class_name for image in job.images for item in image.entry.objects}
    note_unused(job, used)
    note_class_order(job, used)


def object_lines(item: LabelledObject, image: SizedImage, losses: Losses, one_based: bool) -> list[str]:
    """One object; nothing where VOC has no place for it, which is noted."""
    if item.crowd:
        losses.add("crowd", item.place)
        return []
    left, top, right, bottom = pixels(item, item.box_xyxy, image)
    held = (max(left, 0.0), max(top, 0.0), min(right, float(image.width)), min(bottom, float(image.height)))
    if held[0] >= held[2] or held[1] >= held[3]:
        losses.add("outside", item.place)
        return []
    cut = max(abs(one - other) for one, other in zip(held, (left, top, right, bottom), strict=True))
    if cut > _SAME * max(image.width, image.height):
        losses.add("clipped", item.place)
    sides = (_from_one(held[0]), _from_one(held[1]), held[2], held[3]) if one_based else held
    box = "".join(
        f"<{tag}>{pixel_text(value)}</{tag}>"
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), sides, strict=True)
    )
    flags = "".join(f"<{flag}>{int(getattr(item, flag))}</{flag}>" for flag in _FLAGS)
    return [
        "  <object>",
        f"    <name>{escape(item.class_name)}</name>",
        f"    <pose>Unspecified</pose>{flags}",
        f"    <bndbox>{box}</bndbox>",
        "  </object>",
    ]


def _from_one(value: float) -> float:
    """A corner that counts from 0 as one that counts from 1, added in decimal digits, as the layout takes it away again.

    >>> 0.1 + 1 - 1, _from_one(0.1), 7.613 + 1, _from_one(7.613)
    (0.10000000000000009, 1.1, 8.613, 8.613)
    """
    return float(Decimal(repr(float(value))) + 1)
