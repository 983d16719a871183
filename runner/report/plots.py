"""The report's pictures, as SVG and PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from runner.adapters import plotting
from runner.adapters.plotting import Artefact, Bar, Line, Picture
from runner.report.escape import plain
from runner.report.record import SprintReport
from runner.report.tables import judged, optimizing, slice_rows, target_rows
from runner.report.wording import count, label, quality

_MOST_BARS = 24
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
    present = {
        "slices": any(row.value is not None for row in slice_rows(report)),
        "training": report.training is not None and any(model.epochs for model in report.training.models),
        "targets": any(row.speed is not None or row.value is not None for row in target_rows(report)),
        "precision_recall": any(curve.recall for curve in report.precision_recall),
    }
    return [name for name, there in present.items() if there]


def _slices(report: SprintReport) -> Picture:
    metric = optimizing(report)
    measured = judged(report)
    rows = [row for row in slice_rows(report) if row.value is not None]
    bars = [
        Bar(
            label=f"{plain(row.name, 32)} ({count(row.metrics.images, 'image')})",
            value=row.value or 0.0,
            reference=row.champion_value,
            faint=row.few,
        )
        for row in rows[:_MOST_BARS]
    ]
    which = f", the {_MOST_BARS} weakest of {len(rows)}" if len(rows) > _MOST_BARS else ", weakest first"
    faint = " (faint: few images or objects)" if any(bar.faint for bar in bars) else ""
    return plotting.horizontal_bars(
        f"{label(metric)} by slice{which}{faint}",
        bars,
        overall=quality(measured.overall if measured else None, metric),
        overall_label="all images",
        reference_label=f"champion {plain(report.champion.name, 40)}" if report.champion else "",
    )


def _training(report: SprintReport) -> Picture:
    models = report.training.models if report.training else []
    losses = _losses(report)
    maps = [
        Line(
            label=f"seed {model.seed}",
            x=[epoch.epoch for epoch in chosen],
            y=[_map(epoch.values) for epoch in chosen],
            color=i,
        )
        for i, model in enumerate(models)
        if (chosen := [epoch for epoch in model.epochs if math.isfinite(_map(epoch.values))])
    ]
    first = f" of seed {models[0].seed}" if len(models) > 1 else ""
    return plotting.two_panels(
        "Training", losses, maps, (f"losses{first}", "mAP50-95 on val (trainer's own)", "epoch")
    )


def _losses(report: SprintReport) -> list[Line]:
    """The first model's losses: training solid, validation dashed in the same colour."""
    models = report.training.models if report.training else []
    epochs = models[0].epochs if models else []
    keys = sorted({key for epoch in epochs for key in epoch.values if key.endswith("loss")})
    kinds = list(dict.fromkeys(key.partition("/")[2] for key in keys))[: len(plotting.SERIES)]
    lines = []
    for key in keys:
        group, _, kind = key.partition("/")
        chosen = [epoch for epoch in epochs if math.isfinite(epoch.values.get(key, math.nan))]
        if kind in kinds and chosen:
            lines.append(
                Line(
                    label=f"{plain(group, 12)} {plain(kind, 24).removesuffix('_loss')}",
                    x=[epoch.epoch for epoch in chosen],
                    y=[epoch.values[key] for epoch in chosen],
                    dashed=group == "val",
                    color=kinds.index(kind),
                )
            )
    return lines


def _map(values: dict[str, float]) -> float:
    return next((value for key, value in values.items() if "mAP50-95" in key), math.nan)


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
    lines: Sequence[Line] = [
        Line(
            label=plain(curve.name, 32),
            x=curve.recall,
            y=curve.precision,
            color=i,
            dashed=i >= len(plotting.SERIES),
        )
        for i, curve in enumerate(curves[:_MOST_CURVES])
    ]
    return plotting.unit_square("Precision over recall at IoU 0.5", lines, "recall", "precision")


_DRAWN: dict[str, Callable[[SprintReport], Picture]] = {
    "slices": _slices,
    "training": _training,
    "targets": _targets,
    "precision_recall": _precision_recall,
}
