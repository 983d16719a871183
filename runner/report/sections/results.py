"""Where is it weak, and what does each artefact cost in quality, time and space?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.report.escape import code, markdown
from runner.report.record import SprintReport
from runner.report.sections.device import ran_on
from runner.report.sections.part import Part, Priority, folded, table_head, table_row
from runner.report.tables import (
    FEW,
    OVERALL,
    CellRow,
    TargetRow,
    class_rows,
    judged,
    optimizing,
    overall_row,
    seed_values,
    slice_rows,
    target_rows,
)
from runner.report.wording import NOT_MEASURED, bar, change, count, label, number, quality

_UNFOLDED = 20  # rows of a table before the rest is folded


def parts(report: SprintReport) -> list[Part]:
    """Slices, classes, export targets."""
    return [*_slices(report), *_classes(report), _targets(report)]


def _slices(report: SprintReport) -> list[Part]:
    everything = overall_row(report)
    rows = slice_rows(report)
    if everything is None:
        return [Part(title="slices", priority=Priority.SLICES, head=f"### Slices\n\n{NOT_MEASURED}")]
    heading = f"### Slices, weakest first\n\n{_judged_on(report)}"
    if not rows:
        heading = f"### Slices\n\n{_judged_on(report)}\n\nflywheel.yaml and the spec name no slice."
    return _cells(report, "slices", heading, [everything, *rows], (Priority.SLICES, Priority.MORE_SLICES))


def _classes(report: SprintReport) -> list[Part]:
    rows = class_rows(report)
    if not rows:
        return [Part(title="classes", priority=Priority.CLASSES, head=f"### Classes\n\n{NOT_MEASURED}")]
    return _cells(
        report, "classes", "### Classes, weakest first", rows, (Priority.CLASSES, Priority.MORE_CLASSES)
    )


def _cells(
    report: SprintReport,
    title: str,
    heading: str,
    rows: Sequence[CellRow],
    priorities: tuple[Priority, Priority],
) -> list[Part]:
    """A table of the weakest, and the others behind a click."""
    head = _cell_head("Slice" if title == "slices" else "Class", report)
    cells = [_cell_row(row, report) for row in rows]
    note = _few_note(rows, label(optimizing(report)))
    weakest = Part(
        title=title,
        priority=priorities[0],
        head=f"{heading}\n\n{head}",
        rows=tuple(cells[:_UNFOLDED]),
        tail=note,
    )
    others = cells[_UNFOLDED:]
    if not others:
        return [weakest]
    return [
        weakest,
        folded(f"further {title}", priorities[1], f"{len(others):,} further {title}", head, others),
    ]


def _judged_on(report: SprintReport) -> str:
    """What the tables compare with, on what, by which evaluator."""
    evaluation, measured = report.evaluation, judged(report)
    if evaluation is None or measured is None:
        return NOT_MEASURED
    return (
        f"{code(measured.target, 80)} on {code(evaluation.split, 40)}: "
        f"mAP50 {number(measured.overall.map50)}, mAP75 {number(measured.overall.map75)}, "
        f"AR {number(measured.overall.ar)}, F1 {number(measured.overall.f1)}. "
        f"Evaluator: {markdown(evaluation.evaluator, 120)}; precision, recall and F1 at IoU 0.5 "
        f"and confidence ≥ {number(evaluation.operating_confidence, 2)}."
    )


def _cell_head(first: str, report: SprintReport) -> str:
    columns = [first, label(optimizing(report)), "against all"]
    if report.champion is not None and report.champion.overall is not None:
        columns.append("against champion")
    columns += ["Recall", "Precision", "Images", "Objects", ""]
    numbers = [position for position, name in enumerate(columns) if name.startswith("against")]
    return table_head(columns, numbers=[*numbers, columns.index("Images"), columns.index("Objects")])


def _cell_row(row: CellRow, report: SprintReport) -> str:
    # A condition in DuckDB's SQL goes in brackets after the name that people use for it.
    name = f"**{OVERALL}**" if row.name == OVERALL else markdown(row.name, 120)
    if row.condition and row.condition != row.name:
        name = f"{name} <sub>{code(row.condition, 120)}</sub>"
    cells = [name, _with_bar(row.value), change(row.delta)]
    if report.champion is not None and report.champion.overall is not None:
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
    sizes = sorted({f"{height} × {width}" for height, width in (speed.input_hw for speed in speeds)})
    runs = " or ".join(str(n) for n in sorted({speed.iterations for speed in speeds}))
    return [
        f"Latency: batch 1, input {' and '.join(sizes)} (height × width), {runs} runs after warm-up, "
        f"on {ran_on(report.benchmark.device)}."
    ]


def _seed_spread(report: SprintReport) -> list[str]:
    values = seed_values(report)
    if len(values) < 2:
        return []
    listed = ", ".join(f"{markdown(seed, 20)}: {number(value)}" for seed, value in values.items())
    low, high = min(values.values()), max(values.values())
    return [
        f"Seed spread of {label(optimizing(report))} (torch): {number(low)} to {number(high)}, "
        f"a range of {number(high - low)} over {len(values)} seeds ({listed}). "
        "A difference smaller than this proves little."
    ]
