"""Planted copies of every kind: which share is found, and how many different photographs are taken for one; beside imagededup.

    python benchmarks/copies.py [--images 25] [--choose] [--million] [FOLDER …]

Of some images of each folder copies are made, and each is looked for among all images of the folder: by hashes and thumbnails of the
index (`near-duplicate`, `mirrored copy`), by corners and registration (`altered copy`), by laying it upon its original (`registration`:
whether what anything proposes is confirmed; its wrong pairs are the three images of the folder that look most alike otherwise), and by
imagededup's perceptual hash at its usual distance of 10 bits, where it is installed.

Thresholds are chosen on the photographs of `--choose` (sign_digits and coco_clean of ../shared), and measured on others: those of dice,
and the images of a generated demo. `--million`: the time for all pairs of a million hashes within 6 bits, and of
100,000 beside faiss, where it is installed.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from near_duplicates import SHARED, _images
from numpy.typing import NDArray

from runner.adapters.pictures.feature_votes import Corners, proposals
from runner.adapters.pictures.hash_pairs import pairs_within
from runner.adapters.pictures.local_features import BYTES, FEATURES, local_features
from runner.adapters.pictures.measured_images import measure_image
from runner.adapters.pictures.registration import SIDE_PX, register, small_grey
from runner.dataset.altered import PROPOSED
from runner.dataset.leaks import FRAME_CORRELATION, mirrored_copies, nearest_copies
from runner.dataset.near_duplicates import DEFAULT_DISTANCE, Looks, correlations

Pixels = NDArray[np.uint8]
HARDEST = 3
CHOSEN_ON, MEASURED_ON = ("sign_digits", "coco_clean"), ("dice",)


def copies(image: Pixels, random: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Everything that is done to images between their sources and a dataset."""
    import cv2

    height, width = image.shape[:2]

    def saved(picture: Any, quality: int) -> Any:
        return cv2.imdecode(
            cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
        )

    def cut(share: float) -> Any:
        rows, columns = int(height * share), int(width * share)
        top, left = random.integers(0, height - rows + 1), random.integers(0, width - columns + 1)
        return np.ascontiguousarray(image[top : top + rows, left : left + columns])

    yield "saved as JPEG 40", saved(image, 40)
    yield "half the size", cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    yield "brighter", np.clip(image * 1.2 + 12, 0, 255).astype(np.uint8)
    yield "mirrored, JPEG 60", saved(np.ascontiguousarray(image[:, ::-1]), 60)
    yield "upside down", np.ascontiguousarray(image[::-1])
    yield "half a turn", np.ascontiguousarray(image[::-1, ::-1])
    for share in (0.95, 0.9, 0.8, 0.6):
        yield f"cropped to {share:.0%}", cut(share)
    yield "cropped, mirrored", saved(np.ascontiguousarray(cut(0.8)[:, ::-1]), 60)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 4, 1.2)
    yield "turned 4°, zoomed", cv2.warpAffine(image, turn, (width, height))
    for moved in (0.01, 0.02, 0.04):
        shift = np.array([[1.05, 0, -width * (0.025 + moved)], [0, 1.05, -height * 0.025]], np.float32)
        yield (
            f"frame, moved {moved:.0%}",
            cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REFLECT),
        )


def looks_of(picture: Pixels | Path, folder: Path) -> tuple[Looks, NDArray[np.uint8]]:
    """What the index has of it, and what registration sees."""
    import cv2

    path = picture if isinstance(picture, Path) else folder / "copy.png"
    if not isinstance(picture, Path):
        cv2.imwrite(str(path), picture)
    measured = measure_image(path)
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    thumbnail = np.frombuffer(measured.thumbnail, np.uint8)[None]
    return Looks(hashes=np.array([measured.phash], np.uint64), thumbnails=thumbnail), small_grey(
        np.asarray(grey), SIDE_PX
    )


def corners_of(described: list[NDArray[np.uint8]]) -> Corners:
    """Those of several pictures."""
    filled = np.zeros((len(described), FEATURES, BYTES), np.uint8)
    for at, found in enumerate(described):
        filled[at, : len(found)] = found
    return Corners.of(filled, np.array([len(found) for found in described], np.int64))


def altered(path: Path, grey: NDArray[np.uint8], known: Corners, greys: list[NDArray[np.uint8]]) -> int:
    """The first image that corners propose and registration confirms; -1 for none."""
    straight, mirrored = (corners_of([found]) for found in local_features(path, mirrored=True))
    tried = proposals(straight, mirrored, known, PROPOSED)[0].tolist()
    return next((at for at in tried if at >= 0 and register(greys[at], grey) is not None), -1)


def imagededup_hash() -> Any:
    try:
        from imagededup.methods import PHash
    except ImportError:
        return None
    return PHash(verbose=False)


class Table:
    """By kind of copy and method: found or not, wrong pairs or not, one entry per copy."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], list[bool]] = defaultdict(list)
        self.wrong: dict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, kind: str, method: str, found: bool, wrong: int) -> None:
        self.found[kind, method].append(found)
        self.wrong[kind, method].append(wrong)

    def show(self) -> None:
        methods = list(dict.fromkeys(method for _, method in self.found))
        print(f"{'copy':<22}" + "".join(f"{method:>26}" for method in methods))
        for kind in dict.fromkeys(kind for kind, _ in self.found):
            print(f"{kind:<22}" + "".join(f"{self._cell(kind, method):>26}" for method in methods))

    def _cell(self, kind: str, method: str) -> str:
        if (kind, method) not in self.found:
            return "–"
        found, wrong = self.found[kind, method], sum(self.wrong[kind, method])
        right = sum(found)
        precision = f"{right / (right + wrong):.0%}" if right + wrong else "–"
        return f"{np.mean(found):.0%} found, {precision} right"


def compare(folder: Path, sampled: int, table: Table, temporary: Path) -> None:
    import cv2

    paths = _images(folder)
    if not paths:
        return
    random, peer = np.random.default_rng(0), imagededup_hash()
    known = [looks_of(path, temporary) for path in paths]
    looks = Looks(
        hashes=np.concatenate([look.hashes for look, _ in known]),
        thumbnails=np.concatenate([look.thumbnails for look, _ in known]),
    )
    hashes = [int(peer.encode_image(str(path)), 16) for path in paths] if peer else []
    started = time.perf_counter()
    corners = corners_of([local_features(path, mirrored=False)[0] for path in paths])
    took = (time.perf_counter() - started) / len(paths)
    print(f"{folder.name}: {len(paths)} images, corners {1e3 * took:.1f} ms each, one at a time")
    for at in range(0, len(paths), max(1, len(paths) // sampled)):
        image = np.asarray(cv2.imread(str(paths[at])), np.uint8)
        for kind, copy in copies(image, random):
            ours, grey = looks_of(np.asarray(copy, np.uint8), temporary)
            near = nearest_copies(ours, looks, DEFAULT_DISTANCE)
            near = near or mirrored_copies(ours.thumbnails, looks.thumbnails, DEFAULT_DISTANCE)
            table.add(kind, "index", near != [] and near[0][1] == at, near != [] and near[0][1] != at)
            told = altered(temporary / "copy.png", grey, corners, [known_grey for _, known_grey in known])
            table.add(kind, "altered copy", told == at, told not in (-1, at))
            alike = correlations(ours.thumbnails, looks.thumbnails)
            if kind.startswith("frame"):
                table.add(kind, "frame of that name", bool(alike[at] >= FRAME_CORRELATION), 0)
            alike[at] = -1
            hardest = np.argsort(-alike)[:HARDEST].tolist()
            wrong = sum(register(known[other][1], grey) is not None for other in hardest)
            table.add(kind, "registration", register(known[at][1], grey) is not None, wrong)
            if peer:
                code = int(peer.encode_image(image_array=np.asarray(copy)[..., ::-1]), 16)
                bits = [(code ^ other).bit_count() for other in hashes]
                table.add(
                    kind, "imagededup", bits[at] <= 10, sum(each <= 10 for each in bits) - (bits[at] <= 10)
                )


def million() -> None:
    random = np.random.default_rng(0)
    pairs_within(random.integers(0, 2**64, 1000, dtype=np.uint64), 6)  # compiled
    for count in (100_000, 1_000_000):
        hashes = random.integers(0, 2**64, count, dtype=np.uint64)
        hashes[: count // 100] = hashes[count // 100 : count // 50] ^ np.uint64(0b10101)
        started = time.perf_counter()
        found = pairs_within(hashes, 6)
        took = time.perf_counter() - started
        print(f"{count:>10,} hashes, all pairs within 6 bits: {took:.2f} s, {len(found.first):,} pairs")
        if count <= 100_000:
            _beside_faiss(hashes, took, len(found.first))


def _beside_faiss(hashes: NDArray[np.uint64], took: float, pairs: int) -> None:
    try:
        import faiss
    except ImportError:
        print(f"{'':>10} faiss is not installed")
        return
    index = faiss.IndexBinaryFlat(64)
    rows = hashes.view(np.uint8).reshape(-1, 8)
    index.add(rows)
    started = time.perf_counter()
    limits, _, _ = index.range_search(rows, 7)  # it takes what is below
    theirs = time.perf_counter() - started
    told = (int(limits[-1]) - len(hashes)) // 2
    print(
        f"{'':>10} faiss (IndexBinaryFlat): {theirs:.2f} s, {told:,} pairs: {theirs / took:.0f} times as long"
    )
    assert told == pairs


def usual_folders(temporary: Path, *, choose: bool) -> list[Path]:
    """Those that thresholds are chosen on, or those that they are measured on."""
    if choose:
        return [SHARED / name for name in CHOSEN_ON]
    from runner.demo import Counts, generate

    drawn = temporary / "demo"
    generate(drawn, counts=Counts(near_duplicates=0, corrupt_train=0, corrupt_pool=0))
    for path in _images(drawn):
        if not path.stem.endswith("_00"):  # further frames of a scene are its picture, moved: copies indeed
            path.unlink()
    return [*(SHARED / name for name in MEASURED_ON), drawn]


def main() -> None:
    import tempfile

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--images", type=int, default=25)
    parser.add_argument("--choose", action="store_true", help="on what thresholds are chosen by")
    parser.add_argument("--million", action="store_true")
    asked = parser.parse_args()
    if asked.million:
        million()
        return
    table = Table()
    with tempfile.TemporaryDirectory() as temporary:
        for folder in asked.folders or usual_folders(Path(temporary), choose=asked.choose):
            compare(folder, asked.images, table, Path(temporary))
    table.show()


if __name__ == "__main__":
    main()
