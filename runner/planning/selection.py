"""What a sprint will select, counted on an index that exists already, beside the champion's selection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import UnsetType

from runner.adapters.dvc import metafiles
from runner.dataset.manifest import Manifest
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.label_faults import LABEL_FAULTS, TREATED
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
    if not isinstance(params_of(resolved, select.STAGE).dataset, UnsetType):
        return None, "not known before the run: `dedupe: {method: embedding}` looks at the images themselves"
    try:
        faults = _planned_faults(root, folder, resolved, plans)
        found = select.preview(*tables, params_of(resolved, select.STAGE), faults)
        return found, "counted on the cached index"
    except FlywheelError as error:
        return None, f"selection would fail: {error.message}"


def planned_index(root: Path, folder: Path, plans: Sequence[StagePlan]) -> tuple[Path, Path] | None:
    """The tables of images and of objects that the sprint will read, where they are at hand already."""
    indexing = _indexing(plans)
    if indexing.action is Action.RUN:
        return None
    images, objects = (
        index_table(root, folder, indexing.outs, name) for name in ("images.parquet", "objects.parquet")
    )
    return None if images is None or objects is None else (images, objects)


def _indexing(plans: Sequence[StagePlan]) -> StagePlan:
    return next(plan for plan in plans if plan.stage == index.STAGE.name)


def _planned_faults(
    root: Path, folder: Path, resolved: Sequence[ResolvedStage], plans: Sequence[StagePlan]
) -> Path | None:
    """The index's table of wrong labels, where flywheel.yaml says what becomes of some."""
    if not params_of(resolved, index.STAGE).treatments:
        return None
    return index_table(root, folder, _indexing(plans).outs, LABEL_FAULTS)


def treated_labels(selection: Selection | None) -> list[str]:
    """What became of wrong labels, in a few words: `wrong labels: 7 dropped, 2 clipped`; none where nothing is said of them."""
    if selection is None or isinstance(selection.label_faults, UnsetType):
        return []
    counts: Counter[str] = Counter()
    for found in selection.label_faults.kinds:
        counts[found.treatment] += found.labels
    words = [f"{counts[name]:,} {done}" for name, done in TREATED.items() if counts[name]]
    return [f"wrong labels: {', '.join(words) or 'none'}"]


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


def index_table(root: Path, folder: Path, outs: dict[str, str], name: str) -> Path | None:
    """A table of the index that a sprint's stage wrote, in DVC's cache or in the sprint's folder; None where it is in neither."""
    return stored_table(root, folder, outs, INDEX_FOLDER.name, name)


def stored_table(root: Path, folder: Path, outs: dict[str, str], out: str, name: str) -> Path | None:
    """A file of a folder that a stage wrote, in DVC's cache or in the sprint's folder; None where it is in neither."""
    cached = metafiles.cached_member(root, outs.get(out, ""), name)
    if cached is not None:
        return cached
    workspace = folder / out / name
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
