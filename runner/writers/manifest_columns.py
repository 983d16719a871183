"""The columns of a Parquet manifest, from images with their labels."""

from __future__ import annotations

import json
from typing import Any

from runner.dataset.entries import LabelledObject
from runner.layouts.manifest_schema import (
    CLASSES,
    CLASSES_KEY,
    KEYPOINTS_KEY,
    LABEL,
    OBJECT_LISTS,
    OWN_COLUMNS,
    URI,
)
from runner.tasks import TASKS
from runner.writers.numbers import pixels
from runner.writers.writer import Scheme, SizedImage, WriteJob


def manifest_columns(job: WriteJob) -> dict[str, list[Any]]:
    """Each column, a value per image; those without any value are left out, as are metadata of a reserved name."""
    images = job.images
    columns: dict[str, list[Any]] = {
        URI: [_uri(image, job) for image in images],
        "split": [image.entry.split for image in images],
        "labelled": [image.entry.labelled for image in images],
        "width": [image.width for image in images],
        "height": [image.height for image in images],
        **(
            _object_columns(job)
            if TASKS[job.scheme.task].ranked
            else {LABEL: [_label(image) for image in images]}
        ),
    }
    for name in dict.fromkeys(name for image in images for name in image.metadata):
        if name in OWN_COLUMNS:
            job.losses.add("metadata", name)
        else:
            columns[name] = [image.metadata.get(name) for image in images]
    return {name: values for name, values in columns.items() if any(value is not None for value in values)}


def key_values(scheme: Scheme) -> dict[str, str]:
    """The classes and the skeleton, in their order."""
    found = {CLASSES_KEY: json.dumps(list(scheme.classes), ensure_ascii=False)}
    if scheme.keypoints:
        found[KEYPOINTS_KEY] = json.dumps(list(scheme.keypoints.names), ensure_ascii=False)
    return found


def _uri(image: SizedImage, job: WriteJob) -> str:
    """A path beside the manifest; of an image that stays where it is, its URL."""
    if job.with_images:
        return image.place
    return image.url or (image.source.as_uri() if image.source else image.place)


def _label(image: SizedImage) -> str | None:
    return image.entry.objects[0].class_name if image.entry.objects else None


def _object_columns(job: WriteJob) -> dict[str, list[Any]]:
    """Lists with an entry per object; None for an image that nobody labelled. Flags that no object has are left out."""
    objects = [item for image in job.images for item in image.entry.objects]
    columns: dict[str, list[Any]] = {
        CLASSES: [
            [item.class_name for item in image.entry.objects] if image.entry.labelled else None
            for image in job.images
        ]
    }
    for name in OBJECT_LISTS:
        listed = [[_value(name, item, image) for item in image.entry.objects] for image in job.images]
        if objects and any(value not in (None, False) for row in listed for value in row):
            columns[name] = [
                row if image.entry.labelled else None for row, image in zip(listed, job.images, strict=True)
            ]
    return columns


def _value(name: str, item: LabelledObject, image: SizedImage) -> Any:
    """An object's entry in a column; None where it has none."""
    match name:
        case "boxes":
            return pixels(item, item.box_xyxy, image)
        case "corners":
            return pixels(item, item.corners, image) or None
        case "polygons":
            return [pixels(item, part, image) for part in item.polygons] or None
        case "masks":
            return _mask(item)
        case "keypoints":
            return pixels(item, item.keypoints, image, 3) or None
        case "areas":
            return item.area_px
    return getattr(item, name)  # a flag


def _mask(item: LabelledObject) -> dict[str, Any] | None:
    from runner.adapters.pictures.coco_masks import counts_to_rle

    if item.mask is None:
        return None
    size = (item.mask.height, item.mask.width)
    return {"size": list(size), "counts": counts_to_rle(item.mask.counts, size)}
