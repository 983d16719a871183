"""What a selector sees: the images that are left, in the index's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PairFinder(Protocol):
    """Looks at the images themselves for those that show the same."""

    def pairs(self, paths: Sequence[str], image_ids: Sequence[str]) -> Sequence[tuple[int, int, str]]:
        """Pairs of positions, the smaller first, and in a word what was done to the one to get the other (none: saved anew).

        Args:
            paths: `(N,)`. `image_ids`: `(N,)` content hashes, each once.
        """
        ...


class Candidates(Struct, frozen=True, kw_only=True):
    """The images of one split that earlier rules left.

    Attributes:
        paths: unique keys, sorted.
        image_ids: content hashes.
        columns: the index columns that the selector asked for, each `(images,)`; text may be a `StoredColumn`.
        finder: None where the images are not at hand, as for a plan.
    """

    paths: Sequence[str]
    image_ids: Sequence[str]
    columns: Mapping[str, Any]
    finder: PairFinder | None = None


class Drops(Mapping[int, str]):
    """The positions of images to drop, each with its reason: few texts, and numbers that say which.

    Attributes:
        positions: `(D,)` ascending.
        codes: `(D,)` the reason of each, by its place in `texts`.
    """

    def __init__(self, positions: NDArray[np.intp], codes: NDArray[Any], texts: Sequence[str]) -> None:
        self.positions, self.codes, self.texts = positions, codes, texts

    @classmethod
    def alike(cls, positions: NDArray[np.intp], text: str) -> Drops:
        """All for one reason."""
        import numpy as np

        return cls(positions, np.zeros(len(positions), np.int32), [text])

    @classmethod
    def each(cls, reasons: Mapping[int, str]) -> Drops:
        """Each for a reason of its own."""
        import numpy as np

        positions = np.array(sorted(reasons), np.intp)
        return cls(
            positions, np.arange(len(positions), dtype=np.int32), [reasons[at] for at in positions.tolist()]
        )

    def __getitem__(self, position: int) -> str:
        at = int(self.positions.searchsorted(position))
        if at == len(self.positions) or self.positions[at] != position:
            raise KeyError(position)
        return self.texts[int(self.codes[at])]

    def __iter__(self) -> Iterator[int]:
        return iter(self.positions.tolist())

    def __len__(self) -> int:
        return len(self.positions)


class Standing(Struct, frozen=True, kw_only=True):
    """What a rule makes of one image.

    Attributes:
        said: what decides, in words.
        facts: the same as values: a rank, another image's path.
    """

    said: str
    facts: Mapping[str, int | str]


class Selector(Protocol):
    """A rule that drops images and says why. It can take nothing in that earlier rules dropped."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The index columns it reads."""
        ...

    def drop(self, candidates: Candidates) -> Drops:
        """The positions of the images to drop, each with the reason. The same for the same candidates."""
        ...

    def standing(self, candidates: Candidates, position: int) -> Standing:
        """What decides on one of the candidates, whether it is dropped or kept."""
        ...

    def describe(self) -> str:
        """The rule in a few words, the same for every image it drops."""
        ...
