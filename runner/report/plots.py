"""The report's pictures, as SVG and PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from runner.adapters.pictures import plotting, plotting_errors, plotting_intervals
from runner.adapters.pictures.canvas import BLUE, GREY, SERIES, VERMILION, Picture
from runner.adapters.pictures.plotting import Artefact, Curve, CurveMark
from runner.adapters.pictures.plotting_errors import ConfidenceBin
from runner.adapters.pictures.plotting_intervals import OUTCOME_COLORS, Estimate
from runner.domain.records import TrainedModel
from runner.record.report import SprintReport
from runner.report.confusion import SHOWN_CLASSES, background_index, most_confused
from runner.report.escape import plain
from runner.report.tables import (
    OVERALL,
    CellRow,
    differences,
    found_rows,
    optimizing,
    overall_row,
    place_of,
    seed_spread,
    slice_rows,
    target_rows,
    task_of,
)
from runner.report.wording import changed, count, label, percent
from runner.tasks import TASKS
from runner.trainers import TrainingTerms, terms_of

_MOST_ROWS = 24
_MOST_CURVES = 6


def render(report: SprintReport) -> list[tuple[str, bytes]]:
    """File names and contents of the plots that there is data for, the same bytes for the same report."""
    files = []
    for name in names(report):
        picture = _DRAWN[name](report)
        files += [(f"{name}.svg", picture.svg), (f"{name}.png", picture.png)]
    return files


def names(report: SprintReport) -> list[str]:
    """The plots that there is data for; draws nothing."""
    errors = report.errors
    present = {
        "slices": any(row.value is not None for row in slice_rows(report)),
        "champion": bool(differences(report)),
        "seeds": seed_spread(report) is not None,
        "confusion": errors is not None and any(any(row) for row in errors.confusion.counts),
        "precision_recall": any(curve.recall for curve in report.precision_recall),
        "f1_confidence": any(curve.confidence for curve in report.confidence_curves),
        "calibration": errors is not None and any(part.count for part in errors.calibration.bins),
        "targets": any(row.speed is not None or row.value is not None for row in target_rows(report)),
        "training": report.training is not None and any(model.epochs for model in report.training.models),
    }
    return [name for name, there in present.items() if there]


def _slices(report: SprintReport) -> Picture:
    metric = label(optimizing(report))
    everything = overall_row(report)
    measured = [row for row in slice_rows(report) if row.value is not None]
    regions = [row for row in found_rows(report) if row.value is not None]
    rows = [*measured[: _MOST_ROWS - min(5, len(regions))], *regions[:5]]
    overall = everything.value if everything else None
    which = (
        f", the {len(rows) - len(regions[:5])} weakest of {len(measured)}"
        if len(rows) < len(measured)
        else ""
    )
    resampling = report.evaluation.resampling if report.evaluation else None
    sure = f" with {percent(resampling.level)} intervals" if resampling else ""
    champion = report.champion.name if report.champion else ""
    return plotting_intervals.values(
        f"{metric} by slice{sure}{which or ', weakest first'}",
        [_estimate(row, overall) for row in rows],
        overall=_estimate(everything, None) if everything and everything.value is not None else None,
        reference_label=f"champion {plain(champion, 40)}",
    )


def _estimate(row: CellRow, overall: float | None) -> Estimate:
    """Vermilion: worse than the whole split, and its interval says so."""
    value = row.value or 0.0
    weak = overall is not None and row.interval is not None and row.interval.high < overall
    images = f" ({count(row.metrics.images, 'image')})" if row.name != OVERALL else ""
    found = "found: " if row.found is not None else ""
    return Estimate(
        label=f"{found}{plain(row.name, 36 - len(found))}{images}",
        value=value,
        low=row.interval.low if row.interval else None,
        high=row.interval.high if row.interval else None,
        reference=row.against.reference if row.against else None,
        color=VERMILION if weak else GREY if row.unsure else BLUE,
    )


def _champion(report: SprintReport) -> Picture:
    rows = differences(report)
    shown = [
        Estimate(
            label=plain(place_of(row), 40),
            value=row.difference,
            low=row.interval.low if row.interval else None,
            high=row.interval.high if row.interval else None,
            color=OUTCOME_COLORS[row.outcome],
            text=changed(row.difference, row.interval),
        )
        for row in rows[:_MOST_ROWS]
    ]
    which = f", {_MOST_ROWS} of {len(rows)} parts" if len(rows) > _MOST_ROWS else ""
    name = plain(report.champion.name, 40) if report.champion else ""
    return plotting_intervals.differences(
        f"{label(optimizing(report))} against champion {name}{which}",
        shown,
        ("worse", "better than the champion"),
        {color: outcome for outcome, color in OUTCOME_COLORS.items()},
    )


def _seeds(report: SprintReport) -> Picture:
    seeds = seed_spread(report)
    if seeds is None:
        raise ValueError("one seed has no spread")
    rows = [
        Estimate(label=f"seed {plain(seed, 20)}", value=value, low=value)
        for seed, value in seeds.values.items()
    ]
    champion = next(
        (row for row in differences(report) if row.slice is None and row.class_name is None), None
    )
    metric = label(optimizing(report))
    return plotting_intervals.points(
        f"{metric} of torch per training seed",
        rows,
        metric,
        ("champion", champion.reference) if champion else None,
    )


def _confusion(report: SprintReport) -> Picture:
    if report.errors is None:
        raise ValueError("nothing was analysed")
    whole = report.errors.confusion
    matrix = most_confused(whole)
    background = background_index(matrix)
    classes = len(whole.labels) - (background is not None)
    which = f", the {SHOWN_CLASSES} most confused of {classes} classes" if classes > SHOWN_CLASSES else ""
    return plotting_errors.confusion(
        f"Confusion matrix{which}",
        [plain(name, 18) for name in matrix.labels],
        matrix.counts,
        [row != background for row in range(len(matrix.labels))],
    )


def _f1_confidence(report: SprintReport) -> Picture:
    curves = [curve for curve in report.confidence_curves if curve.confidence][:_MOST_CURVES]
    lines = [
        Curve(label=plain(curve.name, 32), x=curve.confidence, y=curve.f1, color=i)
        for i, curve in enumerate(curves)
    ]
    marks = []
    if report.errors is not None and report.errors.recommended is not None:
        best = report.errors.recommended.confidence
        marks.append(CurveMark(label=f"recommended {best:.2f}", x=best))
    if report.evaluation is not None and TASKS[report.evaluation.task].ranked:
        current = report.evaluation.operating_confidence
        marks.append(CurveMark(label=f"the spec's {current:.2f}", x=current, faint=True))
    return plotting.unit_square("F1 over confidence", lines, "confidence", "F1", marks)


def _calibration(report: SprintReport) -> Picture:
    if report.errors is None:
        raise ValueError("nothing was analysed")
    calibration = report.errors.calibration
    bins = [
        ConfidenceBin(
            low=part.low, high=part.high, count=part.count, confidence=part.confidence, accuracy=part.accuracy
        )
        for part in calibration.bins
        if part.count and part.confidence is not None and part.accuracy is not None
    ]
    error = f" (expected calibration error {calibration.ece:.3f})" if calibration.ece is not None else ""
    return plotting_errors.reliability(f"Reliability{error}", bins)


def _training(report: SprintReport) -> Picture:
    training = report.training
    if training is None:
        raise ValueError("nothing was trained")
    models, terms = training.models, terms_of(training.framework)
    preferred = terms.preferred(
        dict.fromkeys(key for model in models for epoch in model.epochs for key in epoch.values)
    )
    curves = []
    for i, model in enumerate(models):
        x, y = _finite(model, preferred.key) if preferred else ([], [])
        if x:
            curves.append(Curve(label=f"seed {model.seed}", x=x, y=y, color=i))
    measured = label(preferred.metric) if preferred and preferred.metric else "metric"
    first = f" of seed {models[0].seed}" if len(models) > 1 else ""
    return plotting.two_panels(
        "Training",
        _losses(models, terms),
        curves,
        (f"losses{first}", f"{measured} on val (trainer's own)", "epoch"),
    )


def _finite(model: TrainedModel, key: str) -> tuple[list[int], list[float]]:
    """The epochs that have a finite value of this name, and the values."""
    pairs = [(epoch.epoch, epoch.values.get(key, math.nan)) for epoch in model.epochs]
    kept = [(epoch, value) for epoch, value in pairs if math.isfinite(value)]
    return [epoch for epoch, _ in kept], [value for _, value in kept]


def _losses(models: Sequence[TrainedModel], terms: TrainingTerms) -> list[Curve]:
    """The first model's losses: training solid, validation dashed in the same colour."""
    epochs = models[0].epochs if models else []
    values = terms.values(sorted({key for epoch in epochs for key in epoch.values}))
    losses = [value for value in values if value.loss]
    names = list(dict.fromkeys(loss.name for loss in losses))[: len(SERIES)]
    lines = []
    for loss in losses:
        x, y = _finite(models[0], loss.key)
        if loss.name in names and x:
            lines.append(
                Curve(
                    label=plain(loss.title, 36),
                    x=x,
                    y=y,
                    dashed=loss.split == "val",
                    color=names.index(loss.name),
                )
            )
    return lines


def _targets(report: SprintReport) -> Picture:
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


def _precision_recall(report: SprintReport) -> Picture:
    curves = [curve for curve in report.precision_recall if curve.recall]
    lines: Sequence[Curve] = [
        Curve(
            label=plain(curve.name, 32),
            x=curve.recall,
            y=curve.precision,
            color=i,
            dashed=i >= len(SERIES),
        )
        for i, curve in enumerate(curves[:_MOST_CURVES])
    ]
    task = task_of(report)
    at = " at similarity 0.5" if task is None or task.ranked else ""
    return plotting.unit_square(f"Precision over recall{at}", lines, "recall", "precision")


_DRAWN: dict[str, Callable[[SprintReport], Picture]] = {
    "slices": _slices,
    "champion": _champion,
    "seeds": _seeds,
    "confusion": _confusion,
    "precision_recall": _precision_recall,
    "f1_confidence": _f1_confidence,
    "calibration": _calibration,
    "targets": _targets,
    "training": _training,
}
