"""The metadata CSV, joined to images by path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from runner.adapters import duckdb
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.nearest import suggestion

KEY = "path"


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedMetadata:
    """The CSV's columns (without `path`), in the order of the images; None where an image has no row."""

    columns: dict[str, list[Any]]
    notes: list[str]


def join_metadata(csv: Path, image_paths: Sequence[str], reserved: Iterable[str]) -> JoinedMetadata:
    """Reads a CSV and brings its rows into the order of the images.

    Args:
        csv: has a column `path`, relative to the dataset folder.
        image_paths: the index's paths, in its order.
        reserved: names that the index itself uses.

    Raises:
        FlywheelError: the file is missing or no CSV, lacks the column `path`, names a path twice, or uses a
            reserved name.
    """
    columns = duckdb.read_csv(csv)
    if KEY not in columns:
        raise _unusable(csv, f"has no column `{KEY}`{suggestion(KEY, columns, plural='it has')}")
    taken = {name.casefold() for name in reserved}
    clashes = [name for name in columns if name != KEY and name.casefold() in taken]
    if clashes:
        raise _unusable(
            csv,
            f"column `{clashes[0]}` has the name of one of the index's own columns",
            f"rename it, for example to `meta_{clashes[0]}`",
        )
    paths = [PurePosixPath(str(path)).as_posix() for path in columns[KEY]]
    repeated = [path for path, count in Counter(paths).items() if count > 1]
    if repeated:
        raise _unusable(csv, f"lists {repeated[0]} more than once", "keep one row per image")
    rows = {path: row for row, path in enumerate(paths)}
    order = [rows.get(path) for path in image_paths]
    joined = {
        name: [None if row is None else values[row] for row in order]
        for name, values in columns.items()
        if name != KEY
    }
    return JoinedMetadata(columns=joined, notes=_notes(csv.name, rows, image_paths))


def _notes(name: str, rows: dict[str, int], image_paths: Sequence[str]) -> list[str]:
    without_image = sorted(rows.keys() - set(image_paths))
    without_row = [path for path in image_paths if path not in rows]
    notes = []
    if without_image:
        notes.append(f"{name}: {len(without_image)} rows have no image, the first for {without_image[0]}")
    if without_row:
        notes.append(f"{name}: {len(without_row)} images have no row, the first is {without_row[0]}")
    return notes


def _unusable(csv: Path, message: str, hint: str | None = None) -> FlywheelError:
    return FlywheelError(message, where=Where(str(csv)), hint=hint, exit_code=ExitCode.STAGE_FAILED)
