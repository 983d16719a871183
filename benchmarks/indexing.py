"""Images per second and core of the index's measurement, beside a loop that only decodes the same JPEGs.

The loop decodes them at half scale, which is the least that any indexer has to do. Beside both, Pillow with imagehash (`make
install-dev` has it): the perceptual hash alone, which is one of the seven values that the index measures, without a hash of the file.

All run on one core over the same generated 1280×720 JPEGs, taking turns within one run:

    python benchmarks/indexing.py [--images 100] [--rounds 7]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from runner.adapters.pictures.measured_images import measure_image

HEIGHT, WIDTH = 720, 1280


def make_photographs(folder: Path, count: int) -> list[Path]:
    """Writes JPEGs with a photograph's mix of smooth areas, edges and sensor noise (about 200 kB each)."""
    import cv2

    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = rng.integers(0, 256, (9, 16, 3), dtype=np.uint8)
        image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        for _ in range(30):
            corner, size = rng.integers(0, (WIDTH, HEIGHT)), rng.integers(20, 200, 2)
            cv2.rectangle(
                image, corner.tolist(), (corner + size).tolist(), rng.integers(0, 256, 3).tolist(), -1
            )
        noisy = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
        paths.append(folder / f"{number:04}.jpg")
        cv2.imwrite(str(paths[-1]), noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return paths


def decode_only(path: Path) -> None:
    """What any indexer must do at least: read the file and decode it at half scale."""
    import cv2

    cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2)


def hash_with_pillow(path: Path) -> None:
    """What imagehash's documentation has one write."""
    import imagehash
    from PIL import Image

    imagehash.phash(Image.open(path))


def rate(work: Callable[[Path], object], paths: Sequence[Path]) -> float:
    """Images per second."""
    started = time.perf_counter()
    for path in paths:
        work(path)
    return len(paths) / (time.perf_counter() - started)


def main() -> None:
    """Prints both medians and their ratio."""
    import cv2

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = make_photographs(Path(folder), arguments.images)
        size_kb = sum(path.stat().st_size for path in paths) / len(paths) / 1000
        works: dict[str, Callable[[Path], object]] = {
            "decode only": decode_only,
            "index": measure_image,
            "Pillow with imagehash": hash_with_pillow,
        }
        rates: dict[str, list[float]] = {name: [] for name in works}
        for work in works.values():
            rate(work, paths)  # the files are in the page cache from here on
        for _ in range(arguments.rounds):
            for name, work in works.items():
                rates[name].append(rate(work, paths))
    print(f"{len(paths)} JPEGs {WIDTH}×{HEIGHT}, {size_kb:.0f} kB each, one core, {arguments.rounds} rounds")
    for name, values in rates.items():
        print(f"{name:22} {median(values):7.0f} images/s  ({min(values):.0f}–{max(values):.0f})")
    for name in ("decode only", "Pillow with imagehash"):
        ratios = [index / other for other, index in zip(rates[name], rates["index"], strict=True)]
        print(f"{f'index / {name}':29} {median(ratios):5.2f}  ({min(ratios):.2f}–{max(ratios):.2f})")


if __name__ == "__main__":
    main()
