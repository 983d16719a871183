"""Pre-annotations and answers as labels of a dataset, and back."""

from __future__ import annotations

from collections.abc import Sequence

from runner.dataset.class_names import class_ids, plain_name
from runner.dataset.entries import ImageEntry, LabelledObject
from runner.domain.labelling import AnsweredObject, HandedTask, Proposal
from runner.writers.numbers import fractions
from runner.writers.outlines import mask_outline
from runner.writers.writer import SizedImage


def labelled_objects(
    objects: Sequence[Proposal | AnsweredObject], classes: Sequence[str]
) -> tuple[LabelledObject, ...]:
    """Objects of the given classes as labels; their places are their numbers."""
    ids = class_ids(classes)
    return tuple(
        LabelledObject(
            str(number),
            item.class_name,
            ids[plain_name(item.class_name)],
            item.box,
            normalised=True,
            polygons=tuple(map(tuple, item.polygons)),
            keypoints=tuple(item.keypoints),
            corners=tuple(item.corners),
        )
        for number, item in enumerate(objects)
    )


def answered_objects(entry: ImageEntry, task: HandedTask) -> list[AnsweredObject]:
    """Labels as objects of an answer, in fractions of the image's size; what became of proposals is not looked at yet.

    A mask becomes outlines along its very pixels. Pixels count in the size that the labels state, if they do: a tool may have
    been given a smaller picture.
    """
    width, height = entry.declared_size or (task.width, task.height)
    image = SizedImage(entry=entry, place="", width=width, height=height)
    return [_answered(item, image) for item in entry.objects]


def _answered(item: LabelledObject, image: SizedImage) -> AnsweredObject:
    x_min, y_min, x_max, y_max = fractions(item, item.box_xyxy, image)
    polygons = [fractions(item, polygon, image) for polygon in item.polygons]
    if item.mask is not None:
        height, width = item.mask.height, item.mask.width
        points = mask_outline(item.mask)
        polygons = [[value / (height if at % 2 else width) for at, value in enumerate(points)]]
    return AnsweredObject(
        class_name=item.class_name,
        box=(x_min, y_min, x_max, y_max),
        outcome="added",
        polygons=polygons,
        keypoints=fractions(item, item.keypoints, image, 3),
        corners=fractions(item, item.corners, image),
    )
