"""benchmark: speed, size and memory of every artefact on this machine, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from runner.config.project import Project
from runner.config.sprint import BenchmarkOptions
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.progress import progress_bar
from runner.domain.records import JUDGED, Benchmark, Device, Record, TargetBenchmark
from runner.exporters import ExportOptions
from runner.exporters.opened import open_model
from runner.record.catalogue import (
    BENCHMARK,
    EXPORTS,
    EXPORTS_FOLDER,
    SELECTION_FOLDER,
    TRAINING,
    WEIGHTS_FOLDER,
)
from runner.stages.stage import Stage, StageContext


class BenchmarkParams(Record, frozen=True, kw_only=True):
    """What the measurement depends on, besides the models and the machine."""

    dataset: str
    threads: int | None
    targets: list[ExportOptions]
    options: BenchmarkOptions


class Measurement(Record, frozen=True, kw_only=True):
    """What the process that measures one target is told. Paths are absolute."""

    target: str
    model: str  # the artefact's folder, or the weights
    image: str
    device: Device
    size_mb: float
    options: BenchmarkOptions


def resolve(project: Project, targets: list[ExportOptions], options: BenchmarkOptions) -> BenchmarkParams:
    """The export targets and how long to measure."""
    return BenchmarkParams(
        dataset=project.dataset.path,
        threads=project.compute.threads,
        targets=targets,
        options=options,
    )


def run(context: StageContext, params: BenchmarkParams) -> None:
    """Measures one target after the other, so that none disturbs another.

    Raises:
        FlywheelError: a target cannot be loaded or run.
    """
    from runner.adapters.tables.selected import selected_paths

    training = TRAINING.read(context.folder)
    sizes = {each.target: each.size_mb for each in EXPORTS.read(context.folder)}
    image = selected_paths(context.folder / SELECTION_FOLDER.name / "manifest.parquet", JUDGED)[0]
    device = msgspec.structs.replace(training.device, threads=params.threads or training.device.threads)
    models = {REFERENCE_TARGET: context.folder / training.models[0].path}
    models |= {target.name: context.folder / EXPORTS_FOLDER.name / target.name for target in params.targets}
    sizes[REFERENCE_TARGET] = round(models[REFERENCE_TARGET].stat().st_size / 1e6, 3)
    results = []
    with progress_bar("benchmark", len(models), "target") as bar:
        for target, model in models.items():
            bar.set_postfix_str(target)
            measurement = Measurement(
                target=target,
                model=str(model.resolve()),
                image=str((context.data(params.dataset) / image).resolve()),
                device=device,
                size_mb=sizes[target],
                options=params.options,
            )
            results.append(_in_own_process(measurement))
            bar.update()
    BENCHMARK.write(context.folder, Benchmark(device=device, targets=results))


def _in_own_process(measurement: Measurement) -> TargetBenchmark:
    """A fresh process per target: its peak memory is its own, and no other runtime's threads are there."""
    package_home = str(Path(__file__).parents[2])
    search_path = os.pathsep.join(filter(None, (package_home, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "runner.stages.benchmark"],
        input=msgspec.json.encode(measurement),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": search_path},
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise FlywheelError(
            f"{measurement.target} could not be measured: {lines[-1]}",
            hint="run the sprint again; if it stays, drop this target from `export`",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=TargetBenchmark)


def measure(measurement: Measurement) -> TargetBenchmark:
    """Times one target on one preprocessed image. What follows on the model (suppression, masks) is not included.

    Raises:
        FlywheelError: the image or the model cannot be read.
    """
    import numpy as np

    from runner.adapters.models.inference import read_image
    from runner.adapters.system.machine import peak_memory_mb

    model = open_model(Path(measurement.model), measurement.device)
    predictor = model.predictor
    image = read_image(Path(measurement.image))
    pixels, _ = model.decoder.preprocess(image, predictor.input_hw)
    options = measurement.options
    for _ in range(max(1, options.warmup)):
        predictor.infer(pixels)
    latencies = []
    for _ in range(options.iterations):
        started = time.perf_counter()
        predictor.infer(pixels)
        latencies.append((time.perf_counter() - started) * 1000)
    throughput = predictor.throughput(pixels, options.iterations)
    p50, p95, p99 = (round(float(value), 3) for value in np.percentile(latencies, (50, 95, 99)))
    return TargetBenchmark(
        target=measurement.target,
        runtime=predictor.runtime,
        precision=predictor.precision,
        input_hw=predictor.input_hw,
        iterations=options.iterations,
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        latency_p99_ms=p99,
        throughput_ips=round(throughput, 2),
        size_mb=measurement.size_mb,
        peak_memory_mb=round(peak_memory_mb(), 1),
    )


STAGE = Stage(
    name="benchmark",
    version=1,
    params_type=BenchmarkParams,
    run=run,
    reads=(WEIGHTS_FOLDER, TRAINING, EXPORTS_FOLDER, EXPORTS, SELECTION_FOLDER),
    looks_at=lambda params: (JUDGED,),
    writes=(BENCHMARK,),
)

if __name__ == "__main__":
    try:
        print(
            msgspec.json.encode(
                measure(msgspec.json.decode(sys.stdin.buffer.read(), type=Measurement))
            ).decode()
        )
    except FlywheelError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(error.exit_code)
