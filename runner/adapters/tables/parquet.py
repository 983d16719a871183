"""Parquet tables as NumPy columns, written atomically and with the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.domain.files import atomic_path, unusable_output

Column: TypeAlias = NDArray[Any]
ColumnLike: TypeAlias = Column | Sequence[Any]


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
            table = file.read(columns=None if columns is None else list(columns), use_threads=False)
    except FileNotFoundError:
        raise unusable_output(path, "file not found") from None
    except (pa.ArrowException, OSError) as error:
        raise unusable_output(path, f"not a readable Parquet file: {error}") from error
    if rows is not None:
        table = table.take(pa.array(rows, type=pa.int64()))
    return {
        name: _to_numpy(table.column(name)) for name in (table.column_names if columns is None else columns)
    }


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
