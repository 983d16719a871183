"""What goes along beside images and labels: metadata tables, and under which licence the data is."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.dataset.csv_rows import KEY, read_rows
from runner.dataset.entries import LayoutContent
from runner.dataset.metadata import join_metadata
from runner.domain.errors import FlywheelError
from runner.domain.files import csv_text
from runner.writers.losses import Losses
from runner.writers.reading import Source

_KEPT = ("license", "licence", "copying", "notice", "attribution", "copyright")


def write_metadata(source: Path, file: str, target: Path, places: Mapping[str, str]) -> None:
    """A CSV as it is, but for its paths, which are those of the images in the new dataset.

    Rows of images that are not there any more stay as they are.

    Raises:
        FlywheelError: it is no CSV that is read.
    """
    rows = read_rows(source / file)
    columns = dict(rows.columns)
    columns[KEY] = [_moved(path, places) for path in columns[KEY]]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=rows.separator, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        zip(*(["" if cell is None else cell for cell in cells] for cells in columns.values()), strict=True)
    )
    (target / file).write_text(text.getvalue(), encoding="utf-8", newline="\n")


def all_values(source: Source, paths: Sequence[str], losses: Losses) -> list[dict[str, Any]]:
    """The values of all metadata columns for each image, those of CSV files and those that the layout itself holds.

    Of two columns of one name, the first file's counts. A file that cannot be joined (with several rows for an image, as a list
    of findings has, or with none) is a loss.
    """
    values: list[dict[str, Any]] = [{} for _ in paths]
    for file in source.metadata_files:
        try:
            joined = join_metadata(source.folder / file, paths, ())
        except FlywheelError as error:
            losses.add("table", f"{file} ({error.message})")
            continue
        for name, column in joined.columns.items():
            for row, value in zip(values, column, strict=True):
                row.setdefault(name, value)
    at = {entry.path: number for number, entry in enumerate(source.content.entries)}
    for name, held in source.content.metadata.items():
        for row, path in zip(values, paths, strict=True):
            row.setdefault(name, held[at[path]])
    return values


def write_columns(content: LayoutContent, target: Path, places: Mapping[str, str]) -> None:
    """metadata.csv with the columns that the layout itself held; beside a CSV of that name, metadata-2.csv."""
    columns = content.metadata
    rows = [
        [places[entry.path], *("" if column[at] is None else column[at] for column in columns.values())]
        for at, entry in enumerate(content.entries)
        if entry.path in places
    ]
    name = "metadata-2.csv" if (target / "metadata.csv").exists() else "metadata.csv"
    (target / name).write_text(csv_text([[KEY, *columns], *rows]), encoding="utf-8", newline="\n")


def copy_licences(source: Path, target: Path) -> list[str]:
    """Copies the files at the top that say whose the data is and what may be done with it."""
    kept = [
        path
        for path in sorted(source.iterdir())
        if path.is_file() and path.name.lower().startswith(_KEPT) and not (target / path.name).exists()
    ]
    for path in kept:
        shutil.copyfile(path, target / path.name)
    return [path.name for path in kept]


def _moved(path: str | None, places: Mapping[str, str]) -> str | None:
    if path is None:
        return None
    plain = path.replace("\\", "/").removeprefix("./")
    return places.get(path, places.get(plain, path))
