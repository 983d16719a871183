"""How well near-duplicates are told: copies that are found, and pairs of different images that are taken for copies.

`python benchmarks/near_duplicates.py [FOLDER …]` (default: the datasets of ../shared) prints, per kind of copy and distance of the
perceptual hashes, the share that is found, and how many pairs of different files are within each distance, with and without the
thumbnails' agreement. The default distance is chosen by these figures. Then the time for many images.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.image_files import SUFFIXES
from runner.adapters.pictures.measured_images import measure_images
from runner.dataset.near_duplicates import MAX_DISTANCE, Looks, nearest

SHARED = Path(__file__).parents[1].parent / "shared" / "datasets"
DISTANCES = (0, 2, 4, 6, 7)
SAMPLED = 50  # images per folder that copies are made of
Image = NDArray[np.uint8]


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]] or sorted(
        path for path in SHARED.glob("*") if path.is_dir()
    )
    looks = {folder.name: (paths, _looks(paths)) for folder in folders if (paths := _images(folder))}
    if not looks:
        raise SystemExit(f"no images: name a folder with some, or provide {SHARED}")
    _print_copies([path for paths, _ in looks.values() for path in paths[:: max(1, len(paths) // SAMPLED)]])
    for name, (paths, seen) in looks.items():
        _print_pairs(name, len(paths), seen)
    _print_time()


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _looks(paths: list[Path]) -> Looks:
    measured = measure_images(paths)
    return Looks(
        hashes=np.array([each.phash for each in measured], np.uint64),
        thumbnails=np.array([np.frombuffer(each.thumbnail, np.uint8) for each in measured]),
    )


def _print_copies(paths: list[Path]) -> None:
    import cv2

    found: dict[str, list[int]] = {}
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as temporary:
        for path in paths:
            image = cv2.imread(str(path))
            original = _looks([path])
            for kind, copy in _copies(image, random):
                file = Path(temporary) / "copy.png"
                cv2.imwrite(str(file), copy)
                near = nearest(_looks([file]), original, distance=MAX_DISTANCE)
                found.setdefault(kind, []).append(int(near.distance[0]))
    print(f"\ncopies of {len(paths)} images that are found, by the largest distance of the hashes")
    print("".join([f"{'copy':<16}", *(f"{distance:>7}" for distance in DISTANCES)]))
    for kind, distances in found.items():
        shares = [np.mean([0 <= each <= limit for each in distances]) for limit in DISTANCES]
        print("".join([f"{kind:<16}", *(f"{share:>7.0%}" for share in shares)]))


def _copies(image: Image, random: np.random.Generator) -> Iterator[tuple[str, Any]]:
    import cv2

    height, width = image.shape[:2]

    def encoded(quality: int) -> Any:
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]

    yield "JPEG 90", cv2.imdecode(encoded(90), cv2.IMREAD_COLOR)
    yield "JPEG 40", cv2.imdecode(encoded(40), cv2.IMREAD_COLOR)
    yield "half the size", cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    yield "1.3 × the size", cv2.resize(image, None, fx=1.3, fy=1.3)
    yield "brighter", np.clip(image * 1.1 + 8, 0, 255).astype(np.uint8)
    yield "gamma 0.8", (255 * (image / 255) ** 0.8).astype(np.uint8)
    yield "noise", np.clip(image + random.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    yield "blur", cv2.GaussianBlur(image, (0, 0), 1.2)
    for share in (0.01, 0.02, 0.04):
        rows, columns = int(height * share), int(width * share)
        yield f"{share:.0%} cut off", image[rows : height - rows, columns : width - columns]


def _print_pairs(name: str, count: int, seen: Looks) -> None:
    print(f"\n{name}: {count} files, {count * (count - 1) // 2:,} pairs")
    print("distance   pairs within   whose thumbnails agree too (images that have such a pair)")
    bits = np.bitwise_count(seen.hashes[:, None] ^ seen.hashes[None])
    apart = ~np.eye(count, dtype=bool)
    for distance in DISTANCES:
        confirmed = 0
        for at in range(count):
            others = np.flatnonzero(np.arange(count) != at)
            confirmed += int(
                nearest(seen.rows(np.array([at])), seen.rows(others), distance=distance).position[0] >= 0
            )
        print(f"{distance:>8} {int(((bits <= distance) & apart).sum()) // 2:>14} {confirmed:>20}")


def _print_time() -> None:
    random = np.random.default_rng(0)
    print("\nimages compared with five times as many, random hashes")
    for count in (10_000, 40_000):
        ours, theirs = (
            Looks(
                hashes=random.integers(0, 2**64, number, dtype=np.uint64),
                thumbnails=random.integers(0, 256, (number, 256), dtype=np.uint8),
            )
            for number in (count, 5 * count)
        )
        started = time.perf_counter()
        nearest(ours, theirs, distance=4)
        print(f"{count:>8,} {time.perf_counter() - started:>8.2f} s")


if __name__ == "__main__":
    main()
