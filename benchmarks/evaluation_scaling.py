"""How flywheel's evaluation grows: time and peak memory at 1, 4 and 16 times the detections, and the resamples.

Every measurement runs in a process of its own, so that its peak memory is its own; compiled code comes from numba's
cache, which a first small run fills.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
from coco_sized import Size, labels, predictions, problem

from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.ranked import RankedMeasurable

FACTORS = (1, 4, 16)
LIMIT_GB = 4.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds, peak memory of the process in GB, and how much of it was there before (the inputs)."""

    once: float
    resampled: float
    peak: float
    before: float


def measure(size: Size, resamples: int) -> Measured:
    """Matching and the whole set; then the resamples of it."""
    truth = labels(size)
    of = problem(size, truth, predictions(size, truth, seed=1))
    small = Size(images=20, truths=100, detections=400)
    few = labels(small)
    RankedMeasurable(problem(small, few, predictions(small, few, seed=1)), 0.25).measure(
        np.ones((1, small.images), dtype=np.uint8)
    )
    before = peak_gb()
    started = time.perf_counter()
    measurable = RankedMeasurable(of, 0.25)
    measurable.measure(np.ones((1, size.images), dtype=np.uint8))
    once = time.perf_counter() - started
    started = time.perf_counter()
    measurable.measure(multiplicities(np.arange(size.images), resamples))
    resampled = time.perf_counter() - started
    return Measured(once=once, resampled=resampled, peak=peak_gb(), before=before)


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def in_a_process(images: int, factor: int, resamples: int) -> Measured:
    command = [sys.executable, __file__, "--one", str(images), str(factor), str(resamples)]
    answer = subprocess.run(command, capture_output=True, check=True, text=True)
    return Measured(**json.loads(answer.stdout))


def size_of(images: int, factor: int) -> Size:
    return Size(images=images, truths=images * 36 // 5, detections=images * 40).times(factor)


def print_table(title: str, rows: dict[int, Measured], *, of: str) -> bool:
    print(f"\n| {title} | match and measure s | resamples s | × the first | peak GB | of it inputs |")
    print("|---|--:|--:|--:|--:|--:|")
    first = next(iter(rows.values()))
    for factor, row in rows.items():
        ratio = getattr(row, of) / getattr(first, of)
        print(
            f"| {factor}× | {row.once:.3f} | {row.resampled:.3f} | {ratio:.1f} "
            f"| {row.peak:.2f} | {row.before:.2f} |"
        )
    return all(row.peak < LIMIT_GB for row in rows.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the problem and of the resamples")
    parser.add_argument(
        "--one", nargs=3, type=int, metavar=("IMAGES", "FACTOR", "RESAMPLES"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.one is not None:
        images, factor, resamples = options.one
        print(json.dumps(vars(measure(size_of(images, factor), resamples))))
        return
    images, resamples = (500, 100) if options.quick else (5_000, 1_000)
    in_a_process(20, 1, 1)
    base = size_of(images, 1)
    print(
        f"1×: {base.images} images, {base.truths} truths, {base.detections} detections, {resamples} resamples"
    )
    by_size = {factor: in_a_process(images, factor, resamples) for factor in FACTORS}
    small = print_table("detections (and images, truths)", by_size, of="resampled")
    by_resamples = {factor: in_a_process(images, 1, factor * resamples) for factor in FACTORS}
    small &= print_table("resamples", by_resamples, of="resampled")
    print(f"\npeak memory is {'below' if small else 'NOT below'} {LIMIT_GB:.0f} GB")


if __name__ == "__main__":
    main()
