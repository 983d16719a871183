"""How many images of each slice train has, and the pool without what is in a batch; from the sprint's index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from runner.config.load import LoadedSprint, list_sprints
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.domain.records import POOL, SPLITS
from runner.planning.data_delta import CountedTables, Counts, slice_counts
from runner.record.catalogue import INDEX_FOLDER, SELECTION_FOLDER, sprint_folder
from runner.record.labelling import read_batch

TRAIN = SPLITS[0]
TABLES = (
    f"{INDEX_FOLDER.name}/images.parquet",
    f"{INDEX_FOLDER.name}/objects.parquet",
    f"{SELECTION_FOLDER.name}/manifest.parquet",
)
ALL = ""  # the slice of all images


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Images that somebody is asked about, or was: no batch is drawn from them again.

    Attributes:
        sprints: that have a batch. `images`: contents (image ids) of all of them.
        unread: batches that could not be read, a line each.
    """

    sprints: tuple[str, ...]
    images: frozenset[str]
    unread: tuple[str, ...] = ()


def batches(root: Path, only: Collection[str] | None = None) -> Batches:
    """Those of all sprints; of no others than the named ones."""
    sprints, images, unread = [], set[str](), []
    for name in list_sprints(root):
        if only is not None and name not in only:
            continue
        try:
            rows = read_batch(sprint_folder(root, name))
        except FlywheelError as error:
            unread.append(f"the batch of {name}: {error.message}")
            continue
        if rows:
            sprints.append(name)
            images |= {row.image_id for row in rows}
    return Batches(sprints=tuple(sprints), images=frozenset(images), unread=tuple(unread))


def counted(
    folder: Path, project: Project, loaded: LoadedSprint, asked: Collection[str] = ()
) -> Counts | None:
    """Split (`train`, `pool`) → slice → images, that of all images by the name ""; None where the tables are not here.

    Args:
        asked: contents (image ids) that are in a batch: the pool is counted without them.

    Raises:
        FlywheelError: a table cannot be read.
    """
    if not all((folder / table).is_file() for table in TABLES):
        return None
    images, objects, manifest = (folder / table for table in TABLES)
    selected = {TRAIN: _selected(manifest), POOL: _pool(images, project, asked)}
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


def _pool(images: Path, project: Project, asked: Collection[str]) -> set[str]:
    """Those that can be labelled: readable, in no label file yet, and in no batch."""
    from runner.adapters.tables import duckdb

    if project.splits.pool is None:
        return set()
    try:
        columns, masks = duckdb.load(images, ["path", "image_id", "readable"], [project.splits.pool])
    except FlywheelError:
        return set()  # this index has no column that the condition names
    inside = masks[0] & columns["readable"].astype(bool)
    rows = zip(columns["path"][inside].tolist(), columns["image_id"][inside].tolist(), strict=True)
    return {path for path, image_id in rows if image_id not in asked}
