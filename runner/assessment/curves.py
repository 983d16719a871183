"""The curves of all artefacts as CSV files, for `dvc plots` and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runner.domain.files import csv_text, write_text
from runner.evaluation.errors import ErrorAnalysis
from runner.record.catalogue import CLASS_CURVES, F1_CONFIDENCE, PRECISION_RECALL

PRECISION_RECALL_COLUMNS = ("target", "recall", "precision")
CONFIDENCE_COLUMNS = ("target", "confidence", "f1")
CLASS_COLUMNS = ("class", "at", "precision_at_recall", "f1_at_confidence")


def write_curves(
    folder: Path, analyses: Mapping[str, ErrorAnalysis], judged: str, class_names: Sequence[str]
) -> None:
    """Writes the curves at similarity 0.5; what has no objects has none. `folder` is the sprint's.

    - plots/precision_recall.csv: `PRECISION_RECALL_COLUMNS`, of every artefact, the mean over classes
    - plots/f1_confidence.csv: `CONFIDENCE_COLUMNS`, of every artefact, all classes counted together
    - plots/class_curves.csv: `CLASS_COLUMNS`, of each class of the `judged` artefact: its precision at the recall `at`, and
        its F1 from the confidence `at` on
    """
    write_text(folder / PRECISION_RECALL.name, csv_text([PRECISION_RECALL_COLUMNS, *_means(analyses)]))
    write_text(folder / F1_CONFIDENCE.name, csv_text([CONFIDENCE_COLUMNS, *_f1(analyses)]))
    write_text(
        folder / CLASS_CURVES.name, csv_text([CLASS_COLUMNS, *_classes(analyses[judged], class_names)])
    )


def _means(analyses: Mapping[str, ErrorAnalysis]) -> Iterator[tuple[str, ...]]:
    for target, analysis in analyses.items():
        for point in _points(analysis.curves.recall, analysis.curves.precision[-1]):
            yield (target, *point)


def _f1(analyses: Mapping[str, ErrorAnalysis]) -> Iterator[tuple[str, ...]]:
    for target, analysis in analyses.items():
        for point in _points(analysis.curves.confidence, analysis.curves.f1[-1]):
            yield (target, *point)


def _classes(analysis: ErrorAnalysis, class_names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    curves = analysis.curves  # recall and confidence have the same 101 steps
    for row, name in enumerate(class_names):
        precision = _points(curves.recall, curves.precision[row])
        for (at, there), (_, f1) in zip(precision, _points(curves.confidence, curves.f1[row]), strict=True):
            yield name, at, there, f1


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> Iterator[tuple[str, str]]:
    if not np.isnan(y).any():
        yield from ((f"{a:.2f}", f"{b:.6f}") for a, b in zip(x.tolist(), y.tolist(), strict=True))
