"""What COCO's files hold: images, categories with ids from 1 on in the classes' order, and annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from runner.dataset.entries import EncodedMask, LabelledObject
from runner.dataset.shapes import shape_columns
from runner.layouts.coco_files import KEYPOINTS, file_split
from runner.tasks import TASKS
from runner.writers.numbers import pixels, span
from runner.writers.writer import Scheme, SizedImage, WriteJob

NO_SPLIT = "default"  # what CVAT and Datumaro call it


def coco_documents(job: WriteJob) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each file's name, relative to the dataset, and what it holds. Images' ids count through all files from 1 on."""
    prefix = KEYPOINTS if job.scheme.keypoints else "instances_"
    splits: dict[str | None, list[SizedImage]] = {}
    for image in job.images:
        if image.entry.labelled:
            splits.setdefault(image.entry.split, []).append(image)
    image_ids, annotation_ids = count(1), count(1)
    for split, images in sorted(splits.items(), key=lambda item: item[0] or ""):
        file = f"annotations/{prefix}{split or NO_SPLIT}.json"
        if file_split(file) != split:
            for image in images:
                job.losses.add("split", image.entry.path)
        listed, annotations = [], []
        for image in images:
            number = next(image_ids)
            listed.append(_image(number, image))
            for item in image.entry.objects:
                fields = {"id": next(annotation_ids), "image_id": number, "category_id": item.class_id + 1}
                annotations.append({**fields, **_annotation(item, image, job)})
        yield file, {"images": listed, "annotations": annotations, "categories": _categories(job.scheme)}


def _categories(scheme: Scheme) -> list[dict[str, Any]]:
    skeleton = {"keypoints": list(scheme.keypoints.names), "skeleton": []} if scheme.keypoints else {}
    return [{"id": at, "name": name, **skeleton} for at, name in enumerate(scheme.classes, start=1)]


def _image(number: int, image: SizedImage) -> dict[str, Any]:
    """`file_name` is relative to the folder of the split's images."""
    place = PurePosixPath(image.place)
    parts = place.parts[2 if image.entry.split else 1 :]
    return {
        "id": number,
        "file_name": PurePosixPath(*parts).as_posix(),
        "width": image.width,
        "height": image.height,
    }


def _annotation(item: LabelledObject, image: SizedImage, job: WriteJob) -> dict[str, Any]:
    job.losses.add_flags(item)
    left, top, right, bottom = pixels(item, item.box_xyxy, image)
    bbox = [_plain(number) for number in (left, top, span(left, right), span(top, bottom))]
    area = item.area_px if item.area_px is not None else _area(item, image, job.scheme)
    return {"bbox": bbox, "area": _plain(area), "iscrowd": int(item.crowd), **_shape(item, image, job.scheme)}


def _shape(item: LabelledObject, image: SizedImage, scheme: Scheme) -> dict[str, Any]:
    match TASKS[scheme.task].shape:
        case "mask_rle" if item.mask is not None:
            size = [item.mask.height, item.mask.width]
            return {"segmentation": {"size": size, "counts": _counts(item.mask, crowd=item.crowd)}}
        case "mask_rle":
            return {"segmentation": [_points(item, polygon, image) for polygon in item.polygons]}
        case "corners":
            return {"segmentation": [_points(item, item.corners, image)]}
        case "keypoints":
            numbers = [_plain(number) for number in pixels(item, item.keypoints, image, 3)]
            return {
                "keypoints": numbers,
                "num_keypoints": sum(visibility > 0 for visibility in numbers[2::3]),
            }
    return {}


def _counts(mask: EncodedMask, *, crowd: bool) -> list[int] | str:
    """A crowd's run lengths as numbers, others as text: as COCO's own files have them."""
    from runner.adapters.pictures.coco_masks import counts_to_rle

    return list(mask.counts) if crowd else counts_to_rle(mask.counts, (mask.height, mask.width))


def _points(item: LabelledObject, values: Sequence[float], image: SizedImage) -> list[float]:
    return [_plain(value) for value in pixels(item, values, image)]


def _area(item: LabelledObject, image: SizedImage, scheme: Scheme) -> float:
    """Of the mask's pixels, of the rotated box, else of the box."""
    (stated,) = shape_columns(scheme.task, [item], [(image.height, image.width)]).get("area_px", [None])
    if stated is not None:
        return float(stated)
    left, top, right, bottom = pixels(item, item.box_xyxy, image)
    return span(left, right) * span(top, bottom)


def _plain(value: float) -> float:
    """Whole numbers without a point."""
    return int(value) if value == int(value) else value
