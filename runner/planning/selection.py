"""What a sprint will select, counted on an index that exists already, beside the champion's selection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.adapters.dvc import metafiles
from runner.dataset.manifest import Manifest
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.records import Selection
from runner.planning.records import Action, SplitPlan, StagePlan
from runner.planning.resolve import ResolvedStage, params_of
from runner.record.catalogue import INDEX_FOLDER, LOCK, SELECTION
from runner.stages import index, select


def planned_selection(
    root: Path, folder: Path, resolved: Sequence[ResolvedStage], plans: Sequence[StagePlan]
) -> tuple[Selection | None, str]:
    """The selection, or None with the reason why it is not known yet."""
    by_name = {plan.stage: plan for plan in plans}
    selecting = by_name[select.STAGE.name]
    if selecting.action is Action.CACHED or selecting.absent_only:
        # Where only outputs are not here, the record in git is still what the stage would write.
        locked = (
            metafiles.read_lock(folder / LOCK.name).get(select.STAGE.name) if selecting.absent_only else None
        )
        record = _located(root, folder, SELECTION.name, locked.outs if locked else selecting.outs)
        if record is not None:
            return read_json(record, Selection), "as selected by the last run"
    if by_name[index.STAGE.name].action is Action.RUN:
        return (
            None,
            "not known before the index is built: no index of this data is in the cache (dvc pull fetches one that was pushed)",
        )
    tables = planned_index(root, folder, plans)
    if tables is None:
        return None, "not known: the index is recorded, but neither here nor in the cache (dvc pull)"
    try:
        return select.preview(*tables, params_of(resolved, select.STAGE)), "counted on the cached index"
    except FlywheelError as error:
        return None, f"selection would fail: {error.message}"


def planned_index(root: Path, folder: Path, plans: Sequence[StagePlan]) -> tuple[Path, Path] | None:
    """The tables of images and of objects that the sprint will read, where they are at hand already."""
    indexing = next(plan for plan in plans if plan.stage == index.STAGE.name)
    if indexing.action is Action.RUN:
        return None
    images, objects = (
        _member(root, folder, indexing.outs, name) for name in ("images.parquet", "objects.parquet")
    )
    return None if images is None or objects is None else (images, objects)


def planned_manifest(tables: tuple[Path, Path], resolved: Sequence[ResolvedStage]) -> Manifest:
    """Which image of an index will be used for what.

    Raises:
        FlywheelError: as the stage `select` itself.
    """
    return select.chosen(*tables, params_of(resolved, select.STAGE))[0]


def _located(root: Path, folder: Path, name: str, outs: dict[str, str]) -> Path | None:
    workspace = folder / name
    if workspace.is_file() and metafiles.file_md5(workspace) == outs.get(name):
        return workspace
    md5 = outs.get(name, "")
    return metafiles.cache_path(root, md5) if metafiles.is_cached(root, md5) else None


def _member(root: Path, folder: Path, outs: dict[str, str], name: str) -> Path | None:
    cached = metafiles.cached_member(root, outs.get(INDEX_FOLDER.name, ""), name)
    if cached is not None:
        return cached
    workspace = folder / INDEX_FOLDER.name / name
    return workspace if workspace.is_file() else None


def split_plans(selection: Selection | None, champion: Selection | None) -> list[SplitPlan]:
    """One row per split, with the champion's counts beside."""
    if selection is None:
        return []
    rows = []
    for split, counts in selection.splits.items():
        before = champion.splits.get(split) if champion else None
        rows.append(
            SplitPlan(
                split=split,
                images=counts.images,
                objects=counts.objects,
                champion_images=before.images if before else None,
                champion_objects=before.objects if before else None,
                per_class=counts.per_class,
            )
        )
    return rows
