"""A pool whose images are known: what each strategy must choose of it is plain to see."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from runner.dataset.near_duplicates import Looks
from runner.strategies.pool import Failure, Pool, Predictions

IMAGES = 40
CLASSES = ("zero", "one", "two")


def looks(count: int, seed: int = 0) -> Looks:
    """Images that look like no other."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**63, count, dtype=np.uint64)
    return Looks(hashes=hashes, thumbnails=rng.integers(0, 255, (count, 256), dtype=np.uint8))


def unit(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def predictions(image: Any, class_id: Any, score: Any) -> Predictions:
    """A box of the same place for each; of one class and image they are side by side."""
    image, class_id = np.array(image, np.int64), np.array(class_id, np.int64)
    left = np.arange(len(image), dtype=np.float64) % 7 * 20
    boxes = np.stack([left, 0 * left, left + 10, 0 * left + 10], axis=1)
    return Predictions(image=image, class_id=class_id, score=np.array(score, np.float64), boxes_xyxy=boxes)


def pool(**changes: Any) -> Pool:
    """40 images of four looks and two cameras; image 7 is the least sure, 39 has no prediction; class two is on 5 and 6 alone."""
    rng = np.random.default_rng(3)
    paths = [f"images/pool/{number:03}.jpg" for number in range(IMAGES)]
    directions = np.eye(8)[np.arange(IMAGES) % 4]
    found = predictions(
        [*range(IMAGES - 1), 5, 6],
        [*(np.arange(IMAGES - 1) % 2), 2, 2],
        [*np.where(np.arange(IMAGES - 1) == 7, 0.5, 0.9 + np.arange(IMAGES - 1) / 1000), 0.97, 0.96],
    )
    other = predictions(found.image, np.where(found.image == 11, 2, found.class_id), found.score)
    values: dict[str, Any] = {
        "paths": paths,
        "image_ids": [hashlib.sha256(path.encode()).hexdigest() for path in paths],
        "classes": CLASSES,
        "columns": {
            "camera": np.array(["dock" if number % 4 else "gate" for number in range(IMAGES)], object)
        },
        "groups": [f"scene-{number // 4}" for number in range(IMAGES)],
        "predictions": found,
        "others": {
            "seeds": {"torch": found, "seed-1": other},
            "artefacts": {"torch": found, "int8": other},
            "flips": {"mirrored": other},
        },
        "difficulty": np.array([0.1, 0.2, np.nan]),
        "labelled_objects": np.array([50, 60, 4]),
        "labels": np.full(IMAGES, 2.0),
        "vectors": unit(directions + rng.normal(0, 0.05, (IMAGES, 8))),
        "labelled_vectors": unit(np.eye(8)[[0, 1, 2]]),
        "looks": looks(IMAGES),
        "labelled_looks": looks(3, seed=9),
        "failures": [Failure(path="images/test/1.jpg", caption="missed one")],
        "failure_vectors": unit(np.eye(8)[[2]]),
    }
    return Pool(**{**values, **changes})
