"""Parquet tables as NumPy columns, written atomically and with the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.domain.files import atomic_path, unusable_output

Column: TypeAlias = NDArray[Any]
ColumnLike: TypeAlias = Column | Sequence[Any]
PIECE = 1 << 20  # rows of a row group, which is what pyarrow makes of a whole table


def read_table(
    path: Path, columns: Sequence[str] | None = None, rows: Sequence[int] | None = None
) -> dict[str, Column]:
    """Reads a Parquet file, each column as an array `(rows,)` in file order.

    Numbers and booleans without nulls keep their type; floats with nulls hold NaN there. Text, times and
    anything else with nulls become object arrays with None.

    Args:
        path: a Parquet file.
        columns: which to read, all when None. Nested columns are returned as Python objects.
        rows: which rows, in this order, by their positions in the file; all when None.

    Raises:
        FlywheelError: the file is missing, is not Parquet, or lacks one of `columns`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            absent = [name for name in columns or () if name not in file.schema_arrow.names]
            if absent:
                raise unusable_output(
                    path, f"has no column {', '.join(absent)}; it has {', '.join(file.schema_arrow.names)}"
                )
            wanted = None if columns is None else list(columns)
            if rows is None:
                table = file.read(columns=wanted, use_threads=False)
            else:
                table = _rows_of(file, wanted, rows)
    except FileNotFoundError:
        raise unusable_output(path, "file not found") from None
    except (pa.ArrowException, OSError) as error:
        raise unusable_output(path, f"not a readable Parquet file: {error}") from error
    return {
        name: _to_numpy(table.column(name)) for name in (table.column_names if columns is None else columns)
    }


def read_plain(path: Path, columns: Sequence[str]) -> dict[str, Column] | None:
    """As `read_table`, of columns of numbers, truth and text; None where the file has no such columns, or cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return None
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string)
    for name in columns:
        if schema.names.count(name) != 1 or not any(is_kind(schema.field(name).type) for is_kind in kinds):
            return None
    return read_table(path, columns)


def _rows_of(file: Any, columns: list[str] | None, rows: Sequence[int]) -> Any:
    """Rows in the order asked for; of the file no more than one row group at a time."""
    import pyarrow as pa

    asked = np.asarray(rows, np.int64)
    sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    starts = np.cumsum([0, *sizes])
    order = np.argsort(asked, kind="stable")
    bounds = np.searchsorted(asked[order], starts)
    parts = [
        file.read_row_group(at, columns=columns, use_threads=False).take(
            pa.array(asked[order[one:other]] - start)
        )
        for at, (start, one, other) in enumerate(zip(starts, bounds, bounds[1:], strict=False))
        if other > one
    ]
    if not parts:
        return file.schema_arrow.empty_table().select(columns or file.schema_arrow.names)
    places = np.empty(len(asked), np.int64)
    places[order] = np.arange(len(asked))
    return pa.concat_tables(parts).take(pa.array(places))


def column_names(path: Path) -> list[str]:
    """The columns of a Parquet file.

    Raises:
        FlywheelError: the file is missing or is not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except FileNotFoundError:
        raise unusable_output(path, "file not found") from None
    except (pa.ArrowException, OSError) as error:
        raise unusable_output(path, f"not a readable Parquet file: {error}") from error


def read_key_values(path: Path) -> dict[str, str]:
    """The file's own key-value metadata, as far as it is text.

    Raises:
        FlywheelError: the file is missing or is not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_metadata(path).metadata or {}
    except FileNotFoundError:
        raise unusable_output(path, "file not found") from None
    except (pa.ArrowException, OSError) as error:
        raise unusable_output(path, f"not a readable Parquet file: {error}") from error
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in found.items()}


def write_table(
    path: Path, columns: Mapping[str, ColumnLike], key_values: Mapping[str, str] | None = None
) -> None:
    """Writes columns of equal length as Parquet, atomically. Same columns, same bytes.

    Arrays of text and object arrays may hold None. An empty or all-None column of objects is written as text.

    Args:
        key_values: the file's own metadata.

    Raises:
        ValueError: the columns differ in length.
        FlywheelError: the disk is full or not writable.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns differ in length: {lengths}")
    table = pa.table({name: _to_arrow(values) for name, values in columns.items()})
    if key_values:
        table = table.replace_schema_metadata(dict(key_values))
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", version="2.6", store_schema=False)


def write_pieces(path: Path, pieces: Iterable[Mapping[str, ColumnLike]]) -> None:
    """Writes columns piece by piece: the same bytes as `write_table` of the whole, where pieces have `PIECE` rows but the last.

    A column of which the first piece holds nothing is written as text.

    Raises:
        FlywheelError: the disk is full or not writable.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None
    with atomic_path(path) as temporary:
        try:
            for piece in pieces:
                table = pa.table({name: _to_arrow(values) for name, values in piece.items()})
                if writer is None:
                    writer = pq.ParquetWriter(
                        temporary, table.schema, compression="zstd", version="2.6", store_schema=False
                    )
                writer.write_table(table.cast(writer.schema), row_group_size=PIECE)
        finally:
            if writer is not None:
                writer.close()


def _to_numpy(column: Any) -> Column:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_floating(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if plain and not column.null_count:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_pylist()
    return values


def _to_arrow(values: ColumnLike) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return pa.array(values)
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    array = pa.array(plain)
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array
