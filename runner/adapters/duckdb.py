"""Conditions over a Parquet table, and typed reading of CSV, by DuckDB.

A condition is checked first (`conditions.analyse`), and evaluated on a connection that can reach neither
files nor the network.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.adapters.conditions import analyse
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import unusable_output
from runner.domain.nearest import suggestion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Column: TypeAlias = NDArray[Any]
    Mask: TypeAlias = NDArray[np.bool_]

TABLE = "index_rows"
CONDITION_SECONDS = 60.0  # a million rows take less than one
ZONED = "TIMESTAMP WITH TIME ZONE"
CONFIG = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
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
            f"CREATE TABLE {TABLE} AS SELECT {', '.join(map(_quoted, wanted))} FROM read_parquet(?)",  # noqa: S608
            [file_pattern(parquet)],
        )
        _lock(connection)
        listed = f"SELECT {', '.join(map(_quoted, columns))} FROM {TABLE}"  # noqa: S608
        values = connection.execute(listed).fetchnumpy() if columns else {}
        masks = [_mask(connection, condition) for condition in conditions]
    return {name: _filled(values[name]) for name in columns}, masks


def read_csv(path: Path) -> dict[str, list[Any]]:
    """Reads a CSV with a header; numbers, booleans, dates and times (zoned ones in UTC) are recognised.

    Returns:
        The columns as Python values, with None where a field is empty or `nan`.

    Raises:
        FlywheelError: the file is missing or is no CSV.
    """
    import duckdb

    if not path.is_file():
        raise FlywheelError("file not found", where=Where(str(path)), exit_code=ExitCode.STAGE_FAILED)
    with _connection() as connection:
        try:
            source, arguments = "FROM read_csv(?, header=true, sample_size=-1)", [file_pattern(path)]
            kinds = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {source}", arguments).fetchall()}
            fields = [f"timezone('UTC', {_quoted(n)})" if kinds[n] == ZONED else _quoted(n) for n in kinds]
            rows = connection.execute(f"SELECT {', '.join(fields)} {source}", arguments).fetchall()
        except duckdb.Error as error:
            raise FlywheelError(
                f"not a readable CSV file: {_first_line(error)}",
                where=Where(str(path)),
                hint="it needs a header line and the same number of fields in every line",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error
    return {name.strip(): [_known(row[position]) for row in rows] for position, name in enumerate(kinds)}


def _known(value: Any) -> Any:
    """None for NaN: DuckDB holds NaN to be greater than any number, which no condition means."""
    return None if isinstance(value, float) and math.isnan(value) else value


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
        raise _refused(condition, _first_line(error)) from error


def _computed(connection: Any, condition: str) -> Mask:
    kind = connection.execute(f"SELECT (\n{condition}\n) FROM {TABLE} LIMIT 0").description[0][1]  # noqa: S608
    if str(kind) != "BOOLEAN":
        raise _refused(condition, f"it gives {kind}, not true or false")
    query = f"SELECT coalesce((\n{condition}\n), false) AS satisfied FROM {TABLE}"  # noqa: S608
    mask: Mask = connection.execute(query).fetchnumpy()["satisfied"]
    return mask


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
