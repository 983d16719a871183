"""The index that a run would read today without building one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.config.project import Project
from runner.planning.edits import input_edits
from runner.planning.resolve import resolve_stages
from runner.planning.selection import index_table, planned_index
from runner.planning.stages import plan_stages
from runner.planning.workspace import Repository
from runner.record.catalogue import REPORTS
from runner.stages import index
from runner.stages.kinds import Kind, step

THUMBNAILS = "thumbnails.parquet"
_INDEXING: Kind[Project] = Kind(
    name="indexing", folder=REPORTS, steps=(step(index.STAGE, lambda project: index.resolve(project)),)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFiles:
    """An index's tables as files. `thumbnails` is None where an earlier version wrote none."""

    images: Path
    objects: Path
    thumbnails: Path | None


def recorded_index(root: Path, folder: Path, project: Project) -> IndexFiles | None:
    """The index of the data as it is, from a sprint's folder or from DVC's cache; None where it would have to be built.

    Raises:
        FlywheelError: a lock file or a pointer is none.
    """
    stages = resolve_stages(_INDEXING, project)
    edited, _ = input_edits(root, stages)
    plans = plan_stages(stages, Repository(root, folder), edited)
    tables = planned_index(root, folder, plans)
    if tables is None:
        return None
    thumbnails = index_table(root, folder, plans[0].outs, THUMBNAILS)
    return IndexFiles(images=tables[0], objects=tables[1], thumbnails=thumbnails)
