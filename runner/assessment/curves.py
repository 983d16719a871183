"""The curves of all artefacts as CSV files, for `dvc plots` and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runner.domain.files import csv_text, write_text
from runner.evaluation.errors import ErrorAnalysis

PRECISION_RECALL_COLUMNS = ("target", "recall", "precision")
CLASS_COLUMNS = ("target", "class", "recall", "precision")
CONFIDENCE_COLUMNS = ("target", "class", "confidence", "f1")
ALL_CLASSES = ""  # no class has an empty name


def write_curves(folder: Path, analyses: Mapping[str, ErrorAnalysis], class_names: Sequence[str]) -> None:
    """Writes the curves of every artefact, at similarity 0.5; a class without objects has none.

    - precision_recall.csv: `PRECISION_RECALL_COLUMNS`, the mean over classes
    - class_curves.csv: `CLASS_COLUMNS`, of each class
    - f1_confidence.csv: `CONFIDENCE_COLUMNS`, of all classes counted together (class is empty) and of each class
    """
    write_text(folder / "precision_recall.csv", csv_text([PRECISION_RECALL_COLUMNS, *_means(analyses)]))
    write_text(folder / "class_curves.csv", csv_text([CLASS_COLUMNS, *_classes(analyses, class_names)]))
    write_text(folder / "f1_confidence.csv", csv_text([CONFIDENCE_COLUMNS, *_f1(analyses, class_names)]))


def _means(analyses: Mapping[str, ErrorAnalysis]) -> Iterator[tuple[str, ...]]:
    for target, analysis in analyses.items():
        for point in _points(analysis.curves.recall, analysis.curves.precision[-1]):
            yield (target, *point)


def _classes(analyses: Mapping[str, ErrorAnalysis], class_names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for target, analysis in analyses.items():
        for row, name in enumerate(class_names):
            for point in _points(analysis.curves.recall, analysis.curves.precision[row]):
                yield (target, name, *point)


def _f1(analyses: Mapping[str, ErrorAnalysis], class_names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for target, analysis in analyses.items():
        for row, name in [(-1, ALL_CLASSES), *enumerate(class_names)]:
            for point in _points(analysis.curves.confidence, analysis.curves.f1[row]):
                yield (target, name, *point)


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> Iterator[tuple[str, str]]:
    if not np.isnan(y).any():
        yield from ((f"{a:.2f}", f"{b:.6f}") for a, b in zip(x.tolist(), y.tolist(), strict=True))
