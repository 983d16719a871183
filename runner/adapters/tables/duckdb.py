"""Conditions over a Parquet table, by DuckDB.

A condition is checked first (`conditions.analyse`), and evaluated on a connection that can reach neither
files nor the network.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.adapters.tables.conditions import analyse
from runner.adapters.tables.plain_conditions import plain_uses
from runner.adapters.tables.unknown_numbers import SETTINGS, nan_is_null
from runner.domain.errors import FlywheelError
from runner.domain.files import unusable_output
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
CONFIG = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    **SETTINGS,
}


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
    """Reads columns and evaluates conditions in one pass over a Parquet file.

    Returns:
        The columns, each `(rows,)` in file order (floats hold NaN for NULL; anything else with NULLs is an
        object array with None), and one mask `(rows,)` per condition, False where the condition is NULL.

    Raises:
        FlywheelError: as `condition_mask`; also for a column that the file lacks.
    """
    with _connection() as connection:
        known = _schema(connection, parquet)
        for name in columns:
            if name not in known:
                raise FlywheelError(_unknown(name, known), hint=_column_hint(known))
        used = [_checked(condition, known) for condition in conditions]
        wanted = (
            list(dict.fromkeys([*columns, *(name for names in used for name in names)])) or list(known)[:1]
        )
        connection.execute(
            f"CREATE TABLE {TABLE} AS SELECT {', '.join(_numbers(name, known[name]) for name in wanted)} "  # noqa: S608
            "FROM read_parquet(?)",
            [file_pattern(parquet)],
        )
        _lock(connection)
        listed = f"SELECT {', '.join(map(_quoted, columns))} FROM {TABLE}"  # noqa: S608
        values = connection.execute(listed).fetchnumpy() if columns else {}
        masks = [_mask(connection, condition) for condition in conditions]
    return {name: _filled(values[name]) for name in columns}, masks


def column_names(parquet: Path) -> list[str]:
    """The columns of a Parquet file, in its order; from its footer where pyarrow is imported anyway, which is 70 times as quick.

    Raises:
        FlywheelError: the file is not a readable Parquet file.
    """
    if "pyarrow" in sys.modules:
        from runner.adapters.tables import parquet as tables

        return tables.column_names(parquet)
    with _connection() as connection:
        return list(_schema(connection, parquet))


@contextmanager
def _connection() -> Iterator[Any]:
    import duckdb

    connection = duckdb.connect(config=CONFIG)
    try:
        yield connection
    finally:
        connection.close()


def _lock(connection: Any) -> None:
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")


def _schema(connection: Any, parquet: Path) -> dict[str, str]:
    import duckdb

    try:
        rows = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet(?)", [file_pattern(parquet)]
        ).fetchall()
    except duckdb.Error as error:
        message = (
            f"not a readable Parquet file: {_first_line(error)}" if parquet.is_file() else "file not found"
        )
        raise unusable_output(parquet, message) from error
    return {row[0]: row[1] for row in rows}


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


def _numbers(name: str, kind: str) -> str:
    """A column, with NULL where it is NaN."""
    quoted = _quoted(name)
    if kind not in ("DOUBLE", "FLOAT"):
        return quoted
    return f"CASE WHEN isnan({quoted}) THEN NULL ELSE {quoted} END AS {quoted}"


def _mask(connection: Any, condition: str) -> Mask:
    import duckdb

    try:
        with _interrupted_after(connection, CONDITION_SECONDS):
            return _computed(connection, condition)
    except duckdb.InterruptException as error:
        why = f"it took longer than {CONDITION_SECONDS:g} s over the index"
        raise _refused(
            condition, why, "write it simpler, or put what it asks into a metadata column"
        ) from error
    except duckdb.Error as error:
        message = _first_line(error)
        raise _refused(condition, message, _TEXT if _TEXT_COMPARED.search(message) else None) from error


def _computed(connection: Any, condition: str) -> Mask:
    sql = nan_is_null(condition)
    kind = str(connection.execute(f"SELECT (\n{sql}\n) FROM {TABLE} LIMIT 0").description[0][1])  # noqa: S608
    if kind != "BOOLEAN":
        if not _is_zero_or_one(connection, condition, kind):
            raise _refused(condition, f"it gives {kind}, not true or false")
        sql = f"({sql}) = 1"
    query = f"SELECT coalesce((\n{sql}\n), false) AS satisfied FROM {TABLE}"  # noqa: S608
    mask: Mask = connection.execute(query).fetchnumpy()["satisfied"]
    return mask


def _is_zero_or_one(connection: Any, condition: str, kind: str) -> bool:
    """Whether a condition is a column alone that holds truth as 0 and 1."""
    uses = plain_uses(condition)
    if not kind.endswith("INT") or uses is None or {use.kind for use in uses} != {"alone"} or len(uses) > 1:
        return False
    query = f"SELECT coalesce(bool_and(({condition}) IN (0, 1)), true) FROM {TABLE}"  # noqa: S608
    return bool(connection.execute(query).fetchone()[0])


def _filled(values: Any) -> Column:
    import numpy as np

    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    if values.dtype.kind == "f":
        return values.filled(np.nan)
    plain = np.empty(len(values), dtype=object)
    plain[:] = values.tolist()  # masked entries become None
    return plain


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


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def file_pattern(path: Path) -> str:
    """The pattern that matches this file alone: DuckDB takes a file's name as a glob pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))
