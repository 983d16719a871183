"""Average precision side by side with other engines: the whole set, 50 slices, and paired resamples of each.

One process, one made-up problem of COCO's size, every engine on the same arrays and for one area range and 100
detections only. Others get their ground truth as ready dictionaries, outside the clock. What is too slow to be run in
full is extrapolated from the stated number of calls, by the images that these calls had.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from coco_engines import ENGINES, Engine, Hotcoco
from coco_sized import Labels, Predictions, Size, image_slices, labels, predictions, problem
from numpy.typing import NDArray

from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.candidates import candidate_pairs
from runner.evaluation.matching import match
from runner.evaluation.ranked import RankedMeasurable

TOLERANCE = 1e-9
CONFIDENCE = 0.25
EXTRA = "pip install hotcoco ultrafast-pycocotools faster-coco-eval pycocotools"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One engine's seconds; None where it was not asked."""

    name: str
    load: float
    whole: float
    slices: float
    slice_calls: int


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The problem, two models' predictions, and the slices `(S, I)`."""

    size: Size
    truth: Labels
    models: tuple[Predictions, Predictions]
    masks: NDArray[np.bool_]

    @classmethod
    def of(cls, size: Size) -> Inputs:
        truth = labels(size)
        return cls(
            size=size,
            truth=truth,
            models=(predictions(size, truth, seed=1), predictions(size, truth, seed=2, noise=0.085)),
            masks=image_slices(size),
        )

    def measurable(self, model: int = 0) -> RankedMeasurable:
        return RankedMeasurable(problem(self.size, self.truth, self.models[model]), CONFIDENCE)

    def dictionaries(self) -> dict[str, Any]:
        boxes = self.truth.boxes_xyxy
        xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).tolist()
        columns = (self.truth.image.tolist(), self.truth.label.tolist(), xywh, self.truth.crowd.tolist())
        return {
            "info": {},
            "images": [{"id": n + 1, "width": 640, "height": 480} for n in range(self.size.images)],
            "categories": [{"id": n + 1, "name": f"class {n}"} for n in range(self.size.classes)],
            "annotations": [
                {
                    "id": n + 1,
                    "image_id": i + 1,
                    "category_id": c + 1,
                    "bbox": b,
                    "area": b[2] * b[3],
                    "iscrowd": int(w),
                }
                for n, (i, c, b, w) in enumerate(zip(*columns, strict=True))
            ],
        }

    def results(self, model: int = 0) -> NDArray[np.float64]:
        """`(M, 7)` image id, x, y, width, height, score, class id."""
        found = self.models[model]
        boxes = found.boxes_xyxy
        size = boxes[:, 2:] - boxes[:, :2]
        return np.column_stack([found.image + 1.0, boxes[:, :2], size, found.score, found.label + 1.0])


def timed(work: Callable[[], Any], runs: int = 1) -> tuple[float, Any]:
    """Median seconds, and what the last run returned."""
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), result


def image_ids(mask: NDArray[np.bool_]) -> list[int]:
    return [int(row) + 1 for row in np.flatnonzero(mask)]


def measure_engine(
    engine: Engine, inputs: Inputs, expected: float, expected_slices: NDArray[np.float64]
) -> Row:
    load, _ = timed(engine.load, runs=min(2, engine.runs))
    whole, average = timed(engine.average_precision, runs=engine.runs)
    agree(engine.package, average, expected)
    by_size = np.argsort(inputs.masks.sum(axis=1), kind="stable")
    chosen = by_size[np.linspace(0, len(by_size) - 1, min(engine.slices, len(by_size))).round().astype(int)]
    seconds = 0.0
    for row in chosen:
        ids = image_ids(inputs.masks[row])
        taken, average = timed(partial(engine.average_precision, ids))
        agree(f"{engine.package}, slice {row}", average, expected_slices[row])
        seconds += taken
    share = inputs.masks[chosen].sum() / inputs.masks.sum()
    return Row(name=engine.package, load=load, whole=whole, slices=seconds / share, slice_calls=len(chosen))


def agree(name: str, value: float, expected: float) -> None:
    if abs(value - expected) > TOLERANCE:
        raise SystemExit(f"{name} finds AP {value!r}, flywheel {expected!r}")


def measure_flywheel(inputs: Inputs) -> tuple[Row, float, NDArray[np.float64]]:
    everything = np.ones((1, inputs.size.images), dtype=np.uint8)
    weights = inputs.masks.astype(np.uint8)
    load, _ = timed(lambda: problem(inputs.size, inputs.truth, inputs.models[0]), runs=5)
    whole, measures = timed(lambda: inputs.measurable().measure(everything), runs=9)
    slices, parts = timed(lambda: inputs.measurable().measure(weights), runs=9)
    row = Row(name="flywheel", load=load, whole=whole, slices=slices, slice_calls=len(weights))
    return row, float(measures.values[0, -1, 0]), parts.values[:, -1, 0]


def paired_resamples(inputs: Inputs, masks: NDArray[np.bool_], resamples: int) -> NDArray[np.float64]:
    """`(slices, 4)` AP of either model, and the 95 % interval of their difference: from arrays to result."""
    drawn = multiplicities(np.arange(inputs.size.images), resamples)
    models = [inputs.measurable(0), inputs.measurable(1)]
    rows = []
    for mask in masks:
        weights = drawn * mask
        first, second = (model.measure(weights).values[:, -1, 0] for model in models)
        rows.append([first.mean(), second.mean(), *np.nanquantile(second - first, [0.025, 0.975])])
    return np.array(rows)


def hotcoco_compare(inputs: Inputs, truth: dict[str, Any], resamples: int, *, restricted: bool) -> float:
    """Seconds of one resample in hotcoco's own paired comparison of the whole set.

    `restricted` to what flywheel measures (one area range, 100 detections), else as it comes.
    """
    import hotcoco

    pair = []
    for model in (0, 1):
        engine = Hotcoco(truth, inputs.truth, inputs.results(model))
        engine.load()
        pair.append(engine.evaluator(restricted=restricted))
    once, _ = timed(lambda: hotcoco.compare(pair[0], pair[1], n_bootstrap=1))
    many, _ = timed(lambda: hotcoco.compare(pair[0], pair[1], n_bootstrap=resamples + 1))
    return (many - once) / resamples


def looped_resample(engine: Engine, inputs: Inputs) -> float:
    """Seconds of one resample of every slice and one model, drawn images once each (which favours the engine)."""
    drawn = multiplicities(np.arange(inputs.size.images), 1)[0] > 0
    seconds = 0.0
    for mask in inputs.masks:
        ids = image_ids(mask & drawn)
        seconds += timed(partial(engine.average_precision, ids))[0]
    return seconds


def looped_slice_by(engine: Hotcoco, inputs: Inputs) -> float:
    """Seconds of one resample of all slices in one call on what was evaluated once, drawn images once each."""
    drawn = multiplicities(np.arange(inputs.size.images), 1)[0] > 0
    names = {f"slice {row}": image_ids(mask & drawn) for row, mask in enumerate(inputs.masks)}
    evaluator = engine.evaluated()
    return timed(lambda: evaluator.slice_by(names), runs=3)[0]


def print_machine(engines: Sequence[type[Engine]]) -> None:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "numba")]
    versions += [f"{engine.package} {importlib.metadata.version(engine.package)}" for engine in engines]
    with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    print(
        f"\n{names[0] if names else platform.processor()}, {cores} cores; Python {platform.python_version()}, {', '.join(versions)}\n"
    )


def print_rows(rows: Sequence[Row]) -> None:
    own = rows[0]
    print("| engine | load s | whole set s | ÷ flywheel | 50 slices s | ÷ flywheel | calls measured |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(
            f"| {row.name} | {row.load:.4f} | {row.whole:.4f} | {row.whole / own.whole:.1f} | {row.slices:.3f} "
            f"| {row.slices / own.slices:.1f} | {row.slice_calls} |"
        )


def _slices_at_once(engine: Hotcoco, names: dict[str, list[int]]) -> Any:
    return engine.evaluated().slice_by(names)


def print_slice_by(engines: Sequence[Engine], inputs: Inputs, own: Row) -> None:
    """hotcoco is the only other engine that measures slices without a call for each."""
    names = {f"slice {row}": image_ids(mask) for row, mask in enumerate(inputs.masks)}
    for engine in engines:
        if isinstance(engine, Hotcoco):
            seconds, _ = timed(partial(_slices_at_once, engine, names), runs=3)
            print(f"| {engine.package} slice_by | | | | {seconds:.3f} | {seconds / own.slices:.1f} | 1 |")


def print_parts(inputs: Inputs) -> None:
    """Where flywheel's time goes."""
    of = problem(inputs.size, inputs.truth, inputs.models[0])
    pairs, candidates = timed(lambda: candidate_pairs(of), runs=9)
    matching, matches = timed(lambda: match(candidates), runs=9)
    everything = np.ones((1, inputs.size.images), dtype=np.uint8)
    ready = RankedMeasurable(of, CONFIDENCE, candidates=candidates, matches=matches)
    walking, _ = timed(lambda: ready.measure(everything), runs=9)
    print(
        f"\nflywheel, whole set: sort and find pairs {pairs:.4f} s, match {matching:.4f} s, "
        f"measure (up to 64 lanes) {walking:.4f} s; {len(candidates.pair_truth)} pairs"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the problem and of the resamples")
    quick = parser.parse_args().quick
    size = Size(images=500, truths=3_600, detections=20_000) if quick else Size()
    resamples = 100 if quick else 1_000
    try:
        for kind in ENGINES:
            importlib.metadata.version(kind.package)
    except importlib.metadata.PackageNotFoundError as missing:
        raise SystemExit(f"{missing.name} is not installed; to compare with it: {EXTRA}") from missing

    inputs = Inputs.of(size)
    warm_up, _ = timed(lambda: measure_flywheel(Inputs.of(Size(images=20, truths=100, detections=400))))
    print_machine(ENGINES)
    print(
        f"{size.images} images, {size.truths} truths, {size.detections} detections, {size.classes} classes, ",
        end="",
    )
    print(f"{size.slices} slices of {inputs.masks.sum() / size.images:.2f} times the set")
    print(f"JIT warm-up (compiling, or loading numba's cache): {warm_up:.2f} s, not counted below\n")

    own, expected, expected_slices = measure_flywheel(inputs)
    truth, rows = inputs.dictionaries(), [own]
    ready = []
    for kind in ENGINES:
        engine = kind(truth, inputs.truth, inputs.results())
        rows.append(measure_engine(engine, inputs, expected, expected_slices))
        ready.append(engine)
    print_rows(rows)
    print_slice_by(ready, inputs, own)
    print(f"\nAll agree on AP {expected:.12f}, and on each slice measured, to {TOLERANCE:g}.")
    print_parts(inputs)
    print_resamples(inputs, truth, ready, rows, resamples)


def print_resamples(
    inputs: Inputs, truth: dict[str, Any], engines: Sequence[Engine], rows: Sequence[Row], resamples: int
) -> None:
    whole = np.ones((1, inputs.size.images), dtype=bool)
    one, _ = timed(lambda: paired_resamples(inputs, whole, resamples), runs=3)
    all_slices, _ = timed(lambda: paired_resamples(inputs, inputs.masks, resamples), runs=2)
    compared = 10
    as_it_comes = hotcoco_compare(inputs, truth, compared, restricted=False) * resamples
    theirs = hotcoco_compare(inputs, truth, compared, restricted=True) * resamples
    fastest = min(range(len(engines)), key=lambda number: rows[number + 1].slices)
    looped = looped_resample(engines[fastest], inputs) * resamples * 2
    print(f"\n| {resamples} paired resamples of two models | seconds | ÷ flywheel |\n|---|--:|--:|")
    print(f"| flywheel, whole set, one comparison | {one:.3f} | 1 |")
    print(
        f"| hotcoco compare, whole set, as it comes: 4 area ranges, 3 limits (from {compared} resamples) "
        f"| {as_it_comes:.1f} | {as_it_comes / one:.0f} |"
    )
    print(
        f"| hotcoco compare, whole set, one area range and limit (from {compared} resamples) "
        f"| {theirs:.1f} | {theirs / one:.0f} |"
    )
    print(f"| flywheel, {len(inputs.masks)} slices | {all_slices:.2f} | 1 |")
    print(
        f"| {engines[fastest].package} looped, {len(inputs.masks)} slices (from {len(inputs.masks)} calls) "
        f"| {looped:.0f} | {looped / all_slices:.0f} |"
    )
    for engine in engines:
        if isinstance(engine, Hotcoco):
            looped = looped_slice_by(engine, inputs) * resamples * 2
            print(
                f"| hotcoco slice_by looped, {len(inputs.masks)} slices (from 1 call) "
                f"| {looped:.0f} | {looped / all_slices:.0f} |"
            )


if __name__ == "__main__":
    main()
