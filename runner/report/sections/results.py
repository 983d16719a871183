"""Where is it weak, and what does each artefact cost in quality, time and space?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.report.escape import code, markdown
from runner.report.record import SprintReport
from runner.report.sections.part import Part, Priority, folded, table_head, table_row
from runner.report.tables import (
    FEW,
    CellRow,
    TargetRow,
    class_rows,
    judged,
    optimizing,
    seed_values,
    slice_rows,
    target_rows,
)
from runner.report.wording import NOT_MEASURED, bar, change, count, label, number, quality

_UNFOLDED_CLASSES = 12


def parts(report: SprintReport) -> list[Part]:
    """Slices, classes, export targets."""
    return [_slices(report), _classes(report), _targets(report)]


def _slices(report: SprintReport) -> Part:
    rows = slice_rows(report)
    metric = label(optimizing(report))
    if not rows:
        why = NOT_MEASURED if judged(report) is None else "No slice is named in flywheel.yaml or the spec."
        return Part(title="slices", priority=Priority.SLICES, head=f"### Slices\n\n{why}")
    head = f"### Slices, weakest first\n\n{_overall(report)}\n\n{_cell_head('Slice', report)}"
    return Part(
        title="slices",
        priority=Priority.SLICES,
        head=head,
        rows=tuple(_cell_row(row, report) for row in rows),
        tail=_few_note(rows, metric),
    )


def _classes(report: SprintReport) -> Part:
    rows = class_rows(report)
    if not rows:
        head = f"### Classes\n\n{NOT_MEASURED}"
        return Part(title="classes", priority=Priority.CLASSES, head=head)
    cells = [_cell_row(row, report) for row in rows]
    table = _cell_head("Class", report)
    tail = _few_note(rows, label(optimizing(report)))
    if len(cells) > _UNFOLDED_CLASSES:
        fold = folded("classes", Priority.CLASSES, f"All {len(cells):,} classes", table, cells, tail)
        return Part(
            title=fold.title,
            priority=fold.priority,
            head=f"### Classes, weakest first\n\n{fold.head}",
            rows=fold.rows,
            tail=fold.tail,
        )
    head = f"### Classes, weakest first\n\n{table}"
    return Part(title="classes", priority=Priority.CLASSES, head=head, rows=tuple(cells), tail=tail)


def _overall(report: SprintReport) -> str:
    """What the tables compare with, on what, by which evaluator."""
    evaluation, measured = report.evaluation, judged(report)
    if evaluation is None or measured is None:
        return NOT_MEASURED
    metric = evaluation.optimizing
    return (
        f"All images: {label(metric)} **{number(quality(measured.overall, metric))}**, "
        f"mAP50 {number(measured.overall.map50)}, AR {number(measured.overall.ar)}, "
        f"F1 {number(measured.overall.f1)} — {code(measured.target, 80)} on {code(evaluation.split, 40)}, "
        f"{count(measured.overall.images, 'image')}, {count(measured.overall.objects, 'object')}. "
        f"Evaluator: {markdown(evaluation.evaluator, 120)}; precision, recall and F1 at IoU 0.5 and confidence "
        f"≥ {number(evaluation.operating_confidence, 2)}."
    )


def _cell_head(first: str, report: SprintReport) -> str:
    columns = [first, label(optimizing(report)), "against all"]
    if report.champion is not None:
        columns.append("against champion")
    columns += ["Recall", "Precision", "Images", "Objects", ""]
    numbers = [position for position, name in enumerate(columns) if name.startswith("against")]
    return table_head(columns, numbers=[*numbers, columns.index("Images"), columns.index("Objects")])


def _cell_row(row: CellRow, report: SprintReport) -> str:
    # A condition in DuckDB's SQL goes in brackets after the name that people use for it.
    name = markdown(row.name, 120)
    if row.condition and row.condition != row.name:
        name = f"{name} <sub>{code(row.condition, 120)}</sub>"
    cells = [name, _with_bar(row.value), change(row.delta)]
    if report.champion is not None:
        cells.append(change(row.champion_delta))
    cells += [
        _with_bar(quality(row.metrics, "recall")),
        number(quality(row.metrics, "precision")),
        f"{row.metrics.images:,}",
        f"{row.metrics.objects:,}",
        "few" if row.few else "",
    ]
    return table_row(cells)


def _with_bar(value: float | None) -> str:
    return f"{number(value)} {bar(value)}".rstrip()


def _few_note(rows: Sequence[CellRow], metric: str) -> str:
    if not any(row.few for row in rows):
        return ""
    return f"<sub>few: fewer than {FEW} images or objects; one more or less moves {metric} visibly.</sub>"


def _targets(report: SprintReport) -> Part:
    rows = target_rows(report)
    if not rows:
        return Part(
            title="export targets", priority=Priority.TARGETS, head=f"### Export targets\n\n{NOT_MEASURED}"
        )
    columns = ["Artefact", label(optimizing(report)), "against torch", "Latency p50 / p95 / p99 (ms)"]
    columns += ["Images/s", "Size (MB)", "Peak memory (MB)", "Runtime, computed in"]
    head = f"### Export targets\n\n{table_head(columns, numbers=(2, 4, 5, 6))}"
    notes = [*_calibrations(rows), *_measured_on(report, rows), *_seed_spread(report)]
    return Part(
        title="export targets",
        priority=Priority.TARGETS,
        head=head,
        rows=tuple(_target_row(row) for row in rows),
        tail="  \n".join(notes),
    )


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
            _with_bar(row.value),
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
    device = report.benchmark.device
    sizes = sorted({f"{height} × {width}" for height, width in (speed.input_hw for speed in speeds)})
    runs = sorted({speed.iterations for speed in speeds})
    return [
        f"Latency: batch 1, input {' and '.join(sizes)} (height × width), {'–'.join(str(n) for n in runs)} runs "
        f"after warm-up, on {markdown(device.kind, 20)} ({markdown(device.name, 80)}), "
        f"{count(device.threads, 'thread')} of {count(device.cpu_count, 'core')}."
    ]


def _seed_spread(report: SprintReport) -> list[str]:
    values = seed_values(report)
    if len(values) < 2:
        return []
    listed = ", ".join(f"{markdown(seed, 20)}: {number(value)}" for seed, value in values.items())
    low, high = min(values.values()), max(values.values())
    return [
        f"Seed spread of {label(optimizing(report))} (torch): {number(low)} to {number(high)}, a range of "
        f"{number(high - low)} over {len(values)} seeds ({listed}). A difference smaller than this proves little."
    ]
