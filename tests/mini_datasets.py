"""Small real datasets in the layouts that `flywheel init` adopts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

CLASSES = ["cat", "no", "3"]
SIZE = (96, 128)  # height, width


def write_image(path: Path, seed: int, *, dark: bool = False) -> None:
    """A noisy JPEG of 128×96 px."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 60 if dark else 255, (*SIZE, 3), dtype=np.uint8)
    cv2.imwrite(str(path), noise)


def yolo(folder: Path, *, inner: bool = False, names: bool = True, **splits: int) -> Path:
    """`images/<split>/` with `labels/<split>/`, or the other way round; one small and one large box each."""
    for split, count in splits.items():
        for number in range(count):
            name = f"{split}-{number:02}"
            images, labels = (
                (f"{split}/images", f"{split}/labels") if inner else (f"images/{split}", f"labels/{split}")
            )
            write_image(folder / images / f"{name}.jpg", number, dark=number % 4 == 0)
            label = folder / labels / f"{name}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(f"{number % 3} 0.3 0.3 0.1 0.1\n{(number + 1) % 3} 0.6 0.6 0.5 0.5\n")
    if names:
        (folder / "data.yaml").write_text(f"names: {json.dumps(CLASSES)}\n")
    return folder


def coco(folder: Path, **splits: int) -> Path:
    """`annotations/instances_<split>.json` with images in `images/<split>/`."""
    for split, count in splits.items():
        images, annotations = [], []
        for number in range(count):
            name = f"{split}-{number:02}.jpg"
            write_image(folder / "images" / split / name, number)
            images.append({"id": number, "file_name": name, "width": SIZE[1], "height": SIZE[0]})
            box = {"bbox": [10, 10, 60, 50], "area": 3000, "iscrowd": 0}
            annotations.append({"id": number, "image_id": number, "category_id": 7 + 2 * (number % 3), **box})
        categories = [{"id": 7 + 2 * number, "name": name} for number, name in enumerate(CLASSES)]
        document = {"images": images, "annotations": annotations, "categories": categories}
        path = folder / "annotations" / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    return folder


def folders(folder: Path, *splits: str, images: int) -> Path:
    """`<class>/` or `<split>/<class>/`, with so many images in each."""
    for split in splits or ("",):
        for name in CLASSES:
            for number in range(images):
                write_image(folder / split / name / f"{number:02}.jpg", number, dark=number % 4 == 0)
    return folder
