"""Conditions over a Parquet table, and typed reading of CSV, by DuckDB.

A condition is one SQL expression about a row. It is parsed first and refused when it holds anything else (statements,
subqueries, aggregates, functions that give another result each time); it is evaluated on a connection that can reach
neither files nor the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.nearest import nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Column: TypeAlias = NDArray[Any]
    Mask: TypeAlias = NDArray[np.bool_]

TABLE = "index_rows"
CONFIG = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
EXPRESSIONS = frozenset(
    ("COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "FUNCTION", "BETWEEN", "CASE", "CAST", "COLLATE", "TYPE")
)
# DuckDB writes these as macros; they expand to plain expressions.
MACROS = frozenset(("nullif", "if", "fdiv", "fmod", "days_in_month", "split_part", "date_add"))


def condition_mask(parquet: Path, condition: str) -> Mask:
    """Which rows of a Parquet file satisfy `condition`; where it is NULL they do not.

    Returns:
        Booleans `(rows,)` in file order; empty for a table without rows.

    Raises:
        FlywheelError: the file is not a readable Parquet file, or the condition is refused (exit code 2).
    """
    return load(parquet, [], [condition])[1][0]


def load(parquet: Path, columns: Sequence[str], conditions: Sequence[str]) -> tuple[dict[str, Column], list[Mask]]:
    """Reads columns and evaluates conditions in one pass over a Parquet file.

    Returns:
        The columns, each `(rows,)` in file order (floats hold NaN for NULL; anything else with NULLs becomes an object
        array with None), and one mask `(rows,)` per condition, False where the condition is NULL.

    Raises:
        FlywheelError: as `condition_mask`; also for a column that the file lacks.
    """
    with _connection() as connection:
        known = _schema(connection, parquet)
        for name in columns:
            if name not in known:
                raise FlywheelError(unknown_column(name, known), hint=_column_hint(known))
        used = [_checked(connection, condition, known) for condition in conditions]
        wanted = list(dict.fromkeys([*columns, *(name for names in used for name in names)])) or list(known)[:1]
        connection.execute(
            f"CREATE TABLE {TABLE} AS SELECT {', '.join(map(_quoted, wanted))} FROM read_parquet(?)",  # noqa: S608
            [_literal_path(parquet)],
        )
        _lock(connection)
        listed = f"SELECT {', '.join(map(_quoted, columns))} FROM {TABLE}"  # noqa: S608
        values = connection.execute(listed).fetchnumpy() if columns else {}
        masks = [_mask(connection, condition) for condition in conditions]
    return {name: _filled(values[name]) for name in columns}, masks


def table_columns(parquet: Path) -> dict[str, str]:
    """The columns of a Parquet file with DuckDB's names of their types.

    Raises:
        FlywheelError: the file is missing or not Parquet.
    """
    with _connection() as connection:
        return _schema(connection, parquet)


def check_condition(condition: str, columns: Mapping[str, str]) -> None:
    """Checks a condition against column names and DuckDB types, without data.

    Raises:
        FlywheelError: it is refused (exit code 2), with what is wrong.
    """
    with _connection() as connection:
        _checked(connection, condition, columns)
        fields = ", ".join(f"{_quoted(name)} {kind}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE {TABLE} ({fields})")
        _lock(connection)
        _mask(connection, condition)


def read_csv(path: Path) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Reads a CSV with a header; DuckDB recognises numbers, booleans, dates and times.

    Returns:
        The columns as Python values with None where a field is empty, and the columns' DuckDB types.

    Raises:
        FlywheelError: the file is missing or is no CSV.
    """
    import duckdb

    if not path.is_file():
        raise FlywheelError("file not found", where=Where(str(path)), exit_code=ExitCode.STAGE_FAILED)
    with _connection() as connection:
        try:
            result = connection.execute("SELECT * FROM read_csv(?, header=true, sample_size=-1)", [_literal_path(path)])
            kinds = {field[0]: str(field[1]) for field in result.description}
            rows = result.fetchall()
        except duckdb.Error as error:
            raise FlywheelError(
                f"not a readable CSV file: {_first_line(error)}",
                where=Where(str(path)),
                hint="it needs a header line and the same number of fields in every line",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error
    return {name: [row[position] for row in rows] for position, name in enumerate(kinds)}, kinds


def unknown_column(name: str, known: Mapping[str, str]) -> str:
    """The message for a column that is not there, with the nearest one that is."""
    near = nearest(name, known)
    return f'unknown column "{name}"' + (f'; did you mean "{near}"?' if near else "")


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
        rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [_literal_path(parquet)]).fetchall()
    except duckdb.Error as error:
        message = f"not a readable Parquet file: {_first_line(error)}" if parquet.is_file() else "file not found"
        raise FlywheelError(
            message,
            where=Where(str(parquet)),
            hint="delete it and run the sprint again: flywheel run",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    return {row[0]: row[1] for row in rows}


def _checked(connection: Any, condition: str, known: Mapping[str, str]) -> list[str]:
    """The columns that a condition uses, once it is known to be one plain expression over columns that exist."""
    import msgspec

    # The newlines keep a trailing `--` comment from swallowing the parenthesis.
    text = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT (\n{condition}\n)"]).fetchone()[0]
    parsed = msgspec.json.decode(text)
    if parsed["error"]:
        raise _refused(condition, parsed["error_message"])
    node = parsed["statements"][0]["node"]
    plain = node.get("type") == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY" and len(node["select_list"]) == 1
    if len(parsed["statements"]) != 1 or not plain or node["where_clause"] or node["modifiers"]:
        raise _refused(condition, "it is more than one expression")
    used: list[str] = []
    functions: list[str] = []
    folded = {name.casefold(): name for name in reversed(list(known))}
    for expression in _expressions(node["select_list"][0]):
        kind = expression["class"]
        if kind not in EXPRESSIONS:
            raise _refused(condition, f"{kind.lower().replace('_', ' ')} is not allowed in a condition")
        if kind == "COLUMN_REF":
            name = ".".join(expression["column_names"])
            if name.casefold() not in folded:
                raise _refused(condition, unknown_column(name, known), _column_hint(known))
            used.append(folded[name.casefold()])
        elif kind == "FUNCTION" and not expression["is_operator"]:
            functions.append(expression["function_name"])
    _check_functions(connection, condition, functions)
    return used


def _expressions(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, list):
        for item in tree:
            yield from _expressions(item)
    elif isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for item in tree.values():
            yield from _expressions(item)


def _check_functions(connection: Any, condition: str, names: Sequence[str]) -> None:
    wanted = sorted({name.lower() for name in names} - MACROS)
    if not wanted:
        return
    kinds: dict[str, set[str]] = {}
    query = "SELECT lower(function_name), function_type || ' ' || coalesce(stability, '') FROM duckdb_functions()"
    for name, kind in connection.execute(query).fetchall():
        kinds.setdefault(name, set()).add(kind)
    for name in wanted:
        if name not in kinds:
            near = nearest(name, (other for other, found in kinds.items() if "scalar CONSISTENT" in found))
            raise _refused(condition, f"unknown function {name}()" + (f'; did you mean "{near}"?' if near else ""))
        if kinds[name] != {"scalar CONSISTENT"}:
            raise _refused(condition, f"{name}() is not a function of one row that always gives the same result")


def _mask(connection: Any, condition: str) -> Mask:
    import duckdb

    try:
        kind = connection.execute(f"SELECT (\n{condition}\n) FROM {TABLE} LIMIT 0").description[0][1]  # noqa: S608
        if str(kind) != "BOOLEAN":
            raise _refused(condition, f"it gives {kind}, not true or false")
        query = f"SELECT coalesce((\n{condition}\n), false) AS satisfied FROM {TABLE}"  # noqa: S608
        mask: Mask = connection.execute(query).fetchnumpy()["satisfied"]
    except duckdb.Error as error:
        raise _refused(condition, _first_line(error)) from error
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


def _refused(condition: str, why: str, hint: str | None = None) -> FlywheelError:
    return FlywheelError(
        f"condition `{condition}`: {why}",
        hint=hint or "write a SQL expression over the index's columns, such as brightness < 0.25 AND camera = 'dock'",
    )


def _column_hint(known: Mapping[str, str]) -> str:
    return f"columns: {', '.join(known)}"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal_path(path: Path) -> str:
    """The path with glob characters escaped: DuckDB would look for matching files."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))
