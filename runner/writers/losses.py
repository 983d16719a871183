"""What a conversion cannot keep: each kind counted, with the places that it is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from runner.domain.records import Record

if TYPE_CHECKING:
    from runner.dataset.entries import LabelledObject

LOSSES: Mapping[str, str] = {
    # of the source
    "unread": "labels that cannot be read",
    "absent_image": "images whose file is not there; their labels are kept, at the size that the annotations state",
    "no_size": "images left out: their size cannot be read and no annotation states it",
    "mask_misfit": "objects left out: their mask or outline does not fit their image",
    "outlines_read_as_boxes": "outlines that are read as boxes, since other labels of the dataset have none; "
    "--task segment reads them, and leaves those others out",
    "class_dropped": "objects left out: their class is not among --classes",
    # of the task
    "outline": "outlines of which the box is kept",
    "mask": "masks of which the box is kept",
    "keypoints": "key points that are left out; the boxes are kept",
    "rotation": "rotated boxes of which the upright hull is kept",
    "box": "boxes of which the class alone is kept",
    "several_classes": "images with objects of several classes, of which the most frequent is kept",
    "several_objects": "images with several objects of one class, which become one",
    "negative": "images without an object, which become unlabelled",
    # of the format
    "crowd": "crowd regions left out: the format has no place for them",
    "area": "areas that the labels state, which the format has no place for",
    "clipped": "objects cut at the image's border: the format refuses what lies outside",
    "outside": "objects left out: nothing of them lies inside the image",
    "point_outside": "key points outside the image, which become not labelled",
    "no_points": "objects left out: the format has no place for one without a labelled point",
    "box_of_points": "boxes around key points, which become the hull of the labelled points",
    "parts_joined": "objects of several outlines, which become one outline, its parts joined by lines of no width",
    "parts_merged": "objects of outlines that overlap or touch, which become the outline of all their pixels",
    "mask_outlined": "masks that become outlines along their pixels' edges; the same pixels are inside",
    "split": "images whose split the format cannot name",
    "unlabelled": "images left out that nobody labelled: too many for folders of classes to be told by their images",
    "unused_class": "classes without an object, which the format does not list",
    "class_order": "classes whose order the format does not keep",
    "class_name": "classes that get another name: the format cannot write theirs",
    "visibility": "hidden key points, which become visible ones",
    "skeleton": "key points whose place in the skeleton the format does not keep",
    "flag": "flags (difficult, truncated, occluded) that the format has no place for",
    "renamed": "images that get another name or lose their folder",
    "table": "CSV files left out: the format has no place for a table that is not one row per image",
    "metadata": "metadata columns that the format has no place for",
}
"""Every kind of loss, in words that follow its number."""

LEFT_OUT = ("crowd", "outside", "no_points")
"""Kinds that a format's writer leaves an object out for."""

FLAGS = ("difficult", "truncated", "occluded")


class Loss(Record, frozen=True, kw_only=True):
    """What a conversion does not keep.

    Attributes:
        kind: one of `LOSSES`.
        count: of the things that the sentence is about.
        examples: where, each of them.
    """

    kind: str
    what: str
    count: int
    examples: list[str]


class Losses:
    """Collects losses while labels are converted."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {kind: [] for kind in LOSSES}

    def add(self, kind: str, place: str) -> None:
        """Notes one thing that is not kept.

        Args:
            kind: one of `LOSSES`.
            place: what it is about: `labels/train/x.txt:3`, or an image.
        """
        self._places[kind].append(place)

    def add_flags(self, item: LabelledObject, held: Collection[str] = ()) -> None:
        """Notes an object with a flag that is not among those that the format holds."""
        if any(getattr(item, flag) for flag in FLAGS if flag not in held):
            self.add("flag", item.place)

    def count(self, *kinds: str) -> int:
        """How often kinds occurred."""
        return sum(len(self._places[kind]) for kind in kinds)

    def records(self) -> list[Loss]:
        """Each kind that occurred, in the order of the catalogue."""
        return [
            Loss(kind=kind, what=what, count=len(self._places[kind]), examples=self._places[kind])
            for kind, what in LOSSES.items()
            if self._places[kind]
        ]
