"""Which slices of the project a batch covers."""

from __future__ import annotations

from collections.abc import Sequence

from runner.adapters.tables import duckdb
from runner.assessment.slices import crossed_slices
from runner.config.project import Project
from runner.config.sprint import MOST_VALUES
from runner.domain.labelling import SliceCoverage
from runner.record.catalogue import INDEX_FOLDER
from runner.workflow.drawing.candidates import PoolTables


def covered_columns(project: Project) -> list[str]:
    """The columns of the index that `coverage` reads."""
    return sorted({column for spec in project.slices for column in spec.columns})


def coverage(project: Project, tables: PoolTables, positions: Sequence[int]) -> list[SliceCoverage]:
    """Of each of the project's slices of whole images: how many of the batch are in it, and of the pool that it was drawn from.

    Slices of objects are known of labelled images only.
    """
    import numpy as np

    taken = np.zeros(len(tables.rows), bool)
    taken[list(positions)] = True
    named = [spec for spec in project.slices if spec.where is not None]
    images = tables.evidence.file(INDEX_FOLDER.name, "images.parquet")
    _, masks = duckdb.load(images, [], [str(spec.where) for spec in named])
    members = {str(spec.name): mask[tables.rows] for spec, mask in zip(named, masks, strict=True)}
    for spec in project.slices:
        if spec.columns:
            values = {column: tables.columns[column][tables.rows] for column in spec.columns}
            members |= {
                part.name: part.images for part in crossed_slices(values, maximum=spec.max or MOST_VALUES)
            }
    return [
        SliceCoverage(slice=name, batch=int((mask & taken).sum()), pool=int(mask.sum()))
        for name, mask in members.items()
    ]
