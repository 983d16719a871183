"""The metadata CSV, joined to images by path."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct

from runner.dataset.csv_rows import KEY, CsvRows, read_header, read_rows, unusable
from runner.domain.errors import FlywheelError, Where
from runner.domain.nearest import suggestion

__all__ = ["KEY", "JoinedMetadata", "join_metadata", "metadata_header", "with_layout_metadata"]


class JoinedMetadata(Struct, frozen=True, kw_only=True):
    """The CSV's columns (without `path`), in the order of the images; None where an image has no row."""

    columns: dict[str, list[Any]]
    notes: list[str]


def metadata_header(csv: Path, reserved: Iterable[str]) -> tuple[str, ...]:
    """The names of a metadata CSV's columns, `path` among them; no heavy library is needed.

    Raises:
        FlywheelError: as `join_metadata`, as far as the header tells.
    """
    header = read_header(csv)
    _check_columns(csv, header, reserved)
    return header


def join_metadata(csv: Path, image_paths: Sequence[str], reserved: Iterable[str]) -> JoinedMetadata:
    """Reads a CSV and brings its rows into the order of the images.

    A path in the CSV is that of the image of the same name, or else of the one that differs from it only in `./`,
    in backslashes, or in how Unicode composes its letters.

    Args:
        csv: has a column `path`, relative to the dataset folder.
        image_paths: the index's paths, in its order.
        reserved: names that the index itself uses.

    Raises:
        FlywheelError: the file is missing or no CSV (`csv_rows.read_rows`), lacks the column `path`, uses a
            reserved name, has a row without a path or two for one image, or names none of the images.
    """
    from runner.dataset.csv_values import typed

    table = read_rows(csv)
    _check_columns(csv, table.columns, reserved)
    rows, strangers = rows_of_images(csv, table, image_paths)
    order = [rows.get(path) for path in image_paths]
    columns, notes = {}, list(table.notes)
    for name, texts in table.columns.items():
        if name == KEY:
            continue
        column = typed(texts, table.separator)
        columns[name] = [None if row is None else column.values[row] for row in order]
        if column.note:
            notes.append(f'{csv.name}: column "{name}": {column.note}')
    without_row = [path for path in image_paths if path not in rows]
    if strangers:
        counted = _counted(len(strangers), "row has", "rows have")
        notes.append(f"{csv.name}: {counted} no image, {_first(strangers)}")
    if without_row:
        counted = _counted(len(without_row), "image has", "images have")
        notes.append(f"{csv.name}: {counted} no row, {_first(without_row)}")
    return JoinedMetadata(columns=columns, notes=notes)


def with_layout_metadata(
    joined: Mapping[str, Sequence[Any]], own: Mapping[str, Sequence[Any]], file: str | None
) -> dict[str, Sequence[Any]]:
    """The metadata that the layout itself holds, and that of the CSV.

    Raises:
        FlywheelError: both have a column of one name.
    """
    twice = {name.casefold() for name in own}
    if clashes := [name for name in joined if name.casefold() in twice]:
        raise FlywheelError(
            f"column `{clashes[0]}` is in the dataset's labels too",
            where=Where(file) if file else None,
            hint="rename one of them, or name the columns to read in dataset.layout.metadata",
        )
    return {**own, **joined}


def _check_columns(csv: Path, names: Iterable[str], reserved: Iterable[str]) -> None:
    names = list(names)
    if KEY not in names:
        raise unusable(
            csv,
            f"has no column `{KEY}`{suggestion(KEY, names, plural='it has')}",
            f"name the column that holds the images' files, relative to the dataset's folder, `{KEY}`",
        )
    taken = {name.casefold() for name in reserved}
    clashes = [name for name in names if name != KEY and name.casefold() in taken]
    if clashes:
        raise unusable(
            csv,
            f"column `{clashes[0]}` has the name of one of the index's own columns",
            f"rename it, for example to `meta_{clashes[0]}`",
        )


def rows_of_images(csv: Path, table: CsvRows, image_paths: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """The row of each image that has one, and the paths of no image."""
    images = set(image_paths)
    places = _unique_places(image_paths)
    rows: dict[str, int] = {}
    strangers = []
    for row, (text, line) in enumerate(zip(table.columns[KEY], table.lines, strict=True)):
        if text is None:
            raise unusable(
                csv, "this row has no path", f"write the image's file into the column `{KEY}`", line
            )
        path = text if text in images else places.get(plain_path(text), plain_path(text))
        if path in rows:
            raise unusable(
                csv,
                f"lists {path} more than once: also on line {table.lines[rows[path]]}",
                "keep one row per image",
                line,
            )
        rows[path] = row
        if path not in images:
            strangers.append(path)
    if strangers and images and not images & rows.keys():
        raise unusable(
            csv,
            f"no row is of an image: the first is of {strangers[0]}, while images are called like {image_paths[0]}",
            f"write paths relative to the dataset's folder into the column `{KEY}`",
            table.lines[0],
        )
    return rows, sorted(strangers)


def plain_path(path: str) -> str:
    """A path without what differs between systems.

    >>> plain_path("./images\\\\a.jpg")
    'images/a.jpg'
    """
    return unicodedata.normalize("NFC", PurePosixPath(path.replace("\\", "/")).as_posix())


def _unique_places(image_paths: Sequence[str]) -> Mapping[str, str]:
    """Which image is meant by a place; none where two could be."""
    places: dict[str, str] = {}
    ambiguous = set()
    for path in image_paths:
        place = plain_path(path)
        if place in places:
            ambiguous.add(place)
        places[place] = path
    return {place: path for place, path in places.items() if place not in ambiguous}


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _first(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"the first is {paths[0]}"
