"""What the champion was made and judged with: its index and its selection, in DVC's cache by the hashes of its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.adapters.dvc import metafiles
from runner.adapters.dvc.cache_objects import require_objects
from runner.adapters.git import repository
from runner.adapters.system import yaml_text
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import FlywheelError, Where
from runner.record.catalogue import INDEX_FOLDER, LOCK, PARAMS, SELECTION_FOLDER

if TYPE_CHECKING:
    from runner.checks.described_images import Tables

WANTED = {
    INDEX_FOLDER.name: ("images.parquet", "objects.parquet"),
    SELECTION_FOLDER.name: ("manifest.parquet",),
}


@dataclass(frozen=True, kw_only=True)
class ChampionData:
    """What the champion was made and judged with.

    Attributes:
        tables: None where they are not here; `reason` says why then.
        classes: of its project. `group_by`: its metadata column that groups images.
    """

    tables: Tables | None
    reason: str = ""
    classes: tuple[str, ...] = ()
    group_by: str | None = None


def stored_folders(root: Path, champion: ResolvedChampion) -> dict[str, str]:
    """DVC's hashes of the folders of `WANTED`, by their names; without those that its record does not tell of.

    Raises:
        FlywheelError: its dvc.lock cannot be read.
    """
    content = repository.read_file(root, champion.commit, LOCK.of(champion.sprint))
    stages = metafiles.parse_lock(content, Where(LOCK.of(champion.sprint))) if content is not None else {}
    outs = {name: md5 for stage in stages.values() for name, md5 in stage.outs.items()}
    return {name: outs[name] for name in WANTED if name in outs}


def is_here(root: Path, champion: ResolvedChampion) -> bool:
    """Whether DVC's cache holds all of it.

    Raises:
        FlywheelError: the champion's dvc.lock cannot be read.
    """
    return len(_members(root, champion)) == sum(len(members) for members in WANTED.values())


def champion_data(root: Path, champion: ResolvedChampion) -> ChampionData:
    """The champion's tables; with the reason where they cannot be had."""
    from runner.checks.described_images import Tables

    try:
        members = _members(root, champion)
        told = _told(root, champion)
    except FlywheelError as error:
        return ChampionData(tables=None, reason=error.message)
    missing = [name for names in WANTED.values() for name in names if name not in members]
    if missing or told is None:
        why = f"DVC's cache did not hold {' and '.join(missing)} of {champion.sprint}"
        return ChampionData(
            tables=None, reason=why if missing else f"{PARAMS.of(champion.sprint)} does not tell its classes"
        )
    return ChampionData(
        tables=Tables(
            images=members["images.parquet"],
            objects=members["objects.parquet"],
            manifest=members["manifest.parquet"],
        ),
        classes=tuple(str(name) for name in told["classes"]),
        group_by=told.get("group_by"),
    )


def _members(root: Path, champion: ResolvedChampion) -> dict[str, Path]:
    """The files of `WANTED` that DVC's cache holds.

    Raises:
        FlywheelError: the cache holds something else in the place of one.
    """
    found = {}
    for folder, md5 in stored_folders(root, champion).items():
        members = metafiles.cached_members(root, md5) or {}
        for name in WANTED[folder]:
            if name in members and metafiles.cache_path(root, members[name]).is_file():
                require_objects(root, {f"{name} of {champion.sprint}": members[name]})
                found[name] = metafiles.cache_path(root, members[name])
    return found


def _told(root: Path, champion: ResolvedChampion) -> Mapping[str, Any] | None:
    """What the champion's index was told, from its params.yaml; None where that says no classes."""
    import yaml

    content = repository.read_file(root, champion.commit, PARAMS.of(champion.sprint))
    try:
        told = yaml_text.load(content)["index"] if content is not None else None
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return None
    sound = isinstance(told, Mapping) and isinstance(told.get("classes"), list)
    return told if sound else None
