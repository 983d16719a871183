"""What of an index satisfies a condition: how many images and objects, of which splits and classes, and which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runner.adapters.tables import duckdb
from runner.adapters.tables.conditions import analyse
from runner.dataset.columns import count_column
from runner.dataset.manifest import UNASSIGNED
from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion
from runner.domain.records import Record
from runner.domain.values import Value, plain_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

ALWAYS = {"images": ("path",), "objects": ("path", "object_id", "class")}  # what is listed of each row


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked.

    Attributes:
        table: whose rows the condition is about.
        sort: the column that the listed rows are ordered by; by path where None.
        limit: at most so many rows are listed; all where None.
    """

    condition: str
    table: Literal["images", "objects"] = "images"
    sort: str | None = None
    descending: bool = False
    limit: int | None = None


class QueryCounts(Record, frozen=True, kw_only=True):
    """Of one split."""

    images: int
    objects: int


class QueryResult(Record, frozen=True, kw_only=True):
    """What satisfies a condition.

    Attributes:
        index: which index was asked, in words.
        rows_of_table: how many rows the table has.
        images: that satisfy it, or that hold such an object. `objects`: labelled in them, or that satisfy it.
        splits: by the project's split; `none` for images in none.
        classes: objects by class.
        columns: those that the condition names, as far as no row has them anyway, and the one that orders.
        rows: the first ones, with these columns.
    """

    condition: str
    table: str
    index: str
    rows_of_table: int
    images: int
    objects: int
    splits: dict[str, QueryCounts]
    classes: dict[str, int]
    columns: list[str]
    rows: list[dict[str, Value]]


def ask(
    images: Path, objects: Path, query: Query, splits: Mapping[str, str], classes: Sequence[str], index: str
) -> QueryResult:
    """Answers a query.

    Args:
        images, objects: the index's tables.
        splits: the project's, each with its condition.
        classes: the project's.
        index: which index that is, in words.

    Raises:
        FlywheelError: the condition is refused, or there is no such column.
    """
    table = images if query.table == "images" else objects
    known = duckdb.column_names(table)
    columns = named_columns(query, known)
    counted = _of_images if query.table == "images" else _of_objects
    mask, per_split, per_class = counted(images, objects, query, splits, classes)
    listed = _listed(table, mask, query, known)
    rows = _rows(table, [*ALWAYS[query.table], *columns], listed)
    total = per_split.pop("")
    return QueryResult(
        condition=query.condition,
        table=query.table,
        index=index,
        rows_of_table=len(mask),
        images=total.images,
        objects=total.objects,
        splits=per_split,
        classes=per_class,
        columns=columns,
        rows=rows,
    )


def named_columns(query: Query, known: Sequence[str]) -> list[str]:
    """The columns that the condition names, in its order, and the one that orders; without those that are listed anyway.

    Raises:
        FlywheelError: there is no column of the name that orders.
    """
    spelled = {name.casefold(): name for name in known}
    text = query.condition.casefold()
    asked = sorted((name.casefold() for name in analyse(query.condition).columns), key=text.find)
    if query.sort is not None:
        if query.sort.casefold() not in spelled:
            raise FlywheelError(
                f'there is no column "{query.sort}" to order by{suggestion(query.sort, known, plural="columns")}'
            )
        asked.append(query.sort.casefold())
    found = dict.fromkeys(spelled[name] for name in asked if name in spelled)
    return [name for name in found if name not in ALWAYS[query.table]]


Counted = tuple["Mask", dict[str, QueryCounts], dict[str, int]]


def _of_images(
    images: Path, objects: Path, query: Query, splits: Mapping[str, str], classes: Sequence[str]
) -> Counted:
    """The mask over the images, and counts by the index's own columns: no object need be read."""
    counts = {name: count_column(name) for name in classes}
    columns, masks = duckdb.load(images, ["n_objects", *counts.values()], [query.condition, *splits.values()])
    mask, of_splits = masks[0], masks[1:]
    inside = _with_rest(splits, of_splits)
    per_split = {
        name: QueryCounts(
            images=int((mask & part).sum()), objects=int(columns["n_objects"][mask & part].sum())
        )
        for name, part in inside.items()
    }
    per_class = {name: int(columns[column][mask].sum()) for name, column in counts.items()}
    return mask, per_split, per_class


def _of_objects(
    images: Path, objects: Path, query: Query, splits: Mapping[str, str], classes: Sequence[str]
) -> Counted:
    """The mask over the objects, and counts of them and of the images that hold them."""
    import numpy as np

    own, (mask,) = duckdb.load(objects, ["path", "class"], [query.condition])
    table, of_splits = duckdb.load(images, ["path"], list(splits.values()))
    row_of = {path: row for row, path in enumerate(table["path"].tolist())}
    rows = np.array([row_of[path] for path in own["path"][mask].tolist()], dtype=np.intp)
    holding = np.bincount(rows, minlength=len(row_of))
    per_split = {
        name: QueryCounts(images=int((holding[part] > 0).sum()), objects=int(holding[part].sum()))
        for name, part in _with_rest(splits, of_splits).items()
    }
    found = Counter(own["class"][mask].tolist())
    return mask, per_split, {name: found[name] for name in classes}


def _with_rest(splits: Mapping[str, str], masks: Sequence[Mask]) -> dict[str, Mask]:
    """The splits' masks, that of what is in none, and under "" that of all images."""
    import numpy as np

    masks = list(masks)
    rest = ~np.logical_or.reduce(masks)
    everything = np.ones(len(rest), dtype=np.bool_)
    return dict(zip(splits, masks, strict=True)) | {UNASSIGNED: rest, "": everything}


def _listed(table: Path, mask: Mask, query: Query, known: Sequence[str]) -> list[int]:
    """The rows that are listed, in their order."""
    rows = mask.nonzero()[0]
    if query.sort is not None:
        name = next(name for name in known if name.casefold() == str(query.sort).casefold())
        rows = rows[_order(duckdb.load(table, [name], [])[0][name][rows], descending=query.descending)]
    elif query.descending:
        rows = rows[::-1]
    return [int(row) for row in rows[: query.limit]]


def _order(values: NDArray[Any], *, descending: bool) -> NDArray[np.intp]:
    """The positions of values in their order, equal ones as they come; missing ones last."""
    import numpy as np

    if values.dtype.kind == "f":
        keys = np.where(np.isnan(values), np.inf, -values if descending else values)
        return np.argsort(keys, kind="stable")
    if values.dtype.kind in "iub":
        if not descending:
            return np.argsort(values, kind="stable")
        return len(values) - 1 - np.argsort(values[::-1], kind="stable")[::-1]
    present = [at for at, value in enumerate(values.tolist()) if value is not None]
    missing = [at for at, value in enumerate(values.tolist()) if value is None]
    present.sort(key=lambda at: values[at], reverse=descending)
    return np.array([*present, *missing], dtype=np.intp)


def _rows(table: Path, columns: Sequence[str], rows: Sequence[int]) -> list[dict[str, Value]]:
    from runner.adapters.tables.parquet import read_table

    names = list(dict.fromkeys(columns))
    cells = read_table(table, names, rows)
    listed = [cells[name].tolist() for name in names]
    return [dict(zip(names, map(plain_value, values), strict=True)) for values in zip(*listed, strict=True)]
