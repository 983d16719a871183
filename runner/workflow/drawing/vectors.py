"""The vectors of a pool's images, as far as an arm compares them: computed where they are missing, or only read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runner.embeddings import Setting
from runner.embeddings.kept import KeptVectors
from runner.workflow.drawing.candidates import PoolTables
from runner.workflow.drawing.evidence import EMBEDDINGS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Vectors:
    """The vectors of the images that an arm compares.

    Attributes:
        recorded: for the record: which source they are of, and a SHA-256 of all that were read.
    """

    def __init__(
        self, root: Path, tables: PoolTables, setting: Callable[[], Setting], *, compute: bool
    ) -> None:
        self._root, self._tables, self._setting, self._compute = root, tables, setting, compute
        self._digest = hashlib.sha256()
        self.recorded: dict[str, str] = {}

    @cached_property
    def _kept(self) -> KeptVectors:
        tables = self._tables
        kept = KeptVectors(tables.project.embeddings, self._setting())
        if self._compute:
            data = self._root / tables.project.dataset.path
            rows = [*tables.rows.tolist(), *tables.labelled.tolist()]
            ids, paths = tables.columns["image_id"], tables.columns["path"]
            kept.complete({str(ids[row]): data / str(paths[row]) for row in rows})
        return kept

    def of(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """`(N, D)` of rows of the index.

        Raises:
            FlywheelError: the source is not here, or a vector is not and was not to be computed.
        """
        import numpy as np

        ids = [str(image_id) for image_id in self._tables.columns["image_id"][rows].tolist()]
        vectors = self._kept.get(ids) if ids else np.zeros((0, self._width()), np.float32)
        self._digest.update(np.ascontiguousarray(vectors).tobytes())
        source = self._tables.project.embeddings.name
        self.recorded = {f"{EMBEDDINGS}{source}": self._digest.hexdigest()}
        return vectors

    def of_paths(self, paths: Sequence[str]) -> NDArray[np.float32]:
        """`(N, D)` of images by their paths."""
        import numpy as np

        place = {str(path): row for row, path in enumerate(self._tables.columns["path"].tolist())}
        return self.of(np.array([place[path] for path in paths], np.intp))

    def _width(self) -> int:
        first = [str(self._tables.columns["image_id"][self._tables.rows[0]])]
        return int(self._kept.get(first).shape[1])
