"""Indexing, embedding and duplicate search on the machines of a Ray cluster, beside this process alone; one machine killed in the middle.

`python benchmarks/cluster.py [--images 2000] [--hashes 2000000] [--workers 1,2,4]` prints seconds, rows, and whether the index, the vectors and
the pairs are the same bytes. The machines are Ray's nodes of one CPU each, all on this computer: beyond its cores nothing gets quicker.
The last line has one machine fewer in the middle of each piece of work. Seconds are without the time in which Ray starts and joins.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from runner.adapters.pictures.hash_pairs import pairs_within
from runner.adapters.system import executors, ray_cluster
from runner.adapters.tables.parquet import read_table
from runner.embeddings import Lite0, Setting
from runner.embeddings.kept import KeptVectors
from runner.stages import index

CLASSES, DISTANCE = ["dark", "light"], 4
HEIGHT, WIDTH = 480, 640


class Done(NamedTuple):
    """Seconds, how many rows came out, and a digest of their bytes."""

    seconds: float
    rows: int
    digest: str


Work = dict[str, Callable[[], tuple[int, bytes]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--hashes", type=int, default=2_000_000)
    parser.add_argument("--workers", default="1,2,4")
    options = parser.parse_args()
    counts = [int(count) for count in options.workers.split(",")]
    os.environ |= ray_cluster._QUIET
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        plant(root, options.images)
        work = works(root, options.hashes)
        print(f"{options.images:,} images, {options.hashes:,} hashes, {os.cpu_count()} cores")
        print(f"{'':<22}" + "".join(f"{name:>24}" for name in work))
        expected = measured(root, work, lambda: None)
        show("this process", expected, expected)
        for count in counts:
            show(f"{count} machines", on_machines(root, work, count, kill=False), expected)
        show(f"{counts[-1]}, one killed", on_machines(root, work, counts[-1], kill=True), expected)


def show(name: str, found: dict[str, Done], expected: dict[str, Done]) -> None:
    cells = []
    for work, done in found.items():
        known = expected[work]
        same = "same" if done.digest == known.digest else "OTHER"
        cells.append(f"{done.seconds:>8.1f} s {known.rows - done.rows:>3} lost {same:>5}")
    print(f"{name:<22}" + "".join(f"{cell:>24}" for cell in cells), flush=True)


def plant(root: Path, images: int) -> None:
    """Folders of JPEGs, each of its own."""
    import cv2

    rng = np.random.default_rng(0)
    for number in range(images):
        file = root / "data" / CLASSES[number % 2] / f"{number:06d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(file), cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def works(root: Path, hashes: int) -> Work:
    rng = np.random.default_rng(1)
    planted = rng.integers(0, 2**63, hashes).astype(np.uint64)
    planted[hashes // 2 :] = planted[: hashes - hashes // 2] ^ np.uint64(0b101)

    def indexed() -> tuple[int, bytes]:
        params = index.IndexParams(path="data", layout="folders", task="classify", classes=CLASSES)
        folder = root / "index"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        index.write(folder, index.build(root, params))
        rows = len(read_table(folder / "images.parquet", ["path"])["path"])
        return rows, b"".join(file.read_bytes() for file in sorted(folder.iterdir()))

    def embedded() -> tuple[int, bytes]:
        setting = Setting(
            root=root, device=nothing, threads=os.cpu_count() or 1, champion=nothing
        )  # lite0 asks for neither
        files = {file.stem: file for file in sorted((root / "data").rglob("*.jpg"))}
        vectors = KeptVectors(Lite0(), setting)
        vectors.complete(files)
        found = vectors.get(list(files))
        return len(found), found.tobytes()

    def paired() -> tuple[int, bytes]:
        found = pairs_within(planted, DISTANCE)
        return len(found.first), found.first.tobytes() + found.second.tobytes() + found.bits.tobytes()

    return {"index": indexed, "embed": embedded, "duplicates": paired}


def nothing() -> Any:
    raise AssertionError


def measured(root: Path, work: Work, begun: Callable[[], None]) -> dict[str, Done]:
    pairs_within(np.arange(9, dtype=np.uint64), DISTANCE)  # compiles
    found = {}
    for name, do in work.items():
        shutil.rmtree(root / ".flywheel" / "index", ignore_errors=True)
        begun()
        start = time.perf_counter()
        rows, content = do()
        found[name] = Done(time.perf_counter() - start, rows, hashlib.sha256(content).hexdigest())
    return found


def on_machines(root: Path, work: Work, count: int, *, kill: bool) -> dict[str, Done]:
    from ray.cluster_utils import Cluster

    small: dict[str, Any] = {"object_store_memory": 200_000_000}
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **small}
    )
    nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(count)]
    killing: list[threading.Timer] = []
    os.environ[ray_cluster.ADDRESS] = cluster.address

    def begun() -> None:
        for timer in killing:
            timer.join()
        executor = executors.current()
        assert executor is not None
        list(executor.map(divmod, list(range(4 * count)), 2))  # processes are started, modules imported
        if kill:  # and another one comes for the next piece of work
            if len(nodes) < count:
                nodes.append(cluster.add_node(num_cpus=1, **small))
            timer = threading.Timer(1.0, lambda: cluster.remove_node(nodes.pop(0), allow_graceful=False))
            timer.start()
            killing.append(timer)

    try:
        with executors.chosen("ray"):
            return measured(root, work, begun)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]
        del os.environ[ray_cluster.ADDRESS]


if __name__ == "__main__":
    main()
