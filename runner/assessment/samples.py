"""outcomes/resamples.parquet: every number that may be judged, with what each bootstrap resample gave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from runner.adapters.tables.parquet import ColumnLike, read_table, write_table
from runner.assessment.cells import NO_SEEDS, CellSample, seed_deviations
from runner.domain.evaluation import (
    CHAMPION_TARGET,
    REFERENCE_TARGET,
    common_target,
    is_common_target,
    is_seed_target,
)
from runner.evaluation.certainty import Certainty
from runner.evaluation.intervals import Sample

Place: TypeAlias = tuple[str, str | None, str | None, str]  # target, slice, class, metric

_CERTAINTY = ("degrees", "unseen", "grid", "rarest", "trials")
COLUMNS = ("target", "slice", "class", "metric", "estimate", "groups", *_CERTAINTY, "replicates")


def write_samples(path: Path, samples: Sequence[CellSample]) -> None:
    """Writes one row per sample, in their order."""
    replicates = np.empty(len(samples), dtype=object)
    replicates[:] = [sample.replicates.tolist() for sample in samples]
    write_table(
        path,
        {
            "target": [sample.target for sample in samples],
            "slice": [sample.slice for sample in samples],
            "class": [sample.class_name for sample in samples],
            "metric": [sample.metric for sample in samples],
            "estimate": np.array([sample.estimate for sample in samples], dtype=np.float64),
            "groups": np.array([sample.groups for sample in samples], dtype=np.int64),
            **_certainty_columns([sample.certainty for sample in samples]),
            "replicates": replicates,
        },
    )


def _certainty_columns(known: Sequence[Certainty | None]) -> dict[str, ColumnLike]:
    return {
        "degrees": [one.degrees if one else None for one in known],
        "unseen": [one.unseen if one else None for one in known],
        "grid": [one.grid if one else None for one in known],
        "rarest": [one.rarest if one else None for one in known],
        "trials": [one.trials if one else None for one in known],
    }


class StoredSamples:
    """Samples by target, slice (None: all images), class (None: all classes) and metric."""

    def __init__(self, samples: dict[Place, Sample]) -> None:
        self._samples = samples

    def get(self, target: str, slice_name: str | None, class_name: str | None, metric: str) -> Sample | None:
        """The sample of one cell; None where nothing was measured.

        `seeds` of an exported artefact are what the further seeds' torch models reached, moved by what the export
        changed; the champion has none, since it is one model and not a recipe.
        """
        return self._samples.get((target, slice_name, class_name, metric))


def read_samples(path: Path) -> StoredSamples:
    """Reads what `write_samples` wrote.

    Raises:
        FlywheelError: the file is missing or unreadable.
    """
    table = read_table(path, COLUMNS)
    rows = zip(*(table[name].tolist() for name in COLUMNS), strict=True)
    cells = [_cell(dict(zip(COLUMNS, row, strict=True))) for row in rows]
    common = [cell for cell in cells if is_common_target(cell.target)]
    return StoredSamples(
        _sampled([cell for cell in cells if not is_common_target(cell.target)], REFERENCE_TARGET)
        | _sampled(common, common_target(REFERENCE_TARGET))
    )


def _sampled(cells: Sequence[CellSample], reference: str) -> dict[Place, Sample]:
    """The cells' samples, with the spread over the training seeds that are among them.

    Args:
        reference: whom the seeds' models are compared with.
    """
    deviations = seed_deviations(
        [cell for cell in cells if is_seed_target(cell.target)],
        [cell for cell in cells if cell.target == reference],
    )
    return {
        (cell.target, *cell.place): cell.sample(NO_SEEDS if cell.target == CHAMPION_TARGET else deviations)
        for cell in cells
        if not is_seed_target(cell.target)
    }


def _cell(row: dict[str, Any]) -> CellSample:
    degrees, rarest = _number(row["degrees"]), _number(row["rarest"])
    known = None
    if degrees is not None:
        known = Certainty(
            degrees=degrees,
            unseen=row["unseen"],
            grid=row["grid"],
            rarest=None if rarest is None else int(rarest),
            trials=bool(row["trials"]),
        )
    return CellSample(
        target=row["target"],
        slice=row["slice"],
        class_name=row["class"],
        metric=row["metric"],
        estimate=row["estimate"],
        groups=row["groups"],
        replicates=np.array(row["replicates"], dtype=np.float64),
        certainty=known,
    )


def _number(value: float | None) -> float | None:
    """A column with gaps may come back as floats, and the gaps as NaN."""
    return None if value is None or math.isnan(value) else float(value)
