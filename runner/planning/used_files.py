"""Which files of a dataset a piece of work will look at, and which of them are not on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from runner.adapters.dvc import metafiles
from runner.config.project import Dataset
from runner.dataset.partial import part_folder
from runner.planning.records import Action, PlannedFetch, StagePlan
from runner.planning.resolve import ResolvedStage
from runner.planning.selection import planned_index, planned_manifest, stored_table
from runner.record.catalogue import SELECTION_FOLDER
from runner.stages import select
from runner.stages.kinds import KINDS
from runner.stages.stage import WHOLE, Stage

_STAGES: dict[str, Stage[Any]] = {stage.name: stage for kind in KINDS for stage in kind.stages}


class Used(Struct, frozen=True, kw_only=True):
    """The files that stages will look at.

    Attributes:
        sizes: the bytes of each by its path in the dataset; None where all of the dataset is needed, and `why` says for what.
    """

    sizes: dict[str, int] | None
    why: str = ""


def used_files(root: Path, folder: Path, stages: Sequence[ResolvedStage], plans: Sequence[StagePlan]) -> Used:
    """The images that the stages open that will run: those selected for the splits that each looks at."""
    running = {plan.stage for plan in plans if plan.action is Action.RUN}
    splits: set[str] = set()
    for resolved in stages:
        if resolved.name not in running:
            continue
        stage = _STAGES[resolved.name]
        looked_at = stage.looks_at(stage.params(resolved.params))
        if looked_at == WHOLE:
            return Used(
                sizes=None, why=_why_whole(next(plan for plan in plans if plan.stage == resolved.name))
            )
        splits |= set(looked_at)
    if not splits:
        return Used(sizes={})
    tables = planned_index(root, folder, plans)
    if tables is None:
        return Used(
            sizes=None,
            why="the index is neither here nor in DVC's cache, so it is not known which images are selected",
        )
    return Used(sizes=_sizes(tables[0], _selected(root, folder, stages, plans, tables, splits)))


def _why_whole(plan: StagePlan) -> str:
    if plan.stage == select.STAGE.name:
        return "`dedupe: {method: embedding}` looks at every image"
    if plan.recorded or plan.stored:
        return "the index, which tells the images that are looked at, is not here (--pull takes it from the remote where it was pushed)"
    return "no index of this data is recorded, and the stage index reads every image once"


def _selected(
    root: Path,
    folder: Path,
    stages: Sequence[ResolvedStage],
    plans: Sequence[StagePlan],
    tables: tuple[Path, Path],
    splits: set[str],
) -> set[str]:
    from runner.adapters.tables.selected import selected_paths

    selecting = next(plan for plan in plans if plan.stage == select.STAGE.name)
    stored = None
    if selecting.action is Action.CACHED:
        stored = stored_table(root, folder, selecting.outs, SELECTION_FOLDER.name, "manifest.parquet")
    if stored is not None:
        return {path for split in splits for path in selected_paths(stored, split)}
    manifest = planned_manifest(tables, stages)
    return {manifest.paths[at] for split in splits for at in manifest.selected(split)}


def _sizes(images: Path, paths: set[str]) -> dict[str, int]:
    from runner.adapters.tables.parquet import read_table

    columns = read_table(images, ["path", "bytes"])
    return {
        path: int(size)
        for path, size in zip(columns["path"].tolist(), columns["bytes"].tolist(), strict=True)
        if path in paths
    }


def planned_fetch(root: Path, dataset: Dataset, used: Used) -> PlannedFetch | None:
    """What `--pull` would fetch of a dataset that is not here; None where it is, or where nothing is missing."""
    file = root / f"{dataset.path}.dvc"
    pointer = metafiles.parse_pointer(file.read_bytes()) if file.is_file() else None
    if (root / dataset.path).exists() or pointer is None:
        return None
    members = metafiles.cached_members(root, pointer.md5)
    if used.sizes is None:
        if metafiles.is_cached(root, pointer.md5):
            return None
        return PlannedFetch(
            files=pointer.files,
            bytes=pointer.bytes,
            of_files=pointer.files,
            of_bytes=pointer.bytes,
            why=used.why,
        )
    absent = missing(root, pointer.md5, used.sizes, members)
    if not absent:
        return None
    return PlannedFetch(
        files=len(absent),
        bytes=sum(used.sizes[path] for path in absent),
        of_files=pointer.files,
        of_bytes=pointer.bytes,
    )


def planned_objects(root: Path, dataset: Dataset, used: Used) -> PlannedFetch | None:
    """As `planned_fetch`, of images that stay in an object store; of those alone whose manifest is here."""
    from runner.layouts.manifest_fetch import manifest_file, remote_images

    folder = root / dataset.path
    if not folder.is_dir():
        return planned_fetch(root, dataset, used)
    images = remote_images(folder, manifest_file(dataset.layout))
    sizes = {each.target.relative_to(folder).as_posix(): each.size for each in images}
    wanted = [path for path in sizes if used.sizes is None or path in used.sizes]
    absent = [path for path in wanted if not (folder / path).is_file()]
    if not absent:
        return None
    of_absent = [sizes[path] if used.sizes is None else used.sizes[path] for path in absent]
    return PlannedFetch(
        files=len(absent),
        bytes=None if None in of_absent else sum(size or 0 for size in of_absent),
        of_files=len(sizes),
        of_bytes=None if None in sizes.values() else sum(size or 0 for size in sizes.values()),
        why=used.why,
    )


def missing(root: Path, md5: str, paths: dict[str, int], members: dict[str, str] | None) -> list[str]:
    """The files that are neither laid out nor in DVC's cache.

    Args:
        md5: of the dataset. `members`: its listing; None where that is not here, and then none is in the cache by name.
    """
    part = part_folder(root, md5)
    return [
        path
        for path in paths
        if not (part / path).is_file() and not metafiles.is_cached(root, (members or {}).get(path, ""))
    ]
