"""Parts of a kept table: Parquet files that are called by the digest of their bytes, so that no damaged one passes for whole.

A vector per row (a matrix `(N, D)`) is stored as its bytes, which is read several times as fast as lists of numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.domain.files import write_bytes

KEY = "key"
Values: TypeAlias = NDArray[Any] | Sequence[Any]
Part: TypeAlias = Any  # a pyarrow.Table with the column KEY
_DTYPE = b"dtype"  # in a field's metadata: it holds vectors of such numbers
_NAME = re.compile(r"[0-9a-f]{32}\.parquet")


class DamagedPartError(Exception):
    """A part that is not what was written."""


def part_paths(folder: Path) -> list[Path]:
    """The parts in a folder, sorted by name; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def make_part(keys: Sequence[str], columns: Mapping[str, Values]) -> Part:
    """One row per key.

    Args:
        keys: `(N,)`.
        columns: of N values each: an array `(N,)` or `(N, D)` of numbers, or N texts, bytes, numbers or None.

    Raises:
        ValueError: a column has another length.
    """
    import pyarrow as pa

    fields, arrays = [pa.field(KEY, pa.string())], [pa.array(keys, pa.string())]
    for name, values in columns.items():
        if len(values) != len(keys):
            raise ValueError(f"{len(keys)} keys, and {len(values)} values of {name}")
        field, array = _field(name, values)
        fields.append(field)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def write_part(folder: Path, part: Part) -> Path:
    """Writes a part atomically, under its digest.

    Raises:
        FlywheelError: the disk is full or not writable.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    codecs = {name: "NONE" if _is_matrix(part.field(name)) else "ZSTD" for name in part.column_names}
    sink = pa.BufferOutputStream()
    pq.write_table(part, sink, compression=codecs, version="2.6")
    content = sink.getvalue()
    path = folder / f"{_digest(content)}.parquet"
    write_bytes(path, content)
    return path


def read_part(path: Path) -> Part:
    """Reads a part.

    Raises:
        FileNotFoundError: it is not there any more.
        DamagedPartError: its bytes are not those that its name stands for, or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedPartError(error.strerror) from error
    if _digest(content) != path.stem:
        raise DamagedPartError("its content is not what was written")
    try:
        return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DamagedPartError(str(error)) from error


def part_keys(part: Part) -> list[str]:
    """The keys of a part, in its order."""
    return list(part.column(KEY).to_pylist())


def joined(parts: Sequence[Part]) -> Part:
    """The rows of several parts, each key once: the first row that has it."""
    import pyarrow as pa

    table = pa.concat_tables(parts, promote_options="default")
    seen: dict[str, int] = {}
    for row, key in enumerate(part_keys(table)):
        seen.setdefault(key, row)
    return table if len(seen) == len(table) else table.take(list(seen.values()))


def chosen(part: Part, keys: Collection[str]) -> Part:
    """The rows of some keys, in the part's order."""
    import pyarrow as pa

    rows = [row for row, key in enumerate(part_keys(part)) if key in keys]
    return part.take(pa.array(rows, pa.int64()))


def taken(part: Part, rows: NDArray[np.intp]) -> Part:
    """Some rows of a part `(N,)`, in their order."""
    import pyarrow as pa

    return part if _is_whole(rows, len(part)) else part.take(pa.array(rows))


def in_order(parts: Sequence[Part], places: NDArray[np.intp]) -> Part:
    """Rows of several parts, one after the other: `places` says of each where it belongs."""
    import pyarrow as pa

    table = pa.concat_tables(parts, promote_options="default")
    order = np.argsort(places, kind="stable")
    return table if _is_whole(order, len(table)) else table.take(pa.array(order))


def values_of(part: Part) -> dict[str, Any]:
    """The columns but for the key: numbers without None as arrays `(N,)` or `(N, D)`, all else as lists."""
    return {name: _values(part.field(name), part.column(name)) for name in part.column_names if name != KEY}


def _is_whole(rows: NDArray[np.intp], length: int) -> bool:
    return len(rows) == length and bool(np.array_equal(rows, np.arange(length)))


def _field(name: str, values: Values) -> tuple[Any, Any]:
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.ndim == 2:
        rows = np.ascontiguousarray(values)
        width = rows.shape[1] * rows.itemsize
        kind = pa.binary(width)
        array = pa.Array.from_buffers(kind, len(rows), [None, pa.py_buffer(rows.tobytes())])
        return pa.field(name, kind, metadata={_DTYPE: rows.dtype.str.encode()}), array
    plain = values if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" else list(values)
    array = pa.array(plain)
    return pa.field(name, array.type), array


def _is_matrix(field: Any) -> bool:
    return _DTYPE in (field.metadata or {})


def _values(field: Any, column: Any) -> Any:
    import pyarrow as pa

    if _is_matrix(field):
        rows = column.combine_chunks()
        width = field.type.byte_width
        buffer = rows.buffers()[1] if len(rows) else b""
        start = rows.offset * width if len(rows) else 0
        dtype = np.dtype(field.metadata[_DTYPE].decode())
        numbers = np.frombuffer(buffer, np.uint8)[start : start + len(rows) * width].view(dtype)
        return numbers.reshape(len(rows), width // dtype.itemsize)
    plain = pa.types.is_primitive(field.type) and not pa.types.is_temporal(field.type)
    if plain and not column.null_count:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return list(column.to_pylist())


def _digest(content: Any) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
