"""What tells a Parquet manifest: its task by the columns that hold something, its classes, its metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.adapters.tables.parquet import column_names
from runner.dataset.class_names import plain_name
from runner.domain.errors import FlywheelError
from runner.domain.task import USUAL_TASK, Keypoints, TaskName
from runner.layouts.manifest_files import Manifest, open_manifest, scalar_columns
from runner.layouts.manifest_schema import CLASSES, CLASSES_KEY, FILE, KEYPOINTS_KEY, LABEL, URI
from runner.layouts.skeleton import mirrored
from runner.tasks import TASKS

# The column that tells a task; of several with something in them the first is meant.
_TELLING: tuple[tuple[TaskName, str], ...] = (
    ("pose", "keypoints"),
    ("segment", "polygons"),
    ("segment", "masks"),
    ("obb", "corners"),
    ("detect", "boxes"),
    ("classify", LABEL),
)


@dataclass(frozen=True, kw_only=True)
class FoundManifest:
    """How a manifest is to be read."""

    task: TaskName
    classes: list[str]
    keypoints: Keypoints | None
    metadata: list[str]
    problems: list[str]
    labelled: bool


def find_manifest(folder: Path) -> str | None:
    """The manifest of a folder: by its usual name, else the only Parquet file at the top with a column `uri`."""
    if (folder / FILE).is_file():
        return FILE
    found = [path.name for path in sorted(folder.glob("*.parquet")) if _has_uris(path)]
    return found[0] if len(found) == 1 else None


def recognise_manifest(folder: Path, task: TaskName | None) -> FoundManifest | None:
    """How the manifest of a folder is to be read; None where there is none.

    Raises:
        FlywheelError: `manifest.parquet` is there and is none.
    """
    file = find_manifest(folder)
    if file is None:
        return None
    manifest = open_manifest(folder, file)
    told = [name for name, column in _TELLING if _filled(manifest, column)]
    found = task or (told[0] if told else USUAL_TASK)
    others = [name for name in dict.fromkeys(told) if name not in (found, USUAL_TASK)]
    problems = (
        [f"{file} has labels for task {' and '.join(others)} too: --task chooses"]
        if others and task is None
        else []
    )
    points = _keypoints(manifest) if TASKS[found].skeleton else None
    return FoundManifest(
        task=found,
        classes=_classes(manifest, LABEL if not TASKS[found].ranked else CLASSES),
        keypoints=points,
        metadata=scalar_columns(manifest),
        problems=problems,
        labelled=bool(told),
    )


def _has_uris(path: Path) -> bool:
    try:
        return URI in column_names(path)
    except FlywheelError:
        return False


def _filled(manifest: Manifest, column: str) -> bool:
    """Whether a column holds something for any image."""
    values = manifest.columns.get(column, ())
    return any(
        value is not None and (not isinstance(value, list) or any(item is not None for item in value))
        for value in values
    )


def _classes(manifest: Manifest, column: str) -> list[str]:
    """In the order that the file states, then those that it does not name, sorted."""
    stated = _names(manifest, CLASSES_KEY)
    values = manifest.columns.get(column, ())
    used = {
        str(name)
        for value in values
        if value is not None
        for name in (value if isinstance(value, list) else [value])
        if name is not None
    }
    return list(dict.fromkeys([*stated, *sorted({plain_name(name) for name in used} - {""})]))


def _keypoints(manifest: Manifest) -> Keypoints | None:
    names = _names(manifest, KEYPOINTS_KEY)
    if not names:
        lists = [value for value in manifest.columns.get("keypoints", ()) if isinstance(value, list)]
        numbers = next((len(item) for value in lists for item in value if isinstance(item, list)), 0)
        names = [f"point_{number}" for number in range(numbers // 3)]
    return Keypoints(names=names, flip=mirrored(names)) if names else None


def _names(manifest: Manifest, key: str) -> list[str]:
    """A list of names in the file's own metadata; none where there is no such list."""
    try:
        names: Sequence[object] = json.loads(manifest.key_values.get(key, "[]"))
    except ValueError:
        return []
    return [plain_name(name) for name in names if isinstance(name, str)] if isinstance(names, list) else []
