"""What a source of embeddings is: a network that gives a vector for each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from runner.domain.records import Device

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Setting(Struct, frozen=True, kw_only=True):
    """The project that a source is opened in.

    Attributes:
        root: the repository's top.
        device: gives the device that the project names; it is found when it is needed, since that imports PyTorch.
        threads: of the CPU.
        champion: gives the champion's trained model, a weights file with its record beside it.
    """

    root: Path
    device: Callable[[], Device]
    threads: int
    champion: Callable[[], Path]


class Embedder(Protocol):
    """A network that is ready to run."""

    def embed(self, images: Sequence[Path]) -> NDArray[np.float32]:
        """A unit vector per image, `(N, D)` float32: the same bits for the same image on every run on a CPU.

        Raises:
            FlywheelError: a file is missing or is no usable image.
        """
        ...


class EmbeddingSource(Protocol):
    """The options of one source, and its behaviour. Importing its module imports nothing heavy."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def digest(self, setting: Setting) -> str:
        """32 hex digits of all that its vectors depend on, the images aside: weights, preparation, runtime.

        Raises:
            FlywheelError: the source is not here: an extra, a file or a champion is missing.
        """
        ...

    def open(self, setting: Setting) -> Embedder:
        """The network, ready to run.

        Raises:
            FlywheelError: as `digest`; or it cannot be run.
        """
        ...


def digest_of(*parts: object) -> str:
    """32 hex digits of some values, by what they are written as.

    >>> digest_of("lite0", 1) == digest_of("lite0", "1"), len(digest_of())
    (True, 32)
    """
    import hashlib

    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def runtime_version(distribution: str) -> str:
    """An installed library's version, without importing it: vectors may differ in their last bits between two.

    Raises:
        FlywheelError: the extra `run` is not installed (exit code 4).
    """
    from importlib.metadata import PackageNotFoundError, version

    from runner.adapters.system.extras import missing_extra

    try:
        return version(distribution)
    except PackageNotFoundError as error:
        missing = missing_extra(ModuleNotFoundError(name=distribution))
        raise (missing or error) from error
