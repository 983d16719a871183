"""Seconds of the whole stage `index`, tables included, over many images: the first time, and again.

Each is a process of its own, from its start to its end, over 50,000 generated PNGs of 16×16 pixels with a label each:

    python benchmarks/index_again.py [--images 50000] [--rounds 5] [--layout yolo|folders]

The images are tiny, so that the first run is as short as it can be: of photographs it takes minutes, and the others the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

ONE_RUN = """
import sys
from pathlib import Path
from runner.stages import index
from runner.stages.stage import StageContext
root, layout, task = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
params = index.IndexParams(path="data", layout=layout, task=task, classes=["cat", "dog"])
index.run(StageContext(root=root, folder=root / "reports" / "0001-first"), params)
"""
TASKS = {"yolo": "detect", "folders": "classify"}


def make_dataset(data: Path, count: int, layout: str) -> list[Path]:
    """Writes images of one colour and another first pixel each, no two the same; a fifth of them in `val`."""
    import cv2

    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        split, name = "val" if number % 5 == 0 else "train", f"{number:06}"
        image = np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (16, 16, 3)).copy()
        image[0, 0] = number % 256, number // 256 % 256, number // 65_536
        folder = data / ("images" if layout == "yolo" else "") / split
        path = folder / ("" if layout == "yolo" else ("cat", "dog")[number % 2]) / f"{name}.png"
        for parent in (path.parent, data / "labels" / split):
            if layout == "yolo" or parent == path.parent:
                parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
        if layout == "yolo":
            (data / "labels" / split / f"{name}.txt").write_text(f"{number % 2} 0.5 0.5 0.5 0.5\n")
        paths.append(path)
    return paths


def run(root: Path, layout: str) -> tuple[float, float]:
    """Seconds of one process that indexes, and of them those that it computed."""
    started, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", ONE_RUN, str(root), layout, TASKS[layout]], check=True)
    after = os.times()
    computed = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, computed


def contents(folder: Path) -> list[bytes]:
    """What the stage wrote."""
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def main() -> None:
    """Prints the seconds of each case; the index is compared with that of the first run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layout", choices=sorted(TASKS), default="yolo")
    arguments = parser.parse_args()
    layout = arguments.layout
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = make_dataset(root / "data", arguments.images, layout)
        time.sleep(2.1)  # what was written less than 2 s ago is read once more
        seconds = {"the first run": [run(root, layout)]}
        first = contents(root / "reports" / "0001-first" / "index")
        seconds["nothing changed"] = [run(root, layout) for _ in range(arguments.rounds)]
        for path in paths:
            os.utime(path)
        time.sleep(2.1)
        seconds["every file touched: read, not decoded"] = [run(root, layout)]
        if contents(root / "reports" / "0001-first" / "index") != first:
            raise SystemExit("the index is another than the first run's")
        paths[0].write_bytes(paths[1].read_bytes() + b"changed")
        seconds["one image changed"] = [run(root, layout)]
    print(
        f"{arguments.images:,} images, layout {layout}: seconds of a whole process, and of computing on all cores"
    )
    for name, runs in seconds.items():
        values, computed = zip(*runs, strict=True)
        print(
            f"{name:40} {median(values):6.2f}  ({min(values):.2f}–{max(values):.2f}), computing {median(computed):.2f}"
        )


if __name__ == "__main__":
    main()
