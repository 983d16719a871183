"""From what is wrong with one artefact to its record and its tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import write_table
from runner.domain.error_analysis import (
    Calibration,
    CalibrationBin,
    ConfusionMatrix,
    Errors,
    ErrorType,
    RecommendedPoint,
)
from runner.evaluation.calibration import ReliabilityBins
from runner.evaluation.errors import DETECTION_OUTCOMES, ERROR_NAMES, TRUTH_OUTCOMES, ErrorAnalysis
from runner.tasks.task import TestData

BACKGROUND = "background"


def errors_record(analysis: ErrorAnalysis, class_names: Sequence[str], target: str) -> Errors:
    """The record errors.json. Kinds of error that the task does not know are left out."""
    labels = [*class_names, BACKGROUND][: len(analysis.confusion)]
    per_class = {name: _point(analysis, row) for row, name in enumerate(class_names)}
    ranked = len(labels) > len(class_names)
    return Errors(
        target=target,
        types=[
            ErrorType(name=error.name, count=error.count, ap_cost=_measured(error.ap_cost))
            for error in analysis.types
            if ranked or error.count or error.name == "classification"
        ],
        confusion=ConfusionMatrix(labels=labels, counts=analysis.confusion.tolist(), background=ranked),
        recommended=_point(analysis, len(class_names)),
        recommended_per_class={name: point for name, point in per_class.items() if point is not None},
        calibration=_calibration(analysis.calibration),
    )


def write_outcomes(folder: Path, target: str, data: TestData, analysis: ErrorAnalysis) -> None:
    """Writes `<target>-detections.parquet`, `<target>-objects.parquet` and `<target>-images.parquet`.

    The objects of the analysis are the rows of `data.objects` whose class the project has, in their order; its
    detections are the rows of `data.predictions`.

    - detections: path, row (in the predictions file), class, score, outcome, object_id (null: none), similarity, counts
    - objects: path, object_id, class, outcome, near, score (NaN: not found), similarity
    - images: path, loss (NaN: nothing to be right or wrong about), one column per error type, n_objects, n_detections

    Raises:
        ValueError: the analysis is of other objects.
    """
    known = set(analysis.class_names)
    rows = np.flatnonzero([name in known for name in data.objects["class"].tolist()])
    truths, images = analysis.truths, analysis.images
    if len(rows) != len(truths.outcome):
        raise ValueError(f"{len(truths.outcome)} objects were analysed, the table has {len(rows)}")
    object_ids = data.objects["object_id"][rows] if len(rows) else np.empty(0, dtype=object)
    write_table(folder / f"{target}-detections.parquet", _detections(data, analysis, object_ids))
    write_table(
        folder / f"{target}-objects.parquet",
        {
            "path": data.objects["path"][rows],
            "object_id": object_ids,
            "class": data.objects["class"][rows],
            "outcome": _named(TRUTH_OUTCOMES, truths.outcome),
            "near": truths.near,
            "score": truths.score,
            "similarity": truths.similarity,
        },
    )
    write_table(
        folder / f"{target}-images.parquet",
        {
            "path": data.images["path"],
            "loss": images.loss,
            **{name: images.errors[:, column] for column, name in enumerate(ERROR_NAMES)},
            "n_objects": images.objects,
            "n_detections": images.detections,
        },
    )


def _detections(data: TestData, analysis: ErrorAnalysis, object_ids: NDArray[Any]) -> dict[str, NDArray[Any]]:
    found = analysis.detections
    object_id = np.full(len(found.truth), None, dtype=object)
    about = found.truth >= 0
    object_id[about] = object_ids[found.truth[about]]
    return {
        "path": data.predictions["path"],
        "row": np.arange(len(found.truth)),
        "class": data.predictions["class"],
        "score": data.predictions["score"],
        "outcome": _named(DETECTION_OUTCOMES, found.outcome),
        "object_id": object_id,
        "similarity": found.similarity,
        "counts": found.counts,
    }


def _named(names: Sequence[str], numbers: NDArray[np.int8]) -> NDArray[np.object_]:
    return np.asarray(np.array(names, dtype=object)[numbers])


def _point(analysis: ErrorAnalysis, row: int) -> RecommendedPoint | None:
    points = analysis.points
    if math.isnan(points.confidence[row]):
        return None
    return RecommendedPoint(
        confidence=round(float(points.confidence[row]), 3),
        precision=_measured(points.precision[row]),
        recall=_measured(points.recall[row]),
        f1=_measured(points.f1[row]),
    )


def _calibration(bins: ReliabilityBins) -> Calibration:
    edges = bins.edges.tolist()
    return Calibration(
        ece=bins.ece,
        bins=[
            CalibrationBin(
                low=edges[at],
                high=edges[at + 1],
                count=int(bins.count[at]),
                confidence=_measured(bins.confidence[at]),
                accuracy=_measured(bins.accuracy[at]),
            )
            for at in range(len(bins.count))
        ],
    )


def _measured(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
