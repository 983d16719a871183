"""The stored outcomes as they are at another confidence than the spec's: what the gallery draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.outcomes import ERROR_NAMES

Table: TypeAlias = Mapping[str, NDArray[Any]]

_NEARLY = ("classification", "localisation")


def outcomes_at(
    confidence: float, found: Table, labelled: Table, images: Table
) -> tuple[Table, Table, Table]:
    """The tables of `write_outcomes` of a ranked task, counted anew at `confidence`.

    What a detection is does not depend on the confidence: objects are matched in falling order of scores. Which
    detections count does, and with it which objects are found, and how wrong an image is.

    Args:
        confidence: detections from this score on count.
        found: `<target>-detections.parquet`, rows of M detections.
        labelled: `<target>-objects.parquet`, rows of N objects.
        images: `<target>-images.parquet`, rows of I images.

    Returns:
        The same three tables, with other values of `counts`; `outcome` and `near`; `loss` and the error types.
    """
    outcome = found["outcome"].astype(str)
    counts = (found["score"] >= confidence) & (outcome != "beyond_limit")
    hit = {str(name) for name in found["object_id"][counts & (outcome == "true_positive")]}
    nearly = {str(name) for name in found["object_id"][counts & np.isin(outcome, _NEARLY)]}
    names = [str(name) for name in labelled["object_id"].tolist()]
    is_found = np.array([name in hit for name in names], dtype=bool)
    ignored = labelled["outcome"].astype(str) == "ignored"
    missed = ~is_found & ~ignored
    near = missed & np.array([name in nearly for name in names], dtype=bool)

    row = {str(path): at for at, path in enumerate(images["path"].tolist())}
    errors: dict[str, NDArray[Any]] = {name: np.zeros(len(row), dtype=np.int64) for name in ERROR_NAMES}
    for name in ERROR_NAMES[:-1]:
        np.add.at(errors[name], _rows(row, found["path"][counts & (outcome == name)]), 1)
    np.add.at(errors[ERROR_NAMES[-1]], _rows(row, labelled["path"][missed & ~near]), 1)
    hits = np.bincount(_rows(row, labelled["path"][is_found & ~ignored]), minlength=len(row))
    misses = np.bincount(_rows(row, labelled["path"][missed]), minlength=len(row))
    wrong = misses + sum(errors[name] for name in ERROR_NAMES[:-1])
    weight = 2 * hits + wrong
    loss = np.divide(wrong, weight, out=np.full(len(row), np.nan), where=weight > 0)
    return (
        {**found, "counts": counts},
        {
            **labelled,
            "outcome": np.where(ignored, "ignored", np.where(is_found, "found", "missed")),
            "near": near,
        },
        {**images, **errors, "loss": loss},
    )


def _rows(row: Mapping[str, int], paths: NDArray[Any]) -> NDArray[np.int64]:
    return np.array([row[str(path)] for path in paths.tolist()], dtype=np.int64)
