"""One column of a Parquet file as a sequence that is read piece by piece when it is walked through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE = 1 << 17  # rows that are in memory at once
FEW = 100_000
"""Rows that are sooner taken whole than pyarrow is loaded: a plan asks too, and has to be quick."""


class StoredColumn(Sequence[Any]):
    """A column that holds text, numbers or booleans, or the rows of it that are named.

    Who walks through it holds `PIECE` rows at a time; who asks for single rows out of order has the whole column read once.

    Args:
        rows: `(R,)` ascending positions in the file; all where None.
        size: how many rows the file has.
    """

    def __init__(self, file: Path, name: str, size: int, rows: NDArray[np.intp] | None = None) -> None:
        self.file, self.name, self._size, self._rows = file, name, size, rows
        self._whole: Any = None

    def __len__(self) -> int:
        return self._size if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if self._whole is None:
            import pyarrow as pa

            self._whole = pa.concat_arrays([*self.pieces()]) if len(self) else pa.array([])
        return self._whole[at].to_pylist() if isinstance(at, slice) else self._whole[int(at)].as_py()

    def __iter__(self) -> Iterator[Any]:
        for piece in self.pieces():
            yield from piece.to_pylist()

    def pieces(self) -> Iterator[Any]:
        """The column as Arrow's arrays, one after the other."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        start = 0
        with pq.ParquetFile(self.file) as file:
            for batch in file.iter_batches(batch_size=PIECE, columns=[self.name], use_threads=False):
                values, stop = batch.column(0), start + len(batch)
                if self._rows is not None:
                    one, other = np.searchsorted(self._rows, [start, stop])
                    values = values.take(pa.array(self._rows[one:other] - start))
                start = stop
                if len(values):
                    yield values

    def of(self, positions: NDArray[np.intp]) -> StoredColumn:
        """The same column, of some of its rows, ascending, each once."""
        if len(positions) == len(self):  # all of them
            return self
        rows = positions if self._rows is None else self._rows[positions]
        return StoredColumn(self.file, self.name, self._size, rows)


def buffers(texts: Sequence[str]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Texts as UTF-8, one behind the other, with `(N + 1,)` where each begins and the last one ends; a stored column piece by piece."""
    import numpy as np
    import pyarrow as pa

    for piece in texts.pieces() if isinstance(texts, StoredColumn) else [pa.array(texts, pa.string())]:
        array = piece.cast(pa.large_string())
        _, starts, data = array.buffers()
        offsets = np.frombuffer(starts, np.int64)[array.offset : array.offset + len(array) + 1]
        yield np.frombuffer(data, np.uint8), offsets
