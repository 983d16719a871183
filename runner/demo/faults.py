"""Faults that are planted on purpose, and the list of them that detectors are scored with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from runner.demo.counts import CLASSES, DARK_BELOW, Counts
from runner.demo.files import DemoPicture, decode_jpeg, encode_jpeg, label_line
from runner.demo.plan import NIGHT_SHARE, scene_name
from runner.demo.scene import Box

FaultKind = Literal["near_duplicate", "wrong_label", "missing_label", "corrupt_file", "under_represented"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of faults.csv.

    Attributes:
        path: the faulty image (or folder), relative to the dataset.
        line: of its label file, from 1; empty when the fault is no line of it.
        truth: the correct label line, where there is one.
        related: the other image of a near-duplicate pair.
        detail: what a person would say.
    """

    kind: FaultKind
    path: str
    line: str = ""
    truth: str = ""
    related: str = ""
    detail: str


def plant(pictures: list[DemoPicture], counts: Counts, seed: int) -> tuple[list[DemoPicture], list[Fault]]:
    """The pictures with faults in them, near-duplicates appended, and what was done."""
    rng = np.random.default_rng((seed, 99))
    train = [index for index, picture in enumerate(pictures) if picture.split == "train"]
    order = [int(index) for index in rng.permutation(train)] if train else []
    pool = [index for index, picture in enumerate(pictures) if picture.split == "pool"]
    pool_order = [int(index) for index in rng.permutation(pool)] if pool else []
    duplicates, faults = _duplicate(pictures, _take(order, counts.near_duplicates), rng)
    result = list(pictures)
    for index in _take(order, counts.wrong_labels):
        result[index], fault = _swap_class(result[index], rng)
        faults.append(fault)
    for index in _take(order, counts.missing_labels):
        result[index], fault = _drop_box(result[index], rng)
        faults.append(fault)
    broken = _take(order, counts.corrupt_train) + _take(pool_order, counts.corrupt_pool)
    for turn, index in enumerate(broken):
        result[index], fault = _corrupt(result[index], turn)
        faults.append(fault)
    return result + duplicates, faults + _weakness(result)


def _take(order: list[int], count: int) -> list[int]:
    """Removes and returns the first `count`: no image carries two faults."""
    taken, order[:] = order[:count], order[count:]
    return taken


def _duplicate(
    pictures: list[DemoPicture], sources: list[int], rng: np.random.Generator
) -> tuple[list[DemoPicture], list[Fault]]:
    """Copies of training images for val and test: brighter, noisier, recompressed, as scenes of their own."""
    copies, faults = [], []
    in_val = len(sources) // 3
    for number, index in enumerate(sources):
        source, split = pictures[index], "val" if number < in_val else "test"
        rgb = decode_jpeg(source.content).astype(np.float32)
        shifted = rgb * rng.uniform(0.98, 1.02) + rng.uniform(2, 5) + rng.standard_normal(rgb.shape) * 2.5
        scene = scene_name(source.metadata["camera"], split, 900 + number)
        copy = replace(
            source,
            split=split,
            name=f"{scene}_00.jpg",
            content=encode_jpeg(np.clip(shifted, 0, 255).astype(np.uint8), 80),
            metadata=source.metadata | {"scene": scene},
        )
        copies.append(copy)
        faults.append(
            Fault(
                kind="near_duplicate",
                path=copy.path,
                related=source.path,
                detail="the same picture, brighter, noisier and recompressed, in another split",
            )
        )
    return copies, faults


def _swap_class(picture: DemoPicture, rng: np.random.Generator) -> tuple[DemoPicture, Fault]:
    line = int(rng.integers(len(picture.boxes)))
    box = picture.boxes[line]
    wrong = (box.class_id + int(rng.integers(1, len(CLASSES)))) % len(CLASSES)
    boxes = (*picture.boxes[:line], replace(box, class_id=wrong), *picture.boxes[line + 1 :])
    return replace(picture, boxes=boxes), Fault(
        kind="wrong_label",
        path=picture.path,
        line=str(line + 1),
        truth=label_line(box, picture.width, picture.height),
        detail=f"{CLASSES[box.class_id]} labelled {CLASSES[wrong]}",
    )


def _drop_box(picture: DemoPicture, rng: np.random.Generator) -> tuple[DemoPicture, Fault]:
    largest = int(np.argmax([_area(box) for box in picture.boxes]))
    box = picture.boxes[largest]
    return replace(picture, boxes=picture.boxes[:largest] + picture.boxes[largest + 1 :]), Fault(
        kind="missing_label",
        path=picture.path,
        truth=label_line(box, picture.width, picture.height),
        detail=f"{CLASSES[box.class_id]} without a label",
    )


def _area(box: Box) -> float:
    return (box.x_max - box.x_min) * (box.y_max - box.y_min)


def _corrupt(picture: DemoPicture, turn: int) -> tuple[DemoPicture, Fault]:
    """In turn: a file cut off in the middle, one cut off in the header, an empty one, a saved error page."""
    content = picture.content
    kinds = (
        ("truncated JPEG: the last 60 % of the file is missing", content[: len(content) * 2 // 5]),
        ("truncated JPEG: nothing after the header", content[:200]),
        ("zero bytes", b""),
        ("not an image: a text file", b"<html><body>503 Service Unavailable</body></html>\n"),
    )
    detail, broken = kinds[turn % len(kinds)]
    return replace(picture, content=broken), Fault(kind="corrupt_file", path=picture.path, detail=detail)


def _weakness(pictures: list[DemoPicture]) -> list[Fault]:
    """The slice that the first model must fail, counted."""
    shares = []
    for split in NIGHT_SHARE:
        lights = [picture.metadata["lighting"] for picture in pictures if picture.split == split]
        shares.append(f"{lights.count('night')} of {len(lights)} in {split}")
    return [
        Fault(
            kind="under_represented",
            path="images/train",
            detail=f"dark images (brightness < {DARK_BELOW}): {', '.join(shares)}",
        )
    ]
