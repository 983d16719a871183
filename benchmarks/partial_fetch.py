"""Bytes and seconds to bring 500 of many files from a DVC remote to an empty machine, beside `dvc pull` of the whole.

    python benchmarks/partial_fetch.py                 # 50,000 files in a folder as remote
    python benchmarks/partial_fetch.py --s3 --files 5000   # the same through an S3-compatible server (moto's) on this machine

Files are random bytes, of 2 kB. Both begin with an empty cache in a clone; the fetch takes the listing, the 500 objects, compares each with
its hash and lays them out, as `flywheel run --pull` does once it knows which images are selected.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from runner.adapters.dvc import metafiles, objects
from runner.dataset.partial import lay_out

CONFIG = "[core]\n    analytics = false\n    remote = store\n['remote \"store\"']\n    url = {url}\n"
BYTES = 2000


def dvc(root: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def made(root: Path, url: str, files: int) -> None:
    """A repository whose data is in the remote, and nowhere else."""
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text(CONFIG.format(url=url))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    source = random.Random(0)
    for number in range(files):
        path = root / "data" / f"{number % 100:02d}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(BYTES))
    dvc(root, "add", "-q", "data")
    dvc(root, "push", "-q")
    emptied(root)


def emptied(root: Path) -> None:
    shutil.rmtree(root / ".dvc" / "cache", ignore_errors=True)
    shutil.rmtree(root / "data", ignore_errors=True)
    shutil.rmtree(root / ".flywheel", ignore_errors=True)


def fetched(root: Path, number: int) -> None:
    md5 = metafiles.pointer_md5(root / "data.dvc") or ""
    assert not objects.fetch(root, [md5], "data.dvc")
    members = metafiles.cached_members(root, md5) or {}
    chosen = dict(random.Random(1).sample(sorted(members.items()), number))
    assert not objects.fetch(root, list(chosen.values()), "data.dvc")
    assert not lay_out(root, md5, chosen)


def cached_bytes(root: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in (root / ".dvc" / "cache").rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def timed(root: Path, what: str, work: Callable[[], None], times: int) -> None:
    seconds = []
    for _ in range(times):
        emptied(root)
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    files, size = cached_bytes(root)
    print(
        f"{what:<34} {files:>7,} objects  {size / 1e6:>8.2f} MB  {min(seconds):>7.2f} s (best of {times})",
        flush=True,
    )


def measure(url: str, folder: Path, arguments: argparse.Namespace) -> None:
    root = folder / "project"
    made(root, url, arguments.files)
    own = [sys.executable, __file__, "--fetch", str(root), "--used", str(arguments.used)]
    timed(
        root,
        f"{arguments.used:,} of {arguments.files:,} files, flywheel",
        lambda: subprocess.run(own, check=True) and None,
        arguments.times,
    )
    timed(root, f"all {arguments.files:,} files, dvc pull", lambda: dvc(root, "pull", "-q"), 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--used", type=int, default=500)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument(
        "--s3",
        action="store_true",
        help="through moto's server, one process of Python: its speed is the limit",
    )
    parser.add_argument("--fetch", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fetch is not None:
        fetched(arguments.fetch, arguments.used)
        return
    with tempfile.TemporaryDirectory() as temporary:
        if not arguments.s3:
            measure(str(Path(temporary) / "store"), Path(temporary), arguments)
            return
        from object_store import BUCKET, object_store

        with object_store() as server:
            os.environ.update(server.environment)
            measure(f"s3://{BUCKET}/store", Path(temporary), arguments)


if __name__ == "__main__":
    main()
