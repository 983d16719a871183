"""A Parquet manifest as a dataset: its rows as images, its further columns as metadata. Nothing is fetched here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from runner.adapters.tables.parquet import read_key_values, read_table
from runner.dataset.columns import own_image_columns
from runner.dataset.entries import UNSAFE, LabelScheme, LayoutContent, list_files
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.nearest import suggestion
from runner.layouts.listing import Listing
from runner.layouts.manifest_rows import RowReader
from runner.layouts.manifest_schema import OWN_COLUMNS, URI
from runner.layouts.manifest_uris import REMOTE, is_remote, local_path

_FETCH = "flywheel init and flywheel convert fetch them"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A file's columns, and its own key-value metadata."""

    file: str
    columns: Mapping[str, Sequence[Any]]
    key_values: Mapping[str, str]

    @property
    def uris(self) -> list[Any]:
        """The images, a row each."""
        return list(self.columns[URI])


def open_manifest(folder: Path, file: str) -> Manifest:
    """Reads a manifest.

    Raises:
        FlywheelError: it is not there, not Parquet, or has no column `uri`.
    """
    path = folder / file
    try:
        columns = read_table(path)
        key_values = read_key_values(path)
    except FlywheelError as error:
        raise _unusable(
            path, error.message, "write it again, or correct dataset.layout in flywheel.yaml"
        ) from error
    if URI not in columns:
        near = suggestion(URI, columns, plural="columns")
        raise _unusable(
            path, f"has no column `{URI}`{near}", f"name the column of the images' paths or URLs `{URI}`"
        )
    return Manifest(
        file=file, columns={name: column.tolist() for name, column in columns.items()}, key_values=key_values
    )


def read_manifest(
    folder: Path, scheme: LabelScheme, file: str, metadata: Sequence[str] | None = None
) -> LayoutContent:
    """Reads every row; images that none of them is about are not labelled.

    Args:
        folder: the dataset.
        scheme: the project's task and classes.
        file: the manifest, relative to the dataset.
        metadata: the columns that are metadata; all that are not the manifest's own when None.

    Raises:
        FlywheelError: as `open_manifest`; or a column that is metadata is missing, or has the name of one of the index's.
    """
    manifest = open_manifest(folder, file)
    names = _metadata_names(folder, manifest, metadata, scheme)
    reader = RowReader(scheme, file)
    listing = Listing()
    rows: dict[str, int] = {}
    notes: list[str] = []
    own = {name: values for name, values in manifest.columns.items() if name in OWN_COLUMNS}
    for at, uri in enumerate(manifest.uris):
        path = local_path(str(uri)) if uri else None
        if path is None or UNSAFE.search(path):
            said = "leads out of the dataset" if uri else "is empty"
            notes.append(
                f"{file}:{at + 1}: {URI} {said}: {str(uri)[:80]!r}; write file:///… for a file elsewhere"
            )
        else:
            entry = reader.entry({name: values[at] for name, values in own.items()}, at + 1, path)
            if listing.add(entry, f"{file}:{at + 1}"):
                rows[path] = at
    entries = listing.sorted_with([path for path in list_files(folder) if _is_of(path, rows)])
    order = [rows.get(entry.path) for entry in entries]
    columns = {
        name: [_plain(manifest.columns[name][row]) if row is not None else None for row in order]
        for name in names
    }
    notes += _absent_notes(folder, manifest, rows, listing)
    return LayoutContent(entries=entries, notes=notes, metadata=columns, faults=listing.faults)


def _is_of(path: str, rows: Mapping[str, int]) -> bool:
    """Whether a file is an image of the dataset: below `remote/`, where it was fetched to, only rows say so."""
    return path in rows or not path.startswith(f"{REMOTE}/")


def scalar_columns(manifest: Manifest) -> list[str]:
    """The columns that are not the manifest's own and hold a value per image."""
    return [
        name
        for name, values in manifest.columns.items()
        if name not in OWN_COLUMNS and not any(isinstance(value, (list, dict, bytes)) for value in values)
    ]


def _metadata_names(
    folder: Path, manifest: Manifest, metadata: Sequence[str] | None, scheme: LabelScheme
) -> list[str]:
    path = folder / manifest.file
    fitting = scalar_columns(manifest)
    names = fitting if metadata is None else list(dict.fromkeys(metadata))
    for name in names:
        if name not in fitting:
            said = "holds lists" if name in manifest.columns else "is not there"
            near = suggestion(name, fitting, plural="columns")
            raise _unusable(
                path,
                f"the metadata column `{name}` {said}{near}",
                "correct dataset.layout.metadata in flywheel.yaml",
            )
    taken = {name.casefold() for name in own_image_columns(scheme.classes)}
    if clashes := [name for name in names if name.casefold() in taken]:
        raise _unusable(
            path,
            f"column `{clashes[0]}` has the name of one of the index's own columns",
            f"rename it, for example to `meta_{clashes[0]}`, or name the columns to read: "
            "layout: {format: manifest, metadata: […]}",
        )
    return names


def _absent_notes(folder: Path, manifest: Manifest, rows: Mapping[str, int], listing: Listing) -> list[str]:
    """What is said of rows whose image is not there, each of which is a fault of its own."""
    uris = manifest.columns[URI]
    absent = [(row, str(uris[row]), path) for path, row in rows.items() if not (folder / path).is_file()]
    for row, uri, path in absent:
        if not is_remote(uri):  # what was not fetched is somewhere, and no fault of the labels
            listing.absent(f"{manifest.file}:{row + 1}", uri, path)
    remote = [(row, uri) for row, uri, _ in absent if is_remote(uri)]
    local = [(row, uri) for row, uri, _ in absent if not is_remote(uri)]
    notes = []
    for found, said, hint in ((remote, "fetched", f"; {_FETCH}"), (local, "in the dataset", "")):
        if found:
            row, uri = found[0]
            notes.append(
                f"{manifest.file}:{row + 1}: {len(found)} of {len(rows)} images are not {said}: {uri}{hint}"
            )
    return notes


def _plain(value: Any) -> Any:
    """A value as the index keeps it: text, a number, or true or false; times as ISO 8601 text."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def _unusable(path: Path, message: str, hint: str) -> FlywheelError:
    return FlywheelError(message, where=Where(str(path)), hint=hint, exit_code=ExitCode.STAGE_FAILED)
