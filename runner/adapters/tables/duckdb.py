"""Conditions over a Parquet table, by DuckDB.

A condition is checked first (`conditions.analyse`), and evaluated on a connection that can reach neither
files nor the network.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.adapters.tables.conditions import analyse
from runner.adapters.tables.connection import (
    connected,
    filled,
    first_line,
    free_name,
    lock,
    plainly_named,
    quoted,
    schema,
    show,
)
from runner.adapters.tables.plain_conditions import plain_uses
from runner.adapters.tables.unknown_numbers import nan_is_null
from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Column: TypeAlias = NDArray[Any]
    Mask: TypeAlias = NDArray[np.bool_]

TABLE = "index_rows"
CONDITION_SECONDS = 60.0  # a million rows take less than one
_TEXT_COMPARED = re.compile("Could not convert string|values of type VARCHAR")
_TEXT = (
    "text is compared with text in single quotes, as in zone = '08'; "
    "TRY_CAST(zone AS DOUBLE) is NULL where the text is no number"
)


def condition_mask(parquet: Path, condition: str) -> Mask:
    """Which rows of a Parquet file satisfy `condition`; where it is NULL they do not.

    Returns:
        Booleans `(rows,)` in file order; empty for a table without rows.

    Raises:
        FlywheelError: the file is not a readable Parquet file, or the condition is refused (exit code 2).
    """
    return load(parquet, [], [condition])[1][0]


def load(
    parquet: Path, columns: Sequence[str], conditions: Sequence[str]
) -> tuple[dict[str, Column], list[Mask]]:
    """Reads columns of a Parquet file and evaluates conditions over it, which is never in memory as a whole.

    Returns:
        The columns, each `(rows,)` in file order (floats hold NaN for NULL; anything else with NULLs is an
        object array with None), and one mask `(rows,)` per condition, False where the condition is NULL.

    Raises:
        FlywheelError: as `condition_mask`; also for a column that the file lacks.
    """
    if not conditions and "pyarrow" in sys.modules:  # a connection takes 15 ms to open
        from runner.adapters.tables.parquet import read_plain

        if (plain := read_plain(parquet, columns)) is not None:
            return plain, []
    with opened({TABLE: parquet}) as tables:
        tables.require(TABLE, columns)
        for condition in conditions:
            _checked(condition, tables.columns[TABLE])
        listed = f"SELECT {', '.join(map(quoted, columns))} FROM {TABLE}"  # noqa: S608
        values = tables.fetch(listed) if columns else {}
        masks = _masks(tables, list(dict.fromkeys(conditions)))
    return {name: filled(values[name]) for name in columns}, [masks[condition] for condition in conditions]


def _masks(tables: Tables, conditions: Sequence[str]) -> dict[str, Mask]:
    if not conditions:
        return {}
    satisfied = [tables.truth(TABLE, condition) for condition in conditions]
    listed = ", ".join(f"{sql} AS satisfied_{number}" for number, sql in enumerate(satisfied))
    found = tables.fetch(f"SELECT {listed} FROM {TABLE}", conditions)  # noqa: S608
    return {condition: found[f"satisfied_{number}"] for number, condition in enumerate(conditions)}


class Tables:
    """Parquet files as tables of one connection, which reaches nothing else; for the project's own SQL with conditions of users in it.

    Attributes:
        columns: of each table, by name, DuckDB's type.
        rows: of each table, the name under which its rows are numbered from 0, which none of its columns has.
    """

    def __init__(self, connection: Any, files: Mapping[str, Path], links: Path) -> None:
        self._connection = connection
        self.columns = {name: schema(connection, file) for name, file in files.items()}
        self.rows = {name: free_name(known) for name, known in self.columns.items()}
        plain = {name: plainly_named(file, links / f"{name}.parquet") for name, file in files.items()}
        for name, file in plain.items():
            show(connection, name, file, self.columns[name], self.rows[name])
        lock(connection, plain.values())

    def require(self, table: str, columns: Iterable[str]) -> None:
        """Checks that a table has columns.

        Raises:
            FlywheelError: it lacks one.
        """
        known = self.columns[table]
        for name in columns:
            if name not in known:
                raise FlywheelError(_unknown(name, known), hint=_column_hint(known))

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608

    def register(self, name: str, table: Any) -> None:
        """Makes a table of Arrow's one of the connection's."""
        self._connection.register(name, table)

    def pieces(self, sql: str, rows: int) -> Iterator[Any]:
        """A query's answer as Arrow's batches of so many rows."""
        yield from self._connection.sql(sql).to_arrow_reader(rows)

    def truth(self, table: str, condition: str) -> str:
        """A condition as SQL that is true or false, never NULL, over the columns of a table.

        Raises:
            FlywheelError: the condition is refused.
        """
        import duckdb

        _checked(condition, self.columns[table])
        try:
            return self._boolean(table, condition)
        except duckdb.Error as error:
            raise _failed(condition, error) from error

    def _boolean(self, table: str, condition: str) -> str:
        sql = nan_is_null(condition)
        described = self._connection.execute(f"SELECT (\n{sql}\n) FROM {table} LIMIT 0").description  # noqa: S608
        kind = str(described[0][1])
        if kind != "BOOLEAN":
            if not self._is_zero_or_one(table, condition, kind):
                raise _refused(condition, f"it gives {kind}, not true or false")
            sql = f"({sql}) = 1"
        return f"coalesce((\n{sql}\n), false)"

    def _is_zero_or_one(self, table: str, condition: str, kind: str) -> bool:
        """Whether a condition is a column alone that holds truth as 0 and 1."""
        uses = plain_uses(condition)
        if (
            not kind.endswith("INT")
            or uses is None
            or {use.kind for use in uses} != {"alone"}
            or len(uses) > 1
        ):
            return False
        query = f"SELECT coalesce(bool_and(({condition}) IN (0, 1)), true) FROM {table}"  # noqa: S608
        return bool(self._connection.execute(query).fetchall()[0][0])

    def fetch(self, sql: str, conditions: Sequence[str] = ()) -> dict[str, Any]:
        """The columns of a query's answer.

        Args:
            conditions: those that stand in it, over `TABLE`'s or another table's rows: one of them is blamed where it fails.

        Raises:
            FlywheelError: a condition cannot be computed, or takes too long.
        """
        import duckdb

        try:
            with _interrupted_after(self._connection, CONDITION_SECONDS * max(len(conditions), 1)):
                found: dict[str, Any] = self._connection.execute(sql).fetchnumpy()
                return found
        except duckdb.Error as error:
            if not conditions:
                raise
            raise self._blamed(conditions, error) from error

    def _blamed(self, conditions: Sequence[str], error: Exception) -> FlywheelError:
        """Which of several conditions it was, by computing each alone."""
        import duckdb

        for condition in conditions if len(conditions) > 1 else ():
            for table in self.columns:
                if not analyse(condition).columns <= {name.casefold() for name in self.columns[table]}:
                    continue
                try:
                    with _interrupted_after(self._connection, CONDITION_SECONDS):
                        sql = f"SELECT count(*) FROM {table} WHERE {self.truth(table, condition)}"  # noqa: S608
                        self._connection.execute(sql).fetchall()
                except duckdb.Error as own:
                    return _failed(condition, own)
        return _failed(conditions[0], error)


@contextmanager
def opened(files: Mapping[str, Path]) -> Iterator[Tables]:
    """Parquet files as tables that are read as they are asked, in no more than `MEMORY`.

    Raises:
        FlywheelError: a file is not a readable Parquet file.
    """
    with TemporaryDirectory(prefix="flywheel-duckdb-") as overflow, connected(overflow) as connection:
        yield Tables(connection, files, Path(overflow))


def column_names(parquet: Path) -> list[str]:
    """The columns of a Parquet file, in its order; from its footer where pyarrow is imported anyway, which is 70 times as quick.

    Raises:
        FlywheelError: the file is not a readable Parquet file.
    """
    if "pyarrow" in sys.modules:
        from runner.adapters.tables import parquet as tables

        return tables.column_names(parquet)
    with connected() as connection:
        return list(schema(connection, parquet))


def size_and_text(parquet: Path) -> tuple[int, frozenset[str]]:
    """How many rows a Parquet file has, and its columns that hold text.

    Raises:
        FlywheelError: the file is not a readable Parquet file.
    """
    with opened({TABLE: parquet}) as tables:
        kinds = tables.columns[TABLE]
        return tables.count(TABLE), frozenset(name for name, kind in kinds.items() if kind == "VARCHAR")


def _checked(condition: str, known: Mapping[str, str]) -> list[str]:
    """The columns that a condition reads, as the table spells them, once it is known to be harmless."""
    analysis = analyse(condition)
    if analysis.error:
        raise _refused(condition, analysis.error)
    folded = {name.casefold(): name for name in reversed(list(known))}
    for name in sorted(analysis.columns):
        if name.casefold() not in folded:
            raise _refused(condition, _unknown(name, known), _column_hint(known))
    return [folded[name.casefold()] for name in sorted(analysis.columns)]


@contextmanager
def _interrupted_after(connection: Any, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _failed(condition: str, error: Exception) -> FlywheelError:
    import duckdb

    if isinstance(error, duckdb.InterruptException):
        why = f"it took longer than {CONDITION_SECONDS:g} s over the index"
        return _refused(condition, why, "write it simpler, or put what it asks into a metadata column")
    message = first_line(error)
    return _refused(condition, message, _TEXT if _TEXT_COMPARED.search(message) else None)


def _unknown(name: str, known: Mapping[str, str]) -> str:
    return f'unknown column "{name}"{suggestion(name, known, plural="columns")}'


def _refused(condition: str, why: str, hint: str | None = None) -> FlywheelError:
    return FlywheelError(
        f"condition `{condition}`: {why}",
        hint=hint
        or "write a SQL expression over the index's columns, such as brightness < 0.25 AND camera = 'dock'",
    )


def _column_hint(known: Mapping[str, str]) -> str:
    return f"columns: {', '.join(known)}"
