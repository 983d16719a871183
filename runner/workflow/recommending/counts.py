"""How many images of each slice train has, and the pool; from the sprint's index."""

from __future__ import annotations

from pathlib import Path

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.domain.records import POOL, SPLITS
from runner.planning.data_delta import CountedTables, Counts, slice_counts
from runner.record.catalogue import INDEX_FOLDER, SELECTION_FOLDER

TRAIN = SPLITS[0]
TABLES = (
    f"{INDEX_FOLDER.name}/images.parquet",
    f"{INDEX_FOLDER.name}/objects.parquet",
    f"{SELECTION_FOLDER.name}/manifest.parquet",
)
ALL = ""  # the slice of all images


def counted(folder: Path, project: Project, loaded: LoadedSprint) -> Counts | None:
    """Split (`train`, `pool`) → slice → images, that of all images by the name ""; None where the tables are not here.

    Raises:
        FlywheelError: a table cannot be read.
    """
    if not all((folder / table).is_file() for table in TABLES):
        return None
    images, objects, manifest = (folder / table for table in TABLES)
    selected = {TRAIN: _selected(manifest), POOL: _pool(images, project)}
    specs = [*project.slices, *loaded.sprint.evaluate.slices]
    tables = CountedTables(images=images, objects=objects, selected=selected)
    counts = slice_counts(tables, specs, every_value=True)
    for split, paths in selected.items():
        counts[split][ALL] = len(paths)
    return counts


def _selected(manifest: Path) -> set[str]:
    from runner.adapters.tables import duckdb

    columns = duckdb.load(manifest, ["path", "assigned", "selected"], [])[0]
    rows = zip(*(columns[name].tolist() for name in ("path", "assigned", "selected")), strict=True)
    return {path for path, split, selected in rows if selected and split == TRAIN}


def _pool(images: Path, project: Project) -> set[str]:
    """Those that can be labelled: readable, and in no label file yet."""
    from runner.adapters.tables import duckdb

    if project.splits.pool is None:
        return set()
    try:
        columns, masks = duckdb.load(images, ["path", "readable"], [project.splits.pool])
    except FlywheelError:
        return set()  # this index has no column that the condition names
    inside = masks[0] & columns["readable"].astype(bool)
    return set(columns["path"][inside].tolist())
