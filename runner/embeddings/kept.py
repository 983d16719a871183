"""Vectors of images that are computed once, and kept for the project: by the image's content, in a table for each source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.adapters.system.executors import current
from runner.dataset.kept import KeptTable, kept_folder
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.progress import progress_bar
from runner.embeddings.source import Embedder, EmbeddingSource, Setting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TABLE, _VECTOR = "embeddings", "vector"
CHUNK = 256  # images between two writes: what a killed process loses at most


@dataclass(frozen=True, kw_only=True)
class Computed:
    """What was done for some images: how many differ in content, and for how many of those there was no vector yet."""

    images: int
    new: int


_opened: dict[str, Embedder] = {}  # on another machine: a network is loaded once a process


def _embed(
    files: Sequence[Path], source: EmbeddingSource, setting: Setting, digest: str
) -> NDArray[np.float32]:
    """What another machine does."""
    if digest not in _opened:
        _opened[digest] = source.open(setting)
    return _opened[digest].embed(files)


def _sent(source: EmbeddingSource, setting: Setting) -> Setting:
    """The setting as it goes to other machines: with values where there was something to be looked up, and one thread a task."""
    asked = source.name == "champion"  # the only one that asks for these
    return Setting(
        root=setting.root,
        device=partial(_value, setting.device() if asked else None),
        threads=1,
        champion=partial(_value, setting.champion() if asked else None),
    )


def _value(value: Any) -> Any:
    return value


class KeptVectors:
    """The vectors of one source.

    Attributes:
        digest: of the source.

    Raises:
        FlywheelError: the source is not here.
    """

    def __init__(self, source: EmbeddingSource, setting: Setting) -> None:
        self._source, self._setting = source, setting
        self.digest = source.digest(setting)
        self._table = KeptTable(kept_folder(setting.root), TABLE, self.digest)

    def complete(self, images: Mapping[str, Path]) -> Computed:
        """Computes what is missing, with progress. What was written stays where the process is killed.

        Args:
            images: a file by its content's id.

        Raises:
            FlywheelError: the source cannot be run, a file is no usable image any more, or the vectors cannot be kept.
        """
        missing = self._table.missing(list(images))
        if missing:
            chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
            files = [[images[image_id] for image_id in chunk] for chunk in chunks]
            with progress_bar(f"embed ({self._source.name})", len(missing), "image") as bar:
                for chunk, vectors in zip(chunks, self._embedded(files), strict=True):
                    self._table.put(chunk, {_VECTOR: vectors})
                    bar.update(len(chunk))
        return Computed(images=len(images), new=len(missing))

    def _embedded(self, chunks: Sequence[Sequence[Path]]) -> Iterator[NDArray[np.float32]]:
        """The vectors of each chunk, in their order."""
        embedder = self._source.open(self._setting)  # which also writes what other machines then read
        executor = current() if len(chunks) > 1 else None
        if executor is None:
            return map(embedder.embed, chunks)
        sent = _sent(self._source, self._setting)
        return executor.map(_embed, chunks, self._source, sent, self.digest, reads=self._setting.root)

    def get(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of images `(N, D)`, in their order; at least one.

        Raises:
            FlywheelError: one is not kept: nobody computed it here, the disk is full, or another process removed it.
        """
        import numpy as np

        try:
            return np.asarray(self._table.get(list(image_ids))[_VECTOR], np.float32)
        except KeyError as error:
            full = "free some space, or check the folder's permissions, then run the same command again"
            raise FlywheelError(
                "; ".join(self._table.notes) or "vectors of some images are not kept here",
                where=Where(str(self._table.folder)),
                hint=full if self._table.notes else "flywheel embed",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error
