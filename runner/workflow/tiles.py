"""The images of a query's result as tiles of a contact sheet: their labels drawn, their values below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.adapters.pictures.contact_sheet import Tile
from runner.adapters.pictures.marks import Kind, Mark
from runner.adapters.tables.parquet import Column, read_table
from runner.assessment.query import QueryResult
from runner.domain.task import BOX, TaskName
from runner.domain.values import Value
from runner.planning.recorded_index import IndexFiles
from runner.report.explained import shown
from runner.tasks import TASKS

_PATH = 40  # characters of a path below a tile
MOST_MARKS = 40  # on one tile: the largest


def tiles_of(dataset: Path, files: IndexFiles, result: QueryResult, task: TaskName, most: int) -> list[Tile]:
    """One tile for each image that is listed, in the order of the list; of objects, those that are listed stand out."""
    rows: dict[str, list[Mapping[str, Value]]] = {}
    for row in result.rows:
        rows.setdefault(str(row["path"]), []).append(row)
    paths = list(rows)[:most]
    labels = _labels(files.objects, task, set(paths))
    return [_tile(dataset, path, labels.get(path, []), rows[path], result) for path in paths]


Label = tuple[str, str, dict[str, Any]]  # object_id, class, shape


def _tile(
    dataset: Path,
    path: str,
    labels: Sequence[Label],
    rows: Sequence[Mapping[str, Value]],
    result: QueryResult,
) -> Tile:
    listed = {row["object_id"] for row in rows if "object_id" in row}
    lines = [_end_of(path), *_values(rows, result)]
    marks = [
        Mark(kind=_kind(name, listed), text=text if not listed or name in listed else "", **shape)
        for name, text, shape in sorted(labels, key=lambda label: (label[0] not in listed, -_area(label)))
    ]
    return Tile(file=dataset / path, marks=marks[:MOST_MARKS], lines=lines)


def _end_of(path: str) -> str:
    """As much of a path's end as a tile has room for: an image's name tells more than its folder's."""
    return path if len(path) <= _PATH else f"…{path[1 - _PATH :]}"


def _kind(object_id: str, listed: set[Value]) -> Kind:
    return "truth" if not listed or object_id in listed else "ignored"


def _area(label: Label) -> float:
    x_min, y_min, x_max, y_max = label[2]["box_xyxy"]
    return float((x_max - x_min) * (y_max - y_min))


def _values(rows: Sequence[Mapping[str, Value]], result: QueryResult) -> list[str]:
    """The values that the condition names: of the image, or of its first objects."""
    first = [f"{name} = {shown(rows[0][name])}" for name in result.columns]
    if len(rows) > 1:
        return [", ".join(first), f"and {len(rows) - 1} more of its objects"]
    return [", ".join(first)] if first else []


def _labels(objects: Path, task: TaskName, paths: set[str]) -> dict[str, list[Label]]:
    """What is labelled on some images, by path; nothing to draw where the task's labels are of whole images."""
    if not TASKS[task].ranked:
        return {}
    column = TASKS[task].shape
    table = read_table(objects, ["object_id", "path", "class", *BOX, *([column] if column else [])])
    found: dict[str, list[Label]] = {}
    for at, path in enumerate(table["path"].tolist()):
        if path in paths:
            label = (str(table["object_id"][at]), str(table["class"][at]), _shape(table, column, at))
            found.setdefault(path, []).append(label)
    return found


def _shape(table: Mapping[str, Column], column: str | None, at: int) -> dict[str, Any]:
    shape = {} if column is None else {column: table[column][at]}
    return {"box_xyxy": tuple(float(table[name][at]) for name in BOX), **shape}
