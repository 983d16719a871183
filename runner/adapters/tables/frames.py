"""Queries over Parquet files by DuckDB, as the pandas frames that Great Expectations looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from runner.adapters.tables.connection import connected, file_pattern
from runner.adapters.tables.parquet import ColumnLike
from runner.domain.files import unusable_output

if TYPE_CHECKING:
    import pandas as pd

_LIST = "SELECT unnest(range(len($1))) AS position, unnest($1::VARCHAR[]) AS value"


def query_frames(
    files: Mapping[str, Path],
    lists: Mapping[str, Sequence[str]],
    views: Mapping[str, str],
    queries: Mapping[str, str],
) -> dict[str, pd.DataFrame]:
    """Runs the project's own SQL over Parquet files.

    Args:
        files: the Parquet file behind each table name.
        lists: further tables of two columns, `position` (from 0) and `value`.
        views: SQL of intermediate tables, in the order in which they build on each other.
        queries: SQL of the frames wanted, over all of those.

    Returns:
        One frame per query, rows numbered from 0.

    Raises:
        FlywheelError: a file is missing, is not Parquet or lacks a column (exit code 3).
    """
    import duckdb

    try:
        with TemporaryDirectory(prefix="flywheel-duckdb-") as overflow, connected(overflow) as connection:
            for name, path in files.items():
                if not path.is_file():
                    raise unusable_output(path, "file not found")
                connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({_quoted(path)})")  # noqa: S608
            for name, values in lists.items():
                connection.execute(f"CREATE TABLE {name} AS {_LIST}", [list(values)])
            # Materialised: a join is computed once, however many frames build on it.
            for name, sql in views.items():
                connection.execute(f"CREATE TABLE {name} AS {sql}")
            return {name: connection.execute(sql).df() for name, sql in queries.items()}
    except duckdb.Error as error:
        message = str(error).strip().splitlines()[0]
        raise unusable_output(
            next(iter(files.values())), f"the index tables could not be read: {message}"
        ) from error


def frame_of(columns: Mapping[str, ColumnLike]) -> pd.DataFrame:
    """Columns of equal length as a frame, rows numbered from 0."""
    import pandas as pd

    return pd.DataFrame(dict(columns))


def _quoted(path: Path) -> str:
    # A view's definition takes no parameters.
    return "'" + file_pattern(path).replace("'", "''") + "'"
