"""What of an index satisfies a condition: how many images and objects, of which splits and classes, and which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runner.adapters.tables import duckdb
from runner.adapters.tables.conditions import analyse
from runner.adapters.tables.connection import quoted
from runner.dataset.columns import count_column
from runner.dataset.manifest import UNASSIGNED
from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion
from runner.domain.records import Record
from runner.domain.values import Value, plain_value

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
    with duckdb.opened({"images": images, "objects": objects}) as tables:
        known = list(tables.columns[query.table])
        columns = named_columns(query, known)
        satisfied = tables.truth(query.table, query.condition)
        counted = _of_images if query.table == "images" else _of_objects
        per_split, per_class = counted(tables, query, satisfied, splits, classes)
        size, listed = tables.count(query.table), _listed(tables, query, satisfied, known)
    table = images if query.table == "images" else objects
    rows = _rows(table, [*ALWAYS[query.table], *columns], listed)
    total = per_split.pop("")
    return QueryResult(
        condition=query.condition,
        table=query.table,
        index=index,
        rows_of_table=size,
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


Counted = tuple[dict[str, QueryCounts], dict[str, int]]


def _of_images(
    tables: duckdb.Tables, query: Query, satisfied: str, splits: Mapping[str, str], classes: Sequence[str]
) -> Counted:
    """Counts by the index's own columns: no object need be read."""
    tables.require("images", ["n_objects", *map(count_column, classes)])
    parts = _parts(tables, splits)
    sums = [
        *(f"count(*) FILTER ({part})" for part in parts.values()),
        *(f"sum(n_objects) FILTER ({part})" for part in parts.values()),
        *(f"sum({quoted(count_column(name))})" for name in classes),
    ]
    found = _row(
        tables,
        f"SELECT {_named(sums)} FROM images WHERE {satisfied}",  # noqa: S608
        [query.condition, *splits.values()],
    )
    return _counts(found, list(parts), classes)


def _of_objects(
    tables: duckdb.Tables, query: Query, satisfied: str, splits: Mapping[str, str], classes: Sequence[str]
) -> Counted:
    """Counts of objects, and of the images that hold them."""
    parts = _parts(tables, splits)
    sums = [
        *(f"count(*) FILTER ({part})" for part in parts.values()),
        *(f"sum(held) FILTER ({part})" for part in parts.values()),
    ]
    holding = f"SELECT path, count(*) AS held FROM objects WHERE {satisfied} GROUP BY path"  # noqa: S608
    # A condition may name any column of the images, but none of what is joined to them.
    flags = ", ".join(f"{part} AS part_{number}" for number, part in enumerate(parts.values()))
    told = {part: f"part_{number}" for number, part in enumerate(parts.values())}
    for part, flag in told.items():
        sums = [text.replace(f"({part})", f"({flag})") for text in sums]
    found = _row(
        tables,
        f"SELECT {_named(sums)} FROM (SELECT path, {flags} FROM images) JOIN ({holding}) USING (path)",  # noqa: S608
        [query.condition, *splits.values()],
    )
    per_class = tables.fetch(
        f"SELECT class, count(*) AS held FROM objects WHERE {satisfied} GROUP BY class",  # noqa: S608
        [query.condition],
    )
    held = dict(zip(per_class["class"].tolist(), per_class["held"].tolist(), strict=True))
    found += [held.get(name, 0) for name in classes]
    return _counts(found, list(parts), classes)


def _parts(tables: duckdb.Tables, splits: Mapping[str, str]) -> dict[str, str]:
    """The splits as SQL, what is in none, and under "" all."""
    parts = {name: tables.truth("images", where) for name, where in splits.items()}
    return parts | {UNASSIGNED: f"NOT ({' OR '.join(parts.values()) or 'false'})", "": "true"}


def _counts(found: Sequence[int], names: Sequence[str], classes: Sequence[str]) -> Counted:
    per_split = {
        name: QueryCounts(images=found[at], objects=found[len(names) + at]) for at, name in enumerate(names)
    }
    return per_split, dict(zip(classes, found[2 * len(names) :], strict=True))


def _named(expressions: Sequence[str]) -> str:
    return ", ".join(f"coalesce({sql}, 0) AS number_{at}" for at, sql in enumerate(expressions))


def _row(tables: duckdb.Tables, sql: str, conditions: Sequence[str]) -> list[int]:
    return [int(values[0]) for values in tables.fetch(sql, conditions).values()]


def _listed(tables: duckdb.Tables, query: Query, satisfied: str, known: Sequence[str]) -> list[int]:
    """The rows that are listed, in their order: equal ones as they come, or the last first; missing values last."""
    row = tables.rows[query.table]
    order = f"{row} {'DESC' if query.descending else 'ASC'}"
    if query.sort is not None:
        name = next(name for name in known if name.casefold() == str(query.sort).casefold())
        order = f"{quoted(name)} {'DESC' if query.descending else 'ASC'} NULLS LAST, {row}"
    limit = "" if query.limit is None else f" LIMIT {query.limit}"
    sql = f"SELECT {row} FROM {query.table} WHERE {satisfied} ORDER BY {order}{limit}"  # noqa: S608
    return [int(number) for number in tables.fetch(sql, [query.condition])[row]]


def _rows(table: Path, columns: Sequence[str], rows: Sequence[int]) -> list[dict[str, Value]]:
    from runner.adapters.tables.parquet import read_table

    names = list(dict.fromkeys(columns))
    cells = read_table(table, names, rows)
    listed = [cells[name].tolist() for name in names]
    return [dict(zip(names, map(plain_value, values), strict=True)) for values in zip(*listed, strict=True)]
