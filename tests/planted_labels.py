"""A small dataset of every task, planted as what a layout reads, and compared as what a layout reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from runner.dataset.entries import EncodedMask, ImageEntry, LabelledObject, LabelScheme, LayoutContent
from runner.domain.task import Keypoints, TaskName
from runner.layouts import LAYOUTS
from runner.layouts.class_folders import WHOLE_IMAGE
from runner.writers import WRITERS
from runner.writers.images import sized_images, transfer_images
from runner.writers.losses import Losses
from runner.writers.numbers import pixels, stated_area
from runner.writers.outlines import mask_pixels
from runner.writers.places import inner_path, unique_places
from runner.writers.writer import Scheme, SizedImage, WriteJob

CLASSES = ["3", "cat & mouse", "no", "über"]
SKELETON = Keypoints(names=["nose", "left_eye", "right_eye"], flip=[0, 2, 1])
WIDTH, HEIGHT = 64, 48
TURNED = "images/val/turned.jpg"  # stored as 64 × 48, shown as 48 × 64
PATHS = {
    "images/train/a.png": "train",
    "images/train/sub/a.png": "train",
    "images/train/empty.png": "train",
    "images/train/unlabelled.png": "train",
    TURNED: "val",
    "images/test/c.webp": "test",
}


def scheme_of(task: TaskName) -> Scheme:
    return Scheme(task=task, classes=CLASSES, keypoints=SKELETON if task == "pose" else None)


def write_images(folder: Path, paths: Sequence[str] = tuple(PATHS)) -> None:
    for seed, path in enumerate(paths):
        noise = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        if path == TURNED:
            exif[0x0112] = 6
        Image.fromarray(noise).save(folder / path, exif=exif)


def objects_of(task: TaskName, seed: int) -> tuple[LabelledObject, ...]:
    """One object of each class, each within 48 × 48 px."""
    rng = np.random.default_rng(seed)
    return tuple(_object(task, number, rng) for number in range(len(CLASSES)))


def _object(task: TaskName, number: int, rng: Any) -> LabelledObject:
    x, y = (float(value) for value in np.round(rng.uniform(2, 20, 2), 3))
    width, height = (float(value) for value in np.round(rng.uniform(4, 20, 2), 2))
    item = LabelledObject("planted", CLASSES[number], number, (x, y, x + width, y + height), normalised=False)
    if task == "segment":
        outline = (x, y, x + width, y + 1, x + width / 2, y + height, x, y + height / 3, x + 0.5, y + 0.25)
        return item._replace(polygons=(outline,), box_xyxy=_hull(outline))
    if task == "pose":
        points = (x, y, 2.0, x + width, y + height, 1.0, 0.0, 0.0, 0.0)
        return item._replace(keypoints=points)
    if task == "obb":
        corners = turned_box((x + 8, y + 8), 11.5, 5.25, 17.5 * (number + 1))
        return item._replace(corners=corners, box_xyxy=_hull(corners))
    return item


def turned_box(centre: tuple[float, float], width: float, height: float, degrees: float) -> tuple[float, ...]:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return tuple(
        value
        for a, b in signs
        for value in (
            centre[0] + a * width / 2 * cosine - b * height / 2 * sine,
            centre[1] + a * width / 2 * sine + b * height / 2 * cosine,
        )
    )


def entries_of(task: TaskName) -> list[ImageEntry]:
    if task == "classify":
        named = {path: number % len(CLASSES) for number, path in enumerate(PATHS)}
        return [
            ImageEntry(
                path=path,
                split=split,
                labelled=True,
                objects=(
                    LabelledObject(path, CLASSES[named[path]], named[path], WHOLE_IMAGE, normalised=True),
                ),
            )
            for path, split in sorted(PATHS.items())
        ]
    return [
        ImageEntry(
            path=path,
            split=split,
            labelled="unlabelled" not in path,
            objects=() if "unlabelled" in path or "empty" in path else objects_of(task, seed),
        )
        for seed, (path, split) in enumerate(sorted(PATHS.items()))
    ]


def write_as(
    layout: str, source: Path, target: Path, entries: Sequence[ImageEntry], scheme: Scheme
) -> Losses:
    """Writes entries whose images lie in `source`."""
    writer, losses = WRITERS[layout], Losses()
    target.mkdir(parents=True, exist_ok=True)
    images = sized_images(source, entries, losses)
    places = unique_places(entries, writer, scheme, losses)
    images = [replace(image, place=places[image.entry.path]) for image in images]
    writer.write(WriteJob(folder=target, scheme=scheme, images=images, losses=losses))
    transfer_images(images, target, "link")
    return losses


def reader_of(layout: str, task: TaskName) -> str:
    """Classes of images are folders in YOLO too."""
    return "folders" if layout == "yolo" and task == "classify" else layout


def read_as(layout: str, folder: Path, task: TaskName) -> LayoutContent:
    points = len(SKELETON.names) if task == "pose" else 0
    found = LAYOUTS[reader_of(layout, task)]
    recognised = found.recognise(folder, task)
    assert recognised is not None
    assert recognised.classes == CLASSES
    reader = getattr(recognised, "layout", None) or found
    return reader.read(folder, LabelScheme(task=task, classes=CLASSES, keypoints=points))


def comparable(folder: Path, entries: Sequence[ImageEntry]) -> dict[str, Any]:
    """What of a dataset has to stay: by image, split, whether it is labelled, and its objects in pixels."""
    sized = {image.entry.path: image for image in sized_images(folder, entries, Losses())}
    return {
        _name(entry): (
            entry.split,
            entry.labelled,
            [_plain(item, sized[entry.path]) for item in entry.objects],
            entry.label_problems,
        )
        for entry in entries
    }


def _name(entry: ImageEntry) -> str:
    inner = inner_path(entry.path, entry.split)
    whole = entry.objects and entry.objects[0].box_xyxy == WHOLE_IMAGE
    if whole and inner.parts[0] == entry.objects[0].class_name:
        return "/".join(inner.parts[1:])
    return inner.as_posix()


def _plain(item: LabelledObject, image: SizedImage) -> dict[str, Any]:
    return {
        "class": (item.class_name, item.class_id),
        "flags": (item.crowd, item.difficult, item.truncated, item.occluded),
        "box": pixels(item, item.box_xyxy, image),
        "area": stated_area(item, image),
        "polygons": [pixels(item, part, image) for part in item.polygons],
        "mask": None if item.mask is None else mask_pixels(item.mask).tobytes(),
        "keypoints": pixels(item, item.keypoints, image, 3),
        "corners": pixels(item, item.corners, image),
    }


def assert_same(found: dict[str, Any], expected: dict[str, Any], tolerance_px: float) -> None:
    assert sorted(found) == sorted(expected)
    for name, (split, labelled, objects, problems) in expected.items():
        assert (found[name][0], found[name][1], found[name][3]) == (split, labelled, problems), name
        assert len(found[name][2]) == len(objects), name
        for one, other in zip(found[name][2], objects, strict=True):
            for key in ("class", "flags", "area", "mask"):
                assert one[key] == other[key], (name, key)
            for key in ("box", "keypoints", "corners"):
                np.testing.assert_allclose(
                    one[key], other[key], rtol=0, atol=tolerance_px, err_msg=f"{name} {key}"
                )
            assert len(one["polygons"]) == len(other["polygons"]), name
            for part, same in zip(one["polygons"], other["polygons"], strict=True):
                np.testing.assert_allclose(part, same, rtol=0, atol=tolerance_px, err_msg=name)


def ring_mask() -> EncodedMask:
    """A square with a hole, 48 × 64."""
    pixels_hw = np.zeros((HEIGHT, WIDTH), dtype=bool)
    pixels_hw[10:30, 5:40] = True
    pixels_hw[15:20, 10:20] = False
    return encoded(pixels_hw)


def encoded(pixels_hw: Any) -> EncodedMask:
    down = np.concatenate([[False], pixels_hw.T.ravel()])
    edges = np.concatenate([[0], np.flatnonzero(down[1:] != down[:-1]), [pixels_hw.size]])
    counts = np.diff(edges).tolist()
    return EncodedMask(*pixels_hw.shape, tuple(counts if counts[-1] else counts[:-1]))


def _hull(points: Sequence[float]) -> tuple[float, float, float, float]:
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])
