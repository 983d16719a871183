"""Images of a pool scored per second: as `flywheel score` predicts them, beside Ultralytics' `predict` in torch of the same architecture, and
beside OpenVINO's own benchmark_app of the same model, which reads no image and decodes nothing.

python benchmarks/pool_scoring.py reports/0001-first-model/exports/openvino-fp32 [--images FOLDER] [--count 256] [--rounds 3] [--threads 2]
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from runner.domain.records import Device
from runner.exporters.opened import OpenModel, open_model
from runner.stages.predict import predict_all
from runner.stages.predict_pool import detected

ROOT = Path(__file__).parents[1]
SECONDS = 10  # of one run of benchmark_app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artefact", type=Path, help="an OpenVINO artefact of a sprint: its folder")
    parser.add_argument("--images", type=Path, default=ROOT / "data")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--architecture", default="yolo11n.yaml", help="what Ultralytics predicts with")
    options = parser.parse_args()
    files = [path for path in sorted(options.images.rglob("*")) if path.suffix in (".jpg", ".png")]
    files = (files * -(-options.count // max(1, len(files))))[: options.count]
    model = open_model(
        options.artefact, Device(kind="cpu", name="", threads=options.threads, cpu_count=options.threads)
    )
    ways: dict[str, Callable[[], float]] = {
        "flywheel score": lambda: pool(model, files),
        "one after another, as test images": lambda: one_by_one(model, files),
        "ultralytics predict, torch": lambda: ultralytics(
            options.architecture, files, model.predictor.input_hw[0], options.threads
        ),
        "benchmark_app, the model alone": lambda: benchmark_app(options.artefact),
    }
    pool(model, files[:1])  # compiles model and decoding, once for a whole pool; benchmark_app counts neither
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            found[name].append(way())
    best = statistics.median(found["benchmark_app, the model alone"])
    for name, rates in found.items():
        middle = statistics.median(rates)
        spread = f"{min(rates):.1f} to {max(rates):.1f}"
        print(f"{name:<36} {middle:7.1f} images/s  ({spread})  {middle / best:5.2f} of benchmark_app")


def pool(model: OpenModel, files: list[Path]) -> float:
    """Read, fitted, run, decoded."""
    started = time.perf_counter()
    found = sum(1 for _ in detected(model, files))
    return found / (time.perf_counter() - started)


def one_by_one(model: OpenModel, files: list[Path]) -> float:
    started = time.perf_counter()
    predict_all({"one": model}, Path("/"), [str(path) for path in files])
    return len(files) / (time.perf_counter() - started)


def ultralytics(architecture: str, files: list[Path], size: int, threads: int) -> float:
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(threads)
    model = YOLO(architecture)
    list(model.predict([str(files[0])], imgsz=size, device="cpu", verbose=False))
    started = time.perf_counter()
    found = 0
    for start in range(0, len(files), 64):
        chunk = [str(path) for path in files[start : start + 64]]
        found += len(model.predict(chunk, imgsz=size, device="cpu", verbose=False, batch=8))
    return found / (time.perf_counter() - started)


def benchmark_app(artefact: Path) -> float:
    """With as many threads as it takes: all cores. It refuses a number of them beside its mode for throughput."""
    command = [Path(sys.executable).parent / "benchmark_app", "-m", artefact / "model.xml", "-d", "CPU"]
    command += ["-hint", "throughput", "-t", str(SECONDS), "-infer_precision", "f32"]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    rate = re.search(r"Throughput:\s+([0-9.]+) FPS", result.stdout)
    if rate is None:
        raise SystemExit(f"benchmark_app said nothing of its throughput:\n{result.stdout[-2000:]}")
    return float(rate[1])


if __name__ == "__main__":
    main()
