"""DuckDB connections that reach no more than they are given, and Parquet files as their tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.adapters.tables.unknown_numbers import SETTINGS
from runner.domain.files import unusable_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column: TypeAlias = NDArray[Any]

MEMORY = "1GB"  # of DuckDB; what needs more, such as a sort of a whole table, goes on in temporary files
CONFIG = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    **SETTINGS,
}


@contextmanager
def connected(overflow: str = "") -> Iterator[Any]:
    """A connection; what does not fit into its memory goes into a folder."""
    import duckdb

    connection = duckdb.connect(config={**CONFIG, "memory_limit": MEMORY, "temp_directory": overflow})
    try:
        yield connection
    finally:
        connection.close()


def plainly_named(file: Path, link: Path) -> Path:
    """A file's path, or where that reads as a pattern, a link to it: looking for what matches would need its folders."""
    if file_pattern(file) == str(file):
        return file
    link.symlink_to(file.absolute())
    return link


def show(connection: Any, name: str, parquet: Path, known: Mapping[str, str], rows: str) -> None:
    """Shows a Parquet file as a table, which is read whenever it is asked, with a further column that numbers its rows."""
    # A view's definition takes no parameters.
    path = file_pattern(parquet).replace("'", "''")
    numbered, option = "file_row_number", ", file_row_number=true"
    if numbered in {column.casefold() for column in known}:
        numbered, option = "row_number() OVER () - 1", ""
    listed = ", ".join([*(numbers(*column) for column in known.items()), f"{numbered} AS {rows}"])
    connection.execute(f"CREATE VIEW {name} AS SELECT {listed} FROM read_parquet('{path}'{option})")  # noqa: S608


def free_name(known: Iterable[str]) -> str:
    name = "row_of_file"
    while name in {column.casefold() for column in known}:
        name += "_"
    return name


def lock(connection: Any, files: Iterable[Path]) -> None:
    """From here on these files are read, and nothing else."""
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    connection.execute(f"SET allowed_paths=[{listed}]")
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")


def schema(connection: Any, parquet: Path) -> dict[str, str]:
    import duckdb

    try:
        rows = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet(?)", [file_pattern(parquet)]
        ).fetchall()
    except duckdb.Error as error:
        message = (
            f"not a readable Parquet file: {first_line(error)}" if parquet.is_file() else "file not found"
        )
        raise unusable_output(parquet, message) from error
    return {row[0]: row[1] for row in rows}


def numbers(name: str, kind: str) -> str:
    """A column, with NULL where it is NaN."""
    column = quoted(name)
    if kind not in ("DOUBLE", "FLOAT"):
        return column
    return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END AS {column}"


def filled(values: Any) -> Column:
    """What `fetchnumpy` gives, with NaN for NULL in floats and None in anything else."""
    import numpy as np

    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    if values.dtype.kind == "f":
        return values.filled(np.nan)
    plain = np.empty(len(values), dtype=object)
    plain[:] = values.tolist()  # masked entries become None
    return plain


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def file_pattern(path: Path) -> str:
    """The pattern that matches this file alone: DuckDB takes a file's name as a glob pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))
