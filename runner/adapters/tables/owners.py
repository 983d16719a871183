"""Which rows of a table belong to which rows of another, by a key that both have; neither is in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.adapters.tables.connection import filled, quoted
from runner.adapters.tables.duckdb import load, opened
from runner.adapters.tables.stored import FEW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE = 1 << 19  # rows


def owners(owned: Path, owning: Path, key: str, codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """The code of the owner of each row `(M,)`; -1 where it has none, or one with a negative code.

    Args:
        owned, owning: Parquet files; in the second, each key is there once.
        codes: `(N,)` of the owning rows.

    Raises:
        FlywheelError: a file is not a readable Parquet file.
    """
    import numpy as np

    if len(codes) <= FEW:
        code_of = dict(zip(load(owning, [key], [])[0][key].tolist(), codes.tolist(), strict=True))
        keys = load(owned, [key], [])[0][key].tolist()
        return np.fromiter((code_of.get(name, -1) for name in keys), np.int8, len(keys))
    import pyarrow as pa

    with opened({"owned": owned, "owning": owning}) as tables:
        tables.register("codes", pa.table({"code": codes}))
        column = quoted(key)
        found = tables.pieces(
            f"WITH chosen AS (SELECT {column}, code FROM owning POSITIONAL JOIN codes WHERE code >= 0) "  # noqa: S608
            f"SELECT o.{tables.rows['owned']}, c.code FROM owned o JOIN chosen c USING ({column})",
            PIECE,
        )
        result = np.full(tables.count("owned"), -1, np.int8)
        for piece in found:
            result[piece.column(0).to_numpy()] = piece.column(1).to_numpy()
    return result


class StoredTable:
    """Columns of a Parquet file, walked through piece by piece as often as is needed."""

    def __init__(self, file: Path, columns: Sequence[str]) -> None:
        self.file, self.columns = file, tuple(columns)

    def pieces(self, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """Columns of rows that follow each other, in the form that `duckdb.load` gives, and where they begin.

        Raises:
            FlywheelError: the file is not a readable Parquet file, or lacks a column.
        """
        with opened({"stored": self.file}) as tables:
            tables.require("stored", columns)
            listed, row = ", ".join(map(quoted, columns)), tables.rows["stored"]
            for start in range(0, tables.count("stored"), PIECE):
                within = f"{row} >= {start} AND {row} < {start + PIECE}"
                found = tables.fetch(f"SELECT {listed} FROM stored WHERE {within}")  # noqa: S608
                yield start, {name: filled(found[name]) for name in columns}
