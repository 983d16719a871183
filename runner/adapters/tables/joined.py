"""A Parquet table with columns of another beside its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.domain.files import atomic_path, unusable_output


def join_columns(table: Path, other: Path, key: str, columns: Sequence[str], target: Path) -> int:
    """Writes a table with columns of another, matched by a key; NULL where the other has no such row.

    The rows stay as many and in the order that they are in. Of several rows of the other with one key, the first counts.

    Args:
        columns: of the other; none of the table's own has such a name.

    Returns:
        How many rows found a match.

    Raises:
        FlywheelError: a file is missing, is no Parquet file or lacks a column; or the target cannot be written.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        own = pq.read_table(table)
        further = pq.read_table(other, columns=[key, *columns])
        keys = further.column(key).combine_chunks()
        rows = pc.index_in(own.column(key).combine_chunks(), value_set=keys)
        for name in columns:
            own = own.append_column(name, further.column(name).combine_chunks().take(rows))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise unusable_output(other, f"cannot be joined by {key}: {error}") from error
    with atomic_path(target) as temporary:
        pq.write_table(own, temporary, compression="zstd", version="2.6", store_schema=False)
    return int(len(rows) - rows.null_count)
