"""What does each artefact cost in quality, time and space?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.adapters.pictures import plotting
from runner.adapters.pictures.canvas import Picture
from runner.adapters.pictures.plotting import Artefact
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.device import ran_on
from runner.report.sections.part import Part, table_head, table_row
from runner.report.sections.section import Fold, Plot, Section, Shown
from runner.report.tables import TargetRow, optimizing, target_rows
from runner.report.wording import NOT_MEASURED, bar, change, count, label, number


def _targets(report: SprintReport, _: Shown) -> list[Part]:
    """Torch and each export: quality, latency, size."""
    rows = target_rows(report)
    if not rows:
        return [Part(title="export targets", head=f"### Export targets\n\n{NOT_MEASURED}")]
    columns = ["Artefact", label(optimizing(report)), "against torch", "Latency p50 / p95 / p99 (ms)"]
    columns += ["Images/s", "Size (MB)", "Peak memory (MB)", "Runtime, computed in"]
    head = f"### Export targets\n\n{table_head(columns, numbers=(2, 4, 5, 6))}"
    notes = [*_calibrations(rows), *_measured_on(report, rows)]
    cells = tuple(_target_row(row) for row in rows)
    return [Part(title="export targets", head=head, rows=cells, tail="  \n".join(notes))]


def _target_row(row: TargetRow) -> str:
    speed = row.speed
    name = code(row.target, 80)
    latency = NOT_MEASURED
    if speed is not None:
        times = (speed.latency_p50_ms, speed.latency_p95_ms, speed.latency_p99_ms)
        latency = " / ".join(number(time, 1) for time in times)
    return table_row(
        [
            f"**{name}** (judged)" if row.judged else name,
            f"{number(row.value)} {bar(row.value)}".rstrip(),
            change(row.delta, 4),
            latency,
            number(speed.throughput_ips if speed else None, 1),
            number(row.size_mb, 1),
            number(speed.peak_memory_mb if speed else None, 0),
            f"{markdown(speed.runtime, 60)}, {markdown(speed.precision, 20)}" if speed else NOT_MEASURED,
        ]
    )


def _calibrations(rows: Sequence[TargetRow]) -> list[str]:
    return [
        f"{code(row.target, 80)} is calibrated on {count(row.exported.calibration_images, 'image')} "
        f"of {code(row.exported.calibration_split or 'an unnamed split', 40)}."
        for row in rows
        if row.exported is not None and row.exported.calibration_images
    ]


def _measured_on(report: SprintReport, rows: Sequence[TargetRow]) -> list[str]:
    speeds = [row.speed for row in rows if row.speed is not None]
    if report.benchmark is None or not speeds:
        return []
    sizes = sorted({f"{height} × {width}" for height, width in (speed.input_hw for speed in speeds)})
    runs = " or ".join(str(n) for n in sorted({speed.iterations for speed in speeds}))
    return [
        f"Latency: batch 1, input {' and '.join(sizes)} (height × width), {runs} runs after warm-up, "
        f"on {ran_on(report.benchmark.device)}."
    ]


def _draw(report: SprintReport) -> Picture:
    rows = [
        Artefact(
            label=plain(row.target, 32),
            quality=row.value,
            p50_ms=row.speed.latency_p50_ms if row.speed else None,
            p95_ms=row.speed.latency_p95_ms if row.speed else None,
            judged=row.judged,
        )
        for row in target_rows(report)
    ]
    return plotting.artefacts("Artefacts: speed and quality", rows, label(optimizing(report)))


FOLD = Fold(line=lambda report: "Export targets: quality, latency, size")
TARGETS = Section(
    parts=_targets,
    fold=FOLD,
    plots=(
        Plot(
            name="targets",
            shows="Latency and quality of each artefact",
            there=lambda report: any(
                row.speed is not None or row.value is not None for row in target_rows(report)
            ),
            draw=_draw,
        ),
    ),
    chapter="Export targets",
)
