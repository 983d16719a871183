"""How long it takes to draw a batch from a large pool, strategy by strategy. The pool is made up; nothing is read from disk.

python benchmarks/batch.py [--images 100000] [--labelled 5000] [--size 200]
"""

from __future__ import annotations

import argparse
import hashlib
import time

import numpy as np

from runner.dataset.near_duplicates import Looks
from runner.strategies.disagreement import Disagreement
from runner.strategies.diversity import Diversity
from runner.strategies.metadata import Metadata
from runner.strategies.mix import WITH_CHAMPION, BatchOptions, Mix
from runner.strategies.mixture import draw
from runner.strategies.pool import Failure, Pool, Predictions
from runner.strategies.uncertainty import Uncertainty

CLASSES, DIRECTIONS, PER_IMAGE = 20, 1280, 5  # as many numbers as a vector of lite0 has


def unit(rng: np.random.Generator, centres: np.ndarray, count: int) -> np.ndarray:
    """Vectors around some centres, as scenes are."""
    vectors = centres[rng.integers(0, len(centres), count)] + rng.normal(0, 0.02, (count, DIRECTIONS)).astype(
        np.float32
    )
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def looks(rng: np.random.Generator, count: int) -> Looks:
    hashes = rng.integers(0, 2**63, count, dtype=np.uint64)
    return Looks(hashes=hashes, thumbnails=rng.integers(0, 255, (count, 256), dtype=np.uint8))


def predictions(rng: np.random.Generator, images: int) -> Predictions:
    image = np.repeat(np.arange(images), PER_IMAGE)
    corner = rng.uniform(0, 500, (len(image), 2))
    return Predictions(
        image=image,
        class_id=rng.integers(0, CLASSES, len(image)),
        score=rng.uniform(0.05, 1, len(image)),
        boxes_xyxy=np.concatenate([corner, corner + rng.uniform(10, 100, (len(image), 2))], axis=1),
    )


def made_up(images: int, labelled: int) -> Pool:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1 / np.sqrt(DIRECTIONS), (500, DIRECTIONS)).astype(np.float32)
    one = predictions(rng, images)
    return Pool(
        paths=[f"images/pool/{at:07}.jpg" for at in range(images)],
        image_ids=[hashlib.sha256(str(at).encode()).hexdigest()[:32] for at in range(images)],
        classes=[f"class-{at}" for at in range(CLASSES)],
        columns={"camera": np.array([f"camera-{at % 7}" for at in range(images)], object)},
        predictions=one,
        others={"seeds": {"torch": one, "torch-seed-1": predictions(rng, images)}},
        difficulty=rng.uniform(0, 1, CLASSES),
        labelled_objects=rng.integers(0, 1000, CLASSES),
        labels=np.bincount(one.image[one.score >= 0.25], minlength=images).astype(float),
        vectors=unit(rng, centres, images),
        labelled_vectors=unit(rng, centres, labelled),
        looks=looks(rng, images),
        labelled_looks=looks(rng, labelled),
        failures=[Failure(path=f"images/test/{at}.jpg", caption="") for at in range(20)],
        failure_vectors=unit(rng, centres, 20),
    )


MIXES = {
    "random": Mix(random=1),
    "uncertainty": Mix(uncertainty=1),
    "uncertainty, calibrated and spread": Mix(
        uncertainty=Uncertainty(share=1, measure="calibrated", spread=4)
    ),
    "disagreement of two seeds": Mix(disagreement=Disagreement(share=1)),
    "diversity, k-center": Mix(diversity=1),
    "diversity, clusters": Mix(diversity=Diversity(share=1, method="clusters")),
    "typicality": Mix(typicality=1),
    "rare classes": Mix(rare_classes=1),
    "failures": Mix(failures=1),
    "metadata": Mix(metadata=Metadata(share=1, column="camera", weights={"camera-1": 2, "camera-2": 1})),
    "the usual mix": WITH_CHAMPION,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--labelled", type=int, default=5_000)
    parser.add_argument("--size", type=int, default=200)
    options = parser.parse_args()
    pool = made_up(options.images, options.labelled)
    print(f"{options.images:,} images of the pool, {options.labelled:,} labelled, a batch of {options.size}")
    for name, mix in MIXES.items():
        began = time.perf_counter()
        drawn = draw(pool, BatchOptions(size=options.size), mix, "0002-x")
        assert len(drawn.images) == options.size
        print(f"{name:36} {time.perf_counter() - began:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
